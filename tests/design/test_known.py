"""What earlier reports had of a claim when it was locked, computed again from git's history by other means.

The file is written with ``python -m tests.design.test_known``. Knows the lines of the registry, the locked texts and
the columns of the result files, and nothing of the harness.
"""

import csv
import io
import json
import subprocess
from fractions import Fraction

import pyarrow.parquet as parquet
import pytest

from harness.design._known import known_of, read_known
from tests.project import ROOT

FOLDER = ROOT / "claims"
COLUMNS = ("claim", "version", "scale", "part", "name", "pairs", "known")


def git(*arguments, text=True):
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True, text=text).stdout


def shallow():
    try:
        return git("rev-parse", "--is-shallow-repository").strip() == "true"
    except (OSError, subprocess.CalledProcessError):
        return True


def line_of_commits(*path):
    return git("log", "--first-parent", "--reverse", "--format=%H", "--", *path).split()


def reported():
    """Yield for each result file in history the place of its first commit and its (key, seed, replicate)."""
    place = {commit: i for i, commit in enumerate(line_of_commits("."))}
    seen = set()
    for commit in line_of_commits("reports"):
        for line in git("ls-tree", "-r", commit, "reports").splitlines():
            blob, path = line.split()[2], line.split("\t")[1]
            if path.endswith("results.parquet") and blob not in seen:
                seen.add(blob)
                table = parquet.read_table(io.BytesIO(git("show", f"{commit}:{path}", text=False)))
                columns = [table[name].to_pylist() for name in ("key", "suite_seed", "replicate")]
                yield place[commit], set(zip(*columns, strict=True))


def read_keys(text, part):
    """Yield the keys of the trainings that a part reads, floors included, from the locked text."""
    for arm in (part["arm"], part["reference"], *part.get("floors", ()), *(part.get("less") or ())):
        points, band = text["arms"][arm], part.get("band")
        for density, keys in points.items():
            inside = band is None or Fraction(band["low"]) <= Fraction(density) <= Fraction(band["high"])
            if inside or len(points) == 1:
                yield from keys


def recomputed():
    """Return a row for each deciding part of each entry of round 0."""
    lines = [line for line in (FOLDER / "registry.lock").read_text().splitlines() if "digest" in json.loads(line)]
    place = {commit: i for i, commit in enumerate(line_of_commits("."))}
    born = {}
    for commit in line_of_commits("claims/registry.lock"):
        for line in git("show", f"{commit}:claims/registry.lock").splitlines():
            born.setdefault(line, place[commit])
    reports, rows = list(reported()), []
    for line, text in zip(lines, map(json.loads, (FOLDER / "locked.jsonl").read_text().splitlines()), strict=True):
        entry = json.loads(line)
        before = set().union(*(units for at, units in reports if at < born[line]))
        block = range(entry["first_replicate"], entry["first_replicate"] + entry["replicates"])
        for number, part in enumerate(text["hypothesis"], start=1):
            pairs = [(key, entry["suite_seed"], r) for key in sorted(set(read_keys(text, part))) for r in block]
            name = part.get("label") or f"{part['arm']} {part['kind']} {part['reference']}"
            told = (entry["claim"], entry["version"], entry["scale"], number, name)
            rows.append((*told, len(pairs), sum(pair in before for pair in pairs)))
    return rows


@pytest.mark.slow
@pytest.mark.skipif(shallow(), reason="needs git's whole history")
def test_history_gives_what_is_committed():
    """Every number of the committed file, from the registry, the locked texts and the reports of each commit."""
    with (FOLDER / "known_before.csv").open(newline="") as file:
        committed = [tuple(row.values()) for row in csv.DictReader(file)]
    assert [tuple(map(str, row)) for row in recomputed()] == committed


def test_every_part_of_round_0_is_in_the_file():
    """In order, of every entry that tests something; some were known whole, most not at all."""
    found = read_known(FOLDER / "registry.lock")
    texts = list(map(json.loads, (FOLDER / "locked.jsonl").read_text().splitlines()))
    assert len(found) == sum(len(text["hypothesis"]) for text in texts)
    assert all(0 <= each.known <= each.pairs for each in found)
    (one,) = known_of(found, "frankle2019/tickets-match", 1, "micro")
    assert (one.part, one.name, one.known, one.pairs) == (1, "ticket matches dense", 80, 150)
    assert sum(each.known > 0 for each in found) == 23


def test_a_project_without_the_file_knows_of_nothing(tmp_path):
    """Its rounds have seeds that follow from their locks."""
    assert read_known(tmp_path / "registry.lock") == []


if __name__ == "__main__":
    with (FOLDER / "known_before.csv").open("w", newline="") as written:
        writer = csv.writer(written, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(recomputed())

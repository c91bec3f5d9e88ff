"""Judge and report are pure functions of rows; the folders import in one direction."""

import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness.design._lock import Registry
from harness.report import _figures as figures
from harness.verdict._judge import judge_results
from harness.verdict._results import Results, read_results, write_results
from tests.command import harness
from tests.process import commands
from tests.project import catalogue

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "reports" / "micro"
SCALES = sorted(path.parent.name for path in ROOT.glob("reports/*/results.parquet") if path.parent.name != "scratch")


@pytest.fixture(scope="module", params=SCALES)
def scale(request):
    """Each scale with a committed report."""
    return request.param


@pytest.fixture(scope="module")
def again(tmp_path_factory, scale):
    """A copy of the project with nothing left of the committed report but its rows, judged and reported again."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "claims", root / "claims", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "docs").mkdir()
    for page in ("pilots.csv", "statistics.md"):
        shutil.copy(ROOT / "docs" / page, root / "docs")
    made = shutil.ignore_patterns("verdicts.json", "junit.xml", "report.md", "figures")
    shutil.copytree(ROOT / "reports" / scale, root / "reports" / scale, ignore=made)
    for other in set(SCALES) - {scale}:
        (root / "reports" / other).mkdir()
        shutil.copy(ROOT / "reports" / other / "results.parquet", root / "reports" / other)
    shutil.copy(ROOT / "reports" / "errata.md", root / "reports")
    (root / "reports" / scale / "figures").mkdir()
    (root / "reports" / scale / "figures" / "paper-gone.svg").write_text("that of a claim under its old name")
    chosen = ("--scale", scale, "--root", str(root))
    commands(("judge", *chosen), ("report", *chosen), absent=("torch",))
    return root


def files(folder):
    """Digests of all files, which fit on a page where they differ."""
    return {p.relative_to(folder): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()}


def test_the_rows_alone_bring_the_report_back(again, scale):
    """Deleting all of a committed report but its rows, judge and report give the same bytes, without torch.

    All that is needed of other scales are their rows.
    """
    assert files(again / "reports" / scale) == files(ROOT / "reports" / scale)


def test_a_locked_claim_without_rows_stays_in_the_family():
    """A claim judged by itself is still one among all its paper has locked: leaving rows out makes no p smaller."""
    results, registry = read_results(COMMITTED / "results.parquet"), Registry(ROOT / "claims" / "registry.lock")
    whole = judge_results(results, registry, catalogue()).claims
    id = next(id for id, verdict in whole.items() if len(verdict.family) > 1)
    alone = Results(results.frame, replace(results.meta, claims={id: results.claims[id]}))
    verdicts = judge_results(alone, registry, catalogue()).claims
    assert verdicts.keys() == {id}
    assert verdicts[id].family == whole[id].family
    assert verdicts[id].p_rep >= whole[id].p_rep


@pytest.mark.slow
def test_the_same_bytes_twice(again, scale):
    """Judging and reporting again changes no byte, whatever the order of a set."""
    before = files(again / "reports" / scale)
    chosen = ("--scale", scale, "--root", str(again))
    commands(("judge", *chosen), ("report", *chosen), hash_seed=4)
    assert files(again / "reports" / scale) == before


def sections(report):
    """The sections of a report by claim, each up to its last line."""
    parts = re.split(r"^(?:## .*|### (\S+))$", report, flags=re.MULTILINE)[1:]
    return {id: text for id, text in zip(parts[::2], parts[1::2], strict=True) if id}


def recorded(scale):
    return json.loads((ROOT / "reports" / scale / "verdicts.json").read_text())["claims"]


def test_the_report_shows_every_replicate(scale):
    """Each tested claim's section has a row a replicate, its figure, source, deviations, cost and prediction."""
    told, verdicts = sections((ROOT / "reports" / scale / "report.md").read_text()), recorded(scale)
    assert told.keys() == verdicts.keys()
    for id, section in told.items():
        if verdicts[id]["decision"] == "exact":
            continue
        rows = section.split("Every replicate")[1].splitlines()
        assert sum(row.startswith("| ") and row.split()[1].isdigit() for row in rows) == verdicts[id]["n"]
        for part in ("**Source.**", "**Deviations from the paper.**", "**Cost.**", "**Predicted.**", "figures/"):
            assert part in section


def test_what_matters_is_in_sight_and_the_rest_is_folded(scale):
    """Of a section, what is not folded away is short: statement, verdict, figure, effects, source."""
    for section in sections((ROOT / "reports" / scale / "report.md").read_text()).values():
        assert section.count("<details>") == section.count("</details>")
        seen = re.sub(r"<details>.*?</details>", "", section, flags=re.DOTALL)
        assert len([line for line in seen.splitlines() if line and not line.startswith("|")]) <= 9
        for part in ("**Cost.**", "**Deviations from the paper.**", "| replicate |", "| arm |", "**Provenance.**"):
            assert part not in seen


def slug(heading):
    """GitHub's anchor of a heading, by its own rule: letters, digits, hyphens and underscores stay."""
    return "".join("-" if c == " " else c for c in heading.lower() if c.isalnum() or c in " -_")


def anchors(report):
    found = [slug(line.lstrip("#").strip()) for line in report.splitlines() if line.startswith("#")]
    assert len(found) == len(set(found))  # GitHub would number the second of two equal ones
    return set(found)


def test_links_lead_somewhere(scale):
    """Every link of a committed report ends at a heading or a file that is there, in other reports too."""
    folder = ROOT / "reports" / scale
    report = (folder / "report.md").read_text()
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", report) if not target.startswith("https://")]
    assert targets
    for target in targets:
        name, _, anchor = target.partition("#")
        path = folder / name if name else folder / "report.md"
        assert path.is_file(), target
        if anchor:
            assert anchor in anchors(path.read_text()), target


def test_the_summary_leads_to_every_section_and_back(scale):
    """The table has each claim once, under its paper; each section stands under its paper and links back."""
    report = (ROOT / "reports" / scale / "report.md").read_text()
    rows = re.findall(r"^\| \[(\S+)\]\(#(\S+)\) \|", report, re.MULTILINE)
    assert sorted(anchor for _, anchor in rows) == sorted(slug(id) for id in recorded(scale))
    assert all(section.count("[↑ summary](#summary)") == 1 for section in sections(report).values())
    for paper in re.split(r"^## ", report, flags=re.MULTILINE)[1:]:
        key = paper.split()[0].lower()
        assert {id.partition("/")[0] for id in sections("## " + paper)} <= {key}


def test_the_overview_has_every_claim_once(scale):
    """A claim is one row of the figure, whatever it came to."""
    figure = (ROOT / "reports" / scale / "figures" / "overview.svg").read_text()
    rows = re.findall(r'id="claim-([^"]+)"', figure)
    assert sorted(rows) == sorted(id.replace("/", "-") for id in recorded(scale))


@pytest.mark.skipif(len(SCALES) < 2, reason="compares the committed reports of two scales")
def test_a_report_follows_the_verdicts_of_the_other_scales(tmp_path, monkeypatch):
    """Reporting at one scale rewrites what the other reports quote of it; all together come back to the same bytes.

    Figures, which quote nothing of other scales, stay as they are: those of the other scale are not even drawn.
    """
    drawn = []
    monkeypatch.setattr(figures, "write_figures", lambda *given: drawn.append(given[3].parent.name))
    for folder in ("claims", "reports"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "scratch"))
    (tmp_path / "docs").mkdir()
    for page in ("pilots.csv", "statistics.md"):
        shutil.copy(ROOT / "docs" / page, tmp_path / "docs")
    before = files(tmp_path / "reports")
    path = tmp_path / "reports" / "standard" / "results.parquet"
    id, as_committed = next(id for id in recorded("standard") if id in recorded("micro")), path.read_bytes()
    rows = read_results(path)
    fewer = {other: known for other, known in rows.claims.items() if other != id}
    write_results(Results(rows.frame[rows.frame["claim"] != id], replace(rows.meta, claims=fewer)), path)
    assert harness("judge", "--scale", "standard", "--root", tmp_path).returncode == 0
    assert harness("report", "--scale", "standard", "--root", tmp_path).returncode == 0
    after = files(tmp_path / "reports")
    changed = {str(name) for name in before if before[name] != after[name]}
    assert changed >= {"standard/verdicts.json", "standard/report.md", "micro/report.md"}
    assert not [name for name in changed if name.startswith("micro/") and name != "micro/report.md"]
    quoted = sections((tmp_path / "reports" / "micro" / "report.md").read_text())[id]
    assert "../standard/report.md" not in quoted
    path.write_bytes(as_committed)
    assert harness("judge", "--scale", "standard", "--root", tmp_path).returncode == 0
    assert harness("report", "--scale", "standard", "--root", tmp_path).returncode == 0
    assert files(tmp_path / "reports") == before
    assert drawn == ["standard", "standard"]


def test_the_report_has_controls_and_robustness():
    """A/A and planted effects, floors and null settings stand in one table; each claim is shown at other settings."""
    report = (COMMITTED / "report.md").read_text()
    table = report.split("\n## Controls\n")[1].split("\n### ")[0]
    for control in ("in order", "swapped at random", "planted in each", "floor arms", "null setting"):
        assert control in table
    for id, section in sections(report).items():
        if id.startswith(("frankle2019/iterative", "frankle2019/random-reinit", "frankle2019b/late", "ramanujan2020")):
            for setting in ("as locked", "accuracy at the early stop", "learning rate halved", "learning rate doubled"):
                assert f"| {setting} |" in section


def test_readme_has_the_reports_verdicts():
    """Each line of README's verdict table says what the committed report says of that claim."""
    readme, report = (ROOT / "README.md").read_text(), (COMMITTED / "report.md").read_text()
    lines = re.findall(r"^\| \[(\S+)\]\(reports/micro/report\.md#(\S+)\) \| (.*?) \| (.*?) \|$", readme, re.MULTILINE)
    assert len(lines) >= 4
    for id, anchor, verdict, effect in lines:
        row = next(line for line in report.splitlines() if line.startswith("| [") and f"](#{anchor})" in line)
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert id.endswith(cells[0][1:].partition("]")[0])
        assert (cells[1], cells[3]) == (verdict, effect)

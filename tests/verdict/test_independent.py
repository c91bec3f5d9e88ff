"""Every committed verdict, recomputed from the locked texts and the rows by other code: numpy, scipy and pyarrow alone.

Written from docs/statistics.md; imports nothing of the harness but to make a project for its last test. The nine
superseded entries of round 0 have no committed rows and cannot be recomputed.
"""

import hashlib
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
from scipy import stats

ROOT = Path(__file__).parents[2]
SCALES = sorted({path.parent.name for path in (ROOT / "reports").glob("*/verdicts.json")} - {"scratch"})
ALPHA = 0.025


class Entry:
    """A line of the registry with the text that was locked, the seed of its round and the level of its family."""

    def __init__(self, line, text, seed, number):
        self.claim, self.version, self.round = line["claim"], line["version"], number
        self.text, self.seed, self.first = text, seed, line.get("first_replicate", 0)
        self.paper, self.scale, self.replicates = self.claim.split("/")[0], text["scale"], text["replicates"]


def registry(claims):
    """Return all entries, oldest first; round 0 has its texts in a file beside it."""
    beside = claims / "locked.jsonl"
    texts = iter(map(json.loads, beside.read_text().splitlines() if beside.is_file() else []))
    entries, open_, rounds = [], [], 1
    for line in (claims / "registry.lock").read_text().splitlines():
        content = json.loads(line)
        if "closes" in content:
            head = content.get("seed_of") or hashlib.sha256(line.encode()).hexdigest()
            entries += [Entry(each, each["text"], int(head[:16], 16) >> 1, rounds) for each in open_]
            open_, rounds = [], rounds + 1
        elif "round" in content:
            open_.append(content)
        else:
            text = next(texts)
            assert hashlib.sha256(json.dumps(text, sort_keys=True).encode()).hexdigest() == content["digest"]
            entries.append(Entry(content, text, content["suite_seed"], 0))
    return entries


class Rows:
    """The rows of a report and of earlier locks beside it, by claim, arm, metric and seed."""

    def __init__(self, report):
        files = [
            parquet.ParquetFile(f) for f in (report / "results.parquet", *sorted(report.glob("earlier/*.parquet")))
        ]
        tables, content = [f.read() for f in files], [json.loads(f.metadata.metadata[b"harness"]) for f in files]
        self.known = [
            (id, each.get("suite_seed") or c["suite_seed"], each) for c in content for id, each in c["claims"].items()
        ]
        columns = ("claim", "arm", "metric", "suite_seed", "replicate", "density", "value")
        self.columns = {name: np.concatenate([np.array(t[name].to_pylist()) for t in tables]) for name in columns}

    def of(self, entry):
        """Return what is known of an entry's rows; None where there are none on its block."""
        for id, seed, known in self.known:
            ran = (id, known["version"], known["replicates"])
            block = list(range(entry.first, entry.first + entry.replicates))
            if ran == (entry.claim, entry.version, block) and (seed == entry.seed or not block):
                return known
        return None

    def read(self, entry, part, arm):
        """Return an arm's number for each locked replicate: over the band's densities, after the draws at each."""
        of = self.columns
        mine = (of["claim"] == entry.claim) & (of["arm"] == arm) & (of["metric"] == part.get("metric", "test_accuracy"))
        mine &= of["suite_seed"] == entry.seed
        density, value, replicate = of["density"][mine], of["value"][mine], of["replicate"][mine]
        levels = np.unique(density)
        if "band" in part and len(levels) > 1:
            low, high = (float(Fraction(part["band"][end])) for end in ("low", "high"))
            levels = levels[(levels >= low) & (levels <= high)]
        block = range(entry.first, entry.first + entry.replicates)
        return np.array(
            [100 * np.mean([value[(replicate == r) & (density == d)].mean() for d in levels]) for r in block]
        )

    def differences(self, entry, part):
        """Return arm minus reference, less the same of two further arms where there are any."""
        x = self.read(entry, part, part["arm"]) - self.read(entry, part, part["reference"])
        if "less" in part:
            x = x - (self.read(entry, part, part["less"][0]) - self.read(entry, part, part["less"][1]))
        return np.round(x, 9)


def by_t(x, null, alternative):
    return float(stats.ttest_1samp(x, null, alternative=alternative).pvalue)


def by_flips(x, null, alternative):
    """Return the share of sign patterns whose sum is as far out: exact to 20 replicates, else drawn."""
    d = (x - null) if alternative == "greater" else (null - x)
    if len(d) > 20:
        signs = np.random.default_rng(99).choice([-1.0, 1.0], (99_999, len(d)))
        return (1 + (signs @ d >= d.sum() - 1e-9).sum()) / 100_000
    sums = np.zeros(1)
    for each in d:
        sums = np.concatenate([sums + each, sums - each])
    return float((sums >= d.sum() - 1e-9).mean())


def p_values(part, x, test):
    """Return (to reproduce, to refute) of a part, by either test."""
    bound = part["bound_pp"]
    if part["kind"] == "beats":
        return test(x, 0.0, "greater"), test(x, bound, "less")
    if part["kind"] == "matches":
        return test(x, -bound, "greater"), test(x, -bound, "less")
    rep = max(test(x, -bound, "greater"), test(x, bound, "less"))
    return rep, min(test(x, -bound, "less"), test(x, bound, "greater"))


def interval(x):
    half = stats.t.ppf(0.975, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x))
    return x.mean() - half, x.mean() + half


def holm(p):
    """Return Holm's adjusted p-values of a dictionary."""
    adjusted, least = {}, 0.0
    for i, name in enumerate(sorted(p, key=p.get)):
        least = max(least, min(1.0, (len(p) - i) * p[name]))
        adjusted[name] = least
    return adjusted


def floors_beaten(rows, entry, part):
    """Whether the reference is ahead of every floor by twice the margin, or of a beats part's at all."""
    names = part.get("floors", [])
    lower = [interval(rows.read(entry, part, part["reference"]) - rows.read(entry, part, name))[0] for name in names]
    if part["kind"] == "beats":
        return all(each > 0 for each in lower)
    return bool(names) and all(each >= 2 * part["bound_pp"] for each in lower)


def outcome(rows, entry, samples, rep, ref, alpha):
    """The decision rule, for adjusted p-values."""
    if ref <= alpha:
        return "refuted"
    parts = list(zip(entry.text["hypothesis"], samples, strict=True))
    large = all(interval(x)[1] >= part["bound_pp"] for part, x in parts if part["kind"] == "beats")
    return (
        "reproduced"
        if rep <= alpha and large and all(floors_beaten(rows, entry, p) for p, _ in parts)
        else "inconclusive"
    )


def recomputed(root, scale):
    """Yield each entry that has rows, with its outcome, adjusted p and the parts' differences."""
    rows = Rows(root / "reports" / scale)
    entries = [entry for entry in registry(root / "claims") if entry.scale == scale]
    ran = [entry for entry in entries if rows.of(entry) is not None]
    yield from ((entry, exact(rows.of(entry), entry), None, []) for entry in ran if "exact" in entry.text)
    tested = [entry for entry in ran if "exact" not in entry.text]
    for paper, number in sorted({(entry.paper, entry.round) for entry in tested}):
        mine = {entry.claim: entry for entry in tested if (entry.paper, entry.round) == (paper, number)}
        family = sorted({e.claim for e in entries if (e.paper, e.round) == (paper, number) and e.replicates})
        before = {e.round for e in entries if e.paper == paper and e.round < number and e.replicates}
        alpha = ALPHA / 2 ** len(before)
        samples = {id: [rows.differences(e, part) for part in e.text["hypothesis"]] for id, e in mine.items()}
        p = {}
        for id, entry in mine.items():
            for name, test in (("t", by_t), ("sign-flip", by_flips)):
                of = [p_values(part, x, test) for part, x in zip(entry.text["hypothesis"], samples[id], strict=True)]
                p[id, name] = max(rep for rep, _ in of), min(1.0, len(of) * min(ref for _, ref in of))
        adjusted = {
            (test, i): holm({id: p[id, test][i] if (id, test) in p else 1.0 for id in family})
            for test in ("t", "sign-flip")
            for i in (0, 1)
        }
        for id, entry in mine.items():
            told = {}
            for test in ("t", "sign-flip"):
                both = adjusted[test, 0][id], adjusted[test, 1][id]
                told[test] = outcome(rows, entry, samples[id], *both, alpha)
            decided, n, decision = told[entry.text["decision"]], entry.replicates, entry.text["decision"]
            tests = len(family) * (len(samples[id]) if decided == "refuted" else 1)
            checked = 2.0 ** (2 - n) * tests <= alpha if number else n >= 10
            if decision == "t" and checked and told["sign-flip"] != decided:
                decided = "inconclusive"
            yield entry, decided, adjusted[decision, 0][id], samples[id]


def exact(known, entry):
    return "reproduced" if all(known["exact"][e["name"]] == e["expected"] for e in entry.text["exact"]) else "refuted"


def check(root, scale):
    """Hold every verdict of a report, and the earlier ones that have rows, against what this code comes to."""
    committed = json.loads((root / "reports" / scale / "verdicts.json").read_text())["claims"]
    earlier = {
        (id, each.get("round", 0), each["version"]): each
        for id, of in committed.items()
        for each in of.get("earlier", [])
    }
    found = list(recomputed(root, scale))
    latest = {entry.claim: entry for entry, *_ in found}
    assert latest.keys() == committed.keys()
    for entry, decided, p, samples in found:
        id = entry.claim
        if entry is not latest[id]:
            told = earlier[id, entry.round, entry.version]
            assert (id, told["outcome"]) == (id, decided)
            assert min(abs(told["mean_pp"] - x.mean()) for x in samples) < 1e-7
            continue
        verdict = committed[id]
        assert (id, verdict["outcome"]) == (id, decided)
        if p is not None and verdict["decision"] == "t":
            assert verdict["p_rep"] == pytest.approx(p, rel=1e-6, abs=1e-12), id
        for part, x in zip(verdict["parts"], samples, strict=True):
            assert part["mean_pp"] == pytest.approx(x.mean(), abs=1e-7), id
            assert (part["lower_pp"], part["upper_pp"]) == pytest.approx(interval(x), abs=1e-7), id
    return len(found)


@pytest.mark.parametrize("scale", SCALES)
def test_other_code_comes_to_the_committed_verdicts(scale):
    """Outcome, adjusted p, and each deciding part's mean and interval, of every claim of the report."""
    assert check(ROOT, scale) == {"micro": 33, "standard": 3}[scale]


def test_it_comes_to_the_verdicts_of_earlier_rounds_too(tmp_path, monkeypatch):
    """A claim that was locked three times, changed once and repeated once, beside one that was locked once."""
    from tests.verdict import test_earlier as made

    registry = made.Registry(tmp_path / "claims" / "registry.lock")
    registry.path.parent.mkdir()
    report = tmp_path / "reports" / "micro"
    second = made.claim(made.design(made.beats("a", "d", on=made.DIGITS)), id="paper/other")
    other = (second, made.ahead(0.6))
    made.locked(monkeypatch, registry, made.FIRST, second)
    made.run(report, made.as_locked(registry, (made.FIRST, made.ahead(-0.5)), other), registry)
    made.locked(monkeypatch, registry, made.SECOND, second)
    made.run(report, made.as_locked(registry, (made.SECOND, made.ahead(0.8)), other), registry)
    made.rounds(registry, [made.SECOND], replicates=20)
    made.run(report, made.as_locked(registry, (made.SECOND, made.ahead(0.7, n=20)), other), registry)
    assert check(tmp_path, "micro") == 4

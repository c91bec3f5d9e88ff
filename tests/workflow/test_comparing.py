"""Two reports or two baselines side by side."""

from dataclasses import replace

import numpy as np
import pytest

from harness.cli.recomputed import comparison_markdown
from harness.data._tasks import DIGITS
from harness.design._assertions import beats
from harness.design._claim import Scale
from harness.errors import UsageError
from harness.population._provenance import Provenance
from harness.variance import _baselines as baselines
from harness.verdict._results import read_results, write_results
from harness.workflow import _comparing as comparing
from harness.workflow._comparing import Differing
from harness.workflow._session import Session
from tests import synthetic
from tests.synthetic import CATALOGUE, MICRO, around, claim, design


def values(mean, sd=0.3, n=10):
    return lambda arm, at: 80 + (around(mean, sd, n) if arm == "a" else np.zeros(n))


@pytest.fixture
def made(monkeypatch):
    """A claim known to the catalogue."""
    made = claim(design(beats("a", "b", on=DIGITS)))
    synthetic.register(monkeypatch, made)
    return made


def session(tmp_path):
    """An empty project that knows the synthetic claims."""
    known = replace(CATALOGUE, folder=tmp_path)
    return Session(root=tmp_path, catalogue=known, scale=MICRO, claims=(), store=tmp_path / "store")


def folders(tmp_path, *results):
    paths = []
    for i, each in enumerate(results):
        paths.append(tmp_path / f"report {i}")
        write_results(each, paths[-1] / "results.parquet")
    return paths


def test_reports_are_compared_replicate_by_replicate(made, tmp_path):
    """Where both sides have the same replicates the difference of effects is paired, so shared noise drops out."""
    a, b = folders(tmp_path, *(synthetic.results((made, values(mean))) for mean in (2.0, 2.5)))
    compared = comparing.compare(session(tmp_path), a, b)
    (line,) = compared.lines
    assert line.what == "paper/claim: a beats b"
    assert (line.a, line.b) == ("+2.00 (+1.79 to +2.21), n 10", "+2.50 (+2.29 to +2.71), n 10")
    assert [line.difference, line.lower, line.upper] == pytest.approx([0.5, 0.5, 0.5])
    assert line.how == "paired, n 10"
    assert (compared.changed, compared.differs) == ((), ())


def test_other_seeds_are_compared_as_two_samples(made, tmp_path):
    """Without common replicates the interval is Welch's."""
    one = synthetic.results((made, values(2.0)))
    a, b = folders(tmp_path, one, synthetic.results((made, values(2.5)), first=100))
    (line,) = comparing.compare(session(tmp_path), a, b).lines
    assert line.how == "Welch, n 10 and 10"
    assert line.difference == pytest.approx(0.5)
    half = 2.100922 * 0.3 * (2 / 10) ** 0.5  # t(18; .975), equal spreads
    assert [line.lower, line.upper] == pytest.approx([0.5 - half, 0.5 + half], abs=1e-5)


def test_one_replicate_is_not_compared(made, tmp_path):
    """A side without a spread has no interval: the error says what to run."""
    one = synthetic.results((made, lambda arm, at: np.array([82.0 if arm == "a" else 80.0])))
    a, b = folders(tmp_path, synthetic.results((made, values(2.0))), one)
    with pytest.raises(UsageError, match=r"a side has one replicate, and no spread\. Next: harness run paper/claim"):
        comparing.compare(session(tmp_path), a, b)


def test_a_quick_side_is_named(made, tmp_path):
    """Trainings of a few steps are no other result of the same claim."""
    a, b = folders(tmp_path, *(synthetic.results((made, values(2.0))) for _ in range(2)))
    whole = read_results(b / "results.parquet")
    write_results(replace(whole, meta=replace(whole.meta, quick=True)), b / "results.parquet")
    assert comparing.compare(session(tmp_path), a, b).differs == (Differing("quick", "no", "yes"),)


def test_changed_verdicts_and_versions_are_named(made, tmp_path):
    """A verdict that turned is listed with both sides, as are versions and devices that differ."""
    one, other = synthetic.results((made, values(2.0))), synthetic.results((made, values(-2.0)))
    (record,) = other.meta.records.values()
    records = {"000001-00000000": replace(record, device="a GPU", versions={"numpy": "3"})}
    other = replace(other, meta=replace(other.meta, records=records))
    a, b = folders(tmp_path, one, other)
    compared = comparing.compare(session(tmp_path), a, b)
    (turned,) = compared.changed
    assert (turned.claim, turned.a.partition(" (")[0], turned.b.partition(" (")[0]) == (
        "paper/claim",
        "reproduced",
        "refuted",
    )
    assert compared.differs == (Differing("device", "cpu", "a GPU"), Differing("numpy", "2", "3"))
    text = comparison_markdown(compared)
    rested = "a beats b +2.00 (+1.79 to +2.21) pp | a beats b -2.00 (-2.21 to -1.79) pp |"
    assert f"| paper/claim | {turned.a} | {turned.b} | {rested}" in text
    assert "| device | cpu | a GPU |" in text


def test_trainings_of_both_sides_are_compared_one_by_one(made, tmp_path):
    """What both sides computed, each by itself: the bias with its interval, and a line a recipe."""
    one, other = synthetic.results((made, values(2.0))), synthetic.results((made, values(2.5)))
    other.frame["record"] = "000002-bbbbbbbb"
    other = replace(other, meta=replace(other.meta, records={"000002-bbbbbbbb": one.meta.records["000001-00000000"]}))
    compared = comparing.compare(session(tmp_path), *folders(tmp_path, one, other))
    assert compared.bias.trainings == 130
    text = comparison_markdown(compared)
    assert (
        "130 trainings and evaluations of 10 replicates were computed on both sides: test accuracy B − A +0.115 pp"
        in text
    )
    assert (
        "| a program | 130 | +0.115 | 0.00 | 0.00 | 76.9 % |" in text
    )  # arm a is 3 of 13, without a spread of its own
    alike = comparing.compare(session(tmp_path), *folders(tmp_path / "alike", one, one))
    assert alike.bias is None
    assert "computed on both sides" not in comparison_markdown(alike)


def there(torch):
    """Where a baseline was computed, with this version of torch."""
    return Provenance(device="cpu", processor="p", git="g", versions={"torch": torch}, wall_s=1.0)


def baseline(folder, accuracies, **changed):
    made = {
        "recipe": "small/dense", "scale": "micro", "key": "k", "suite_seed": 1, "accepted": "2026-02-03T04:05:06Z",
        "reason": "the first", "replaces": "", "drawn": {"0": {"order": "d"}}, "trajectory": None,
        "values": {str(i): v for i, v in enumerate(accuracies)}, "weights": {},
        "provenance": there("2.11"),
    }  # fmt: skip
    return baselines.keep_baseline(folder, baselines.Baseline(**{**made, **changed}))


def test_baselines_are_compared_by_mean_spread_and_versions(tmp_path):
    """A torch upgrade: the same replicates paired, the draws that differ counted, both versions named."""
    a = baseline(tmp_path / "a", [90.0, 91.0, 92.0])
    b = baseline(
        tmp_path / "b", [90.5, 91.5, 92.5], provenance=there("2.15"), reason="torch 2.15", drawn={"0": {"order": "e"}}
    )
    compared = comparing.compare(session(tmp_path), a, b)
    (line,) = compared.lines
    assert (line.a, line.b) == ("91.00, sd 1.00, n 3", "91.50, sd 1.00, n 3")
    assert (line.difference, line.lower, line.how) == (0.5, 0.5, "paired, n 3")
    assert compared.differs == (
        Differing("reason", "the first", "torch 2.15"),
        Differing("torch", "2.11", "2.15"),
        Differing("draws", "as in A", "1 differ"),
    )


def test_a_report_and_a_baseline_do_not_compare(made, tmp_path):
    """One of each is a usage error, as are reports of two scales."""
    file = baseline(tmp_path / "a", [90.0, 91.0])
    (folder,) = folders(tmp_path, synthetic.results((made, values(2.0))))
    with pytest.raises(UsageError, match="one is a baseline, the other is not"):
        comparing.compare(session(tmp_path), file, folder)
    other = synthetic.results((made, values(2.0)))
    (standard,) = folders(tmp_path / "standard", replace(other, meta=replace(other.meta, scale=Scale.STANDARD)))
    with pytest.raises(UsageError, match="scale micro and scale standard"):
        comparing.compare(session(tmp_path), folder, standard)

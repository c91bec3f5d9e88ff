"""p-values over all papers: which claims are in that family, which side is corrected, and that nothing follows."""

from dataclasses import replace

import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats
from harness.design._claim import Paper
from harness.design._lock import Registry
from harness.report import _report as report
from harness.stats._holm import holm
from harness.verdict._judge import judge_results
from harness.verdict._overall import claims_of_papers, over_all_papers
from tests import synthetic
from tests.synthetic import CATALOGUE, MICRO, ahead, claim, counted, design, lock

BEATS = beats("a", "b", on=DIGITS)
SHOWN, REFUTED, OPEN = (claim(design(BEATS), id=id) for id in ("paper/shown", "other/refuted", "third/open"))
EFFECTS = ((SHOWN, 0.9), (REFUTED, -0.4), (OPEN, 0.45))


@pytest.fixture
def judged(monkeypatch, tmp_path):
    """Three claims of three papers, one that was not run, an exact one and a control."""
    rest = (
        claim(design(BEATS), id="fourth/absent"),
        claim(counted(), id="paper/exact"),
        claim(design(BEATS), id="controls/aa"),
    )
    synthetic.register(monkeypatch, SHOWN, REFUTED, OPEN, *rest)
    for key in ("other", "third", "fourth", "controls"):
        monkeypatch.setitem(CATALOGUE.papers, key, Paper(key=key, authors="A", title="T", venue="v", arxiv="0"))
    registry = Registry(tmp_path / "registry.lock")
    lock(registry, SHOWN, REFUTED, OPEN, *rest)
    rows = synthetic.results(*((each, ahead(mean)) for each, mean in EFFECTS), (rest[1], None), (rest[2], ahead(5.0)))
    return rows, judge_results(rows, registry, CATALOGUE), registry


def test_holm_is_over_all_tested_claims_of_papers(judged):
    """Four of them, with p = 1 for the one that was not run; a refuted claim is read on its own side."""
    _, verdicts, registry = judged
    assert claims_of_papers(MICRO, registry) == ["fourth/absent", "other/refuted", "paper/shown", "third/open"]
    outcomes = {id: str(verdicts.claims[id].outcome) for id in (each.id for each, _ in EFFECTS)}
    assert outcomes == {"paper/shown": "reproduced", "other/refuted": "refuted", "third/open": "inconclusive"}
    part = {id: verdicts.claims[id].parts[0] for id in outcomes}
    rep = dict(zip(part, holm([*(each.p_rep for each in part.values()), 1.0]), strict=False))
    ref = dict(zip(part, holm([*(each.p_ref for each in part.values()), 1.0]), strict=False))
    expected = {
        "paper/shown": rep["paper/shown"],
        "third/open": rep["third/open"],
        "other/refuted": ref["other/refuted"],
    }
    assert over_all_papers(verdicts, registry) == pytest.approx(expected)


def test_the_deciding_test_is_corrected(judged):
    """Of a claim that sign-flip decides, its p."""
    _, verdicts, registry = judged
    flipped = replace(verdicts.claims["paper/shown"], decision="sign-flip")
    changed = replace(verdicts, claims={**verdicts.claims, "paper/shown": flipped})
    assert over_all_papers(changed, registry)["paper/shown"] == pytest.approx(4 * flipped.parts[0].flip_rep)


def test_it_is_printed_and_decides_nothing(judged):
    """A column of the summary; the verdict is what it is in its paper's family."""
    rows, verdicts, registry = judged
    text = report.report_text(rows, verdicts, registry, CATALOGUE, [], {})
    (line,) = [line for line in text.splitlines() if line.startswith("| [shown]")]
    assert "**reproduced (direction), analogue task**" in line
    assert f"| {over_all_papers(verdicts, registry)['paper/shown']:.2g} |" in line
    assert "over the 4 tested claims of all papers" in text


def test_an_exploratory_claim_is_as_one_that_was_not_run(judged):
    """Its rows are not those that were locked."""
    rows, _, registry = judged
    spoiled = judge_results(synthetic.known(rows, "third/open", digest="0" * 64), registry, CATALOGUE)
    assert "third/open" not in over_all_papers(spoiled, registry)

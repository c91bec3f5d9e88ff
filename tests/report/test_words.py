"""What a page says of a claim in sentences: its hypothesis, what the paper prints, and what a figure shows.

Tests `report._hypothesis`, `report._printed` and `report._told`.
"""

from dataclasses import replace

import numpy as np
import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import asserts, beats, equals, interaction, matches, slope
from harness.design._from_paper import Published
from harness.design._lock import Registry
from harness.design._parts import percent_kept
from harness.report import _report as report
from harness.report._hypothesis import in_words
from harness.report._printed import expected, printed_in_words
from harness.report._told import in_a_sentence, overview_in_a_sentence
from harness.stats._kinds import KINDS, Bound, Kind, add_kind
from harness.stats._paired import prediction_interval
from harness.stats._sides import above, below
from harness.verdict import _judge as judging
from tests import synthetic
from tests.synthetic import CATALOGUE, MICRO, around, claim, counted, dense, design, lock

QUARTER, WIDE = percent_kept("24", "26"), percent_kept("12.5", "26")
SAME = Published(value=1.5, of=("a", "b"), task="digits", kept="21", trials=3)


def judged(monkeypatch, tmp_path, *parts, printed=(), sd=0.5, n=6):
    """A claim of these parts whose arm a is ahead of the others by 1 pp, its results and its verdict."""
    made = replace(claim(design(*parts)), printed=printed)
    synthetic.register(monkeypatch, made)
    at = {"a": around(1.0, sd, n) if sd else np.full(n, 1.0), "d": around(-20, 1, n)}
    results = synthetic.results((made, lambda arm, density: 50 + at.get(arm, np.zeros(n))))
    verdicts = judging.judge_results(results, Registry(tmp_path / "lock"), CATALOGUE)
    return made, results, verdicts


# --- the hypothesis ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (
            beats("a", "b", on=DIGITS, band=WIDE),
            "a − b in test accuracy, mean over 12.5 to 26 % of the weights kept, is above 0 "
            "(smallest effect of interest 0.4 pp)",
        ),
        (
            matches("a", "dense", on=DIGITS, floors=("c", "d"), band=QUARTER),
            "a − dense in test accuracy, at 25 % of the weights kept, is above −0.4 pp, the margin, "
            "where dense leads c and d by 0.8 pp",
        ),
        (
            equals("a", "b", on=DIGITS, floors=("d",), null_setting=True),
            "a − b in test accuracy, mean over all levels, is within ±0.4 pp, the margin, where b leads d by 0.8 pp, "
            "as the effect is absent there",
        ),
        (
            slope("a", "b", on=DIGITS, band=percent_kept("10", "60"), metric="log_early_stop_step"),
            "change of a − b towards sparsity in step of the early stop, over 10 to 60 % of the weights kept, is above "
            "0 (smallest effect of interest 10 log points)",
        ),
        (
            interaction("a", "b", less=("c", "d"), on=DIGITS, band=QUARTER),
            "(a − b) − (c − d) in test accuracy, at 25 % of the weights kept, is above 0 "
            "(smallest effect of interest 0.4 pp)",
        ),
        (beats("dense", "e", on=DIGITS), "dense − e in test accuracy is above 0 (smallest effect of interest 0.4 pp)"),
    ],
    ids=["beats", "matches", "equals", "slope", "interaction", "dense"],
)
def test_a_hypothesis_reads_as_a_sentence(part, words):
    """What is subtracted, in what, where it is read, what it is held to, its floors; the replicates and the test."""
    built = design(part)
    built = replace(built, arms={**built.arms, "e": dense()})
    assert in_words(built, locked=True) == f"Registered: {words}. 10 replicates, by the t-test."
    assert in_words(built, locked=False).startswith(f"Asserted, not locked: {words}.")


def test_several_parts_must_all_hold():
    """They are numbered; what stands beside is no part of the hypothesis, and an exact claim has none."""
    parts = beats("a", "b", on=DIGITS), beats("c", "b", on=DIGITS)
    text = in_words(design(*parts, beside=[beats("d", "b", on=DIGITS)]), locked=True)
    assert text.startswith("Registered, all of which must hold: (1) a − b in ")
    assert "; (2) c − b in " in text
    assert "d − b" not in text
    assert in_words(counted(), locked=True) == ""


def test_a_kind_from_outside_needs_no_words_of_its_own():
    """A stranger's kind reads by what it asserts, or by words that it brings; braces but the bound's are refused."""
    given = {"held_to": Bound.SESOI, "reproduced": (below(-1),), "refuted": (above(0),), "floor": 0, "planned_at": -2}
    given |= {"shown": "below -{bound}", "asserted": "< −{bound}", "drawn": "sesoi −{bound}"}
    add_kind(Kind(name="trails", **given))
    try:
        built = design(asserts("trails", "a", "b", on=DIGITS))
        assert "a − b in test accuracy, mean over all levels, is < −0.4 pp. 10" in in_words(built, locked=True)
        spoken = Kind(name="trails", registered="lies more than {bound} below 0", **given)
        assert spoken.registers(0.4, "pp") == "lies more than 0.4 pp below 0"
    finally:
        KINDS.remove("trails")


def test_the_section_says_whether_it_is_registered(monkeypatch, tmp_path):
    """Under its statement, before the verdict."""
    made, results, _ = judged(monkeypatch, tmp_path, beats("a", "b", on=DIGITS))
    registry = Registry(tmp_path / "lock")
    for start in ("Asserted, not locked", "Registered"):
        verdicts = judging.judge_results(results, registry, CATALOGUE)
        text = report.report_text(results, verdicts, registry, CATALOGUE, [], {})
        assert f"\n*{start}: a − b in test accuracy" in text
        assert text.index(f"*{start}: a") < text.index("**Reproduced")
        lock(registry, made)


# --- what the paper prints --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "lies"), [(1.2, "it does"), (2.0, "it does not")])
def test_a_number_on_the_papers_data_is_compared(monkeypatch, tmp_path, value, lies):
    """With the interval of means over as many trials as the paper's, in a sentence of the section."""
    printed = replace(SAME, value=value)
    made, results, verdicts = judged(
        monkeypatch, tmp_path, beats("a", "b", on=DIGITS, band=QUARTER), printed=(printed,)
    )
    found = prediction_interval(1.0, 0.5, 6, further=3)
    words = (
        f"The paper prints +{value:.2f} pp for a − b (21 % kept, digits, 3 trials; read here at 25 %); 95 % of means "
        f"over 3 such trials would lie in +{found.lower:.2f} to +{found.upper:.2f}: {lies}."
    )
    assert printed_in_words(made, verdicts.claims[made.id], made.design(MICRO)) == [words]
    assert f"Published: none. {words}\n" in report.report_text(
        results, verdicts, Registry(tmp_path / "lock"), CATALOGUE, [], {}
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"task": "MNIST"}, "(21 % kept, MNIST, 3 trials; read here at 25 %): another task, not compared."),
        (
            {"trials": None},
            "(21 % kept, digits; read here at 25 %): not compared, as it is not said over how many trials.",
        ),
        (
            {"net": "Conv-2", "task": "CIFAR-10", "trials": 1},
            "(Conv-2, 21 % kept, CIFAR-10, 1 trial; read here at 25 %): another",
        ),
    ],
)
def test_what_is_not_compared_says_why(monkeypatch, tmp_path, changed, words):
    """Other data, or a mean over nobody knows how many."""
    part = beats("a", "b", on=DIGITS, band=QUARTER)
    made, _, verdicts = judged(monkeypatch, tmp_path, part, printed=(replace(SAME, **changed),))
    (told,) = printed_in_words(made, verdicts.claims[made.id], made.design(MICRO))
    assert f"The paper prints +1.50 pp for a − b {words}" in told


def test_nothing_is_expected_of_what_has_no_spread(monkeypatch, tmp_path):
    """Equal differences say nothing of where other means would lie."""
    part = beats("a", "b", on=DIGITS, band=QUARTER)
    made, _, verdicts = judged(monkeypatch, tmp_path, part, printed=(SAME,), sd=0)
    verdict, built = verdicts.claims[made.id], made.design(MICRO)
    assert expected(SAME, part, verdict.parts[0], built) is None
    (told,) = printed_in_words(made, verdict, built)
    assert told.endswith("read here at 25 %): not compared.")


# --- figures in a sentence --------------------------------------------------------------------------------------------


def test_a_figure_is_told_with_its_numbers(monkeypatch, tmp_path):
    """Verdict, n and each deciding effect; of what stands beside, how many."""
    made = claim(design(beats("a", "b", on=DIGITS), beside=[beats("c", "b", on=DIGITS)]))
    synthetic.register(monkeypatch, made)
    results = synthetic.results((made, lambda arm, at: 50 + (around(1.0, 0.5, 6) if arm == "a" else np.zeros(6))))
    verdict = judging.judge_results(results, Registry(tmp_path / "lock"), CATALOGUE).claims[made.id]
    assert in_a_sentence(made.id, verdict, MICRO) == (
        "paper/claim is reproduced (at least sesoi), analogue task, not cross-checked, exploratory. Mean and 95 % "
        "interval of n = 6 replicates: a beats b: +1.00 pp (+0.48 to +1.52); 1 more shown beside."
    )
    assert overview_in_a_sentence([]) == "Every claim, its effect in units of what it is held to. No claims."

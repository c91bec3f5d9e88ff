"""The same claims under other settings: effects side by side, sides kept or lost."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats, matches
from harness.design._lock import Registry
from harness.design._variants import design_of
from harness.report import _report as report
from harness.verdict import _judge as judging
from harness.verdict import _robustness as robustness
from harness.verdict._results import Results, write_results
from tests import synthetic
from tests.synthetic import CATALOGUE, MICRO, claim, design

BEATS, MATCHES = beats("a", "b", on=DIGITS), matches("c", "d", on=DIGITS, floors=("dense",))


def values(*, ahead, behind=0.1, floor=50.0):
    """Arms around 80 %: a is ahead of b, c behind d, the dense net is the floor."""
    wobble = np.linspace(-0.1, 0.1, 10)
    return lambda arm, at: (
        {"a": 80 + ahead, "c": 80 - behind, "dense": floor}.get(arm, 80) + (wobble if arm in "ac" else 0 * wobble)
    )


def under(made, name, f):
    """Results of a variant of `made`."""
    results = synthetic.results((claim(design_of(made, MICRO, name), id=made.id), f))
    results = synthetic.known(results, made.id, digest=made.digest(MICRO))
    return replace(results, meta=replace(results.meta, variant=name))


def stopped_early(results, shift):
    """The same results with accuracies at the early stop, arm a shifted by so many points."""
    early = results.frame.assign(metric="early_stop_accuracy", step=10)
    early["value"] += shift / 100 * (early["arm"] == "a")
    return Results(pd.concat([results.frame, early], ignore_index=True), results.meta)


@pytest.fixture
def made(monkeypatch):
    """A claim of two parts, known to the catalogue."""
    made = claim(design(BEATS, MATCHES))
    synthetic.register(monkeypatch, made)
    return made


def test_effects_say_whether_they_keep_their_side(made):
    """As locked, at the early stop, and in every variant: the mean's sign for beats, the margin's side for matches."""
    results = stopped_early(synthetic.results((made, values(ahead=2.0))), -3.0)
    variants = {
        "half-rate": under(made, "half-rate", values(ahead=1.0, behind=0.6)),
        "double-rate": under(made, "double-rate", values(ahead=-1.0, behind=-4.0, floor=80.0)),
    }
    found = {(str(e.part.kind), e.setting): e for e in robustness.effects(made, results, variants)}
    told = [(kind, setting, round(e.mean, 6), e.keeps) for (kind, setting), e in found.items()]
    assert told == [
        ("beats", "as locked", 2.0, True),
        ("beats", "accuracy at the early stop", -1.0, False),
        ("beats", "learning rate halved", 1.0, True),
        ("beats", "learning rate doubled", -1.0, False),
        ("matches", "as locked", -0.1, True),
        ("matches", "accuracy at the early stop", -0.1, True),
        ("matches", "learning rate halved", -0.6, False),
        ("matches", "learning rate doubled", 4.0, True),
    ]
    assert found["matches", "learning rate doubled"].note == "the reference does not clear dense"
    assert found["matches", "learning rate halved"].note == ""
    assert found["beats", "accuracy at the early stop"].note == ""
    always_last = results.frame.assign(step=30)
    censored = robustness.effects(made, Results(always_last, results.meta), {})[1]
    assert censored.note == "at the last step, so censored, in 100% of trainings"


def test_variants_of_another_version_say_nothing(made):
    """Rows computed from another version of the claim are left out, and without others there is no table."""
    results = synthetic.results((made, values(ahead=2.0)))
    stale = synthetic.known(under(made, "half-rate", values(ahead=1.0)), made.id, digest="another")
    assert robustness.effects(made, results, {"half-rate": stale}) == []


def test_the_report_prints_them(made, tmp_path):
    """The claim's section has a row a part and setting; variants are read from beside the report."""
    results = synthetic.results((made, values(ahead=2.0)))
    write_results(under(made, "half-rate", values(ahead=-1.0)), tmp_path / "variants" / "half-rate" / "results.parquet")
    registry = Registry(tmp_path / "registry.lock")
    variants = robustness.read_variants(tmp_path)
    text = report.report_text(
        results, judging.judge_results(results, registry, CATALOGUE), registry, CATALOGUE, [], variants
    )
    assert "| a beats b | learning rate halved | −1.00 pp | −1.05 to −0.95 | 10 | **no** |" in text


def test_a_quick_variant_is_no_evidence(made):
    """Trainings cut to a few steps say nothing of a setting."""
    results = synthetic.results((made, values(ahead=2.0)))
    other = under(made, "half-rate", values(ahead=-1.0))
    quick = replace(other, meta=replace(other.meta, quick=True))
    assert [len(robustness.effects(made, results, {"half-rate": each})) for each in (other, quick)] == [4, 0]


def test_a_variant_never_replaces_a_verdict(made, tmp_path):
    """Results of a variant are judged as exploratory, and say which setting it was."""
    registry = Registry(tmp_path / "registry.lock")
    synthetic.lock(registry, made)
    judged = judging.judge_results(under(made, "bfloat16", values(ahead=2.0)), registry, CATALOGUE).claims[made.id]
    assert judged.status == "exploratory"
    assert judged.status_reason == "every training with bfloat16 autocast, float32 master weights"

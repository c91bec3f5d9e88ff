"""The same claims under other settings: designs rewritten, effects side by side, sides kept or lost."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from harness.data._tasks import DIGITS
from harness.design._claim import Design
from harness.design._lock import Registry
from harness.design._parts import Band, beats, matches
from harness.design._variants import VARIANTS, design_of, only_read
from harness.errors import UsageError
from harness.expression import lineage, prune, train
from harness.networks._network import mlp
from harness.networks._recipe import SGD, Adam, Recipe
from harness.report import _report as report
from harness.verdict import _judge as judging
from harness.verdict import _robustness as robustness
from harness.verdict._results import Results, write_results
from tests import synthetic
from tests.synthetic import CATALOGUE, MICRO, claim, design

NET = mlp(64, 12, 10)
RECIPE = Recipe(optimiser=Adam(3e-3), steps=30, batch=20)
SPARSE = Band(low=Fraction(1, 8), high=Fraction(1, 4))


def chain(recipe=RECIPE):
    """A dense net, and tickets at three densities, each pruned from the one before."""
    dense = train(NET, DIGITS, recipe)
    tickets = []
    for k in (1, 2, 3):
        mask = prune(tickets[-1] if tickets else dense, keep=Fraction(1, 2) ** k)
        tickets.append(train(NET, DIGITS, recipe, mask=mask, start=dense.at(5), first_step=5))
    return {"dense": dense, "ticket": tickets, "unread": train(NET, DIGITS, replace(recipe, steps=31))}


@pytest.mark.parametrize(("name", "lr"), [("half-rate", 1.5e-3), ("double-rate", 6e-3), ("bfloat16", 3e-3)])
def test_a_variant_changes_every_recipe_and_nothing_else(name, lr):
    """A variant of a chain is the chain of the changed recipe: masks, starts and steps follow, keys and all."""
    part = beats("ticket", "dense", on=DIGITS, band=SPARSE)
    made = claim(Design(arms=chain(), parts=(part,), contrast=("mask", "start", "first_step")))
    numerics = "bfloat16" if name == "bfloat16" else "float32"
    expected = chain(replace(RECIPE, optimiser=Adam(lr), numerics=numerics))
    changed = design_of(made, MICRO, name)
    assert [n.key for nodes in changed.points["ticket"].values() for n in nodes] == [
        n.key for n in expected["ticket"][1:]
    ]
    assert changed.points["dense"][Fraction(1)][0].key == expected["dense"].key
    assert {n.recipe.optimiser for n in lineage([changed.points["ticket"][Fraction(1, 8)][0]])} == {Adam(lr)}


def test_rates_scale_with_any_optimiser():
    """Halving and doubling speak of the recipe's own rate, and leave momentum and decay alone."""
    recipe = replace(RECIPE, optimiser=SGD(0.2, momentum=0.9, weight_decay=1e-4))
    assert VARIANTS["half-rate"].change(recipe).optimiser == SGD(0.1, momentum=0.9, weight_decay=1e-4)
    assert VARIANTS["double-rate"].change(recipe).optimiser == SGD(0.4, momentum=0.9, weight_decay=1e-4)


def test_only_what_deciding_parts_read_is_repeated():
    """Arms that no deciding part reads, and densities outside its band, are left out; floors are kept."""
    parts = (matches("ticket", "dense", on=DIGITS, band=SPARSE, floors=("unread",)),)
    full = Design(arms=chain(), parts=parts, contrast=(), beside=(beats("ticket", "dense", on=DIGITS),))
    read = only_read(full)
    assert list(read.arms) == ["dense", "ticket", "unread"]
    assert list(read.points["ticket"]) == [Fraction(1, 4), Fraction(1, 8)]
    assert read.beside == ()
    assert list(only_read(replace(full, parts=(beats("ticket", "dense", on=DIGITS, band=SPARSE),))).arms) == [
        "dense",
        "ticket",
    ]


def test_unknown_variants_are_refused():
    """A variant that is not known is a usage error with the nearest name."""
    with pytest.raises(UsageError, match="did you mean half-rate"):
        design_of(claim(design(beats("a", "b", on=DIGITS))), MICRO, "halfrate")


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
    registry.lock(made, MICRO, pilots=0, when="2026-02-03T04:05:06Z")
    judged = judging.judge_results(under(made, "bfloat16", values(ahead=2.0)), registry, CATALOGUE).claims[made.id]
    assert judged.status == "exploratory"
    assert judged.status_reason == "every training with bfloat16 autocast, float32 master weights"

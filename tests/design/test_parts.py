"""What parts read of the rows: metric, slope, difference of differences, only beyond a density; and exact claims.

Also tests `design._assertions`, `design._claim` and `workflow._collecting`.
"""

from fractions import Fraction
from itertools import zip_longest

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from harness.compute._run import run_plan
from harness.data._tasks import DIGIT_DIFFERENCE, DIGITS
from harness.design._assertions import asserts, beats, interaction, matches, only_beyond, slope
from harness.design._check import check_design
from harness.design._claim import Design
from harness.design._exact import exact
from harness.design._lock import Registry
from harness.design._metrics import METRICS, OF_LAYERS, metric
from harness.design._parts import Band, Part, percent_kept
from harness.errors import DesignError, ResultsError
from harness.expression import between, density, train
from harness.networks._network import mlp
from harness.population._population import Row
from harness.report import _figures as figures
from harness.report import _report as report
from harness.report._pictures import panels
from harness.stats._curves import SLOPE
from harness.stats._kinds import BEATS, Outcome
from harness.stats._rule import exactly
from harness.store._store import Store
from harness.streams import Replicate
from harness.verdict import _judge as judging
from harness.verdict import _results as results
from harness.verdict._files import verdicts_junit
from harness.workflow._collecting import collect
from harness.workflow._piloting import summarise_pilot
from harness.workflow._planning import Planned, Request
from tests import synthetic
from tests.inline import Inline
from tests.synthetic import CATALOGUE, HALVES, MICRO, NET, RECIPE, around, claim, counted, design

ALL = Band(low=Fraction(1, 10), high=Fraction(9, 10))
PAIRS = mlp(128, 12, 10)
DENSITIES = np.array([float(density(node)) for node in synthetic.arm(0)])


def read(part, values, **more):
    """The number a replicate that `part` gets from ``values(arm, density)``, in pp."""
    made = claim(design(part))
    return synthetic.results((made, values), **more).differences(made.id, part)


@pytest.mark.parametrize("kind", [Fraction, float])
@pytest.mark.parametrize("percent", range(1, 101))
def test_a_band_of_one_density_has_it_in_it(percent, kind):
    """As a fraction, which a design has, and as a float, which rows have: a fifth is less than the float next to it."""
    assert kind(Fraction(percent, 100)) in percent_kept(str(percent))
    assert kind(Fraction(percent, 101)) not in percent_kept(str(percent))


# --- slope ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reference", ["b", "dense"])
def test_slope_is_the_change_that_a_line_in_log_density_fits_over_the_band(reference):
    """A gap that grows by 3, 5 and -1 pp from the densest to the sparsest density reads +3, +5 and -1 pp."""
    change_R = np.array([3.0, 5.0, -1.0])
    span = np.log(DENSITIES[0]) - np.log(DENSITIES[-1])

    def values(arm, at):
        return 50 + (change_R * (np.log(DENSITIES[0]) - np.log(at)) / span if arm == "a" else 0 * change_R)

    part = slope("a", reference, on=DIGITS, band=ALL)
    assert read(part, values) == pytest.approx(change_R)


def test_slope_is_the_least_squares_fit():
    """With a gap that is no line, the change is numpy's fit to the differences times the range."""
    gap = dict(zip(DENSITIES, [1.0, 5.0, 6.0], strict=True))
    part = slope("a", "b", on=DIGITS, band=ALL)
    fitted = np.polyfit(np.log(DENSITIES), [1.0, 5.0, 6.0], 1)[0] * (np.log(DENSITIES[-1]) - np.log(DENSITIES[0]))
    found = read(part, lambda arm, at: [50 + gap.get(at, 0) if arm == "a" else 20 + 100 * at])
    alone = np.polyfit(np.log(DENSITIES), 20 + 100 * DENSITIES, 1)[0] * np.log(DENSITIES[-1] / DENSITIES[0])
    assert found == pytest.approx([fitted - alone])


@pytest.mark.parametrize("few", [1, 2])
def test_slope_over_too_few_densities_is_refused(few):
    """Two points always lie on a line: a slope needs three densities in its band."""
    band = Band(low=HALVES[few - 1] - Fraction(1, 100), high=Fraction(1))
    check_design(claim(design(slope("a", "dense", on=DIGITS, band=ALL))), MICRO)
    with pytest.raises(DesignError, match=rf"a slope over {few} densities of 'a' .* at least 3 .* Next: widen"):
        check_design(claim(design(slope("a", "b", on=DIGITS, band=band))), MICRO)


# --- difference of differences ---------------------------------------------------------------------------------------


def test_interaction_is_the_difference_of_two_differences():
    """(a - b) - (c - d), a replicate at a time, each the mean over the band."""
    level = {"a": [60, 61, 62], "b": [50, 52, 51], "c": [40, 45, 41], "d": [39, 40, 42], "dense": [90, 90, 90]}
    part = interaction("a", "b", less=("c", "d"), on=DIGITS, band=ALL)
    assert read(part, lambda arm, at: level[arm]) == pytest.approx([9.0, 4.0, 12.0])


def test_both_pairs_of_an_interaction_are_checked():
    """An unknown arm, equal trainings and a difference outside the contrast are found in the second pair too."""

    def refused(less, **changed):
        with pytest.raises(DesignError) as error:
            check_design(claim(design(interaction("a", "b", less=less, on=DIGITS), **changed)), MICRO)
        return str(error.value)

    check_design(claim(design(interaction("a", "b", less=("c", "d"), on=DIGITS))), MICRO)
    assert "no arm 'e'" in refused(("c", "e"))
    assert "'c' and 'c' are the same training" in refused(("c", "c"))
    assert "'dense' and 'dense' are the same training" in refused(("dense", "dense"))
    assert "differ in mask, which is not in the contrast" in refused(("c", "d"), contrast=("start",))


@pytest.mark.parametrize("kind", [beats, slope, interaction])
def test_one_density_may_be_ahead_of_a_curve(kind):
    """A dense net is an arm as it is a reference: the same difference, with the other sign."""
    further = {"less": ("c", "d")} if kind is interaction else {}
    one, other = (kind(*pair, on=DIGITS, band=ALL, **further) for pair in (("dense", "a"), ("a", "dense")))
    level = {"a": [60, 61, 62], "b": [50, 52, 51], "c": [40, 40, 40], "d": [40, 40, 40], "dense": [90, 90, 95]}
    check_design(claim(design(one)), MICRO)
    assert read(one, lambda arm, at: level[arm]) == pytest.approx(-read(other, lambda arm, at: level[arm]))


# --- only beyond -----------------------------------------------------------------------------------------------------


def test_only_beyond_asserts_an_advantage_there_and_none_before():
    """Two parts: a beats b beyond, and b matches a before, with floors; both hold their own band."""
    beyond, before = Band(low=HALVES[2], high=HALVES[2]), Band(low=HALVES[0], high=HALVES[0])
    parts = only_beyond("a", "b", on=DIGITS, beyond=beyond, before=before, floors=("d",))
    assert parts == (
        beats("a", "b", on=DIGITS, band=beyond),
        matches("b", "a", on=DIGITS, band=before, floors=("d",)),
    )


@pytest.mark.parametrize(("early", "outcome"), [(0.0, Outcome.REPRODUCED), (3.0, Outcome.REFUTED)])
def test_an_advantage_before_the_density_refutes_only_beyond(monkeypatch, tmp_path, early, outcome):
    """Ahead beyond and level before is reproduced; an advantage before, too, refutes the claim."""
    beyond, before = Band(low=HALVES[2], high=HALVES[2]), Band(low=HALVES[0], high=HALVES[0])
    made = claim(design(*only_beyond("a", "b", on=DIGITS, beyond=beyond, before=before, floors=("d",))))
    synthetic.register(monkeypatch, made)

    def values(arm, at):
        ahead = {float(HALVES[2]): 3.0, float(HALVES[0]): early}.get(at, 0.0)
        return 80 + (around(ahead, 0.2, 10) if arm == "a" else np.full(10, -20.0 if arm == "d" else 0.0))

    judged = judging.judge_results(synthetic.results((made, values)), Registry(tmp_path / "lock"), CATALOGUE)
    assert judged.claims[made.id].outcome == outcome


# --- metric ----------------------------------------------------------------------------------------------------------


def test_a_part_reads_the_metric_it_names():
    """The share that converged is read as percentage points; a part with another metric finds no rows."""
    converged = beats("a", "b", on=DIGITS, metric="converged")
    part = slope("a", "b", on=DIGITS, band=ALL, metric="converged")
    assert {converged.metric, part.metric, Part(
        kind=BEATS, arm="a", reference="b", task="digits", bound=1.0
    ).metric} == {"converged", "test_accuracy"}  # fmt: skip

    def values(arm, at):
        return [90, 80] if arm == "a" else [70, 75]

    assert read(converged, values, metric="converged") == pytest.approx([20.0, 5.0])
    with pytest.raises(ResultsError, match="no value for replicates"):
        read(beats("a", "b", on=DIGITS), values, metric="converged")


def test_what_is_no_share_is_refused():
    """A loss has no percentage points."""
    with pytest.raises(DesignError, match="no metric 'test_loss' to compare"):
        beats("a", "b", on=DIGITS, metric="test_loss")


def test_the_metric_of_a_part_is_collected_and_shown(tmp_path):
    """A run's rows hold the metric that a part names, and pilots log it."""
    part = beats("a", "b", on=DIGITS, metric="validation_accuracy")
    made = claim(design(part))
    block = tuple(Replicate(11, i) for i in range(2))
    asked = Planned.of([Request(made, made.design(MICRO), block)], Store(tmp_path))
    with asked.plan.store.writing() as writer:
        run_plan(asked.plan, writer, Inline(), provenance={})
    collected = collect(asked, scale="micro", suite_seed=11, quick=False)
    a, b = (collected.values(made.id, arm, metric="validation_accuracy").mean(axis=1) for arm in "ab")
    assert collected.differences(made.id, part) == pytest.approx((a - b).to_numpy())
    lines = summarise_pilot(asked.requests[0], collected, scale=MICRO, date="today", git="none")
    assert lines[-1].what == part.name
    assert lines[-1].mean == pytest.approx((a - b).mean(), abs=1e-3)


def test_an_arm_that_no_part_reads_is_shown_in_what_it_measures():
    """Controls beside a path, and paths beside nets: pilots show each of them, whatever the first part reads."""
    nets = [train(mlp(64, 5, 10), DIGITS, RECIPE, streams={"order": k}) for k in range(3)]
    arms = {"near": between(nets[0], nets[1]), "far": between(nets[0], nets[2]), "net": nets[0]}
    shown = Design(arms=arms, parts=(beats("near", "far", on=DIGITS, metric="stability"),))
    assert [shown.metric_of(arm) for arm in arms] == ["stability", "stability", "test_accuracy"]
    shown = Design(arms=arms | {"other": nets[1]}, parts=(beats("net", "other", on=DIGITS, metric="log_test_loss"),))
    assert shown.metric_of("net") == "log_test_loss"


def test_steps_are_compared_by_their_ratio():
    """An early stop at half the step is log(2) earlier, 69.3 log points, against the metric's own bounds."""
    part = beats("a", "b", on=DIGITS, metric="log_early_stop_step")
    assert (part.bound, beats("a", "b", on=DIGITS).bound) == (10.0, DIGITS.sesoi_pp)
    assert matches("a", "b", on=DIGITS, floors=(), metric="log_early_stop_step").bound == 10.0
    read = metric(part.metric).read
    steps = [read({"early_stop_accuracy": Row("early_stop_accuracy", s, 0.9)}) for s in (400, 200)]
    assert 100 * (steps[0].value - steps[1].value) == pytest.approx(69.3147, abs=1e-4)
    assert [row.step for row in steps] == [400, 200]
    assert read({"test_accuracy": Row("test_accuracy", 0, 0.9)}) is None  # never trained


def test_every_metric_says_what_it_is_made_of():
    """Shares in percentage points, logarithms in log points with bounds of their own; layers' by the layer's name."""
    assert all(one.log == name.startswith("log_") for name, one in METRICS.items())
    for one in (*METRICS.values(), *OF_LAYERS.values()):
        assert (one.unit == "log points") == one.log
        assert one.log <= (one.bounds is not None)
    ratio = metric("log_magnitude_ratio/fc2")
    assert (ratio.source, ratio.unit) == ("magnitude_ratio/fc2", "log points")
    assert ratio.read({"magnitude_ratio/fc2": Row("", 0, 2.0)}).value == pytest.approx(0.6931, abs=1e-4)
    assert ratio.read({"magnitude_ratio/fc2": Row("", 0, 0.0)}) is None
    assert metric("near_zero/output").source == "near_zero/output"
    with pytest.raises(DesignError, match="no metric 'near_zero' to compare"):
        metric("near_zero")


# --- missing rows and locks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part",
    [
        beats("a", "b", on=DIGITS, band=ALL),
        slope("a", "b", on=DIGITS, band=ALL),
        interaction("c", "d", less=("a", "b"), on=DIGITS, band=ALL),
    ],
)
def test_a_missing_replicate_is_named_whatever_is_read(part):
    """A replicate without a value at one density is a ResultsError that names it, with the next command."""
    made = claim(design(part))
    whole = synthetic.results((made, lambda arm, at: [50.0, 51.0, 52.0]))
    frame = whole.frame
    lost = (frame["arm"] == "b") & (frame["replicate"] == 1) & (frame["density"] == DENSITIES[1])
    with pytest.raises(ResultsError, match=r"arm 'b'.*no value for replicates \[1\].*Next: harness run"):
        results.Results(frame[~lost], whole.meta).differences(made.id, part)


def test_fields_at_their_defaults_stay_out_of_the_lock():
    """A mean of test accuracies is locked as before these fields existed; a slope, a metric and a pair are in it."""
    before = {"kind", "arm", "reference", "task", "bound_pp", "band"}  # `bound` is locked by its first name
    part = beats("a", "b", on=DIGITS, band=ALL)

    def locked(part):
        content = claim(design(part)).locked_content(MICRO)
        assert "exact" not in content
        return content["hypothesis"][0]

    assert locked(part).keys() == before
    assert locked(slope("a", "b", on=DIGITS, band=ALL)) == locked(part) | {"reading": "slope"}
    assert locked(interaction("a", "b", less=("c", "d"), on=DIGITS, band=ALL)) == locked(part) | {"less": ["c", "d"]}
    assert locked(beats("a", "b", on=DIGITS, band=ALL, metric="converged")) == locked(part) | {"metric": "converged"}
    assert locked(beats("a", "b", on=DIGITS, band=ALL, published=1.5)) == locked(part) | {"published_pp": 1.5}


def test_names_say_what_is_compared():
    """Without a label a part is named by its comparison, so that no two kinds share a name."""
    assert beats("a", "b", on=DIGITS).name == "a beats b"
    assert slope("a", "b", on=DIGITS, band=ALL).name == "a beats b increasingly"
    assert interaction("a", "b", less=("c", "d"), on=DIGITS).name == "a beats b by more than c d"
    assert slope("a", "b", on=DIGITS, band=ALL, label="gap").name == "gap"
    assert slope("a", "b", on=DIGITS, band=ALL).reading is SLOPE


def test_every_kind_of_part_is_reported_and_drawn(monkeypatch, tmp_path):
    """One claim with all kinds is judged, reported and drawn; the table says what is subtracted from what."""
    parts = (
        slope("a", "dense", on=DIGITS, band=ALL, label="steeper"),
        interaction("a", "b", less=("c", "d"), on=DIGITS, band=ALL),
        beats("a", "b", on=DIGITS, band=ALL),
    )
    made = claim(design(*parts))
    synthetic.register(monkeypatch, made)

    def values(arm, at):
        return 80 + (around(4.0, 0.4, 10) * (1 - at) if arm == "a" else np.zeros(10))

    rows = synthetic.results((made, values))
    registry = Registry(tmp_path / "lock")
    judged = judging.judge_results(rows, registry, CATALOGUE)
    report.write_report(rows, judged, registry, CATALOGUE, [], tmp_path, {})
    text = (tmp_path / "report.md").read_text()
    assert "| change of a − dense towards sparsity (steeper) | decides |" in text
    assert "| (a − b) − (c − d) | decides |" in text
    assert judged.claims[made.id].outcome == Outcome.REPRODUCED
    assert (tmp_path / "figures" / "paper-claim.svg").read_bytes().startswith(b"<?xml")


def mixed(**changed):
    """A design in which accuracies on two tasks and a barrier are compared, with an arm that no part reads."""
    path = {name: between(one, train(NET, DIGITS, RECIPE, mask=one.mask, streams={"order": 1}))
            for name, one in zip("xy", (synthetic.arm(0)[0], synthetic.arm(1)[0]), strict=True)}  # fmt: skip
    pairs = {name: synthetic.arm(draw, task=DIGIT_DIFFERENCE, net=PAIRS) for draw, name in enumerate("pq")}
    parts = (
        beats("a", "b", on=DIGITS, band=ALL),
        beats("x", "y", on=DIGITS, metric="barrier"),
        beats("p", "q", on=DIGIT_DIFFERENCE, band=ALL),
    )
    arms = {"x": path["x"], "a": synthetic.arm(0), "p": pairs["p"], "b": synthetic.arm(1), "dense": synthetic.dense()}
    return Design(**{"arms": arms | {"y": path["y"], "q": pairs["q"]}, "parts": parts, "contrast": ("mask",)} | changed)


def made_up(made):
    """Results of a claim on `mixed` in which x and y have barriers and all others accuracies."""
    place = {arm: i for i, arm in enumerate(made.design(MICRO).arms)}

    def values(arm, at):
        return 10 * place[arm] + 10 * at + around(4.0, 0.4, 5)

    rows = [synthetic.results((made, values), metric=name) for name in ("test_accuracy", "barrier")]
    kept = [
        one.frame[[(arm in "xy") == (name == "barrier") for arm in one.frame["arm"]]]
        for one, name in zip(rows, ("test_accuracy", "barrier"), strict=True)
    ]
    return results.Results(pd.concat(kept, ignore_index=True), rows[0].meta)


def shown(built):
    """Return the titles, metrics and arms of a design's panels."""
    made = claim(built)
    found = panels(made_up(made), made.id, built)
    return [(title, panel.metric, tuple(panel.arms)) for title, column in found.items() for panel in column]


def test_every_task_and_metric_that_is_read_has_a_panel():
    """With all the arms that measure it, those too that no part reads; declared groups are as declared."""
    assert shown(mixed()) == [
        ("digits", "test_accuracy", ("a", "b", "dense")),
        ("digits", "barrier", ("x", "y")),
        ("digit-difference", "test_accuracy", ("p", "q")),
    ]
    assert shown(mixed(panels={"these": ("dense", "a"), "those": ("y",)})) == [
        ("these", "test_accuracy", ("dense", "a")),
        ("those", "barrier", ("y",)),
    ]


def by_row(columns):
    """Return panels in the order of the figure's axes: a column a group, row by row."""
    return [panel for row in zip_longest(*columns) for panel in row if panel is not None]


def test_every_replicate_of_every_arm_is_drawn_whatever_is_read(monkeypatch, tmp_path):
    """Each panel's points are its arms' values, in its own metric; the table says where it is not the first part's."""
    made = claim(mixed())
    synthetic.register(monkeypatch, made)
    both = made_up(made)
    drawn = []
    monkeypatch.setattr(figures, "Figure", lambda **given: drawn.append(Figure(**given)) or drawn[-1])
    judged = judging.judge_results(both, Registry(tmp_path / "lock"), CATALOGUE)
    figures.draw_figure(both, made, judged.claims[made.id])
    columns = panels(both, made.id, made.design(MICRO)).values()
    for axis, panel in zip(drawn[0].axes, by_row(columns), strict=False):
        points = np.concatenate([np.concatenate(line.get_data()) for line in axis.lines if line.get_marker() == "."])
        for arm in panel.arms:
            for value in both.values(made.id, arm, metric=panel.metric).to_numpy().ravel():
                shown = value if panel.metric == "barrier" else 100 - value
                assert np.isclose(points, shown).any(), (panel, arm)
    report.write_report(both, judged, Registry(tmp_path / "lock"), CATALOGUE, [], tmp_path, {})
    text = (tmp_path / "report.md").read_text()
    assert "| a | test accuracy | 5 | 1 | 50 %:" in text
    assert "| x | error barrier between two copies | 5 | 1 | 50 %:" in text
    assert "| x | test accuracy" not in text


# --- exact claims ----------------------------------------------------------------------------------------------------


def test_exact_is_reproduced_where_all_is_equal_and_names_what_is_not():
    """Equal texts reproduce; else the first three that differ are named, observed against expected."""
    expected = dict.fromkeys("abcde", "1")
    assert exactly(dict(expected), expected).outcome is Outcome.REPRODUCED
    found = exactly({"a": "1", "b": "2", "c": "3", "d": "4"}, expected)
    assert found.outcome is Outcome.REFUTED
    assert found.cause == "b is 2, expected 1; c is 3, expected 1; d is 4, expected 1; and 1 more"


@pytest.mark.parametrize(("observed", "outcome"), [(NET.weights, Outcome.REPRODUCED), (887, Outcome.REFUTED)])
def test_an_exact_claim_goes_from_plan_to_report_without_a_training(monkeypatch, tmp_path, observed, outcome):
    """Locked, planned, collected, written, judged and reported with no training, replicate, p-value or own figure."""
    made = claim(counted(observed))
    synthetic.register(monkeypatch, made)
    registry = Registry(tmp_path / "lock")
    check_design(made, MICRO)
    synthetic.lock(registry, made)
    request = Request(made, made.design(MICRO), registry.replicates(made, MICRO))
    asked = Planned.of([request], Store(tmp_path / "store"))
    assert asked.plan.units == {}
    results.write_results(collect(asked, scale="micro", suite_seed=20190506, quick=False), tmp_path / "r.parquet")
    rows = results.read_results(tmp_path / "r.parquet")
    judged = judging.judge_results(rows, registry, CATALOGUE)
    verdict = judged.claims[made.id]
    assert (verdict.outcome, verdict.status, verdict.n) == (outcome, "confirmatory", 0)
    assert verdict.cause == ("" if outcome is Outcome.REPRODUCED else "weights is 887, expected 888")
    assert (verdict.family, verdict.p_rep, verdict.in_words("micro")) == ((), None, f"{outcome}, exact")
    report.write_report(rows, judged, registry, CATALOGUE, [], tmp_path / "out", {})
    text = (tmp_path / "out" / "report.md").read_text()
    assert f"| weights | {observed} | 888 | {'yes' if observed == 888 else 'no'} |" in text
    assert "| comparison |" not in text
    assert "Every replicate" not in text
    assert [path.name for path in (tmp_path / "out" / "figures").iterdir()] == ["overview.svg"]
    assert f'name="{made.id.partition("/")[2]}"' in verdicts_junit(judged)


def test_what_an_exact_claim_expects_is_locked():
    """Name and expected value are in the digest; what is observed is a result and is not."""
    locked = claim(counted()).digest(MICRO)
    assert claim(counted(observed=3)).digest(MICRO) == locked
    other = Design(exact=(exact("weights", 888, expected=889), exact("inputs", 64, expected=64)))
    assert claim(other).digest(MICRO) != locked


@pytest.mark.parametrize(
    ("built", "message"),
    [
        (design(beats("a", "b", on=DIGITS), exact=(exact("n", 1, expected=1),)), "either exact or tested"),
        (Design(exact=(exact("n", 1, expected=1),) * 2), "two exact quantities are called 'n'"),
        (Design(), r"asserts nothing. Next: give it parts=, or exact="),
    ],
)
def test_mixtures_and_empty_designs_are_refused(built, message):
    """A claim is exact or tested, each quantity has a name of its own, and something is asserted."""
    given = built if built.exact else Design(replicates=10)
    with pytest.raises(DesignError, match=message):
        check_design(claim(given), MICRO)


def test_floats_are_not_exact():
    """Equality of floats is an accident; a Fraction or a rounded text says what is meant."""
    assert exact("half", Fraction(2, 4), expected=Fraction(1, 2)).observed == Fraction(1, 2)
    with pytest.raises(DesignError, match=r"0.3 is a float.* Next: give it as a Fraction"):
        exact("share", 0.3, expected=Fraction(3, 10))


def test_a_lead_may_have_floors():
    """A lead over a reference that is no better than what has learned nothing would say little."""
    part = beats("ticket", "reinit", on=DIGITS, floors=("linear",))
    assert (part.floors, part.kind.name) == (("linear",), "beats")
    assert part == asserts("beats", "ticket", "reinit", on=DIGITS, floors=("linear",))

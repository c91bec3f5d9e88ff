"""Another axis than density: what lies on it, what is read along it, and what is refused."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from harness import (
    DIGITS,
    Axis,
    Band,
    Design,
    Switches,
    beats,
    evaluate,
    matches,
    mlp,
    percent_kept,
    slope,
    structure,
    train,
)
from harness.compute._run import run_plan
from harness.design import Published
from harness.design._attempts import asserted, compares_alike
from harness.design._axis import DENSITY
from harness.design._check import check_design
from harness.design._claim import _plain
from harness.design._pilots import pilot_grid
from harness.design._variants import design_of, only_read, shorten
from harness.errors import DesignError
from harness.report._accounting import network_sizes
from harness.stats._curves import PEAK, READINGS, Reading, add_reading
from harness.store._store import Store
from harness.streams import Replicate
from harness.verdict._robustness import effects
from harness.verdict._specifications import specifications
from harness.verdict._whole import contradiction, unlike
from harness.workflow._collecting import collect
from harness.workflow._piloting import summarise_pilot
from harness.workflow._planning import Planned, Request
from tests import synthetic
from tests.inline import Inline
from tests.synthetic import MICRO, RECIPE, claim

WIDTH = Axis("width", unit="units")
WIDTHS = (4, 8, 16, 64)


def arm(draw, widths=WIDTHS):
    """An arm at each width; arms with different draws differ in their data order."""
    return {width: train(mlp(64, width, 10), DIGITS, RECIPE, streams={"order": draw}) for width in widths}


def design(*parts, **changed):
    """A design of two arms along the width, and one at a single width."""
    arms = {name: arm(draw) for draw, name in enumerate("abcd")} | {"one": arm(9, (8,))}
    return Design(**({"arms": arms, "parts": parts, "contrast": ("streams", "network"), "axis": WIDTH} | changed))


def read(part, values, axis=WIDTH):
    """The number a replicate that `part` gets from ``values(arm, point)``."""
    made = claim(design(part, axis=axis))
    (stamped,) = made.design(MICRO).parts
    return synthetic.results((made, values)).differences(made.id, stamped)


def along(curve):
    """Values of arm `a` along the width, in three replicates; other arms have 50 everywhere."""
    return lambda name, at: [curve[WIDTHS.index(int(at))] + shift if name == "a" else 50 for shift in (0, 1, 2)]


def test_points_are_in_the_order_of_the_axis():
    """Rising without a word, falling where the axis falls; several nodes at a point are draws of it."""
    assert list(design().points["a"]) == list(WIDTHS)
    assert list(design(axis=replace(WIDTH, falls=True)).points["a"]) == list(reversed(WIDTHS))
    nodes = (train(mlp(64, 4, 10), DIGITS, RECIPE, streams={"order": draw}) for draw in (1, 2))
    assert len(Design(arms={"a": {4: tuple(nodes)}}, axis=WIDTH).points["a"][Fraction(4)]) == 2
    assert [node.network.layers[0].outputs for node in design().nodes][:5] == [4, 8, 16, 64, 4]


def test_a_mean_is_over_the_points_of_the_band():
    """Both ends included; an arm at one point is read whatever the band is."""
    curve = (10.0, 20.0, 60.0, 90.0)
    part = beats("a", "one", on=DIGITS, band=Band(low=8, high=16))
    assert read(part, along(curve)) == pytest.approx([-10, -9, -8])


@pytest.mark.parametrize(
    ("axis", "places"), [(WIDTH, np.log(WIDTHS)), (replace(WIDTH, log=False), np.array(WIDTHS, float))]
)
@pytest.mark.parametrize("falls", [False, True])
def test_a_slope_is_the_fitted_change_from_the_first_point_to_the_last(axis, places, falls):
    """By numpy's fit over the logarithms of the points, or the points; with the other sign where it falls."""
    curve = (10.0, 20.0, 60.0, 65.0)
    fitted = np.polyfit(places, curve, 1)[0] * (places[-1] - places[0]) * (-1 if falls else 1)
    part = slope("a", "one", on=DIGITS, band=Band(low=4, high=64))
    assert read(part, along(curve), replace(axis, falls=falls)) == pytest.approx([fitted] * 3)


def test_a_place_is_compared_in_log_points_or_in_the_unit_of_the_axis():
    """The peak at 16 is 100 log(2) log points, or 8 units, from the arm at 8."""
    part = beats("a", "one", on=DIGITS, reading="peak place", bound=5)
    curve = (10.0, 20.0, 60.0, 40.0)
    assert read(part, along(curve)) == pytest.approx([100 * np.log(2)] * 3)
    assert read(part, along(curve), replace(WIDTH, log=False)) == pytest.approx([8.0] * 3)
    logs, units = (design(part, axis=axis).parts[0].unit for axis in (WIDTH, replace(WIDTH, log=False)))
    assert (logs, units) == ("log points", "units")


def test_a_part_is_read_along_the_axis_of_its_design():
    """A design says it to its parts, which locks hash; along density they say nothing."""
    part = beats("a", "b", on=DIGITS, reading="peak")
    assert "axis" not in _plain(part)
    (stamped,) = design(part).parts
    assert _plain(stamped)["axis"] == {"name": "width", "unit": "units", "log": True, "falls": False}
    assert _plain(stamped)["reading"] == "peak"


def test_a_locked_text_says_along_what_and_how_it_is_read():
    """What is asserted is what the design asserts; another axis or reading is another comparison."""
    made = design(beats("a", "b", on=DIGITS, band=Band(low=4, high=16), reading="dip"))
    text = claim(made).locked_content(MICRO)
    (again,) = asserted(text).parts
    assert again == replace(made.parts[0], band=Band(low=Fraction(4), high=Fraction(16)))
    for other in (design(*made.parts, axis=replace(WIDTH, log=False)), design(replace(made.parts[0], reading=PEAK))):
        assert not compares_alike(text, claim(other).locked_content(MICRO))
    assert compares_alike(text, claim(design(*made.parts)).locked_content(MICRO))


def test_variants_and_quick_runs_keep_the_points():
    """Every training is rewritten where it stands; what no deciding part reads is left out of a variant."""
    made = design(beats("a", "b", on=DIGITS, band=Band(low=8, high=16)))
    assert shorten(made).points["a"].keys() == made.points["a"].keys()
    assert [node.recipe.steps for nodes in shorten(made).points["a"].values() for node in nodes] == [1] * 4
    assert {name: list(points) for name, points in only_read(made).points.items()} == {"a": [8, 16], "b": [8, 16]}
    rates = [node.recipe.optimiser.lr for node in design_of(claim(made), MICRO, "half-rate").nodes]
    assert set(rates) == {RECIPE.optimiser.lr / 2}


def test_a_pilot_names_points():
    """An arm at each of them, with what was measured there."""
    made = claim(design(beats("a", "b", on=DIGITS)))
    rows = synthetic.results((made, along((1.0, 2.0, 3.0, 4.0))))
    request = Request(made, made.design(MICRO), ())
    lines = summarise_pilot(request, rows, scale=MICRO, date="today", git="none")
    told = {line.what: line.mean for line in lines}
    assert [told[f"a at width {width} units"] for width in WIDTHS] == [2.0, 3.0, 4.0, 5.0]
    assert told["one at width 8 units"] == 50
    assert pilot_grid(replace(made, pilot=lambda scale: {"e": arm(7)}), MICRO).axis == WIDTH


def test_words_of_an_axis_are_shown_as_they_stand():
    """What would be a tag, or end a cell of a table, is refused."""
    for axis in (Axis("wid|th"), Axis("width", unit="<b>")):
        with pytest.raises(DesignError, match="which reports would not show as it stands"):
            check_design(claim(design(beats("a", "b", on=DIGITS), axis=axis)), MICRO)


def test_a_printed_number_at_a_density_is_of_no_other_axis():
    """Four per cent kept is no width."""
    made = design(beats("a", "b", on=DIGITS))
    assert not Published(value=1.0, of=("a", "b"), task="digits", kept="4").belongs_to(made.parts[0], made)
    assert Published(value=1.0, of=("a", "b"), task="digits").belongs_to(made.parts[0], made)


def test_rows_are_checked_against_points():
    """A point is said by its name where rows are not those of the design; several widths are no contradiction."""
    made = claim(design(beats("a", "b", on=DIGITS)))
    rows = synthetic.results((made, along((1.0, 2.0, 3.0, 4.0))))
    assert contradiction(rows) == ""
    arms = made.locked_content(MICRO)["arms"]
    assert unlike(rows, made.id, arms) == ""
    arms["a"]["16"] = ["other"]
    assert unlike(rows, made.id, arms) == "arm 'a' has rows of 1 trainings, other ones, at width 16 units, its design 1"


def test_other_readings_are_at_every_point():
    """By itself, and all of them together, whatever was locked."""
    made = claim(design(beats("a", "b", on=DIGITS, band=Band(low=8, high=16))))
    found = specifications(made, synthetic.results((made, along((10.0, 20.0, 60.0, 90.0)))))
    bands = [(each.band.low, each.band.high) for each in found]
    assert bands == [(8, 16), (4, 4), (8, 8), (16, 16), (64, 64), (4, 64)]
    assert effects(made, synthetic.results((made, along((10.0, 20.0, 60.0, 90.0)))), {}) == []


def test_a_reading_of_a_users_own():
    """One object: registered, named by a part, found by what locks hold."""
    add_reading(Reading(name="range", version=2, of=lambda place_P, value_RP: np.ptp(value_RP, axis=1), fewest=2))
    try:
        part = beats("a", "one", on=DIGITS, reading="range")
        assert _plain(part)["reading"] == "range@2"
        assert read(part, along((10.0, 20.0, 60.0, 40.0))) == pytest.approx([50.0] * 3)
        assert asserted(claim(design(part)).locked_content(MICRO)).parts[0].reading is READINGS["range@2"]
    finally:
        READINGS.remove("range@2")


# --- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arms", "axis", "said"),
    [
        ({"a": {4: 0}, "b": 0}, WIDTH, "arm 'b' lies along density, and the axis of its design is width.*Next: give"),
        ({"a": {4: 0}}, DENSITY, "arm 'a' has points of its own .4., and its design has no axis.*Next: axis=Axis"),
        ({"a": {0.1: 0}}, WIDTH, "point 0.1 on the axis width: it must be exact.*Next: an int, or Fraction"),
        ({"a": {True: 0}}, WIDTH, "point True on the axis width: it must be exact"),
        ({"a": {0: 0}}, WIDTH, "a point 0 on the axis width, which has no place where ratios count. Next: Axis"),
        ({"a": {}}, WIDTH, "arm 'a' has no point. Next: give it one"),
    ],
)
def test_what_does_not_lie_on_the_axis_is_refused(arms, axis, said):
    """When the design is made, with what to write instead."""
    node = train(mlp(64, 4, 10), DIGITS, RECIPE)
    given = {name: dict.fromkeys(of, node) if isinstance(of, dict) else node for name, of in arms.items()}
    with pytest.raises(DesignError, match=said):
        Design(arms=given, axis=axis)


def test_zero_is_a_point_where_differences_count():
    """As a share of label noise, or a rewind step."""
    node = train(mlp(64, 4, 10), DIGITS, RECIPE)
    assert list(Design(arms={"a": {0: node}}, axis=Axis("label noise", log=False)).points["a"]) == [0]


def test_a_band_along_density_has_fractions():
    """A band of widths is one along the width alone."""
    part = beats("a", "b", on=DIGITS, band=Band(low=4, high=16))
    design(part)
    with pytest.raises(DesignError, match=r"band 4 to 16: densities are fractions kept.*Next: .* give the design its"):
        synthetic.design(part)
    with pytest.raises(DesignError, match="expected low <= high"):
        Band(low=16, high=4)
    with pytest.raises(DesignError, match="densities are fractions kept"):
        percent_kept("0", "5")


@pytest.mark.parametrize("reading", ["slope", "peak", "dip", "peak place", "dip place"])
def test_a_reading_of_too_few_points_is_refused(reading):
    """Two points have no point between them, and any two lie on a line."""
    part = beats("a", "b", on=DIGITS, band=Band(low=4, high=8), reading=reading, bound=1)
    said = rf"a {reading} over 2 points of 'a' \(4, 8\), and at least 3 are needed. Next: widen the band, or add points"
    with pytest.raises(DesignError, match=said):
        check_design(claim(design(part)), MICRO)
    check_design(claim(design(replace(part, band=None))), MICRO)
    cut = replace(part, arm="one", band=Band(low=4, high=4))  # one point of four is in the band
    with pytest.raises(DesignError, match=rf"a {reading} over 1 points of 'b'"):
        check_design(claim(design(cut)), MICRO)
    with pytest.raises(DesignError, match=rf"a {reading} over 1 points of 'one'"):
        check_design(
            claim(design(replace(part, arm="one", reference="two"), arms={"one": arm(1, (4,)), "two": arm(2, (4,))})),
            MICRO,
        )


def test_two_trainings_at_a_point_differ_in_draws_alone():
    """Another recipe at the same point is another arm."""
    other = replace(RECIPE, batch=10)
    nodes = [train(mlp(64, 4, 10), DIGITS, recipe) for recipe in (RECIPE, other)]
    arms = {"a": {4: nodes}, "b": arm(3)}
    said = (
        "arm 'a' has 2 trainings at width 4 units, which would be averaged as draws of one, and differ in recipe.batch"
    )
    with pytest.raises(DesignError, match=said):
        check_design(claim(design(beats("a", "b", on=DIGITS), arms=arms)), MICRO)


def test_arms_are_compared_at_the_same_points():
    """Or one of them has a single one."""
    arms = {"a": arm(1), "b": arm(2, (4, 8, 16, 32))}
    with pytest.raises(
        DesignError, match=r"not at the same points: 4, 8, 16, 64 against 4, 8, 16, 32. Next: give both"
    ):
        check_design(claim(design(beats("a", "b", on=DIGITS), arms=arms)), MICRO)
    far = beats("a", "b", on=DIGITS, band=Band(low=100, high=200))
    with pytest.raises(
        DesignError, match=r"arm 'a' has no point in its band; it has 4, 8, 16, 64. Next: move the band, or give"
    ):
        check_design(claim(design(far)), MICRO)


def test_compared_nets_differ_in_the_contrast_at_every_point():
    """What moves along the axis is no difference of arms at one point."""
    made = design(beats("a", "b", on=DIGITS), contrast=("streams",))
    check_design(claim(made), MICRO)
    with pytest.raises(DesignError, match="at width 4 units: 'a' and 'one' differ in network"):
        check_design(claim(design(beats("a", "one", on=DIGITS), contrast=("streams",))), MICRO)


def test_a_curve_may_be_compared_with_a_point_of_its_own():
    """For a reading that the measured value does not enter; for a mean nothing would be compared."""
    arms = {"a": arm(1), "b": arm(1, (8,))}
    for pair in ("ab", "ba"):
        check_design(claim(design(beats(*pair, on=DIGITS, reading="peak"), arms=arms)), MICRO)
    with pytest.raises(DesignError, match="the same training at width 8 units"):
        check_design(claim(design(beats("a", "b", on=DIGITS), arms=arms)), MICRO)


def test_where_a_peak_lies_needs_a_bound():
    """No task says how far it may move."""
    with pytest.raises(
        DesignError, match=r"where a curve has its peak is held to no bound .* Next: bound= in log points"
    ):
        beats("a", "b", on=DIGITS, reading="peak place")
    with pytest.raises(DesignError, match="did you mean peak"):
        matches("a", "b", on=DIGITS, reading="peek", floors=("c",))


def test_an_axis_has_a_name():
    """It stands in reports."""
    with pytest.raises(DesignError, match=r"an axis without a name. Next: Axis"):
        Axis(" ")


def test_what_is_evaluated_lies_on_an_axis_too():
    """Any node may be at a point: nothing but the author says where it lies."""
    nodes = {width: evaluate(mlp(64, width, 10), DIGITS) for width in WIDTHS}
    assert list(Design(arms={"a": nodes}, axis=WIDTH).points["a"]) == list(WIDTHS)


def shrinking(**changed):
    """A design along the penalty of switches: how many units a net ends with is its own choice."""
    net, recipe = mlp(64, 12, 10), replace(RECIPE, steps=2, validate_every=2)
    nets = {p: train(net, DIGITS, recipe, learn=Switches(penalty=p / 10)) for p in (1, 2)}
    again = {p: train(net, DIGITS, recipe, mask=each.learned_mask()) for p, each in nets.items()}
    whole = {1: train(net, DIGITS, recipe)}
    sizes = {p: structure(each.learned_mask(), DIGITS) for p, each in nets.items()}
    more = {"axis": Axis("penalty"), "contrast": ("learn", "mask")} | changed
    parts = (beats("whole", "shrinking", on=DIGITS), beats("again", "shrinking", on=DIGITS))
    return Design(arms={"whole": whole, "shrinking": nets, "again": again, "sizes": sizes}, parts=parts, **more)


def test_what_keeps_as_many_weights_as_it_likes_is_an_arm_along_another_axis(tmp_path):
    """Rows then have no number of those that it keeps, and the report's sizes leave it out."""
    made = claim(shrinking())
    check_design(made, MICRO)
    asked = Planned.of([Request(made, made.design(MICRO), (Replicate(11, 0),))], Store(tmp_path))
    with asked.plan.store.writing() as writer:
        run_plan(asked.plan, writer, Inline(), provenance={})
    frame = collect(asked, scale="micro", suite_seed=11, quick=False).frame
    assert set(frame["kept"]) == {-1, 64 * 12 + 12 * 10}
    (size,) = network_sizes(made.design(MICRO))
    assert size.what.endswith(", dense")


def test_along_density_it_is_refused_with_the_way_out():
    """It has no place there before it is trained."""
    with pytest.raises(DesignError, match=r"known only after training.*Next: .*axis=Axis\("):
        _ = Design(arms={"shrinking": shrinking().points["shrinking"][Fraction(1)]}).points

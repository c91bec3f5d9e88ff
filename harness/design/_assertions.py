"""The words in which a claim asserts: one function a kind of comparison, each of which returns a part, or two."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.design._metrics import METRICS
from harness.design._metrics import metric as known_metric
from harness.design._parts import Band, Part
from harness.errors import DesignError
from harness.stats import KINDS, READINGS, SLOPE, Bound

if TYPE_CHECKING:
    from harness.data import Task


def asserts(
    kind: str,
    arm: str,
    reference: str,
    *,
    on: Task,
    floors: tuple[str, ...] = (),
    band: Band | None = None,
    label: str = "",
    null_setting: bool = False,
    published: float | None = None,
    metric: str = "test_accuracy",
    bound: float | None = None,
    reading: str = "mean",
) -> Part:
    """`arm` compared with `reference` by a kind that is registered with `harness.stats.add_kind`, given by name.

    Args:
        kind: ``"beats"``, ``"matches"``, ``"equals"``, or one of your own.
        arm: What is compared.
        reference: What is subtracted from it.
        on: The task, whose sesoi or margin the part is held to where the metric has none of its own.
        floors: Arms that the reference must be ahead of.
        band: The densities that are read; all without it.
        label: A name for tables.
        null_setting: Whether the effect must be absent here.
        published: Not drawn any more: locked texts have it. See `Published`.
        metric: The stored metric that is read.
        bound: Another sesoi or margin than that of task or metric, in its unit.
        reading: What is made of an arm's values along its axis: ``"mean"``, ``"slope"``, ``"peak"``, ``"dip"``, or the
            ``"peak place"`` or ``"dip place"``, which need a bound.

    Returns:
        The part, with the bound that the kind is held to.

    Raises:
        DesignError: For a kind, metric or reading that is not known, with the nearest names.

    >>> from harness import DIGITS
    >>> asserts("beats", "ticket", "reinit", on=DIGITS) == beats("ticket", "reinit", on=DIGITS)
    True
    """
    made = KINDS[KINDS.latest(kind)]
    read = known_metric(METRICS.latest(metric))
    along = READINGS[READINGS.latest(reading)]
    sesoi, margin = read.bounds or (on.sesoi_pp, min(on.sesoi_pp, on.margin_pp))
    if bound is not None and not bound > 0:
        raise DesignError(f"{arm} {kind} {reference}: a bound of {bound} is no bound. Next: bound= above 0, or none")
    if along.is_place and bound is None:
        raise DesignError(
            f"{arm} {kind} {reference}: where a curve has its {along.name.partition(' ')[0]} is held to no bound of "
            "task or metric. Next: bound= in log points, or in the unit of an axis with log=False"
        )
    default = sesoi if made.held_to is Bound.SESOI else margin
    return Part(
        kind=made,
        arm=arm,
        reference=reference,
        task=on.name,
        bound=default if bound is None else bound,
        band=band,
        floors=floors,
        label=label,
        null_setting=null_setting,
        published=published,
        metric=read.name,
        reading=along,
    )


def beats(
    arm: str,
    reference: str,
    *,
    on: Task,
    floors: tuple[str, ...] = (),
    band: Band | None = None,
    label: str = "",
    published: float | None = None,
    metric: str = "test_accuracy",
    bound: float | None = None,
    reading: str = "mean",
) -> Part:
    """`arm` has more of `metric` than `reference`; the smallest effect of interest is the task's, or the metric's.

    Args:
        arm: The arm that is compared.
        reference: The arm that is subtracted from it.
        on: The task, whose sesoi holds where the metric has none of its own.
        floors: Arms that `reference` must be ahead of, where a lead over what has learned nothing would say little.
        band: The densities that are read and averaged; all without it.
        label: A name for tables.
        published: Not drawn any more: locked texts have it. See `Published`.
        metric: What is read.
        bound: Another smallest effect of interest than that of task or metric, in its unit.
        reading: What is made of an arm's values along its axis: ``"mean"``, ``"slope"``, ``"peak"``, ``"dip"``, or the
            ``"peak place"`` or ``"dip place"``, which need a bound.

    Returns:
        A part that is reproduced where the effect is above 0, and refuted where it is below the sesoi.

    Raises:
        DesignError: For an unknown metric, with the nearest names.

    >>> from harness import DIGITS, percent_kept
    >>> beats("ticket", "reinit", on=DIGITS, band=percent_kept("2", "5")).bound
    0.4
    """
    return asserts(
        "beats",
        arm,
        reference,
        on=on,
        floors=floors,
        band=band,
        label=label,
        published=published,
        metric=metric,
        bound=bound,
        reading=reading,
    )


def matches(
    arm: str,
    reference: str,
    *,
    on: Task,
    floors: tuple[str, ...],
    band: Band | None = None,
    label: str = "",
    null_setting: bool = False,
    metric: str = "test_accuracy",
    bound: float | None = None,
    reading: str = "mean",
) -> Part:
    """`arm` is no worse than `reference` by a margin; `floors` show that it could have been.

    The margin is the task's, or its smallest effect of interest where that is less: what is within a margin is then
    never an effect that another part would call of interest.

    Args:
        arm: The arm that is compared.
        reference: The arm that is subtracted from it.
        on: The task, whose margin holds where the metric has none of its own.
        floors: Arms that the reference must lead by twice the margin.
        band: The densities that are read and averaged; all without it.
        label: A name for tables.
        null_setting: Whether it is a setting in which the effect must be absent.
        metric: What is read.
        bound: Another margin, in the metric's unit; at most the smallest effect of interest, which is the default.
        reading: What is made of an arm's values along its axis: ``"mean"``, ``"slope"``, ``"peak"``, ``"dip"``, or the
            ``"peak place"`` or ``"dip place"``, which need a bound.

    Returns:
        A part that is reproduced where the effect is above minus the margin, and refuted where it is below.

    Raises:
        DesignError: For an unknown metric, with the nearest names.

    >>> from harness import DIGITS
    >>> matches("ticket", "dense", on=DIGITS, floors=("linear",)).bound
    0.4
    """
    return asserts(
        "matches", arm, reference, on=on, floors=floors, band=band, label=label, null_setting=null_setting,
        metric=metric, bound=bound, reading=reading,
    )  # fmt: skip


def equals(
    arm: str,
    reference: str,
    *,
    on: Task,
    floors: tuple[str, ...],
    band: Band | None = None,
    label: str = "",
    null_setting: bool = False,
    metric: str = "test_accuracy",
    bound: float | None = None,
    reading: str = "mean",
) -> Part:
    """`arm` and `reference` differ by less than a margin either way, the one that `matches` has.

    Args:
        arm: The arm that is compared.
        reference: The arm that is subtracted from it.
        on: The task, whose margin holds where the metric has none of its own.
        floors: Arms that the reference must lead by twice the margin.
        band: The densities that are read and averaged; all without it.
        label: A name for tables.
        null_setting: Whether it is a setting in which the effect must be absent.
        metric: What is read.
        bound: Another margin, in the metric's unit; at most the smallest effect of interest, which is the default.
        reading: What is made of an arm's values along its axis: ``"mean"``, ``"slope"``, ``"peak"``, ``"dip"``, or the
            ``"peak place"`` or ``"dip place"``, which need a bound.

    Returns:
        A part that is reproduced where the effect is within the margin, and refuted where it is beyond.

    Raises:
        DesignError: For an unknown metric, with the nearest names.

    >>> from harness import DIGITS
    >>> equals("ticket", "copy", on=DIGITS, floors=("linear",)).name
    'ticket equals copy'
    """
    return asserts(
        "equals", arm, reference, on=on, floors=floors, band=band, label=label, null_setting=null_setting,
        metric=metric, bound=bound, reading=reading,
    )  # fmt: skip


def no_gain(
    arm: str,
    reference: str,
    *,
    on: Task,
    near: tuple[str, ...],
    band: Band | None = None,
    label: str = "",
    metric: str = "test_accuracy",
    bound: float | None = None,
    reading: str = "mean",
) -> Part:
    """`arm` gains nothing of interest on `reference`, in a setting in which the effect under test must be absent.

    It decides nothing and goes into a design's ``beside=``. That the setting works is shown by arms that the reference
    is near: where nothing can be learned, nothing is gained either.

    Args:
        arm: The arm that must not gain.
        reference: The arm on which it must not gain.
        on: The task, whose smallest effect of interest holds where the metric has none of its own.
        near: Arms, such as the dense net, that the reference may be behind by twice the bound at most.
        band: The densities that are read and averaged; all without it.
        label: A name for tables.
        metric: What is read.
        bound: Another smallest effect of interest than that of task or metric, in its unit.
        reading: What is made of an arm's values along its axis: ``"mean"``, ``"slope"``, ``"peak"``, ``"dip"``, or the
            ``"peak place"`` or ``"dip place"``, which need a bound.

    Returns:
        A part that is reproduced where the effect is below the smallest one of interest, and refuted where it is above.

    Raises:
        DesignError: For an unknown metric, with the nearest names.

    >>> from harness import DIGITS
    >>> no_gain("late, low rate", "reset, low rate", on=DIGITS, near=("dense, low rate",)).name
    'late, low rate gains nothing on reset, low rate'
    """
    return asserts(
        "no_gain", arm, reference, on=on, floors=near, band=band, metric=metric, bound=bound, null_setting=True,
        label=label or f"{arm} gains nothing on {reference}{READINGS[READINGS.latest(reading)].named}", reading=reading,
    )  # fmt: skip


def slope(arm: str, reference: str, *, on: Task, band: Band, label: str = "", metric: str = "test_accuracy") -> Part:
    """`arm` gains on `reference` towards sparsity: what a line in log density gains over `band`, in pp, is positive.

    The smallest effect of interest is the task's, for the change over the whole band.

    Args:
        arm: The arm that is compared.
        reference: The arm that is subtracted from it.
        on: The task, whose sesoi holds where the metric has none of its own.
        band: The densities, at least three, over which the line is fitted.
        label: A name for tables.
        metric: What is read.

    Returns:
        A part that reads a slope.

    Raises:
        DesignError: For an unknown metric, with the nearest names.

    >>> from harness import DIGITS, percent_kept
    >>> slope("ticket", "reinit", on=DIGITS, band=percent_kept("2", "20")).name
    'ticket beats reinit increasingly'
    """
    return replace(beats(arm, reference, on=on, band=band, label=label, metric=metric), reading=SLOPE)


def interaction(
    arm: str,
    reference: str,
    *,
    less: tuple[str, str],
    on: Task,
    band: Band | None = None,
    label: str = "",
    metric: str = "test_accuracy",
) -> Part:
    """`arm` is ahead of `reference` by more than ``less[0]`` is ahead of ``less[1]``: a difference of differences.

    Args:
        arm: The arm that is compared.
        reference: The arm that is subtracted from it.
        less: Two more arms, whose difference is subtracted.
        on: The task, whose sesoi holds where the metric has none of its own.
        band: The densities that are read and averaged; all without it.
        label: A name for tables.
        metric: What is read.

    Returns:
        A part that reads four arms.

    Raises:
        DesignError: For an unknown metric, with the nearest names.

    >>> from harness import DIGITS
    >>> interaction("late", "reset", less=("warm", "warm reset"), on=DIGITS).reads
    ('late', 'reset', 'warm', 'warm reset')
    """
    return replace(beats(arm, reference, on=on, band=band, label=label, metric=metric), less=less)


def only_beyond(
    arm: str,
    reference: str,
    *,
    on: Task,
    beyond: Band,
    before: Band,
    floors: tuple[str, ...],
    metric: str = "test_accuracy",
    margin: float | None = None,
) -> tuple[Part, Part]:
    """`arm` is better than `reference` in the band `beyond` and, by the margin, not better in the band `before`.

    Both parts decide. The second says that `reference` matches `arm`; `floors` show that it could have failed to.

    Args:
        arm: The arm that is better beyond.
        reference: The arm that it is compared with.
        on: The task, whose sesoi and margin holds where the metric has none of its own.
        beyond: The densities at which `arm` is better.
        before: The densities at which it is not.
        floors: Arms that `arm` must lead by twice the margin in the band `before`.
        metric: What is read.
        margin: Another margin of the second part; see `matches`.

    Returns:
        Two parts, for a design's ``parts=``.

    Raises:
        DesignError: For an unknown metric, with the nearest names.

    >>> from harness import DIGITS, percent_kept
    >>> bands = {"beyond": percent_kept("2"), "before": percent_kept("20")}
    >>> [part.name for part in only_beyond("ticket", "reinit", on=DIGITS, floors=("linear",), **bands)]
    ['ticket beats reinit', 'reinit matches ticket']
    """
    return (
        beats(arm, reference, on=on, band=beyond, metric=metric),
        matches(reference, arm, on=on, floors=floors, band=before, metric=metric, bound=margin),
    )

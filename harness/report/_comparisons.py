"""How the report tells one comparison: what was subtracted from what, what came of it, what a fresh run would give."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.design import Design, Part, metric
from harness.report._hypothesis import gap
from harness.report._notation import amount, interval, signed
from harness.stats import MOST, Bound, Interval, Outcome, prediction_interval, t_critical
from harness.verdict import ClaimVerdict, FloorVerdict, PartVerdict

FAR = 10.0  # times what is needed; a floor that is further below does not bind: almost anything would be ahead of it


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A comparison in the section's tables: the design's part, its verdict, and both in words."""

    part: Part
    result: PartVerdict
    compared: str
    role: str
    asserts: str
    effect: str
    sd: str
    needed: str
    alone: str
    again: str
    margin: str


def compared(part: Part, result: PartVerdict, verdict: ClaimVerdict, design: Design, *, decides: bool) -> Compared:
    return Compared(
        part=part,
        result=result,
        compared=difference(part),
        role="null setting" if part.null_setting else "decides" if decides else "beside",
        asserts=part.kind.asserts(part.bound, part.unit) + (", its own" if _is_own(part, design) else ""),
        effect=interval(result),
        sd=f"{amount(result.sd, part.unit)} {part.unit}" if result.sd is not None else "–",
        needed=_needed(part, result),
        alone=_alone(part, result),
        again=_again(part, result),
        margin=_margin(part, result, verdict.alpha / max(1, len(verdict.family))),
    )


def _is_own(part: Part, design: Design) -> bool:
    """Whether a part is held to another bound than those that its metric or its task has."""
    of_tasks = [(node.task.sesoi_pp, node.task.margin_pp) for node in design.nodes if node.task.name == part.task]
    return part.bound not in (metric(part.metric).bounds or next(iter(of_tasks), ()))


def binds(floor: FloorVerdict) -> str:
    """Say whether the reference was ahead of a floor by what is needed, or by so much that the floor says little."""
    if not floor.beaten or floor.lower is None or floor.needed <= 0 or floor.lower < FAR * floor.needed:
        return "yes" if floor.beaten else "no"
    return f"yes, by {floor.lower / floor.needed:.0f} times that: it does not bind"


def _alone(part: Part, result: PartVerdict) -> str:
    """Say what a part comes to by itself; what holds within its margin and is worse all the same says so.

    Where all differences are equal no test says anything, and they say it themselves.
    """
    alone, low = result.alone, part.kind.interval[0]
    worse = alone.outcome is Outcome.REPRODUCED and low < 0 and result.upper is not None and result.upper < 0
    note = alone.qualifier if not worse else "worse, within the margin" if math.isfinite(low) else "worse"
    if result.sd == 0:
        note = f"all {result.n} differences equal {signed(result.mean, part.unit)} {part.unit}"
    return f"{alone.outcome} ({note})" if note else str(alone.outcome)


def _again(part: Part, result: PartVerdict) -> str:
    """Say where the mean of a fresh run of as many replicates would lie in 95 of 100 cases, and whether it decides."""
    if result.mean is None or not result.sd or result.n < 2:
        return "–"
    fresh = prediction_interval(result.mean, result.sd, result.n, further=result.n)
    inside = Interval(fresh.lower, fresh.upper)
    side = part.kind.inside(inside, part.bound) or part.kind.outside(inside, part.bound)
    told = f"{signed(fresh.lower, part.unit)} to {signed(fresh.upper, part.unit)}"
    return told + ("" if side else ", on both sides")


def _margin(part: Part, result: PartVerdict, alpha: float) -> str:
    """Return the smallest margin that a part of one would have passed, at Holm's first step; a dash for other kinds."""
    low, high = part.kind.interval
    if part.kind.held_to is not Bound.MARGIN or result.mean is None or not result.sd or result.n < 2:
        return "–"
    reach = t_critical(result.n, alpha) * result.sd / math.sqrt(result.n)
    ends = [reach - result.mean] * math.isfinite(low) + [reach + result.mean] * math.isfinite(high)
    return f"{amount(max(0.0, *ends), part.unit)} {part.unit}"


def difference(part: Part) -> str:
    """Return what is subtracted from what, in the arms' names, with the label behind it."""
    notes = [part.label, "" if part.metric == "test_accuracy" else metric(part.metric).words]
    noted = ", ".join(note for note in notes if note)
    return f"{gap(part)} ({noted})" if noted else gap(part)


def _needed(part: Part, result: PartVerdict) -> str:
    """Return the replicates that `part` needs at the observed spread, and that there are fewer where there are."""
    if not result.sd:
        return "–"
    have, need = result.n, result.needed
    if need is not None and need <= have:
        return str(need)
    return f"have {have}, need {need or f'more than {MOST}'} for this {part.kind.held_to}"

"""What a paper prints beside what was measured: in a sentence, and as the interval in which its mean should lie."""

from __future__ import annotations

from harness.design import Claim, Design, Part, Published, printed_of
from harness.report._hypothesis import gap
from harness.report._notation import point_of, signed
from harness.stats import Interval, prediction_interval
from harness.verdict import ClaimVerdict, PartVerdict


def expected(each: Published, part: Part, result: PartVerdict, design: Design) -> Interval | None:
    """Return where 95 of 100 means over the paper's number of trials would lie, if they are like the ones made here.

    None where the paper's data are others, where it does not say over how many trials its mean is, and where what was
    measured has no spread.
    """
    if each.trials is None or not each.same_task(part, design) or result.mean is None or not result.sd or result.n < 2:
        return None
    return prediction_interval(result.mean, result.sd, result.n, further=each.trials)


def printed_in_words(claim: Claim, verdict: ClaimVerdict, design: Design) -> list[str]:
    """Return a sentence for each number that the paper prints of a comparison of this scale."""
    return [
        f"{_of(each, part, design)}{_compared(each, part, result, design)}"
        for part, result in zip(design.compared(), verdict.compared, strict=False)
        for each in printed_of(claim, part, design)
    ]


def _of(each: Published, part: Part, design: Design) -> str:
    """Say what the paper prints, of what, and where it is read here."""
    trials = f"{each.trials} trial{'s' if each.trials != 1 else ''}" if each.trials else ""
    kept = f"{each.kept} % kept" if each.kept else ""
    told = ", ".join(filter(None, (each.net, kept, each.task, trials)))
    here = f"; read here at {_levels(part, design)}" if each.kept else ""
    return f"The paper prints {signed(each.value, part.unit)} {part.unit} for {gap(part)} ({told}{here})"


def _levels(part: Part, design: Design) -> str:
    levels = {density for arm in (part.arm, part.reference) for density in design.read(arm, part)}
    return " and ".join(point_of(design.axis, float(each)) for each in sorted(levels - {1} or levels, reverse=True))


def _compared(each: Published, part: Part, result: PartVerdict, design: Design) -> str:
    """Say whether the paper's number lies where it was to be expected, or why that is not asked."""
    if not each.same_task(part, design):
        return ": another task, not compared."
    if (found := expected(each, part, result, design)) is None:
        return ": not compared, as it is not said over how many trials." if each.trials is None else ": not compared."
    inside = found.lower <= each.value <= found.upper
    ends = " to ".join(signed(end, part.unit) for end in (found.lower, found.upper))
    return f"; 95 % of means over {each.trials} such trials would lie in {ends}: it {'does' if inside else 'does not'}."

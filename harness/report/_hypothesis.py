"""The hypothesis of a claim in words, made from the parts that a lock holds it to and from nothing else."""

from __future__ import annotations

from harness.design import Design, Part, metric
from harness.population import hundredths
from harness.report._notation import kept, point_of


def in_words(design: Design, *, locked: bool) -> str:
    """Return what has to hold, in sentences: each comparison, where it is read, what it is held to; which test decides.

    Empty for an exact claim, whose quantities stand in a table.
    """
    if not design.parts:
        return ""
    told = [_asserted(part, design) for part in design.parts]
    start = "Registered" if locked else "Asserted, not locked"
    several = len(told) > 1
    text = "; ".join(f"({i}) {each}" for i, each in enumerate(told, start=1)) if several else told[0]
    by = f"{design.replicates} replicates, by the {design.decision}-test"
    return f"{start}{', all of which must hold' * several}: {text}. {by}."


def _asserted(part: Part, design: Design) -> str:
    read = f"{gap(part)} in {metric(part.metric).words}{_where(part, design)}"
    words = f"{read} {part.kind.registers(part.bound, part.unit)}"
    if part.floors:
        needed = part.kind.floor_needed(part.bound)
        by = f"by {needed:g} {part.unit}" if needed else "at all"
        words += f", where {part.reference} leads {' and '.join(part.floors)} {by}"
    return words + ", as the effect is absent there" * part.null_setting


def gap(part: Part) -> str:
    """Return what is subtracted from what, in the arms' names."""
    each = part.reading.each
    gaps = [f"{each.format(arm=arm)} − {each.format(arm=reference)}" for arm, reference in part.pairs]
    text = gaps[0] if len(gaps) == 1 else " − ".join(f"({each})" for each in gaps)
    return part.reading.whole.format(gap=text, towards=part.axis.towards)


def _where(part: Part, design: Design) -> str:
    """Say at which points the part reads its arms; nothing where all of them are dense."""
    axis, pairs = design.axis, [arm for pair in part.pairs for arm in pair]
    several = {d for arm in pairs if len(design.points[arm]) > 1 for d in design.read(arm, part)}
    read = {d for arm in pairs for d in design.read(arm, part) if d < 1} if axis.is_density else several
    printed = {point_of(axis, float(d)) for d in read}
    if not printed:
        return ""
    of = " of the weights kept" if axis.is_density else ""
    if len(printed) == 1:
        return f", at {printed.pop()}{of},"
    if part.band is not None:
        return f", {part.reading.over} {band_of(part)}{of},"
    points = "all levels" if axis.is_density else f"{axis.at(float(min(read)))} to {float(max(read)):g}"
    return f", {part.reading.over} {points},"


def band_of(part: Part) -> str:
    """Return the part's band: ``3 to 12.5 %``, ``width 10 to 40 units``."""
    assert part.band is not None
    ends = (part.band.low, part.band.high)
    if part.axis.is_density:
        return f"{' to '.join(dict.fromkeys(kept(hundredths(float(end))) for end in ends))} %"
    numbers = " to ".join(dict.fromkeys(f"{float(end):g}" for end in ends))
    return f"{part.axis.name} {numbers} {part.axis.unit}".rstrip()

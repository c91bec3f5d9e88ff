"""The hypothesis of a claim in words, made from the parts that a lock holds it to and from nothing else."""

from __future__ import annotations

from harness.design import Design, Part, Reading, metric
from harness.population import hundredths
from harness.report._notation import kept, percent, unit_of


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
    words = f"{read} {part.kind.registers(part.bound, unit_of(part))}"
    if part.floors:
        needed = part.kind.floor_needed(part.bound)
        by = f"by {needed:g} {unit_of(part)}" if needed else "at all"
        words += f", where {part.reference} leads {' and '.join(part.floors)} {by}"
    return words + ", as the effect is absent there" * part.null_setting


def gap(part: Part) -> str:
    """Return what is subtracted from what, in the arms' names."""
    gaps = [f"{arm} − {reference}" for arm, reference in part.pairs]
    text = gaps[0] if len(gaps) == 1 else " − ".join(f"({each})" for each in gaps)
    return f"change of {text} towards sparsity" if part.reading is Reading.SLOPE else text


def _where(part: Part, design: Design) -> str:
    """Say at which densities the part reads its arms; nothing where all of them are dense."""
    pairs = [arm for pair in part.pairs for arm in pair]
    printed = {percent(float(d)) for arm in pairs for d in design.read(arm, part) if d < 1}
    if not printed:
        return ""
    if len(printed) == 1:
        return f", at {printed.pop()} of the weights kept,"
    over = "over" if part.reading is Reading.SLOPE else "mean over"
    return f", {over} {in_percent(part)} of the weights kept," if part.band is not None else f", {over} all levels,"


def in_percent(part: Part) -> str:
    """Return the part's band: ``3 to 12.5 %``."""
    assert part.band is not None
    ends = dict.fromkeys(kept(hundredths(float(end))) for end in (part.band.low, part.band.high))
    return f"{' to '.join(ends)} %"

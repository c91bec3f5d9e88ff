"""A figure in a sentence: what a reader hears who does not see it, and what a page shows until it has loaded."""

from __future__ import annotations

from collections.abc import Sequence

from harness.design import Scale
from harness.report._notation import interval
from harness.report._summary import Group, tally
from harness.verdict import ClaimVerdict


def in_a_sentence(id: str, verdict: ClaimVerdict, scale: Scale) -> str:
    """Return the verdict on a claim and the effect of each part that decides: what its figure shows."""
    effects = "; ".join(f"{part.name}: {interval(part)}" for part in verdict.parts)
    beside = len(verdict.compared) - len(verdict.parts)
    more = f"; {beside} more shown beside" if beside else ""
    return f"{id} is {verdict.in_words(scale)}. Mean and 95 % interval of n = {verdict.n} replicates: {effects}{more}."


def overview_in_a_sentence(grouped: Sequence[Group]) -> str:
    """Return how many claims of each paper came to what: what the overview shows, whose effects stand in the table."""
    told = "; ".join(f"{group.key}: {tally(group.lines)}" for group in grouped)
    return f"Every claim, its effect in units of what it is held to. {told or 'No claims'}."

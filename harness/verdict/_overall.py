"""What p-values become over all papers: a look that decides nothing."""

from __future__ import annotations

from collections.abc import Mapping

from harness.design import CONTROLS, Registry, Scale
from harness.stats import Decision, Outcome, all_hold, any_fails, holm
from harness.verdict._verdicts import ClaimVerdict, Verdicts


def over_all_papers(verdicts: Verdicts, registry: Registry) -> Mapping[str, float]:
    """Return by claim the p-value of its verdict's side after Holm's correction over every paper at the scale.

    That is p to refute for what was refuted, else p to reproduce, by the claim's own test. The family are all tested
    claims of papers that are locked, run or not, of every round; exact claims and controls stand outside.
    """
    ids = claims_of_papers(verdicts.scale, registry)
    judged = {id: v for id, v in verdicts.claims.items() if id in ids and v.parts and v.is_confirmatory}
    adjusted: dict[bool, dict[str, float]] = {}
    for refuted in (False, True):
        p = {id: _raw(judged[id], refuted=refuted) if id in judged else 1.0 for id in ids}
        adjusted[refuted] = dict(zip(p, holm(list(p.values())).tolist(), strict=True))
    return {id: adjusted[verdict.outcome is Outcome.REFUTED][id] for id, verdict in judged.items()}


def claims_of_papers(scale: Scale, registry: Registry) -> list[str]:
    """Return the ids of all tested claims of papers that are locked at a scale, without those that were superseded."""
    ids = {e.claim for e in registry.entries if e.scale == scale and e.replicates and e.paper != CONTROLS}
    return sorted(ids - registry.superseded(scale))


def _raw(verdict: ClaimVerdict, *, refuted: bool) -> float:
    """Return a claim's p before any correction, by the test that decides."""
    flip = verdict.decision == Decision.SIGN_FLIP
    if refuted:
        return any_fails([part.flip_ref if flip else part.p_ref for part in verdict.parts])
    return all_hold([part.flip_rep if flip else part.p_rep for part in verdict.parts])

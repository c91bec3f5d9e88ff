"""From assessments to one verdict a claim: the decision rule of docs/statistics.md, as pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.stats import _causes as causes
from harness.stats._assessment import Assessment
from harness.stats._holm import holm
from harness.stats._kinds import Decision, Outcome
from harness.stats._paired import ALPHA
from harness.stats._power import Held

MOST_NAMED = 3  # quantities of an exact claim that differ; the report's table has them all


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A claim's outcome within its family; `p_rep` and `p_ref` are the deciding test's, after Holm.

    `qualifier` completes a decided outcome (reproduced: direction, at least sesoi; refuted: opposite, too small);
    `cause` explains an undecided one to a reader; `needed` is the replicates that would give the power to decide.
    `unchecked` says of a decided one, where sign-flip could have no say, what leaving out one replicate does.
    """

    outcome: Outcome
    qualifier: str = ""
    cause: str = ""
    p_rep: float = 1.0
    p_ref: float = 1.0
    needed: int | None = None
    unchecked: str = ""


def exactly(observed: Mapping[str, str], expected: Mapping[str, str]) -> Verdict:
    """Return the verdict of an exact claim: reproduced where every observed text is the expected one, else refuted.

    It stands outside the families and has no p-value; the cause of a refutation names the first quantities that differ.
    """
    differ = [name for name in expected if observed.get(name) != expected[name]]
    if not differ:
        return Verdict(outcome=Outcome.REPRODUCED)
    told = [f"{name} is {observed.get(name, 'missing')}, expected {expected[name]}" for name in differ[:MOST_NAMED]]
    more = f"; and {len(differ) - MOST_NAMED} more" if len(differ) > MOST_NAMED else ""
    return Verdict(outcome=Outcome.REFUTED, cause="; ".join(told) + more)


def decide(family: Mapping[str, Assessment | None], alpha: float = ALPHA, *, fair: bool = False) -> dict[str, Verdict]:
    """Return the verdict of every claim of one Holm family: what was locked of one paper and scale in one round.

    None is a claim in the lock that was not run. It counts as p = 1, as does one that failed, has fewer than `FEWEST`
    replicates, or has a part without spread. Both families (p_rep, p_ref) are adjusted with t p-values and, separately,
    with sign-flip p-values; a claim's own `decision` says which of the two decides, at the level `alpha`. With
    `fair` sign-flip has a say only where it could still agree; what it could not check says what leaving out one
    replicate does.
    """
    judged = {name: claim for name, claim in family.items() if claim is not None and not causes.undecidable(claim)}
    t_rep = _adjusted(family, {name: claim.p_rep for name, claim in judged.items()})
    t_ref = _adjusted(family, {name: claim.p_ref for name, claim in judged.items()})
    flip_rep = _adjusted(family, {name: claim.flip_rep for name, claim in judged.items()})
    flip_ref = _adjusted(family, {name: claim.flip_ref for name, claim in judged.items()})

    verdicts: dict[str, Verdict] = {}
    for name, claim in family.items():
        if claim is None:
            verdicts[name] = Verdict(outcome=Outcome.NOT_RUN, cause="no stored results; counts as p = 1 in its family")
        elif claim.error:
            verdicts[name] = Verdict(outcome=Outcome.ERROR, cause=claim.error)
        elif cause := causes.undecidable(claim):
            verdicts[name] = Verdict(outcome=Outcome.INCONCLUSIVE, cause=cause)
        else:
            t, flip = (t_rep[name], t_ref[name]), (flip_rep[name], flip_ref[name])
            verdicts[name] = _judge(claim, t=t, flip=flip, held=Held(len(family), alpha, fair))
    return verdicts


def _judge(claim: Assessment, *, t: tuple[float, float], flip: tuple[float, float], held: Held) -> Verdict:
    """Verdict of a claim that can be judged, from adjusted (p_rep, p_ref) by either test, at its family's level."""
    by_t = claim.decision is Decision.T
    p_rep, p_ref = t if by_t else flip
    outcome = _outcome(claim, p_rep, p_ref, held.alpha)
    tests = held.claims * (len(claim.parts) if outcome is Outcome.REFUTED else 1)
    checks = by_t and held.checks(claim.n, tests)
    if checks and (other := _outcome(claim, *flip, held.alpha)) is not outcome:
        cause, needed = causes.disagreement(claim, outcome, other, held)
        if outcome is Outcome.INCONCLUSIVE:
            undecided, needed = causes.undecided(claim, p_rep, p_ref, held)
            cause = f"{cause}; {undecided}"
        return Verdict(outcome=Outcome.INCONCLUSIVE, cause=cause, p_rep=p_rep, p_ref=p_ref, needed=needed)
    if outcome is Outcome.INCONCLUSIVE:
        cause, needed = causes.undecided(claim, p_rep, p_ref, held)
        return Verdict(outcome=outcome, cause=cause, p_rep=p_rep, p_ref=p_ref, needed=needed)
    qualifier = _how_reproduced(claim) if outcome is Outcome.REPRODUCED else _how_refuted(claim)
    unchecked = "" if checks or not held.fair or not by_t else _without_one(claim, outcome, p_rep, p_ref, held)
    return Verdict(outcome=outcome, qualifier=qualifier, p_rep=p_rep, p_ref=p_ref, unchecked=unchecked)


def _without_one(claim: Assessment, outcome: Outcome, p_rep: float, p_ref: float, held: Held) -> str:
    """Say whether a t verdict stands whichever replicate is left out, at the level where its Holm step stands."""
    if outcome is Outcome.REPRODUCED:
        raw, adjusted, without = claim.p_rep, p_rep, claim.without_one(reproduced=True)
    else:
        raw, adjusted, without = claim.p_ref, p_ref, claim.without_one(reproduced=False)
    step = adjusted / raw if raw > 0 else float(held.claims)
    stands = "stands" if without * step <= held.alpha else "does not stand"
    return f"not cross-checked; {stands} whichever replicate is left out"


def _outcome(claim: Assessment, p_rep: float, p_ref: float, alpha: float) -> Outcome:
    """The decision rule, for p-values of either test, adjusted or not."""
    if p_ref <= alpha:
        return Outcome.REFUTED
    if p_rep <= alpha and not causes.below_sesoi(claim) and not causes.floor_causes(claim):
        return Outcome.REPRODUCED
    return Outcome.INCONCLUSIVE


def _how_reproduced(claim: Assessment) -> str:
    sized = [part for part in claim.parts if part.kind.sized]
    if not sized:
        return ""
    large = all(part.kind.large_enough(part.interval, part.bound) for part in sized)
    return "at least sesoi" if large else "direction"


def _how_refuted(claim: Assessment) -> str:
    """What the part that refutes, the one with the smallest deciding p, says about the effect."""
    part = min(claim.parts, key=lambda part: part.p_ref if claim.decision is Decision.T else part.flip_ref)
    if not part.kind.sized:
        return ""
    if part.kind.opposite(part.interval, part.bound):
        return "opposite"
    return "too small" if part.kind.inside(part.interval, part.bound) else ""


def _adjusted(family: Mapping[str, Assessment | None], p: Mapping[str, float]) -> dict[str, float]:
    """Holm over the whole family; what has no p counts as 1."""
    return dict(zip(family, holm([p.get(name, 1.0) for name in family]).tolist(), strict=True))

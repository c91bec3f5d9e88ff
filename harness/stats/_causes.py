"""Why a claim stays open, in words for a reader: precision, multiplicity, a floor, two tests that disagree."""

from __future__ import annotations

from harness.stats._amounts import decimals
from harness.stats._assessment import Assessment, PartResult
from harness.stats._kinds import Decision, Outcome
from harness.stats._paired import ALPHA, flip_least
from harness.stats._power import FEWEST, MOST, POWER, Held, claim_needs, flips_needed


def undecidable(claim: Assessment) -> str:
    """Why a claim cannot be tested at all; empty if it can."""
    if claim.error:
        return claim.error
    if claim.n < FEWEST:
        return f"too few replicates: {claim.n}, and nothing is decided on fewer than {FEWEST}"
    by_flip = claim.decision is Decision.SIGN_FLIP
    still = [part for part in claim.parts if part.sd == 0 and not (by_flip and part.discrete)]
    if still:
        told = "; ".join(
            f"'{part.name}' is {part.mean:+.{decimals(part.unit)}f} {part.unit} in all {part.n} replicates"
            for part in still
        )
        counted = any(part.discrete for part in still)
        return f"no spread (sd = 0): {told}{'; of counts, decision=Decision.SIGN_FLIP can decide that' * counted}"
    return ""


def undecided(claim: Assessment, p_rep: float, p_ref: float, held: Held) -> tuple[str, int | None]:
    """Why adjusted p-values leave a claim open, in words, and the replicates needed where more of them would help."""
    by_t = claim.decision is Decision.T
    alone_rep, alone_ref = (claim.p_rep, claim.p_ref) if by_t else (claim.flip_rep, claim.flip_ref)
    at = "" if held.alpha == ALPHA else f" at level {held.alpha:g}"
    floors, among = floor_causes(claim), f"among the {_claims(held.claims)} tested{at}"
    if alone_ref <= held.alpha:
        cause = f"multiplicity: refuted on its own (p = {alone_ref:.2g}), not {among} (adjusted p = {p_ref:.2g})"
    elif alone_rep <= held.alpha and (small := below_sesoi(claim)):
        cause = "multiplicity: " + "; ".join(f"{_described(part)} stays below the sesoi" for part in small)
        cause += f", which does not refute a claim of {len(claim.parts)} parts {among} (adjusted p = {p_ref:.2g})"
    elif p_rep <= held.alpha:
        return "; ".join(floors), None
    elif alone_rep <= held.alpha:
        cause = f"multiplicity: shown on its own (p = {alone_rep:.2g}), not {among} (adjusted p = {p_rep:.2g})"
    else:
        cause = (
            f"precision: {_open(_weakest(claim))}{at} (adjusted p = {p_rep:.2g} to reproduce, {p_ref:.2g} to refute)"
        )
    needed = claim_needs(claim, held)
    return "; ".join([f"{cause}; {_advice(needed, claim.n)}", *floors]), needed


def disagreement(claim: Assessment, by_t: Outcome, by_flip: Outcome, held: Held) -> tuple[str, int | None]:
    """Why a t verdict is not taken, in words, and the replicates needed where sign-flip could not have followed."""
    said = {outcome: str(outcome) for outcome in Outcome} | {Outcome.INCONCLUSIVE: "undecided"}
    cause = f"t and sign-flip disagree: {said[by_t]} by the t-test, {said[by_flip]} by the sign-flip test"
    tests = held.claims * len(claim.parts) if by_t is Outcome.REFUTED else held.claims
    if tests * flip_least(n=claim.n) <= held.alpha:
        return cause, None
    needed = flips_needed(tests, held.alpha)
    return f"{cause}, which {claim.n} replicates cannot decide among {_claims(held.claims)} ({needed} can)", needed


def below_sesoi(claim: Assessment) -> list[PartResult]:
    """Return the parts that are too small to be of interest, even where they have the claimed sign."""
    return [part for part in claim.parts if part.kind.too_small(part.interval, part.bound)]


def floor_causes(claim: Assessment) -> list[str]:
    """What is wrong with each floor; empty if the measurement could have failed and did not."""
    causes = []
    for part in claim.parts:
        if part.kind.floor and not part.floors:
            causes.append(f"floor: '{part.name}' has no floor arm, so nothing shows that it could have failed")
        to = decimals(part.unit)
        causes.extend(
            f"floor: in '{part.name}' the reference is ahead of {floor.name} by {floor.mean:+.{to}f} {part.unit} with "
            f"a lower 95 % limit of {floor.lower:+.{to}f} {part.unit}, "
            + (f"at least {floor.needed:.{to}f}" if floor.needed else "more than 0")
            + f" {part.unit} is needed"
            for floor in part.floors
            if not floor.beaten
        )
    return causes


def _weakest(claim: Assessment) -> PartResult:
    return max(claim.parts, key=lambda part: part.p_rep if claim.decision is Decision.T else part.flip_rep)


def _described(part: PartResult) -> str:
    to = decimals(part.unit)
    interval = f"[{part.lower:+.{to}f}, {part.upper:+.{to}f}]"
    return f"'{part.name}' at {part.mean:+.{to}f} {part.unit} {interval} from {part.n} replicates"


def _open(part: PartResult) -> str:
    """The part's interval, and what it fails to settle."""
    return f"{_described(part)} is not shown to be {part.kind.to_show(part.bound, part.unit)}"


def _advice(needed: int | None, n: int) -> str:
    if needed is None:
        return f"more than {MOST} replicates would be needed for power {POWER} at this spread"
    if needed <= n:
        return f"at this spread {needed} replicates already have power {POWER}, so more of them may not settle it"
    return f"about {needed} replicates would give power {POWER} at this spread"


def _claims(claims: int) -> str:
    return f"{claims} claim{'s' if claims != 1 else ''}"

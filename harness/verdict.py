"""From paired differences to one verdict a claim: the protocol of docs/statistics.md, as pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.hypothesis import Decision, Kind, Outcome
from harness.stats import (
    ALPHA,
    FloatArray,
    Interval,
    flip_greater,
    flip_least,
    flip_less,
    holm,
    mean_interval,
    replicates_needed,
    t_greater,
    t_less,
    t_power,
    tost_power,
)

FEWEST = 5  # replicates below which nothing is decided
SIGN_FLIP_FROM = 10  # replicates from which a t verdict must agree with the sign-flip test
POWER = 0.8  # at which the replicates needed are stated
MOST = 1000  # replicates; beyond, more of them are no advice
MOST_NAMED = 3  # quantities of an exact claim that differ; the report's table has them all
NOISE_DECIMALS = 9  # of a percentage point: finer differences are float noise, not data


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """What one part measured: arm minus reference, `differences_pp` (replicates,), in pp unless `unit` says otherwise.

    `floors` holds reference minus floor arm, (replicates,) each, in the same replicates. `bound_pp` is the sesoi for
    ``beats`` and the margin otherwise. Raises ValueError for a bound that is not positive, values that are not
    finite, or floors of another shape.
    """

    name: str
    kind: Kind
    bound_pp: float
    differences_pp: FloatArray
    floors: Mapping[str, FloatArray]
    null_setting: bool = False
    unit: str = "pp"

    def __post_init__(self) -> None:
        if not self.bound_pp > 0:
            raise ValueError(f"{self.name}: the sesoi or margin must be positive, got {self.bound_pp} pp")
        columns = {"differences": self.differences_pp} | {f"floor {name}": x for name, x in self.floors.items()}
        for name, x in columns.items():
            if np.ndim(x) != 1 or np.shape(x) != np.shape(self.differences_pp):
                expected = f"(replicates,) = {np.shape(self.differences_pp)}"
                raise ValueError(f"{self.name}, {name}: expected shape {expected}, got {np.shape(x)}")
            if not np.isfinite(x).all():
                raise ValueError(f"{self.name}, {name}: not finite in replicate {int(np.argmin(np.isfinite(x)))}")


@dataclass(frozen=True, kw_only=True)
class Floor:
    """What shows that a measurement could have failed: reference minus floor, its lower 95 % limit, and the least."""

    name: str
    mean_pp: float
    lower_pp: float
    needed_pp: float
    beaten: bool


@dataclass(frozen=True, kw_only=True)
class PartResult:
    """One part, tested: mean, sd and 95 % interval in its unit, and unadjusted p-values by t and by sign-flip.

    nan marks what too few replicates leave undefined; p is 1 there, and where the differences have no spread.
    """

    name: str
    kind: Kind
    bound_pp: float
    n: int
    mean_pp: float
    sd_pp: float
    lower_pp: float
    upper_pp: float
    p_rep: float
    p_ref: float
    flip_rep: float
    flip_ref: float
    floors: tuple[Floor, ...]
    null_setting: bool
    unit: str = "pp"


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """A claim's parts and the test that decides; `error` says why there is nothing to judge.

    A claim is reproduced when all parts are (intersection-union, Berger 1982, Technometrics 24: the largest p) and
    refuted when any is (Bonferroni: the smallest p times the parts). Raises ValueError for no part and no error.
    """

    parts: tuple[PartResult, ...]
    decision: Decision
    error: str = ""

    def __post_init__(self) -> None:
        if not self.parts and not self.error:
            raise ValueError("an assessment needs at least one part, or an error that says why there is none")

    @property
    def n(self) -> int:
        """Replicates of the part that has fewest."""
        return min((part.n for part in self.parts), default=0)

    @property
    def p_rep(self) -> float:
        """The t-test's p for `reproduced`, before Holm."""
        return max((part.p_rep for part in self.parts), default=1.0)

    @property
    def p_ref(self) -> float:
        """The t-test's p for `refuted`, before Holm."""
        return min([1.0, *(len(self.parts) * part.p_ref for part in self.parts)])

    @property
    def flip_rep(self) -> float:
        """The sign-flip test's p for `reproduced`, before Holm."""
        return max((part.flip_rep for part in self.parts), default=1.0)

    @property
    def flip_ref(self) -> float:
        """The sign-flip test's p for `refuted`, before Holm."""
        return min([1.0, *(len(self.parts) * part.flip_ref for part in self.parts)])


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A claim's outcome within its family; `p_rep` and `p_ref` are the deciding test's, after Holm.

    `qualifier` completes a decided outcome (reproduced: direction, at least sesoi; refuted: opposite, too small);
    `cause` explains an undecided one to a reader; `needed` is the replicates that would give the power to decide.
    """

    outcome: Outcome
    qualifier: str = ""
    cause: str = ""
    p_rep: float = 1.0
    p_ref: float = 1.0
    needed: int | None = None


def assess(comparison: Comparison) -> PartResult:
    """Return the mean, interval, floors and p-values of one comparison.

    theta is the mean difference in pp. p_rep tests theta <= 0 for ``beats``, theta <= -margin for ``matches``, and
    both theta <= -margin and theta >= margin for ``equals`` (the larger p: TOST, Schuirmann 1987). p_ref tests
    theta >= sesoi, theta >= -margin, and the smaller p of theta >= -margin and theta <= margin.
    """
    x_R = np.round(comparison.differences_pp, NOISE_DECIMALS)
    n, bound = x_R.size, comparison.bound_pp
    mean = sd = lower = upper = float("nan")
    p_rep = p_ref = flip_rep = flip_ref = 1.0
    if n == 1:
        mean = float(x_R[0])
    elif n > 1:
        interval = mean_interval(x_R)
        mean, lower, upper = float(x_R.mean()), interval.lower, interval.upper
        sd = float(x_R.std(ddof=1)) if np.ptp(x_R) > 0 else 0.0
    if n > 1 and sd > 0:
        match comparison.kind:
            case Kind.BEATS:
                p_rep, flip_rep = t_greater(x_R, null=0), flip_greater(x_R, null=0)
                p_ref, flip_ref = t_less(x_R, null=bound), flip_less(x_R, null=bound)
            case Kind.MATCHES:
                p_rep, flip_rep = t_greater(x_R, null=-bound), flip_greater(x_R, null=-bound)
                p_ref, flip_ref = t_less(x_R, null=-bound), flip_less(x_R, null=-bound)
            case Kind.EQUALS:
                p_rep = max(t_greater(x_R, null=-bound), t_less(x_R, null=bound))
                flip_rep = max(flip_greater(x_R, null=-bound), flip_less(x_R, null=bound))
                p_ref = min(t_less(x_R, null=-bound), t_greater(x_R, null=bound))
                flip_ref = min(flip_less(x_R, null=-bound), flip_greater(x_R, null=bound))
    return PartResult(
        name=comparison.name,
        kind=comparison.kind,
        bound_pp=bound,
        n=n,
        mean_pp=mean,
        sd_pp=sd,
        lower_pp=lower,
        upper_pp=upper,
        p_rep=p_rep,
        p_ref=p_ref,
        flip_rep=flip_rep,
        flip_ref=flip_ref,
        floors=tuple(_floor(name, x, comparison) for name, x in comparison.floors.items()),
        null_setting=comparison.null_setting,
        unit=comparison.unit,
    )


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


def decide(family: Mapping[str, Assessment | None]) -> dict[str, Verdict]:
    """Return the verdict of every claim of one Holm family, the lock's inferential claims of one paper and scale.

    None is a claim in the lock that was not run. It counts as p = 1, as does one that failed, has fewer than `FEWEST`
    replicates, or has a part without spread. Both families (p_rep, p_ref) are adjusted with t p-values and, separately,
    with sign-flip p-values; a claim's own `decision` says which of the two decides.
    """
    judged = {name: claim for name, claim in family.items() if claim is not None and not _undecidable(claim)}
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
        elif cause := _undecidable(claim):
            verdicts[name] = Verdict(outcome=Outcome.INCONCLUSIVE, cause=cause)
        else:
            t, flip = (t_rep[name], t_ref[name]), (flip_rep[name], flip_ref[name])
            verdicts[name] = _judge(claim, t=t, flip=flip, claims=len(family))
    return verdicts


def _judge(claim: Assessment, *, t: tuple[float, float], flip: tuple[float, float], claims: int) -> Verdict:
    """Verdict of a claim that can be judged, from adjusted (p_rep, p_ref) by either test, in a family of `claims`."""
    by_t = claim.decision is Decision.T
    p_rep, p_ref = t if by_t else flip
    outcome = _outcome(claim, p_rep, p_ref)
    if by_t and claim.n >= SIGN_FLIP_FROM and (other := _outcome(claim, *flip)) is not outcome:
        cause, needed = _disagreement(claim, outcome, other, claims)
        if outcome is Outcome.INCONCLUSIVE:
            undecided, needed = _undecided(claim, p_rep, p_ref, claims)
            cause = f"{cause}; {undecided}"
        return Verdict(outcome=Outcome.INCONCLUSIVE, cause=cause, p_rep=p_rep, p_ref=p_ref, needed=needed)
    if outcome is Outcome.INCONCLUSIVE:
        cause, needed = _undecided(claim, p_rep, p_ref, claims)
        return Verdict(outcome=outcome, cause=cause, p_rep=p_rep, p_ref=p_ref, needed=needed)
    qualifier = _how_reproduced(claim) if outcome is Outcome.REPRODUCED else _how_refuted(claim)
    return Verdict(outcome=outcome, qualifier=qualifier, p_rep=p_rep, p_ref=p_ref)


def _outcome(claim: Assessment, p_rep: float, p_ref: float) -> Outcome:
    """The decision rule, for p-values of either test, adjusted or not."""
    if p_ref <= ALPHA:
        return Outcome.REFUTED
    if p_rep <= ALPHA and not _below_sesoi(claim) and not _floor_causes(claim):
        return Outcome.REPRODUCED
    return Outcome.INCONCLUSIVE


def _how_reproduced(claim: Assessment) -> str:
    beats = [part for part in claim.parts if part.kind is Kind.BEATS]
    if not beats:
        return ""
    return "at least sesoi" if all(part.lower_pp >= part.bound_pp for part in beats) else "direction"


def _how_refuted(claim: Assessment) -> str:
    """What the part that refutes, the one with the smallest deciding p, says about the effect."""
    part = min(claim.parts, key=lambda part: part.p_ref if claim.decision is Decision.T else part.flip_ref)
    if part.kind is not Kind.BEATS:
        return ""
    if part.upper_pp < 0:
        return "opposite"
    return "too small" if part.lower_pp > 0 else ""


def _undecidable(claim: Assessment) -> str:
    """Why a claim cannot be tested at all; empty if it can."""
    if claim.error:
        return claim.error
    if claim.n < FEWEST:
        return f"too few replicates: {claim.n}, and nothing is decided on fewer than {FEWEST}"
    still = [part for part in claim.parts if part.sd_pp == 0]
    if still:
        return "no spread (sd = 0): " + "; ".join(
            f"'{part.name}' is {part.mean_pp:+.2f} {part.unit} in all {part.n} replicates" for part in still
        )
    return ""


def _below_sesoi(claim: Assessment) -> list[PartResult]:
    return [part for part in claim.parts if part.kind is Kind.BEATS and part.upper_pp < part.bound_pp]


def _floor_causes(claim: Assessment) -> list[str]:
    """What is wrong with each floor; empty if the measurement could have failed and did not."""
    causes = []
    for part in claim.parts:
        if part.kind is not Kind.BEATS and not part.floors:
            causes.append(f"floor: '{part.name}' has no floor arm, so nothing shows that it could have failed")
        causes.extend(
            f"floor: in '{part.name}' the reference is ahead of {floor.name} by {floor.mean_pp:+.2f} {part.unit} with "
            f"a lower 95 % limit of {floor.lower_pp:+.2f} {part.unit}, "
            + (f"at least {floor.needed_pp:.2f}" if floor.needed_pp else "more than 0")
            + f" {part.unit} is needed"
            for floor in part.floors
            if not floor.beaten
        )
    return causes


def _floor(name: str, x_R: FloatArray, comparison: Comparison) -> Floor:
    needed_pp = 0.0 if comparison.kind is Kind.BEATS else 2 * comparison.bound_pp
    lower_pp = mean_interval(x_R).lower if x_R.size > 1 else float("nan")
    beaten = lower_pp > 0 if comparison.kind is Kind.BEATS else lower_pp >= needed_pp
    mean_pp = float(np.mean(x_R)) if x_R.size else float("nan")
    return Floor(name=name, mean_pp=mean_pp, lower_pp=lower_pp, needed_pp=needed_pp, beaten=beaten)


def _undecided(claim: Assessment, p_rep: float, p_ref: float, claims: int) -> tuple[str, int | None]:
    """Why adjusted p-values leave a claim open, in words, and the replicates needed where more of them would help."""
    by_t = claim.decision is Decision.T
    alone_rep, alone_ref = (claim.p_rep, claim.p_ref) if by_t else (claim.flip_rep, claim.flip_ref)
    floors, among = _floor_causes(claim), f"among the {_claims(claims)} tested"
    if alone_ref <= ALPHA:
        cause = f"multiplicity: refuted on its own (p = {alone_ref:.2g}), not {among} (adjusted p = {p_ref:.2g})"
    elif alone_rep <= ALPHA and (small := _below_sesoi(claim)):
        cause = "multiplicity: " + "; ".join(f"{_described(part)} stays below the sesoi" for part in small)
        cause += f", which does not refute a claim of {len(claim.parts)} parts {among} (adjusted p = {p_ref:.2g})"
    elif p_rep <= ALPHA:
        return "; ".join(floors), None
    elif alone_rep <= ALPHA:
        cause = f"multiplicity: shown on its own (p = {alone_rep:.2g}), not {among} (adjusted p = {p_rep:.2g})"
    else:
        cause = f"precision: {_open(_weakest(claim))} (adjusted p = {p_rep:.2g} to reproduce, {p_ref:.2g} to refute)"
    needed = _needed(claim, claims)
    return "; ".join([f"{cause}; {_advice(needed, claim.n)}", *floors]), needed


def _disagreement(claim: Assessment, by_t: Outcome, by_flip: Outcome, claims: int) -> tuple[str, int | None]:
    """Why a t verdict is not taken, in words, and the replicates needed where sign-flip could not have followed."""
    said = {outcome: str(outcome) for outcome in Outcome} | {Outcome.INCONCLUSIVE: "undecided"}
    cause = f"t and sign-flip disagree: {said[by_t]} by the t-test, {said[by_flip]} by the sign-flip test"
    tests = claims * len(claim.parts) if by_t is Outcome.REFUTED else claims
    if tests * flip_least(n=claim.n) <= ALPHA:
        return cause, None
    needed = _flips_needed(tests)
    return f"{cause}, which {claim.n} replicates cannot decide among {_claims(claims)} ({needed} can)", needed


def _needed(claim: Assessment, claims: int) -> int | None:
    """Replicates for power `POWER` in every part, at its observed sd and at the level of Holm's first step.

    For ``beats`` the power to detect the sesoi; for ``matches`` and ``equals`` the power to confirm a true 0.
    """
    needed = [part_needs(part, claims=claims) for part in claim.parts]
    if claim.decision is Decision.SIGN_FLIP:
        needed.append(_flips_needed(claims))
    known = [n for n in needed if n is not None]
    return max(known) if len(known) == len(needed) else None


def power_at_bound(kind: Kind, *, bound_pp: float, sd_pp: float, n: int, claims: int) -> float:
    """Return the power of `n` replicates at Holm's first step among `claims`, sd in pp.

    For ``beats`` the power to find a true effect of the sesoi (`t_power`), for ``matches`` and ``equals`` to confirm a
    true 0 within the margin (`t_power`, `tost_power`). Raises ValueError as these do.
    """
    if kind is Kind.EQUALS:
        return tost_power(effect=0.0, margin=bound_pp, sd=sd_pp, n=n, alpha=ALPHA / claims)
    return t_power(effect=bound_pp, sd=sd_pp, n=n, alpha=ALPHA / claims)


def needs(kind: Kind, *, bound_pp: float, sd_pp: float, claims: int) -> int | None:
    """Return the replicates for `POWER` at the bound, or None beyond `MOST` or without a spread."""
    if not sd_pp > 0:
        return None

    def power_at(n: int) -> float:
        return power_at_bound(kind, bound_pp=bound_pp, sd_pp=sd_pp, n=n, claims=claims)

    return replicates_needed(power=POWER, power_at=power_at, fewest=FEWEST, most=MOST)


def decided_with(parts: Sequence[tuple[PartResult, Interval]], outcome: Outcome) -> bool:
    """Return whether 95 % intervals in place of the parts' own ones exclude all that `outcome` had to reject.

    For `reproduced` in every part, for `refuted` in any: what p_rep and p_ref of the part test (see `assess`).
    """
    if outcome is Outcome.REPRODUCED:
        return all(_inside(part, interval) for part, interval in parts)
    return any(_outside(part, interval) for part, interval in parts)


def _inside(part: PartResult, interval: Interval) -> bool:
    match part.kind:
        case Kind.BEATS:
            return interval.lower > 0
        case Kind.MATCHES:
            return interval.lower > -part.bound_pp
        case Kind.EQUALS:
            return -part.bound_pp < interval.lower and interval.upper < part.bound_pp


def _outside(part: PartResult, interval: Interval) -> bool:
    match part.kind:
        case Kind.BEATS:
            return interval.upper < part.bound_pp
        case Kind.MATCHES:
            return interval.upper < -part.bound_pp
        case Kind.EQUALS:
            return interval.upper < -part.bound_pp or interval.lower > part.bound_pp


def part_needs(part: PartResult, *, claims: int) -> int | None:
    """Return the replicates that a part needs at its observed sd; see `needs`."""
    return needs(part.kind, bound_pp=part.bound_pp, sd_pp=part.sd_pp, claims=claims)


def _flips_needed(tests: int) -> int | None:
    """Replicates from which the sign-flip test can reach `ALPHA` among so many tests."""
    return next((n for n in range(FEWEST, MOST + 1) if tests * flip_least(n=n) <= ALPHA), None)


def _adjusted(family: Mapping[str, Assessment | None], p: Mapping[str, float]) -> dict[str, float]:
    """Holm over the whole family; what has no p counts as 1."""
    return dict(zip(family, holm([p.get(name, 1.0) for name in family]).tolist(), strict=True))


def _weakest(claim: Assessment) -> PartResult:
    return max(claim.parts, key=lambda part: part.p_rep if claim.decision is Decision.T else part.flip_rep)


def _described(part: PartResult) -> str:
    return (
        f"'{part.name}' at {part.mean_pp:+.2f} {part.unit} [{part.lower_pp:+.2f}, {part.upper_pp:+.2f}] from {part.n} "
        "replicates"
    )


def _open(part: PartResult) -> str:
    """The part's interval, and what it fails to settle."""
    asked = {
        Kind.BEATS: f"above 0 (sesoi {part.bound_pp:.2f} {part.unit})",
        Kind.MATCHES: f"above -{part.bound_pp:.2f} {part.unit}",
        Kind.EQUALS: f"within +-{part.bound_pp:.2f} {part.unit}",
    }
    return f"{_described(part)} is not shown to be {asked[part.kind]}"


def _advice(needed: int | None, n: int) -> str:
    if needed is None:
        return f"more than {MOST} replicates would be needed for power {POWER} at this spread"
    if needed <= n:
        return f"at this spread {needed} replicates already have power {POWER}, so more of them may not settle it"
    return f"about {needed} replicates would give power {POWER} at this spread"


def _claims(claims: int) -> str:
    return f"{claims} claim{'s' if claims != 1 else ''}"

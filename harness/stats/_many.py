"""The decision rule for many samples at a time: what the verdicts of a family become where its differences move.

`decide` says why and what would help, one sample at a time; here a claim has one sample per draw, and of its verdict
there is the outcome alone: +1 for reproduced, -1 for refuted, 0 for anything else. Draws are the first axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from harness.stats._assessment import Assessment
from harness.stats._causes import undecidable
from harness.stats._distributions import t_cdf, t_quantile
from harness.stats._kinds import Decision, Kind
from harness.stats._paired import ALPHA, TIE, FloatArray
from harness.stats._power import FEWEST, Held
from harness.stats._sides import Side

Signs = npt.NDArray[np.int8]
Bools = npt.NDArray[np.bool_]

EVERY_PATTERN = 12  # replicates up to which sign-flip is counted; beyond, the t-test's p stands in its place
AT_A_TIME = 1024  # draws whose sign patterns are in memory together


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """One part in many samples: its `differences` (draws, replicates), and whether it clears its floors in all.

    Where it is `discrete`, equal differences are decided by sign-flip, as in `decide`.
    """

    kind: Kind
    bound: float
    differences: FloatArray
    cleared: bool = True
    discrete: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class AssessedMany:
    """A claim in many samples: its p-values before Holm, (draws,) each, of `n` replicates and so many `parts`.

    `spared` says where nothing but a p-value keeps it from being reproduced, `still` where a part has no spread.
    """

    n: int
    parts: int
    decision: Decision
    p_rep: FloatArray
    p_ref: FloatArray
    flip_rep: FloatArray
    flip_ref: FloatArray
    spared: Bools
    still: Bools


def assess_many(parts: Sequence[Samples], decision: Decision) -> AssessedMany:
    """Return the p-values of a claim's parts together, as `assess` and `Assessment` give them for one sample."""
    tested, by_flip = [_Tested(part) for part in parts], decision is Decision.SIGN_FLIP

    def any_fails(p: Sequence[FloatArray]) -> FloatArray:
        return np.minimum(len(p) * _smallest(p), 1.0)

    return AssessedMany(
        n=min(part.differences.shape[1] for part in parts),
        parts=len(parts),
        decision=decision,
        p_rep=_largest([each.p_rep(each.t) for each in tested]),
        p_ref=any_fails([each.p_ref(each.t) for each in tested]),
        flip_rep=_largest([each.p_rep(each.flip) for each in tested]),
        flip_ref=any_fails([each.p_ref(each.flip) for each in tested]),
        spared=np.all([each.spared() for each in tested], axis=0),
        still=np.any([each.still & ~(each.part.discrete and by_flip) for each in tested], axis=0),
    )


def decide_many(
    family: Mapping[str, AssessedMany | Assessment | None], alpha: float = ALPHA, *, fair: bool = False
) -> dict[str, Signs]:
    """Return the outcomes, (draws,) each, of every claim of a family that has samples; the others count as in `decide`.

    All claims with samples have as many. They are the outcomes that `decide` gives for each draw but for one thing: of
    more than `EVERY_PATTERN` replicates t stands in the place of sign-flip.
    """
    many = {name: claim for name, claim in family.items() if isinstance(claim, AssessedMany)}
    decidable = {name: ~claim.still & (claim.n >= FEWEST) for name, claim in many.items()}
    draws = max((claim.p_rep.size for claim in many.values()), default=0)

    def adjusted(what: str) -> dict[str, FloatArray]:
        p_DM = np.ones((draws, len(family)))
        for place, (name, claim) in enumerate(family.items()):
            if isinstance(claim, AssessedMany):
                p_DM[:, place] = np.where(decidable[name], getattr(claim, what), 1.0)
            elif claim is not None and not undecidable(claim):
                p_DM[:, place] = getattr(claim, what)
        return dict(zip(family, holm_many(p_DM).T, strict=True))

    t_rep, t_ref = adjusted("p_rep"), adjusted("p_ref")
    flip_rep, flip_ref = adjusted("flip_rep"), adjusted("flip_ref")
    held, signs = Held(len(family), alpha, fair), {}
    for name, claim in many.items():
        t = _signs(t_rep[name], t_ref[name], claim.spared, alpha)
        flip = _signs(flip_rep[name], flip_ref[name], claim.spared, alpha)
        if claim.decision is Decision.T:
            refuting = held.checks(claim.n, held.claims * claim.parts)
            checked = np.where(t < 0, refuting, held.checks(claim.n, held.claims))
            flip = np.where(checked, flip, t)
            t = np.where(flip == t, t, np.int8(0))
        signs[name] = np.where(decidable[name], t if claim.decision is Decision.T else flip, np.int8(0))
    return signs


def holm_many(p_DM: FloatArray) -> FloatArray:
    """Return Holm's adjusted p-values along the last axis, (draws, tests), in the order given; see `holm`."""
    order = np.argsort(p_DM, axis=1, kind="stable")
    factors = np.arange(p_DM.shape[1], 0, -1)
    stepped = np.maximum.accumulate(np.take_along_axis(p_DM, order, axis=1) * factors, axis=1)
    adjusted_DM = np.empty_like(p_DM)
    np.put_along_axis(adjusted_DM, order, np.minimum(stepped, 1.0), axis=1)
    return adjusted_DM


def _signs(p_rep: FloatArray, p_ref: FloatArray, spared: Bools, alpha: float) -> Signs:
    reproduced = (p_rep <= alpha) & spared
    return np.where(p_ref <= alpha, np.int8(-1), reproduced.astype(np.int8))


def _largest(p: Sequence[FloatArray]) -> FloatArray:
    largest: FloatArray = np.max(p, axis=0)
    return largest


def _smallest(p: Sequence[FloatArray]) -> FloatArray:
    smallest: FloatArray = np.min(p, axis=0)
    return smallest


class _Tested:
    """One part's means and standard errors, (draws,), and the p-values that follow, by side."""

    def __init__(self, part: Samples) -> None:
        self.part, self.n = part, part.differences.shape[1]
        self.mean = part.differences.mean(axis=1)
        self.still: Bools = np.ptp(part.differences, axis=1) == 0
        self.error = np.where(self.still, 1.0, part.differences.std(axis=1, ddof=1)) / self.n**0.5
        sides = (*part.kind.reproduced, *part.kind.refuted)
        self.t = {side: self._t(side) for side in sides}
        counted = self._flip if self.n <= EVERY_PATTERN else self._by_t
        self.flip = {side: counted(side) for side in sides}

    def p_rep(self, by: Mapping[Side, FloatArray]) -> FloatArray:
        """The p-value of all that reproduces, by one of the tests."""
        return _largest([by[side] for side in self.part.kind.reproduced])

    def p_ref(self, by: Mapping[Side, FloatArray]) -> FloatArray:
        """The p-value of anything that refutes, by one of the tests."""
        return _smallest([by[side] for side in self.part.kind.refuted])

    def spared(self) -> Bools:
        """Whether the part clears its floors and, if its kind is sized, no side that refutes it holds at 95 %."""
        half = np.where(self.still, 0.0, float(t_quantile(self.n - 1, 0.975)) * self.error)
        kind, bound = self.part.kind, self.part.bound
        outside = [side.depth_many(self.mean, bound) > half for side in kind.refuted]
        spared: Bools = ~(np.any(outside, axis=0) & kind.sized) & self.part.cleared
        return spared

    def _t(self, side: Side) -> FloatArray:
        p: FloatArray = t_cdf(self.n - 1, -side.depth_many(self.mean, self.part.bound) / self.error)
        return np.where(self.still, 1.0, p)

    def _by_t(self, side: Side) -> FloatArray:
        """The t-test's p in the place of sign-flip's, but where all differences are equal: there only one is known."""
        alike = np.where(side.depth_many(self.mean, self.part.bound) > 0, 0.5**self.n, 1.0)
        return np.where(self.still, alike, self.t[side])

    def _flip(self, side: Side) -> FloatArray:
        """The sign-flip test's p; 1 where the mean lies on the other side, as at least half of all patterns do then."""
        deep_DR = side.depth_many(self.part.differences, self.part.bound)
        p_D = np.ones(len(deep_DR))
        ahead = np.flatnonzero(deep_DR.sum(axis=1) > 0)
        for first in range(0, len(ahead), AT_A_TIME):
            some = ahead[first : first + AT_A_TIME]
            tie = TIE * np.abs(deep_DR[some]).sum(axis=1, keepdims=True)
            p_D[some] = (deep_DR[some] @ _subsets(self.n) <= tie).mean(axis=1)
        return p_D


@cache
def _subsets(n: int) -> FloatArray:
    """Every subset of `n` replicates, (n, 2^n): 1 where the subset has the replicate."""
    places = np.arange(2**n) >> np.arange(n)[:, None] & 1
    return places.astype(np.float64)

"""How often each kind of hypothesis is decided wrongly, rightly and not at all, as a table for docs/statistics.md.

    python -m benchmarks.operating_characteristics [--claims 2000]

Every simulated claim goes through `harness.verdict.assess` and `decide`; only the data are made here. Arms of a
replicate share its effect, and their difference has a known mean theta:

* normal: differences with an sd of .6 pp around 97.5 %;
* 97 % and 99.5 %: percent of 500 test images, tied in steps of .2 pp; the better arm is at that accuracy, two thirds of
  its misses are images that both arms miss;
* both collapse: normal, but 5 % of the trainings of either arm end at 10 %; arm collapses: only the arm's do. Theta is
  the mean, collapses included, as everywhere in the protocol.

Bounds are those of `digits` (sesoi .4 pp, margin .5 pp), 5 pp for shares. Slopes are in pp a decade of density, by
least squares over six densities; an interaction is a difference of two differences; a share is the part of a block of
100 nets that converged, better arm at 52.5 or 95 %. Floors are a steady 92 %.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import numpy as np
import numpy.typing as npt

from harness.data._tasks import DIGITS
from harness.stats._assessment import Assessment, Comparison, PartResult, assess
from harness.stats._kinds import BEATS, EQUALS, MATCHES, Bound, Decision, Kind, Outcome
from harness.stats._paired import ALPHA
from harness.stats._rule import decide

Array = npt.NDArray[np.float64]
Arms = Callable[[np.random.Generator, float, tuple[int, int]], tuple[Array, Array]]

SEED = 20_191_008
SESOI_PP, MARGIN_PP, SHARE_PP = DIGITS.sesoi_pp, DIGITS.margin_pp, 5.0
SD_PP = 0.6  # of a paired difference
FAMILY = 10
IMAGES = 500
COLLAPSES, CHANCE_PP = 0.05, 10.0
LINEAR_PP = 92.0
DENSITIES = np.array([1, 0.5, 0.2, 0.1, 0.05, 0.02])

# --- data: arm and reference, (claims, replicates) each, in pp, with E[arm - reference] = theta -----------------------


def normal(random, theta, shape):
    shared = 97.5 + random.normal(0, 0.4, shape)
    arm, reference = (shared + random.normal(0, SD_PP / 2**0.5, shape) for _ in range(2))
    return arm + theta, reference


def images(random, theta, shape, *, accuracy):
    missed = 1 - accuracy
    both = random.binomial(IMAGES, missed * 2 / 3, shape)

    def arm(behind_pp):
        own = (missed / 3 + max(behind_pp, 0) / 100) / (1 - missed * 2 / 3)
        return 100 * (IMAGES - both - random.binomial(IMAGES - both, own)) / IMAGES

    return arm(-theta), arm(theta)


def collapsing(random, theta, shape, *, reference_too):
    arm, reference = normal(random, 0.0, shape)
    lost = 0.0 if reference_too else COLLAPSES * (97.5 - CHANCE_PP)
    arm += (theta + lost) / (1 - COLLAPSES)
    arm[random.random(shape) < COLLAPSES] = CHANCE_PP
    if reference_too:
        reference[random.random(shape) < COLLAPSES] = CHANCE_PP
    return arm, reference


def shares(random, theta, shape, *, better):
    converged = [better - max(behind_pp, 0) / 100 for behind_pp in (-theta, theta)]
    arm, reference = (random.binomial(100, p, shape).astype(float) for p in converged)
    return arm, reference


NORMAL: dict[str, Arms] = {"normal": normal}
TIED: dict[str, Arms] = {"97 %": partial(images, accuracy=0.97)}
BOUNDED: dict[str, Arms] = {"99.5 %": partial(images, accuracy=0.995)}
HEAVY: dict[str, Arms] = {
    "both collapse": partial(collapsing, reference_too=True),
    "arm collapses": partial(collapsing, reference_too=False),
}
SHARES: dict[str, Arms] = {
    "shares, 52.5 %": partial(shares, better=0.525),
    "shares, 95 %": partial(shares, better=0.95),
}

# --- reductions: one number a replicate -------------------------------------------------------------------------------


def difference(random, arms, theta, shape):
    arm, reference = arms(random, theta, shape)
    return arm - reference, reference


def slope(random, arms, theta, shape):
    """Least squares of the gap on decades below density 1; the gap grows by `theta` a decade from 0."""
    decades = -np.log10(DENSITIES)
    pairs = [arms(random, theta * decade, shape) for decade in decades]
    gaps = np.stack([arm - reference for arm, reference in pairs], axis=-1)
    about = decades - decades.mean()
    return gaps @ about / (about @ about), pairs[0][1]


def interaction(random, arms, theta, shape):
    (one, one_reference), (other, other_reference) = arms(random, theta, shape), arms(random, 0.0, shape)
    return (one - one_reference) - (other - other_reference), one_reference


# --- hypotheses -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """Parts of a claim, and true means of its parts: where each error is largest, and where the claim is true."""

    name: str
    kinds: tuple[Kind, ...]
    false: tuple[float, ...]  # not reproduced in truth, at the boundary of one part, the others true
    spared: tuple[float, ...]  # not refuted in truth, at the boundary of every part
    true: tuple[float, ...]  # the design effect
    reduce: Callable[..., tuple[Array, Array]] = difference
    bound_pp: float | None = None
    data: tuple[dict[str, Arms], ...] = (NORMAL, TIED)

    def bound(self, kind: Kind) -> float:
        """Sesoi or margin of a part, in pp."""
        return self.bound_pp or (SESOI_PP if kind.held_to is Bound.SESOI else MARGIN_PP)


EVERY = (NORMAL, TIED, BOUNDED, HEAVY)
ALONE = {"kinds": (BEATS,), "false": (0.0,), "spared": (SESOI_PP,), "true": (2 * SESOI_PP,)}
HYPOTHESES = (
    Hypothesis(name="beats", **ALONE, data=EVERY),
    Hypothesis(name="matches", kinds=(MATCHES,), false=(-MARGIN_PP,), spared=(-MARGIN_PP,), true=(0.0,), data=EVERY),
    Hypothesis(name="equals", kinds=(EQUALS,), false=(MARGIN_PP,), spared=(-MARGIN_PP,), true=(0.0,), data=EVERY),
    Hypothesis(
        name="only beyond: beats and matches",
        kinds=(BEATS, MATCHES),
        false=(0.0, 0.0),
        spared=(SESOI_PP, -MARGIN_PP),
        true=(2 * SESOI_PP, 0.0),
    ),
    Hypothesis(
        name="two parts: beats twice",
        kinds=(BEATS, BEATS),
        false=(0.0, 2 * SESOI_PP),
        spared=(SESOI_PP, SESOI_PP),
        true=(2 * SESOI_PP, 2 * SESOI_PP),
    ),
    Hypothesis(name="slope", **ALONE, reduce=slope),
    Hypothesis(name="interaction", **ALONE, reduce=interaction),
    Hypothesis(
        name="share",
        kinds=(BEATS,),
        false=(0.0,),
        spared=(SHARE_PP,),
        true=(2 * SHARE_PP,),
        bound_pp=SHARE_PP,
        data=(SHARES,),
    ),
)


def assessed(
    random: np.random.Generator, hypothesis: Hypothesis, arms: Arms, thetas: tuple[float, ...], *, n: int, claims: int
) -> list[tuple[PartResult, ...]]:
    """Simulate claims whose parts have the true means `thetas` and assess their parts."""
    parts = []
    for kind, theta in zip(hypothesis.kinds, thetas, strict=True):
        x_CR, reference_CR = hypothesis.reduce(random, arms, theta, (claims, n))
        ahead_CR = reference_CR - LINEAR_PP - random.normal(0, 0.2, (claims, n))
        parts.append(
            [
                assess(
                    Comparison(
                        name=str(kind),
                        kind=kind,
                        bound=hypothesis.bound(kind),
                        differences=x_R,
                        floors={"linear": ahead_R} if kind.floor else {},
                    )
                )
                for x_R, ahead_R in zip(x_CR, ahead_CR, strict=True)
            ]
        )
    return list(zip(*parts, strict=True))


def alone(claims: list[Assessment], *, unrun: int = 0) -> dict[Outcome, float]:
    """Share of each outcome, every claim in a family with `unrun` others that count as p = 1."""
    others = {f"other {i}": None for i in range(unrun)}
    outcomes = [decide({"claim": claim} | others)["claim"].outcome for claim in claims]
    return {outcome: outcomes.count(outcome) / len(outcomes) for outcome in Outcome}


def any_of_family(claims: list[Assessment], wrong: Outcome) -> float:
    """Share of families of `FAMILY` such claims in which at least one has the outcome `wrong`."""
    count = len(claims) // FAMILY
    families = (dict(enumerate(claims[i * FAMILY : (i + 1) * FAMILY])) for i in range(count))
    return sum(any(verdict.outcome is wrong for verdict in decide(family).values()) for family in families) / count


def rows(hypothesis: Hypothesis, name: str, arms: Arms, *, n: int, claims: int) -> Iterator[str]:
    """One row of the table for each test that decides."""
    random = np.random.default_rng([SEED, n, *hypothesis.name.encode(), *name.encode()])
    simulated = {
        thetas: assessed(random, hypothesis, arms, thetas, n=n, claims=claims)
        for thetas in dict.fromkeys((hypothesis.false, hypothesis.spared, hypothesis.true))
    }
    for decision in Decision if arms in HEAVY.values() else [Decision.T]:
        false, spared, true = (
            [Assessment(parts=parts, decision=decision) for parts in simulated[thetas]]
            for thetas in (hypothesis.false, hypothesis.spared, hypothesis.true)
        )
        at_bound, by_one, by_ten = alone(spared), alone(true), alone(true, unrun=FAMILY - 1)
        wrongly = alone(false)[Outcome.REPRODUCED], any_of_family(false, Outcome.REPRODUCED)
        refuted = at_bound[Outcome.REFUTED], any_of_family(spared, Outcome.REFUTED)
        at_sesoi = f"{at_bound[Outcome.REPRODUCED]:.2f}" if set(hypothesis.kinds) == {BEATS} else ""
        power = by_one[Outcome.REPRODUCED], by_ten[Outcome.REPRODUCED]
        undecided = by_one[Outcome.INCONCLUSIVE], by_ten[Outcome.INCONCLUSIVE]
        cells = [hypothesis.name, name, str(decision), str(n)]
        cells += [" / ".join(f"{100 * rate:.1f}" for rate in pair) for pair in (wrongly, refuted)]
        cells += [at_sesoi, *(" / ".join(f"{rate:.2f}" for rate in pair) for pair in (power, undecided))]
        yield "| " + " | ".join(cells) + " |"


def error(rate: float, count: int) -> float:
    return (rate * (1 - rate) / count) ** 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--claims", type=int, default=2000)
    args = parser.parse_args()
    started = time.process_time()
    families = args.claims // FAMILY
    print(
        f"{datetime.now(UTC).date()}, {args.claims:,} claims a cell. "
        f"Binomial error of a rate of {100 * ALPHA:g} %: "
        f"{100 * error(ALPHA, args.claims):.1f} points for one claim, "
        f"{100 * error(ALPHA, families):.1f} for {families} families; "
        f"of a power of .5: {error(0.5, args.claims):.2f}.\n"
    )
    print(
        "| hypothesis | values | test | n | false reproduced, %: one / any of ten | false refuted, %: one / any of ten "
        "| power at sesoi | power at the design effect: one / of ten | inconclusive there: one / of ten |"
    )
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for hypothesis in HYPOTHESES:
        for data in hypothesis.data:
            for name, arms in data.items():
                for n in (10, 20):
                    for row in rows(hypothesis, name, arms, n=n, claims=args.claims):
                        print(row, flush=True)
    print(f"\n{time.process_time() - started:.0f} s of one core")


if __name__ == "__main__":
    main()

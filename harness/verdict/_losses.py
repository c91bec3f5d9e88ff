"""Verdicts that rows computed again do not give: which, and whether rounding alone would lose as many or turn these.

Rounding is simulated. Each deciding difference of a replicate is moved with the spread that a jolted pass found, each
draw is judged whole, Holm and all, and what it loses is counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.design import Catalogue, Claim, Registry
from harness.stats import AssessedMany, Assessment, FloatArray, Outcome, Samples, Signs, assess_many, decide_many
from harness.verdict._judge import Bench, judge_results
from harness.verdict._reruns import Rerun
from harness.verdict._results import Results
from harness.verdict._rounding import Spread, spreads_by_mean
from harness.verdict._tested import compare_part
from harness.verdict._verdicts import DECIDED, ClaimVerdict, is_turn

DRAWS = 50_000
SEED = 20_190_509
RARE = 0.0002  # the chance in which rounding loses more verdicts than are taken for its work, or turns such a one
SIGN = {Outcome.REPRODUCED: 1, Outcome.REFUTED: -1}


@dataclass(frozen=True, kw_only=True)
class Lost:
    """A claim that was decided by the committed rows and is not, or is otherwise, by those computed again.

    `chance` is how often rounding alone does that: for a verdict that turned, how often it turns any that is turned as
    seldom as this one.
    """

    claim: str
    was: ClaimVerdict
    now: ClaimVerdict
    chance: float

    @property
    def turned(self) -> bool:
        """Whether it went from reproduced to refuted or back."""
        return is_turn(self.was.outcome, self.now.outcome)

    @property
    def unexplained(self) -> bool:
        """Whether it turned, which rounding does too seldom."""
        return self.turned and self.chance < RARE


@dataclass(frozen=True, kw_only=True)
class Losses:
    """Of `decided` verdicts those that are lost, and up to how many rounding explains: the .9998 quantile.

    `by_this_run` are claims of which no jolted pass is known: the spread of this run's own differences stood in its
    place, so that a run that is spoilt in these claims excuses itself.
    """

    decided: int = 0
    lost: tuple[Lost, ...] = ()
    most: int = 0
    by_this_run: tuple[str, ...] = ()

    @property
    def too_many(self) -> bool:
        """Whether more are lost than rounding explains."""
        return len(self.lost) > self.most

    @property
    def explained(self) -> bool:
        """Whether rounding explains how many are lost, and each that turned."""
        return not self.too_many and not any(each.unexplained for each in self.lost)


def losses(
    committed: Results,
    fresh: Results,
    found: Rerun,
    registry: Registry,
    catalogue: Catalogue,
    rounding: Iterable[Spread] = (),
    earlier: Sequence[Results] = (),
) -> Losses:
    """Return which verdicts of the claims that were compared are lost, and what rounding would lose.

    Fresh rows are judged in the place of the committed ones of the same claims, so that a run of some of them has the
    whole families; so do rows of `earlier` locks. Only confirmatory verdicts count.
    """
    was = judge_results(committed, registry, catalogue, earlier).claims
    now = judge_results(_with(committed, fresh, found.claims), registry, catalogue, earlier).claims
    both = [id for id in found.claims if id in was and id in now]  # not what was superseded
    decided = [id for id in both if was[id].is_confirmatory and was[id].outcome in DECIDED and was[id].parts]
    gone = [id for id in decided if now[id].outcome is not was[id].outcome]
    if not gone:
        return Losses(decided=len(decided))
    known = spreads_by_mean(rounding, committed)
    spread = {(each.claim, each.what): (each.sd, each.n - 1) for each in found.shifts}
    spread |= {mean: (each.sd, each.n - 1) for mean, each in known.items()}
    bench = Bench(committed, (committed, *earlier), registry, catalogue)
    confirmed = {id for id, verdict in was.items() if verdict.is_confirmatory and verdict.parts}
    signs = simulated(bench, spread, moved=[id for id in both if id in confirmed])
    other = {id: signs[id] != SIGN[was[id].outcome] for id in decided}
    turned = {id: signs[id] == -SIGN[was[id].outcome] for id in decided}

    def chance(id: str) -> float:
        if now[id].outcome not in DECIDED:
            return float(other[id].mean())
        as_seldom = [each for each in turned.values() if each.sum() <= turned[id].sum()]
        return float(np.any(as_seldom, axis=0).mean())

    return Losses(
        decided=len(decided),
        lost=tuple(Lost(claim=id, was=was[id], now=now[id], chance=chance(id)) for id in gone),
        most=int(np.quantile(np.sum(list(other.values()), axis=0), 1 - RARE, method="inverted_cdf")),
        by_this_run=tuple(id for id in decided if any((id, part.name) not in known for part in was[id].parts)),
    )


def simulated(
    bench: Bench, spread: Mapping[tuple[str, str], tuple[float, int]], *, moved: Collection[str], draws: int = DRAWS
) -> dict[str, Signs]:
    """Return the outcomes, (draws,), of claims whose differences are moved by rounding: +1, -1, or 0 for undecided.

    `spread` has the sd of a claim's comparison and its degrees of freedom. The others of their families count with what
    they have; floors stay as they are.
    """
    signs: dict[str, Signs] = {}
    placed = {id: bench.placed(bench.catalogue.claims[id]) for id in moved}
    for paper, round_ in sorted({(bench.catalogue.claims[id].paper, number) for id, number in placed.items()}):
        family = bench.family(paper, round_)
        many: dict[str, AssessedMany | Assessment | None] = {
            id: _many(bench.results, bench.catalogue.claims[id], spread, draws) if placed.get(id) == round_ else counted
            for id, counted in bench.counted(family).items()
        }
        found = decide_many(many, family.alpha, fair=family.fair)
        signs |= {id: each for id, each in found.items() if id in placed}
    return signs


def _many(
    results: Results, claim: Claim, spread: Mapping[tuple[str, str], tuple[float, int]], draws: int
) -> AssessedMany:
    design = claim.design(results.meta.scale)
    samples = []
    for part in design.parts:
        result = compare_part(results, claim.id, part)
        sd, df = spread.get((claim.id, part.name), (0.0, 1))
        samples.append(
            Samples(
                kind=part.kind,
                bound=part.bound,
                differences=moved_by(np.array(result.differences), sd, df, draws),
                discrete=result.discrete,
                cleared=all(floor.beaten for floor in result.floors) and not (part.kind.floor and not result.floors),
            )
        )
    return assess_many(samples, design.decision)


def moved_by(x_R: FloatArray, sd: float, df: int, draws: int) -> FloatArray:
    """Return differences computed again, (draws, replicates), where rounding moves each with this sd.

    Committed and new differences are draws of one law: both have the sd s, and they correlate by rho = 1 - sd^2 / 2s^2,
    which gives their difference the sd asked for. So the part (1 - rho) of a difference's distance from the true mean,
    of which the committed mean is an estimate, is not seen again, and a normal draw comes in its place. (Differences
    that were only moved by such a draw would lie farther apart than any computed ones, and lose verdicts that rounding
    does not.) Where sd^2 > 2s^2, more than two independent draws differ by, rho is 0 and the new ones spread wider.

    As `sd` is itself estimated, each draw has another one, of those that give such an estimate with `df` degrees of
    freedom: sd times the root of df / chi^2(df). The same differences move alike wherever they stand.
    """
    rng = np.random.default_rng([SEED, int.from_bytes(hashlib.sha256(x_R.tobytes()).digest()[:8], "big")])
    variance, mean, n = float(x_R.var(ddof=1)), x_R.mean(), x_R.size
    moved_D1 = sd**2 * df / rng.chisquare(df, (draws, 1))
    renewed_D1 = np.minimum(moved_D1 / (2 * variance), 1.0) if variance > 0 else np.ones((draws, 1))  # 1 - rho
    true_D1 = mean + np.sqrt(variance / n) * rng.standard_normal((draws, 1))
    own_D1 = np.sqrt(np.maximum(moved_D1 - renewed_D1**2 * variance, 0.0))
    again_DR: FloatArray = x_R + renewed_D1 * (true_D1 - x_R) + own_D1 * rng.standard_normal((draws, n))
    return again_DR


def _with(committed: Results, fresh: Results, ids: Collection[str]) -> Results:
    """Return the committed results with the fresh rows of these claims in the place of their own."""
    import pandas as pd

    kept = committed.frame[~committed.frame["claim"].isin(ids)]
    frame = pd.concat([kept, fresh.frame[fresh.frame["claim"].isin(ids)]], ignore_index=True)
    claims = {**committed.claims, **{id: fresh.claims[id] for id in ids}}
    return Results(frame, replace(committed.meta, claims=claims))

"""Rows of the same replicates, computed twice: whether a run gives what is committed, as far as its machine can tell.

On the same kind of machine (device, instruction set, versions) every number is the same, or something is wrong. On
another one each training is rounded otherwise, and deep or often pruned nets are other draws then: what can be asked of
those is that no mean has moved.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from harness.design import Catalogue, Claim
from harness.errors import ResultsError
from harness.population import Provenance
from harness.stats import effect_of_power, t_critical
from harness.verdict._results import Results
from harness.verdict._rounding import FILE, Move, Spread, moves, spreads_by_mean

if TYPE_CHECKING:
    import pandas as pd

FALSE_ALARM = 0.0005  # the chance that any mean of a run is called moved where none has
FURTHEST = 2.5  # sds between replicates: two draws of one law differ by 1.4, and ten tell that roughly
WIDER = 3.0  # times the jolted sd: of ten replicates two estimates of one sd differ by as much in .0015 of cases
ANSWERS = 0.005  # a share of test answers: more than an evaluation of the same weights is rounded into other ones
SEEN = 0.99  # the chance with which a shift of the size that is called visible is found
STRUCTURE = ("trainings", "member_steps", "training_flops", "evaluation_flops")  # of a claim's cost
COMPARED = ["step", "value", "diverged", "correct", "kept"]  # what is the same where nothing was rounded otherwise
SAME = ["claim", "arm", "key", "draw", "suite_seed", "replicate", "metric"]  # the columns that say what a row is of


@dataclass(frozen=True, kw_only=True)
class Shift:
    """How far a mean over replicates has moved, now minus committed, in `unit`; of a comparison, or of an arm it reads.

    `sd` is that of the replicates' differences, and `rounding` what a jolted pass says it is, None where none was made.
    Beyond `limit` it has moved; `visible` is the shift that would be found with chance .99.
    """

    claim: str
    what: str
    n: int
    mean: float
    sd: float
    unit: str
    bound: float
    rounding: float | None = None
    limit: float = math.inf
    visible: float = math.inf

    @property
    def spread(self) -> float:
        """The larger of both: a few replicates that happened to stay together do not make a small shift a large one."""
        return max(self.sd, self.rounding or 0.0)

    @property
    def wider(self) -> bool:
        """Whether differences are far wider than a jolted pass found: the run is other than rounding makes it."""
        return self.rounding is not None and self.sd > max(WIDER * self.rounding, self.bound / 2)

    @property
    def moved(self) -> bool:
        """Whether it is more than chance and half of what the comparison is held to explain."""
        return abs(self.mean) > self.limit


@dataclass(frozen=True, kw_only=True)
class Rerun:
    """Claims whose rows are on both sides for the same replicates, and how these rows compare.

    `machines` are the claims that were computed on one kind of machine both times; `differing` names for each of these
    the first row that is another number, or the first replicate of which something else was computed though all numbers
    are the same. Of `replicates` of these claims in all, `alike` have the committed digest. `code` says that the
    harness's code is another one.
    """

    claims: tuple[str, ...]
    machines: tuple[str, ...]
    rows: int
    equal: int
    replicates: int
    alike: int
    differing: tuple[str, ...]
    code: str
    shifts: tuple[Shift, ...]

    @property
    def moved(self) -> tuple[Shift, ...]:
        """The means that have moved."""
        return tuple(shift for shift in self.shifts if shift.moved)

    @property
    def as_committed(self) -> bool:
        """Whether nothing says that the committed rows are not what training gives."""
        return not (self.differing or self.moved)


def rerun(committed: Results, fresh: Results, catalogue: Catalogue, rounding: Iterable[Spread] = ()) -> Rerun:
    """Return how fresh rows compare with committed ones, for claims that both have as they are now.

    Quick runs, variants, and claims on other replicates are left out. `rounding` is what a jolted pass found. Raises
    ResultsError where that cannot be rounding.
    """
    known = spreads_by_mean(rounding, committed)
    both = list(_both(committed, fresh, catalogue))
    claims = [claim for claim in both if committed.claims[claim.id].replicates]
    ids = [claim.id for claim in claims]
    pairs = _paired(committed, fresh, ids)
    same = [id for id in ids if len(kinds := _machines(committed, id) | _machines(fresh, id)) == 1 and all(kinds)]
    apart = pairs[~pairs["same"] & pairs["claim"].isin(same)].drop_duplicates("claim")
    digests = {id: _alike(committed, fresh, id) for id in ids}
    unseen = [id for id in same if not all(digests[id]) and id not in set(apart["claim"])]
    impossible = _other_answers(pairs[~pairs["claim"].isin(same)], committed, digests)
    return Rerun(
        claims=tuple(ids),
        machines=tuple(same),
        rows=len(pairs),
        equal=int(pairs["same"].sum()),
        replicates=sum(map(len, digests.values())),
        alike=sum(map(sum, digests.values())),
        differing=(
            *(each for claim in both for each in _other_quantities(committed, fresh, claim.id)),
            *(each for claim in both for each in _otherwise_told(committed, fresh, claim.id)),
            *map(_told, apart.to_dict("records")),
            *(f"{_told(row)}, of the same weights by their digest" for row in impossible.to_dict("records")),
            *(_told_of_digest(committed, id, digests[id].index(False)) for id in unseen),
        ),
        code=_code(committed, fresh, ids),
        shifts=with_limits(_shift(move, known) for claim in claims for move in moves(committed, fresh, claim)),
    )


def with_limits(shifts: Iterable[Shift]) -> tuple[Shift, ...]:
    """Return the shifts of a run with the limits that follow from how many there are.

    A mean has moved where it is beyond half the bound and beyond t(1 - .0005 / 2k; n - 1) s / sqrt(n), of k means, s
    the larger of the differences' own sd and that of rounding. It has the degrees of freedom of the differences in
    either case: what is beyond this limit is beyond that of their own sd, so that no spread of rounding, however it was
    estimated, can make a run red more often than Student's test of these differences does.
    """
    every = [shift for shift in shifts if shift.n > 1]
    return tuple(_limited(shift, FALSE_ALARM / (2 * len(every))) for shift in every)


def _limited(shift: Shift, alpha: float) -> Shift:
    half, n = shift.bound / 2, shift.n
    error = shift.spread / math.sqrt(n)
    limit = max(half, t_critical(n, alpha) * error)
    visible = max(half + t_critical(n, 1 - SEEN) * error, _found(n, alpha) * shift.spread)
    return replace(shift, limit=limit, visible=visible)


@cache
def _found(n: int, alpha: float) -> float:
    """The mean, in sds, that n differences show at `alpha` with chance `SEEN`."""
    return effect_of_power(power=SEEN, sd=1.0, n=n, alpha=alpha)


def _shift(move: Move, rounding: Mapping[tuple[str, str], Spread]) -> Shift:
    x_R, known = move.moved, rounding.get((move.claim, move.what))
    if known is not None and known.sd > max(FURTHEST * move.between, move.bound / 2):
        raise ResultsError(
            f"{FILE} says that rounding moves {move.claim}, {move.what}, by {known.sd:g} {move.unit}, and replicates "
            f"lie {move.between:.2f} apart: two of one law differ by 1.4 times that. Next: git checkout it, or harness "
            "rounding"
        )
    return Shift(
        claim=move.claim,
        what=move.what,
        n=x_R.size,
        mean=float(x_R.mean()),
        sd=float(x_R.std(ddof=1)) if x_R.size > 1 else 0.0,
        unit=move.unit,
        bound=move.bound,
        rounding=known.sd if known else None,
    )


def _both(committed: Results, fresh: Results, catalogue: Catalogue) -> Iterator[Claim]:
    plain = not any(side.meta.quick or side.meta.variant for side in (committed, fresh))
    for id, known in committed.claims.items() if plain else ():
        other, claim = fresh.claims.get(id), catalogue.claims.get(id)
        if claim is None or committed.meta.scale not in claim.predicted or other is None:
            continue
        alike = all(getattr(known, name) == getattr(other, name) for name in ("version", "digest", "replicates"))
        if alike and (committed.meta.seed(id) == fresh.meta.seed(id) or not known.replicates):
            yield claim


def _other_quantities(committed: Results, fresh: Results, id: str) -> Iterator[str]:
    """Tell each exact quantity that is another one: it is counted, and no machine rounds it."""
    before, now = (side.claims[id].exact for side in (committed, fresh))
    for name in dict.fromkeys((*before, *now)):
        if before.get(name) != now.get(name):
            yield f"{id}, {name}: committed {before.get(name, 'nothing')}, now {now.get(name, 'nothing')}"


def _otherwise_told(committed: Results, fresh: Results, id: str) -> Iterator[str]:
    """Tell each thing that is told of a claim's rows otherwise and follows from its design: no machine changes it."""
    before, now = (side.claims[id] for side in (committed, fresh))
    told = [("test examples", before.examples, now.examples)]
    told += [(name, getattr(before.cost, name), getattr(now.cost, name)) for name in STRUCTURE]
    for name, was, is_ in told:
        if was is not None and was != is_:
            yield f"{id}, {name.replace('_', ' ')}: committed {was}, now {is_}"


def _other_answers(pairs: pd.DataFrame, committed: Results, digests: Mapping[str, list[bool]]) -> pd.DataFrame:
    """Return the first row of each claim whose accuracy is another one though its weights have the same digest.

    An evaluation is rounded elsewhere too, so that an answer or two may change; more than `ANSWERS` do not.
    """
    alike = {
        (id, replicate)
        for id, same in digests.items()
        for replicate, is_ in zip(committed.replicates(id), same, strict=False)
        if is_
    }
    trained = {id: committed.trained(id) for id in digests}
    rows = zip(pairs["claim"], pairs["replicate"], pairs["key"], strict=True)
    mine = [(id, replicate) in alike and key in trained[id] for id, replicate, key in rows]
    accuracy = pairs["metric"].str.endswith("accuracy") & ~((pairs["value"] - pairs["value_now"]).abs() <= ANSWERS)
    return pairs[accuracy.to_numpy() & np.array(mine, np.bool_)].drop_duplicates("claim")


def _paired(committed: Results, fresh: Results, ids: Iterable[str]) -> pd.DataFrame:
    """Return the rows of both sides side by side, those of a series in the order of their steps; `same` where equal."""
    sides = []
    for side in (committed, fresh):
        rows = side.frame[side.frame["claim"].isin(list(ids))]
        answers = rows["correct"].fillna(b"") if "correct" in rows else b""
        rows = rows.assign(correct=answers)[[*SAME, "density", *COMPARED]].sort_values([*SAME, "step"])
        rows = rows.astype(dict.fromkeys(("claim", "arm", "key", "metric"), str))
        sides.append(rows.assign(place=rows.groupby(SAME, observed=True, sort=False).cumcount()))
    pairs = sides[0].merge(sides[1], on=[*SAME, "place"], how="outer", suffixes=("", "_now"))
    equal = [
        (pairs[name] == pairs[f"{name}_now"]) | (pairs[name].isna() & pairs[f"{name}_now"].isna()) for name in COMPARED
    ]
    return pairs.assign(same=np.logical_and.reduce(equal))


def _told(row: Mapping[Hashable, object]) -> str:
    where = f"{row['claim']}, arm {row['arm']!r}, replicate {row['replicate']}, {row['metric']}"
    told = next(name for name in ("value", *COMPARED) if row[name] != row[f"{name}_now"])
    if told == "correct":
        return f"{where}: other answers are correct than committed"
    what = "" if told == "value" else f"{told} "
    return f"{where}: committed {what}{row[told]}, now {row[f'{told}_now']}"


def _alike(committed: Results, fresh: Results, id: str) -> list[bool]:
    """Return for each replicate whether what was computed has the same digest; nothing where that was not kept."""
    before, now = (side.claims[id].digests for side in (committed, fresh))
    return [one == other for one, other in zip(before, now, strict=False)]


def _told_of_digest(committed: Results, id: str, place: int) -> str:
    return f"{id}, replicate {committed.replicates(id)[place]}: equal numbers of other weights, by their digest"


def _machines(side: Results, id: str) -> set[tuple[str, ...]]:
    """Return the kinds of machine that computed a claim's rows; an empty one where that was not recorded."""
    return {_machine(side.meta.records[name]) for name in _records(side, id)}


def _machine(record: Provenance) -> tuple[str, ...]:
    if not record.instructions and record.device == "cpu":
        return ()
    return (record.device, record.instructions, *(f"{name} {is_}" for name, is_ in sorted(record.versions.items())))


def _records(side: Results, id: str) -> list[str]:
    return sorted(set(side.frame.loc[side.frame["claim"] == id, "record"].astype(str)))


def _code(committed: Results, fresh: Results, ids: Iterable[str]) -> str:
    """Say whether the code that computed is another one; empty where it is the same, or was not recorded."""
    codes = [
        sorted({side.meta.records[name].code for id in ids for name in _records(side, id)})
        for side in (committed, fresh)
    ]
    return f"{', '.join(codes[0])}, now {', '.join(codes[1])}" if codes[0] != codes[1] and all(codes[0]) else ""

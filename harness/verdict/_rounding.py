"""How far rounding alone moves what claims compare, in ``rounding.csv`` beside the rows.

A jolted pass trains the first replicates again with every weight moved by one unit in the last place, beside the same
without that move, on one machine. The sd over replicates of the difference is what another machine, which rounds every
sum otherwise, moves numbers by. Committed rows have no part in it: what is wrong with them widens no limit.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from harness.design import Catalogue, Claim, Part
from harness.errors import ResultsError
from harness.stats import FloatArray
from harness.verdict._results import Results

FILE = "rounding.csv"
JOLTED = 10  # replicates of a jolted pass, or all where a claim has fewer
DIGITS = 6  # significant ones in the file


@dataclass(frozen=True, kw_only=True, eq=False)
class Move:
    """How far one number of a claim has moved between two computations, (replicates,), in `unit`, now minus committed.

    `what` names the comparison, or the arm that it reads in its band; `bound` is what the comparison is held to, and
    `between` the sd of the committed numbers between replicates.
    """

    claim: str
    what: str
    moved: FloatArray
    unit: str
    bound: float
    between: float


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How far rounding moves a number of a claim: the sd over `n` replicates of jolted minus plain, in `unit`.

    `digest` is that of the claim's design: another design's spread is not known by it.
    """

    claim: str
    digest: str
    what: str
    n: int
    sd: float
    unit: str


def moves(committed: Results, fresh: Results, claim: Claim) -> Iterator[Move]:
    """Yield the moves of each deciding comparison and, once, of each arm in the band in which it is read.

    On the replicates of the fresh rows, all of which the committed ones have.
    """
    known = committed.replicates(claim.id)
    places = [known.index(replicate) for replicate in fresh.replicates(claim.id)]
    seen = set()
    for part in claim.design(committed.meta.scale).parts:
        before, now = (side.differences(claim.id, part) for side in (committed, fresh))
        yield _move(claim, part, part.name, now, before[places])
        for arm in dict.fromkeys((*(arm for pair in part.pairs for arm in pair), *part.floors)):
            if (as_read := (arm, part.band, part.metric, part.reading)) not in seen:
                seen.add(as_read)
                before, now = (side.read(claim.id, arm, part) for side in (committed, fresh))
                yield _move(claim, part, f"arm {arm!r} of {part.name}", now, before[places])


def _move(claim: Claim, part: Part, what: str, now: FloatArray, before: FloatArray) -> Move:
    return Move(
        claim=claim.id,
        what=what,
        moved=now - before,
        unit=part.unit,
        bound=part.bound,
        between=float(before.std(ddof=1)) if before.size > 1 else 0.0,
    )


def spreads(plain: Results, jolted: Results, catalogue: Catalogue) -> list[Spread]:
    """Return how far a jolted pass has moved each number of its claims from plain rows, sorted by claim.

    Left out are claims whose plain rows are of another design or of other replicates.
    """
    return [
        Spread(
            claim=id,
            digest=known.digest,
            what=move.what,
            n=move.moved.size,
            sd=float(f"{move.moved.std(ddof=1):.{DIGITS}g}"),
            unit=move.unit,
        )
        for id, known in sorted(jolted.claims.items())
        if _comparable(plain, jolted, id)
        for move in moves(plain, jolted, catalogue.claims[id])
    ]


def _comparable(committed: Results, jolted: Results, id: str) -> bool:
    known, other = committed.claims.get(id), jolted.claims[id]
    return (
        known is not None
        and known.digest == other.digest
        and committed.meta.seed(id) == jolted.meta.seed(id)
        and set(other.replicates) <= set(known.replicates)
        and len(other.replicates) > 1
    )


def read_spreads(folder: Path) -> tuple[Spread, ...]:
    """Return what is known of rounding beside the rows in a folder; nothing where no pass was made.

    Raises ResultsError for a file that is none of ours.
    """
    path = folder / FILE
    if not path.is_file():
        return ()
    kinds = {f.name: {"int": int, "float": float}.get(str(f.type), str) for f in fields(Spread)}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            if lacks := set(kinds) - set(rows.fieldnames or ()):
                raise ValueError(f"it has no column {sorted(lacks)[0]}")
            found = tuple(Spread(**{name: kind(row[name]) for name, kind in kinds.items()}) for row in rows)
        if wrong := [each for each in found if not 0 <= each.sd < math.inf or each.n < 2]:
            raise ValueError(f"an sd of {wrong[0].sd} over {wrong[0].n} replicates")
        return found
    except (KeyError, TypeError, ValueError) as error:
        raise ResultsError(f"{path} cannot be read: {error!r}. Next: git checkout it, or harness rounding") from error


def write_spreads(found: Sequence[Spread], folder: Path) -> Path:
    """Write spreads beside the rows in a folder, in place of those of the same claims; the others' stay."""
    again = {each.claim for each in found}
    every = [*(each for each in read_spreads(folder) if each.claim not in again), *found]
    path = folder / FILE
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(Spread)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(each) for each in sorted(every, key=lambda each: each.claim))
    return path


def spreads_by_mean(found: Iterable[Spread], results: Results) -> dict[tuple[str, str], Spread]:
    """Return the spreads that are of the designs of these results, by claim and by what is compared."""
    designs = {id: known.digest for id, known in results.claims.items()}
    return {(each.claim, each.what): each for each in found if designs.get(each.claim) == each.digest}

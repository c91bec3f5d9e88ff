"""Whether rows are whole: what is told of them is what they are, and they are what was locked, no more and no less."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from harness.design import VARIANTS, metric
from harness.errors import DesignError

if TYPE_CHECKING:
    import pandas as pd

    from harness.verdict._results import Results

POINT = ["claim", "arm", "density", "draw"]  # one training or evaluation, of as many replicates as the claim has


def contradiction(results: Results) -> str:
    """Return in what rows contradict what the same file tells of them; empty where they do not.

    Each number is of a claim, version, seed, replicate and record that is told; it is there once; each training is one
    and the same for all replicates, of which none is missing; and an accuracy is between 0 and 1.
    """
    if fault := _untold(results):
        return fault
    for told, wrong in _contradictions(results):
        if wrong.any():
            row = results.frame[wrong.to_numpy()].iloc[0]
            return f"{row['claim']}, arm {row['arm']!r}, replicate {row['replicate']}, {row['metric']}: {told}"
    return ""


def _untold(results: Results) -> str:
    """Return what is told of rows and cannot be; empty where it can."""
    if results.meta.variant and results.meta.variant not in VARIANTS:
        return f"variant {results.meta.variant!r} is none of {', '.join(VARIANTS)}"
    for id, known in results.claims.items():
        if any(one >= other for one, other in itertools.pairwise(known.replicates)):
            return f"{id}: its replicates are told out of order, or twice"
        if len(known.digests) not in (0, len(known.replicates)):
            return f"{id}: {len(known.digests)} digests are told of {len(known.replicates)} replicates"
        if known.examples and "correct" not in results.frame:
            return f"{id}: it is told that it is known which answers were correct, and no row says so"
    for name, record in results.meta.records.items():
        texts = (record.device, record.processor, record.git, record.computed, *record.versions.values())
        if wrong := [text for text in texts if not text.isprintable() or set(text) & set("<|")]:
            return f"record {name} is told to be of {wrong[0]!r}"
    return ""


def _contradictions(results: Results) -> Iterator[tuple[str, pd.Series]]:
    frame, claims = results.frame, results.claims
    ids = frame["claim"].astype(object)
    yield "nothing is told of the claim", ~ids.isin(list(claims))
    yield "it is of another version", frame["version"] != ids.map({id: known.version for id, known in claims.items()})
    yield "it is of another suite seed", frame["suite_seed"] != ids.map({id: results.meta.seed(id) for id in claims})
    yield "its record is not told", ~frame["record"].isin(list(results.meta.records))
    known = {id: set(each.replicates) for id, each in claims.items()}
    pairs = zip(ids, frame["replicate"], strict=True)
    yield "the replicate is not told", _series(frame, [replicate not in known[id] for id, replicate in pairs])
    series, share = frame["metric"].isin(_named(frame, _is_series)), frame["metric"].isin(_named(frame, _is_share))
    number = [*POINT, "replicate", "metric"]
    twice = (frame.duplicated(number) & ~series) | frame.duplicated([*number, "step"])
    yield "it is there twice", twice
    yield "it is no accuracy", share & ~frame["value"].between(0, 1)
    point = frame.groupby(POINT, observed=True, sort=False)
    yield "it is of another training than at other replicates", point["key"].transform("nunique") > 1
    expected = ids.map({id: len(each) for id, each in known.items()})
    yield "other replicates of this training are missing", point["replicate"].transform("nunique") != expected


def _series(frame: pd.DataFrame, values: object) -> pd.Series:
    import pandas as pd

    return pd.Series(values, index=frame.index, dtype=bool)


def _named(frame: pd.DataFrame, which: Callable[[str], bool]) -> list[str]:
    return [name for name in frame["metric"].unique() if which(name)]


def _is_series(name: str) -> bool:
    """Whether it has a number a step: then no part reads it."""
    try:
        metric(name)
    except DesignError:
        return not name.endswith("loss")
    return False


def _is_share(name: str) -> bool:
    if _is_series(name) or name.endswith("loss"):
        return False
    known = metric(name)
    return known.is_accuracy and not (known.log or known.negated)


def unlike(results: Results, claim: str, arms: Mapping[str, Mapping[str, Sequence[str]]]) -> str:
    """Return in what a claim's rows are not of the trainings that a locked text has by arm and density, by their keys.

    Empty where they are. In which order its draws stand is no matter.
    """
    frame = results.frame
    mine = frame.loc[(frame["claim"] == claim).to_numpy(), ["arm", "density", "draw", "key"]].drop_duplicates()
    found: dict[tuple[str, float], list[str]] = {}
    for arm, density, _, key in mine.itertuples(index=False):
        found.setdefault((arm, density), []).append(key)
    locked = {(arm, float(Fraction(d))): keys for arm, points in arms.items() for d, keys in points.items()}
    for arm, density in {**locked, **found}:
        one, other = (sorted(each.get((arm, density), ())) for each in (found, locked))
        if one != other:
            have = f"has rows of {len(one)} trainings" + (", other ones," if len(one) == len(other) else "")
            at = results.claims[claim].axis.at(density, digits=4).replace("%", " %")
            return f"arm {arm!r} {have} at {at}, its design {len(other)}"
    return ""

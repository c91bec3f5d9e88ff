"""Trainings that two runs computed, each by itself: whether one is better on average, and how far they lie apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.population import hundredths
from harness.stats import clustered_interval
from harness.verdict._results import Results

if TYPE_CHECKING:
    import pandas as pd

TRAINING = ["key", "suite_seed", "replicate"]  # the columns that say which training a row is of


@dataclass(frozen=True, kw_only=True)
class RecipeSpread:
    """The `n` trainings of one recipe that both runs computed: B minus A in test accuracy, in percentage points.

    `sd` is the spread of B minus A between replicates, and `ratio` is `sd` over the spread of A itself between
    replicates, both within a training and pooled over the recipe's: 0 is the same numbers, the square root of 2 as far
    apart as other seeds. None where no training has two replicates, or A has no spread. `equal` is the share of
    trainings with the same accuracy to the last test example.
    """

    recipe: str
    n: int
    mean: float
    sd: float | None
    ratio: float | None
    equal: float


@dataclass(frozen=True, kw_only=True)
class Bias:
    """The mean of B minus A in test accuracy over trainings, in percentage points, with its 95 % interval.

    Evaluations without training are among them. Each counts once, however many claims read it. The interval takes the
    `replicates` as independent, and nothing within one.
    """

    trainings: int
    replicates: int
    mean: float
    lower: float
    upper: float
    recipes: tuple[RecipeSpread, ...]


def bias(a: Results, b: Results) -> Bias | None:
    """Return how trainings that both runs computed differ; None where there are none, or of one replicate only.

    Those that stand in one record on both sides were computed once, and are left out.
    """
    pairs = _trainings(a).merge(_trainings(b), on=TRAINING, suffixes=("_a", "_b"))
    pairs = pairs[pairs["record_a"] != pairs["record_b"]]
    replicate = pairs.groupby(["suite_seed", "replicate"]).ngroup().to_numpy()
    if len(set(replicate)) < 2:
        return None
    programs = {name: record.program for name, record in a.meta.records.items()}
    pairs = pairs.assign(
        apart=hundredths((pairs["value_b"] - pairs["value_a"]).to_numpy()),
        a=hundredths(pairs["value_a"].to_numpy()),
        equal=pairs["value_a"] == pairs["value_b"],
        recipe=[programs.get(name) or "not recorded" for name in pairs["record_a"]],
    )
    interval = clustered_interval(pairs["apart"], replicate)
    return Bias(
        trainings=len(pairs),
        replicates=len(set(replicate)),
        mean=float(pairs["apart"].mean()),
        lower=interval.lower,
        upper=interval.upper,
        recipes=tuple(_spread(str(recipe), mine) for recipe, mine in pairs.groupby("recipe")),
    )


def _trainings(side: Results) -> pd.DataFrame:
    """Return each training once: its test accuracy and record."""
    rows = side.frame.loc[side.frame["metric"] == "test_accuracy", [*TRAINING, "value", "record"]]
    return rows.astype(dict.fromkeys(("key", "record"), str)).drop_duplicates(TRAINING)


def _spread(recipe: str, pairs: pd.DataFrame) -> RecipeSpread:
    sd, own = _pooled(pairs, "apart"), _pooled(pairs, "a")
    return RecipeSpread(
        recipe=recipe,
        n=len(pairs),
        mean=float(pairs["apart"].mean()),
        sd=sd,
        ratio=sd / own if sd is not None and own else None,
        equal=float(pairs["equal"].mean()),
    )


def _pooled(pairs: pd.DataFrame, column: str) -> float | None:
    """Return the sd of a column between the replicates of a training, pooled over trainings."""
    key = pairs["key"]
    freedom = len(pairs) - key.nunique()
    own = pairs[column] - pairs[column].groupby(key).transform("mean")
    return float(np.sqrt(np.square(own).sum() / freedom)) if freedom else None

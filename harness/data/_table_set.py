"""Tables as data sets: CSV and Parquet, a row an example. pandas is imported when one is read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.data._finding import found_file
from harness.data._sets import NO_MOMENTS, Images, ImageSet, add_set, merged
from harness.errors import DataError, nearest

if TYPE_CHECKING:
    import pandas as pd

KINDS = (".csv", ".csv.gz", ".parquet")


def table_set(
    name: str,
    file: str,
    *,
    label: str,
    train: int,
    test: int = 0,
    columns: Sequence[str] = (),
    version: int = 1,
    digest: str = "",
) -> None:
    """Register a table as a data set: a row is an example, its numbers are the inputs, one column is the label.

    Labels are numbered from 0 in their order: of numbers by size, of text by the alphabet. Inputs stay the numbers that
    they are; a task scales them by what a replicate trains on, ``Task(..., scaling="columns")`` or ``"range"``, and has
    ``shape=(1, 1, columns)``.

    Args:
        name: How a task names it: ``Task("wine", source="wine", ...)``.
        file: A CSV or Parquet file, found beside the file that calls this, else in the data folders (``--data-dir``);
            ``package.module:wine.csv`` is a file that an installed package brings along.
        label: The column with the labels.
        train: Number of rows for training; validation rows, and without `test` also test rows, are drawn from these.
        test: Number of rows at the table's end that are for testing.
        columns: Those that are inputs, in this order; by default all but the label.
        version: Raise it when other rows are meant.
        digest: What all of it must hash to; see `data_set`.

    Raises:
        DesignError: Another data set has this name.

    Example:
        >>> from harness.data import SETS, Task
        >>> table_set("iris", "iris.csv", label="species", train=150)
        >>> Task("iris", images=1, classes=3, chance=1 / 3, sesoi_pp=2.0, margin_pp=2.0, source="iris", shape=(1, 1, 4),
        ...      train_images=90, validation_images=20, test_images=40, scaling="columns").inputs
        4
        >>> SETS.remove("iris")
    """
    caller = sys._getframe(1).f_globals.get("__file__")
    beside = None if caller is None else Path(caller).parent
    described = ImageSet(
        train=train,
        test=test,
        moments=NO_MOMENTS,
        load=partial(_load, name, file, beside, label, tuple(columns)),
        table=str(file if beside is None or ":" in file else beside / file),
        digest=digest,
    )
    add_set(name, described, version=version)


def _load(
    name: str, file: str, beside: Path | None, label: str, columns: tuple[str, ...]
) -> tuple[Images, NDArray[np.int64]]:
    """Return a table's inputs and labels. Raises DataError, which says what is wrong with which column."""
    import pandas as pd

    if not file.endswith(KINDS):
        raise DataError(
            f"data set {name}: {file} is no {', '.join(KINDS)}. Next: data_set() with a function that reads it"
        )
    with found_file(name, file, beside) as path:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, low_memory=False)
    for column in (label, *columns):
        if column not in table.columns:
            known = ", ".join(map(str, table.columns))
            raise DataError(
                f"data set {name}: {file} has no column {column!r}{nearest(column, map(str, table.columns))} "
                f"Columns: {known}. Next: correct label= or columns="
            )
    if label in columns:
        raise DataError(f"data set {name}: {label!r} is the label and an input. Next: leave it out of columns=")
    inputs = [] if table.empty else [_numbers(name, table[column]) for column in columns or table.columns.drop(label)]
    _check_cells(name, table[label])
    if not inputs or table.empty:
        raise DataError(
            f"data set {name}: {file} has {len(table)} rows and {len(inputs)} columns besides {label!r}. "
            "Next: name a table with both"
        )
    labels = np.asarray(table[label])  # not as a categorical, which has an order of its own
    return np.stack(inputs, axis=1), np.asarray(pd.factorize(labels, sort=True)[0], np.int64)


def _numbers(name: str, column: pd.Series[Any]) -> NDArray[np.float32]:
    """Return a column as float32. Raises DataError for text, for empty cells and for what is no number of float32."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if not is_numeric_dtype(column) and not is_bool_dtype(column):
        raise DataError(
            f"data set {name}: column {column.name!r} holds {column.iloc[0]!r}, which is no number. "
            "Next: leave it out, by columns=, or write numbers in its place"
        )
    _check_cells(name, column)
    values = column.to_numpy(np.float64)
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32)
    if len(bad := np.flatnonzero(~np.isfinite(numbers))):
        raise DataError(
            f"data set {name}: column {column.name!r} holds {column.iloc[bad[0]]} in row {bad[0] + 1}. "
            "Next: leave out the row or the column, or write a number that float32 has"
        )
    if merged(values[:, None], numbers[:, None]).any():
        raise DataError(
            f"data set {name}: float32 merges values of column {column.name!r}, which go from {values.min()} to "
            f"{values.max()}. Next: take off what they have in common"
        )
    return numbers


def _check_cells(name: str, column: pd.Series[Any]) -> None:
    empty = np.flatnonzero(column.isna())
    if len(empty):
        raise DataError(
            f"data set {name}: column {column.name!r} has {len(empty)} empty cells, the first in row {empty[0] + 1}. "
            "Next: fill them (NA and None are read as empty), or leave out the rows or the column"
        )

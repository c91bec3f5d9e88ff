"""Results: the rows behind a report, one Parquet file with everything that `judge` and `report` need.

One row is one number of one replicate: claim, version, arm, density, draw, metric, step, value. Where a claim's arms
lie along another axis than density, that column has the points of it, and `kept` the weights, -1 where only training
tells. What a figure shows whole, as the accuracy along a path, has a row a step, which is the number of a point or of a
bin. Of a metric that counts in a unit of its own, `value` is a hundredth, as `Metric` says: what parts compare is a
hundred times each value. Where, when and with what the rows were computed, and what that cost, stand in the file's
metadata, so that deleting everything else in a report's folder loses nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.as_json import as_json, from_json
from harness.design import Axis, Part
from harness.errors import ResultsError
from harness.population import hundredths
from harness.stats import MEAN, FloatArray
from harness.verdict._metadata import ClaimRows, Metadata
from harness.verdict._whole import contradiction

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

RESULTS_FORMAT = 2
WITH_DIGESTS = 1  # the format before: a digest in every row, and metadata twice
ALWAYS_KEPT = (  # after the last step, but for the early stop: the step of minimum validation loss
    "test_accuracy",
    "test_loss",
    "validation_accuracy",
    "validation_loss",
    "early_stop_accuracy",
)

COLUMNS = {
    "claim": "text",
    "version": "int32",
    "arm": "text",
    "density": "double",
    "kept": "int64",
    "draw": "int32",
    "suite_seed": "int64",
    "replicate": "int32",
    "metric": "text",
    "step": "int32",
    "value": "double",
    "diverged": "bool",
    "key": "text",
    "record": "text",
}  # Arrow's types; text is repeated, and kept once in a dictionary
METADATA = "harness"  # under which the file holds what is known beside the rows
CORRECT = "correct"  # packed bits, in the rows of test accuracy where answers are kept


def schema(*, correct: bool = False) -> pa.Schema:
    """Return the columns of the file, with that of `correct` answers or without."""
    import pyarrow as pa

    text = pa.dictionary(pa.int32(), pa.string())
    fields = [(name, text if kind == "text" else pa.type_for_alias(kind)) for name, kind in COLUMNS.items()]
    return pa.schema([*fields, *([(CORRECT, pa.binary())] if correct else [])])


class ResultRow(NamedTuple):
    """One row, in the order of the file's columns."""

    claim: str
    version: int
    arm: str
    density: float
    kept: int
    draw: int
    suite_seed: int
    replicate: int
    metric: str
    step: int
    value: float
    diverged: bool
    key: str
    record: str
    correct: bytes | None = None


def frame_of(rows: Sequence[ResultRow]) -> pd.DataFrame:
    """Return rows as a table, without the column of `correct` answers where no row has any."""
    import pandas as pd

    if not rows:
        empty: pd.DataFrame = schema().empty_table().to_pandas()
        return empty
    frame = pd.DataFrame(dict(zip(ResultRow._fields, zip(*rows, strict=True), strict=True)))
    return frame.drop(columns=CORRECT) if frame[CORRECT].isna().all() else frame


@dataclass(frozen=True)
class Results:
    """The rows of a report and what is known about them."""

    frame: pd.DataFrame
    meta: Metadata

    @property
    def claims(self) -> Mapping[str, ClaimRows]:
        """What is known of each claim, by id."""
        return self.meta.claims

    def replicates(self, claim: str) -> list[int]:
        """Return the replicate indices of a claim, in order."""
        return list(self.claims[claim].replicates)

    def trained(self, claim: str) -> set[str]:
        """Return the keys of a claim's trainings: of these, and not of what is evaluated alone, digests tell."""
        validated = (self.frame["claim"] == claim) & (self.frame["metric"] == "validation_loss")
        return set(self.frame["key"][validated].unique())

    def values(self, claim: str, arm: str, *, metric: str = "test_accuracy") -> pd.DataFrame:
        """Return an arm's values in percent or log points: one row a replicate, one column a point, draws averaged.

        They are in the order of the axis: the densest comes first.
        """
        return hundredths(self._table(claim, arm, metric, "density").iloc[:, self._along(self.claims[claim].axis)])

    def series(self, claim: str, arm: str, metric: str) -> pd.DataFrame:
        """Return an arm's values of a metric at every step: one row a replicate, one column a step, draws averaged.

        They are as stored, in no unit. A step is the number of a point or of a bin. Empty where the results were
        collected without the series.
        """
        return self._table(claim, arm, metric, "step")

    def _table(self, claim: str, arm: str, metric: str, columns: str) -> pd.DataFrame:
        import pandas as pd

        replicates, steps, values = self._means(claim, arm, metric, columns)
        return pd.DataFrame(values, index=replicates, columns=steps)

    def _means(self, claim: str, arm: str, metric: str, columns: str) -> tuple[NDArray[Any], NDArray[Any], FloatArray]:
        """Return replicates and `columns`, both rising, and their values, nan where there is none, or not every draw's.

        Densities are all that the arm has rows at, of whatever metric. By arrays, as pandas takes a hundred times as
        long.
        """
        places = self._places.get((claim, arm, metric), np.array([], np.intp))
        replicates, row_N = np.unique(self.frame["replicate"].to_numpy()[places], return_inverse=True)
        column_N = self.frame[columns].to_numpy()[places]
        of_arm = self._draws.get((claim, arm), {})
        steps = np.array(sorted(of_arm)) if columns == "density" else np.unique(column_N)
        cell_N, cells = row_N * len(steps) + np.searchsorted(steps, column_N), len(replicates) * len(steps)
        count_C = np.bincount(cell_N, minlength=cells)
        sum_C = np.bincount(cell_N, weights=self.frame["value"].to_numpy(float)[places], minlength=cells)
        count_RS = count_C.reshape(len(replicates), len(steps))
        draws_S = (
            np.array([of_arm[step] for step in steps]) if columns == "density" else count_RS.max(axis=0, initial=0)
        )
        whole_C = ((count_RS > 0) & (count_RS == draws_S)).ravel()
        mean_C = np.divide(sum_C, count_C, out=np.full(cells, np.nan), where=whole_C)
        return replicates, steps, mean_C.reshape(len(replicates), len(steps))

    @cached_property
    def _places(self) -> Mapping[Any, Any]:
        """Which rows are of a claim, arm and metric: found once, and not for every number that is read."""
        return self.frame.groupby(["claim", "arm", "metric"], observed=True, sort=False).indices

    @cached_property
    def _draws(self) -> Mapping[tuple[str, str], Mapping[float, int]]:
        """How many draws a claim's arm has at each density, in whatever metric."""
        found: defaultdict[tuple[str, str], dict[float, int]] = defaultdict(dict)
        points = self.frame[["claim", "arm", "density", "draw"]].drop_duplicates()
        for claim, arm, density, _ in points.itertuples(index=False):
            found[claim, arm][density] = found[claim, arm].get(density, 0) + 1
        return found

    def read(self, claim: str, arm: str, part: Part) -> FloatArray:
        """Return one number a replicate, in the part's unit: what `part` reads of the arm along its axis.

        Raises ResultsError when a replicate has no value there.
        """
        replicates, density_D, value_RD = self._means(claim, arm, part.metric, "density")
        if part.band is not None and len(density_D) > 1:
            inside = [density in part.band for density in density_D]
            density_D, value_RD = density_D[inside], value_RD[:, inside]
        expected = self.replicates(claim)
        missing = sorted(set(expected) - set(replicates[(~np.isnan(value_RD)).all(axis=1)]))
        if missing or not len(density_D):
            raise ResultsError(
                f"{claim}, arm {arm!r}, part {part.name!r}: no value for replicates {missing or expected}; expected "
                f"were {len(expected)} replicates. Next: harness run {claim}, then harness judge"
            )
        order = self._along(part.axis)
        read_R = part.reading.read(part.axis.places(density_D.astype(float))[order], value_RD[:, order])
        return read_R if part.reading.is_place and not part.axis.log else hundredths(read_R)

    @staticmethod
    def _along(axis: Axis) -> slice:
        """Return rising points in the order of an axis."""
        return slice(None, None, -1) if axis.falls else slice(None)

    def differences(self, claim: str, part: Part) -> FloatArray:
        """Return the number a replicate that `part` is about, in percentage points; shape (replicates,).

        arm - reference, as read by `part`, minus the same of the pair `less` where there is one. A slope of the
        difference is the difference of the slopes, as the densities are the same. Raises ResultsError as `read` does.
        """
        one, *other = (self.read(claim, a, part) - self.read(claim, b, part) for a, b in part.pairs)
        return one - other[0] if other else one

    def correct_differences(self, claim: str, part: Part) -> FloatArray | None:
        """Return `differences` a test example, in percentage points; shape (replicates, examples).

        Where each replicate has test examples of its own, nan marks those of others. Its mean over a replicate's
        examples is `differences`. None for another reading than the mean, for another metric than test accuracy, and
        where it was not kept which examples were answered correctly. Raises ResultsError as `read` does.
        """
        examples = self.claims[claim].examples.get(part.task)
        if examples is None or part.reading is not MEAN or part.metric != "test_accuracy":
            return None
        one, *other = (
            self._correct(claim, a, part, examples) - self._correct(claim, b, part, examples) for a, b in part.pairs
        )
        return one - other[0] if other else one

    def _correct(self, claim: str, arm: str, part: Part, examples: int) -> FloatArray:
        """Return the percent of an arm's answers that are correct, (replicates, examples), as `read` averages them."""
        self.read(claim, arm, part)  # says what is missing
        places = self._places[claim, arm, "test_accuracy"]
        chosen = self.frame.iloc[places]
        if part.band is not None and chosen["density"].nunique() > 1:
            chosen = chosen[[density in part.band for density in chosen["density"]]]
        right_BN = np.stack(
            [
                _answers(packed, examples, value if diverged else None)
                for packed, value, diverged in zip(chosen["correct"], chosen["value"], chosen["diverged"], strict=True)
            ]
        )
        if not np.allclose(np.nanmean(right_BN, axis=1), chosen["value"], atol=1e-6):
            raise ResultsError(
                f"{claim}, arm {arm!r}: the answers that are told to be correct do not give its accuracy. "
                f"Next: harness run {claim}, then harness judge"
            )
        replicate_B, density_B = chosen["replicate"].to_numpy(), chosen["density"].to_numpy()
        of_each = [
            np.mean([right_BN[mine & (density_B == density)].mean(axis=0) for density in np.unique(density_B)], axis=0)
            for mine in (replicate_B == replicate for replicate in np.unique(replicate_B))
        ]
        return hundredths(np.stack(of_each))


def _answers(packed: bytes, examples: int, instead: float | None) -> FloatArray:
    """Return 1 for each example that was answered correctly, 0 for others, nan for those that were not tested on.

    `instead` stands for every answer of a training that diverged.
    """
    bits = np.frombuffer(packed, np.uint8)
    rows = np.unpackbits(bits.reshape(-1, -(-examples // 8)), axis=1, count=examples).astype(np.float64)
    right = rows[-1] if instead is None else np.full(examples, instead)
    return np.where(rows[0] == 1, right, np.nan) if len(rows) == 2 else right


def digest_of(outs: Iterable[tuple[str, str]]) -> str:
    """Return one digest of what was computed, from the keys of trainings and evaluations with the digest of each."""
    text = "\n".join(f"{key} {out}" for key, out in sorted(set(outs)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write_results(results: Results, path: Path) -> None:
    """Write results as one Parquet file, appearing whole by a rename."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    columns = schema(correct=CORRECT in results.frame)
    table = pa.Table.from_pandas(results.frame, schema=columns, preserve_index=False).replace_schema_metadata(None)
    content = {"format": RESULTS_FORMAT, **as_json(results.meta)}
    partial = path.with_suffix(".partial")
    with pq.ParquetWriter(partial, table.schema, compression="zstd") as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(
            {METADATA: json.dumps(content, sort_keys=True)}
        )  # a schema's would be there twice
    partial.replace(path)


def read_results(path: Path) -> Results:
    """Read results; raises ResultsError for a file that is missing, truncated, not ours, or contradicts itself."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)  # as read_table does, without the half second that datasets take to import
        content = json.loads((file.metadata.metadata or {})[METADATA.encode()])
        if (found := content.get("format")) not in (WITH_DIGESTS, RESULTS_FORMAT):
            raise ResultsError(f"{path} has format {found!r}; this harness reads format {RESULTS_FORMAT}")
        results = Results(file.read().to_pandas(), from_json(Metadata, content))
        if found == WITH_DIGESTS:
            results = _with_digests_apart(results)
        if fault := contradiction(results):
            raise ValueError(fault)
        return results
    except FileNotFoundError:
        raise ResultsError(
            f"no results at {path}. Next: harness verify, or name the folder of a run with --out"
        ) from None
    except (OSError, pa.ArrowException, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ResultsError(
            f"{path} cannot be read as results: {error}. Next: git checkout it, or harness verify"
        ) from error


def _with_digests_apart(results: Results) -> Results:
    """Return results of the format before, with the digests of their rows in what is known of each claim."""
    units = results.frame[["claim", "replicate", "key", "out"]].drop_duplicates()
    outs: defaultdict[tuple[str, int], list[tuple[str, str]]] = defaultdict(list)
    for claim, replicate, key, out in units.itertuples(index=False):
        outs[claim, replicate].append((key, out))
    meta = results.meta
    for id, known in results.claims.items():
        digests = tuple(digest_of(outs[id, replicate]) for replicate in known.replicates)
        meta = meta.with_claim(id, replace(known, digests=digests))
    return Results(results.frame.drop(columns="out"), meta)

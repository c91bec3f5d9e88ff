"""Committed verdicts, rows and baselines: what is read and written again has the same bytes.

Also tests `verdict._metadata` and `verdict._results`.
"""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.as_json import as_json
from harness.compute._run import run_plan
from harness.errors import ResultsError
from harness.store._store import Store
from harness.variance._baselines import keep_baseline, read_baseline
from harness.verdict._files import read_verdicts, verdicts_json
from harness.verdict._results import COLUMNS, CORRECT, ResultRow, digest_of, read_results, write_results
from harness.workflow._collecting import collect
from harness.workflow._planning import Planned
from tests.inline import Inline, small_request

REPORTS = Path(__file__).parents[2] / "reports"


def committed(name):
    found = sorted(path for path in REPORTS.rglob(name) if "scratch" not in path.parts)
    assert found
    return pytest.mark.parametrize("file", found, ids=[str(path.relative_to(REPORTS)) for path in found])


@committed("verdicts.json")
def test_verdicts_come_back_byte_for_byte(file):
    """Reading and writing verdicts.json changes nothing."""
    assert verdicts_json(read_verdicts(file)) == file.read_text()


@committed("results.parquet")
def test_what_is_known_of_rows_comes_back(file, tmp_path):
    """Reading and writing results changes neither rows nor metadata, those of older files included."""
    results = read_results(file)
    write_results(results, tmp_path / "again.parquet")
    one, other = pq.ParquetFile(file), pq.ParquetFile(tmp_path / "again.parquet")
    assert one.metadata.metadata[b"harness"] == other.metadata.metadata[b"harness"]
    assert one.read().equals(other.read())


UNIT = ["key", "replicate"]


def before(results, outs, path):
    """Write results as format 1 had them: a digest in every row, and what is known in the schema's metadata."""
    frame = results.frame.assign(out=[outs[key, replicate] for key, replicate in results.frame[UNIT].to_numpy()])
    text = pa.dictionary(pa.int32(), pa.string())
    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.set_column(table.column_names.index("key"), "key", table["key"].cast(text))
    content = {"format": 1, **as_json(results.meta)}
    pq.write_table(table.replace_schema_metadata({"harness": json.dumps(content)}), path, compression="zstd")


def test_rows_of_the_format_before_have_their_digests_by_replicate(tmp_path):
    """A file in which every row has a digest is read as one of now, its digests those that `collect` would have kept.

    Written again it is smaller, and equal to a file that was never otherwise.
    """
    asked = Planned.of([small_request(replicates=2)], Store(tmp_path / "store"))
    with asked.plan.store.writing() as writer:
        run_plan(asked.plan, writer, Inline(), provenance={"kind": "cpu"})
    now = collect(asked, scale="micro", suite_seed=11, quick=False)
    outs = {(unit.node.key, unit.replicate.index): asked.plan.entry(unit.node, unit.replicate).out
            for unit in asked.plan.units.values()}  # fmt: skip
    (known,) = now.claims.values()
    assert len(set(known.digests)) == 2
    older = replace(now, meta=now.meta.with_claim("tests/small", replace(known, digests=())))
    before(older, outs, tmp_path / "before.parquet")
    read = read_results(tmp_path / "before.parquet")
    assert read.meta == now.meta
    assert list(read.frame) == [*COLUMNS, CORRECT]
    for name, results in (("again", read), ("now", now)):
        write_results(results, tmp_path / f"{name}.parquet")
    again, never = (tmp_path / f"{name}.parquet" for name in ("again", "now"))
    assert again.read_bytes() == never.read_bytes()
    assert again.stat().st_size < (tmp_path / "before.parquet").stat().st_size
    assert again.read_bytes().count(known.digest.encode()) == 1  # what is known stands there once


def test_a_digest_is_of_what_was_computed_in_whatever_order():
    """The same units give the same digest; another unit, or another digest of one, another."""
    units = [("a" * 32, "1" * 16), ("b" * 32, "2" * 16)]
    assert digest_of(units) == digest_of([*reversed(units), units[0]])
    assert len({digest_of(each) for each in (units, units[:1], [units[0], ("b" * 32, "3" * 16)])}) == 3


@committed("*-micro.json")
def test_baselines_come_back_byte_for_byte(file, tmp_path):
    """A baseline that is kept again has the same seal."""
    assert keep_baseline(tmp_path, read_baseline(file)).read_text() == file.read_text()


def test_a_row_has_the_files_columns():
    """A row's fields are the columns, in order, and the answers that are correct where those are known."""
    assert ResultRow._fields == (*COLUMNS, CORRECT)


@pytest.mark.parametrize(
    "content",
    ["[]", '{"format": 1, "scale": "micro"}', '{"format": 1, "scale": "large", "claims": {}}', '{"format": 1, "cla'],
    ids=["no object", "no claims", "no such scale", "cut"],
)
def test_verdicts_that_are_not_ours_are_refused(content, tmp_path):
    """Whatever is wrong with the file, the error names it and ends with the next command."""
    (tmp_path / "verdicts.json").write_text(content)
    with pytest.raises(ResultsError, match=r"verdicts\.json cannot be read as verdicts: .* Next: harness judge"):
        read_verdicts(tmp_path / "verdicts.json")


def test_rows_without_what_is_known_of_them_are_refused(tmp_path):
    """A file of ours whose metadata lacks something is named, with the next command."""
    file = REPORTS / "standard" / "results.parquet"
    table, content = pq.read_table(file), json.loads(pq.ParquetFile(file).metadata.metadata[b"harness"])
    del content["claims"]
    pq.write_table(table.replace_schema_metadata({"harness": json.dumps(content)}), tmp_path / "r.parquet")
    with pytest.raises(ResultsError, match=r"r\.parquet cannot be read as results: 'claims'"):
        read_results(tmp_path / "r.parquet")

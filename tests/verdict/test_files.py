"""Committed verdicts, rows and baselines: what is read and written again has the same bytes.

Also tests `verdict._metadata` and `verdict._results`.
"""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from harness.errors import ResultsError
from harness.variance._baselines import keep_baseline, read_baseline
from harness.verdict._files import read_verdicts, verdicts_json
from harness.verdict._results import COLUMNS, CORRECT, ResultRow, read_results, write_results

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
    one, other = pq.read_table(file), pq.read_table(tmp_path / "again.parquet")
    assert one.schema.metadata == other.schema.metadata
    assert one.equals(other)


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
    table = pq.read_table(file)
    content = json.loads(table.schema.metadata[b"harness"])
    del content["claims"]
    pq.write_table(table.replace_schema_metadata({"harness": json.dumps(content)}), tmp_path / "r.parquet")
    with pytest.raises(ResultsError, match=r"r\.parquet cannot be read as results: 'claims'"):
        read_results(tmp_path / "r.parquet")

"""Tables as data sets: where they are found, what of them is read, and what is refused."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from harness.data import SETS, Task, check_task, load_set, pools, shown_test_images, table_set
from harness.data._finding import FOLDER, FOLDER_OPTION
from harness.data._rearranged import column_scales
from harness.errors import DataError, DesignError
from harness.streams import Replicate


@pytest.fixture(autouse=True)
def forgotten():
    """What a test registers is forgotten after it."""
    before = set(SETS)
    yield
    for name in set(SETS) - before:
        SETS.remove(name)
    load_set.cache_clear()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data folder, and a table of ten rows: two inputs, one of them whole numbers, a flag, and a label in words."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    monkeypatch.delenv(FOLDER_OPTION, raising=False)
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "kind": rng.permutation(["oak", "ash", "elm", "oak", "ash", "elm", "oak", "oak", "ash", "elm"]),
            "height": rng.standard_normal(10) / 3,
            "rings": rng.integers(0, 300, 10),
            "wet": rng.integers(0, 2, 10).astype(bool),
        }
    )
    table.to_csv(tmp_path / "trees.csv", index=False)
    return tmp_path, table


TREES = {"images": 1, "classes": 3, "chance": 0.4, "sesoi_pp": 1.0, "margin_pp": 1.0, "source": "trees"}
SPLIT = {"train_images": 6, "validation_images": 2, "test_images": 2}


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_rows_are_examples_and_columns_inputs(folder, kind):
    """Numbers and flags as float32 in the file's order, words numbered by the alphabet, from any kind of file."""
    path, table = folder
    if kind == "parquet":
        table.to_parquet(path / "trees.parquet")
    else:
        table.to_csv(path / f"trees.{kind}", index=False)
    table_set("trees", f"trees.{kind}", label="kind", train=10)
    loaded = load_set("trees")
    np.testing.assert_array_equal(loaded.images, table[["height", "rings", "wet"]].to_numpy(np.float32))
    assert [["ash", "elm", "oak"][label] for label in loaded.labels] == table["kind"].tolist()
    check_task(Task("trees", shape=(1, 1, 3), **TREES, **SPLIT))


def test_every_kind_of_file_has_one_digest(folder):
    """A CSV and a Parquet of the same numbers are the same data, which are held by what they are."""
    path, table = folder
    table.to_parquet(path / "trees.parquet")
    digests = set()
    for version, file in ((1, "trees.csv"), (2, "trees.parquet")):
        table_set("trees", file, label="kind", train=10, version=version)
        digests.add(load_set(SETS.latest("trees")).digest)
    assert len(digests) == 1


def test_columns_are_those_named_in_their_order(folder):
    """Some of them, in another order than the file's."""
    table_set("trees", "trees.csv", label="kind", columns=("wet", "height"), train=8, test=2)
    loaded = load_set("trees")
    np.testing.assert_array_equal(loaded.images, folder[1][["wet", "height"]].to_numpy(np.float32))
    assert loaded.train == 8


def test_inputs_are_scaled_by_training_rows_alone(folder):
    """By those of a replicate's own split: rows that it is tested on change nothing."""
    table_set("trees", "trees.csv", label="kind", columns=("height", "rings"), train=10)
    task = Task("trees", shape=(1, 1, 2), scaling="columns", **TREES, **SPLIT)
    replicate = Replicate(3, 1)
    trained = folder[1].iloc[pools(replicate, task)["train"]][["height", "rings"]].to_numpy()
    off, by = column_scales(task, replicate)
    assert off == pytest.approx(trained.mean(0), rel=1e-6)
    assert by == pytest.approx(trained.std(0), rel=1e-6)


def test_the_same_rows_under_two_names_are_one_data_set(folder):
    """Of one table with other columns or another label, or of two files of the same numbers, rows are known again."""
    path, table = folder
    table.to_csv(path / "copy.csv", index=False)
    table.assign(height=table["height"] + 1).to_csv(path / "other.csv", index=False)
    registered = {
        "trees": ("trees.csv", "kind", ()),
        "same columns": ("copy.csv", "kind", ()),
        "other columns": ("trees.csv", "kind", ("height",)),
        "other label": ("trees.csv", "wet", ("height",)),
        "other rows": ("other.csv", "kind", ()),
    }
    for name, (file, label, columns) in registered.items():
        table_set(name, file, label=label, columns=columns, train=10)
    measured = Task("trees", shape=(1, 1, 3), **TREES, **SPLIT)
    sizes = {"train_images": 7, "validation_images": 3, "test_images": 0}
    shown = {name: shown_test_images(Task(name, **(TREES | sizes | {"source": name})), measured) for name in registered}
    assert shown == {"trees": 2, "same columns": 2, "other columns": 2, "other label": 2, "other rows": 0}
    one_split = {name: shown_test_images(Task(name, **(TREES | SPLIT | {"source": name})), measured) for name in shown}
    assert set(one_split.values()) == {0}


def test_a_table_is_found_beside_the_file_that_registers_it(tmp_path, folder):
    """Before the data folders, and whatever the folder of a claim is called; else in them."""
    paper = tmp_path / "claims" / "mine"
    paper.mkdir(parents=True)
    folder[1].assign(height=0.5).to_csv(paper / "trees.csv", index=False)
    code = 'from harness import table_set\ntable_set("trees", "trees.csv", label="kind", train=10)\n'
    exec(compile(code, str(paper / "study.py"), "exec"), {"__file__": str(paper / "study.py")})
    assert (load_set("trees").images[:, 0] == 0.5).all()
    (paper / "trees.csv").unlink()
    load_set.cache_clear()
    assert not (load_set("trees").images[:, 0] == 0.5).any()


def test_a_table_of_an_installed_package_is_found(tmp_path, monkeypatch, folder):
    """By the package's name; without the package, or without the file, it is said."""
    package = tmp_path / "site" / "forestry"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    folder[1].to_csv(package / "trees.csv", index=False)
    monkeypatch.syspath_prepend(tmp_path / "site")
    table_set("trees", "forestry:trees.csv", label="kind", train=10)
    assert len(load_set("trees").images) == 10
    for file, told in (
        ("forestry:shrubs.csv", "forestry has no shrubs.csv"),
        ("forests:a.csv", "No module named 'forests'"),
    ):
        SETS.remove("trees")
        load_set.cache_clear()
        table_set("trees", file, label="kind", train=10)
        with pytest.raises(DataError, match=rf"data set trees: {told}.* Next: "):
            load_set("trees")


def test_labels_of_a_long_table_are_of_one_kind(folder):
    """Those that look like numbers are text where another one is, however far down that stands."""
    path, rows = folder[0], 400_000
    labels = np.where(np.arange(rows) % 2, "1", "2")
    labels[-1] = "x"
    pd.DataFrame({"a": np.arange(rows), "kind": labels}).to_csv(path / "long.csv", index=False)
    table_set("long", "long.csv", label="kind", train=rows)
    assert np.bincount(load_set("long").labels).tolist() == [rows // 2 - 1, rows // 2, 1]


def test_categories_go_by_the_alphabet(folder):
    """As they do in a table of text, whatever order a Parquet file has of them."""
    path, table = folder
    table["kind"] = pd.Categorical(table["kind"], categories=["oak", "elm", "ash"])
    table.to_parquet(path / "ordered.parquet")
    table_set("ordered", "ordered.parquet", label="kind", train=10)
    names = sorted(set(table["kind"]))
    assert [names[label] for label in load_set("ordered").labels] == list(table["kind"])


@pytest.mark.parametrize(
    ("change", "given", "told"),
    [
        (
            lambda t: t,
            {"label": "kinds"},
            "has no column 'kinds'; did you mean kind.* Columns: kind, height, rings, wet. Next:",
        ),
        (lambda t: t, {"columns": ("height", "ring")}, "has no column 'ring'; did you mean rings"),
        (lambda t: t, {"columns": ("height", "kind")}, "'kind' is the label and an input. Next: leave it out"),
        (lambda t: t, {"train": 12}, "gives 10 images and 10 labels, said were 12 for training and 0 for testing"),
        (
            lambda t: t.assign(height=[None, *t.height[1:]]),
            {},
            "'height' has 1 empty cells, the first in row 1. Next: fill",
        ),
        (lambda t: t.assign(kind=[*t.kind[:9], None]), {}, "'kind' has 1 empty cells, the first in row 10. Next: fill"),
        (
            lambda t: t.assign(bark=["rough"] * 10),
            {},
            "column 'bark' holds 'rough', which is no number. Next: leave it out",
        ),
        (lambda t: t[:0], {}, r"trees.csv has 0 rows and 0 columns besides 'kind'. Next: "),
        (lambda t: t[["kind"]], {}, r"trees.csv has 10 rows and 0 columns besides 'kind'. Next: "),
        (lambda t: t.assign(height=[1e39, *t.height[1:]]), {}, r"column 'height' holds 1e\+39 in row 1. Next: "),
        (
            lambda t: t.assign(height=[1.7e9 + i for i in range(10)]),
            {},
            "float32 merges values of column 'height', which go from 1700000000.0 to 1700000009.0. Next: take off",
        ),
        (
            lambda t: t,
            {"file": "shrubs.csv"},
            "no shrubs.csv in .*data, .*Next: put it beside the file that registers it",
        ),
        (lambda t: t, {"file": "trees.xlsx"}, r"trees.xlsx is no .csv, .csv.gz, .parquet. Next: data_set\(\)"),
    ],
    ids=[
        "label",
        "column",
        "both",
        "rows",
        "empty",
        "no label",
        "text",
        "no rows",
        "no inputs",
        "infinite",
        "merged",
        "no file",
        "another kind",
    ],
)
def test_tables_that_cannot_be_read_are_refused(folder, change, given, told):
    """With the column, the row where there is one, and what to do."""
    path, table = folder
    change(table).to_csv(path / "trees.csv", index=False)
    table_set("trees", **{"file": "trees.csv", "label": "kind", "train": 10} | given)
    with pytest.raises(DataError, match=rf"data set trees: .*{told}"):
        load_set("trees")


def test_a_task_of_more_columns_or_rows_is_refused(folder):
    """While planning, with what the table has."""
    table_set("trees", "trees.csv", label="kind", train=10)
    with pytest.raises(DesignError, match="images of 1 x 1 x 4 and 3 classes, its data set trees 3 pixels"):
        check_task(Task("trees", shape=(1, 1, 4), **TREES, **SPLIT))
    with pytest.raises(DesignError, match="a split of 11 of 10 trees"):
        Task("trees", shape=(1, 1, 3), **TREES, **SPLIT | {"train_images": 7})


def test_a_name_says_no_version():
    """As of all that can be registered."""
    with pytest.raises(DesignError, match=r"a data set .trees@2., version 1. Next: give it a name without @"):
        table_set("trees@2", "trees.csv", label="kind", train=10)


def test_registering_reads_nothing():
    """A module of claims that registers a table loads quickly: without pandas."""
    code = (
        "import sys, harness; harness.table_set('trees', 'trees.csv', label='kind', train=10); "
        "sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], env=os.environ, timeout=60).returncode == 0

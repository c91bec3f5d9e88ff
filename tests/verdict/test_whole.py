"""Rows that contradict what is told of them, or the text that was locked: refused when they are read or judged."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats
from harness.design._lock import Registry
from harness.design._parts import percent_kept
from harness.errors import ResultsError
from harness.verdict import _results as results
from harness.verdict._judge import judge_results
from harness.verdict._results import Results
from harness.verdict._whole import contradiction, unlike
from tests import synthetic
from tests.synthetic import CATALOGUE, MICRO, ahead, claim, design, lock

MADE = claim(design(beats("a", "b", on=DIGITS, band=percent_kept("12.5", "50"))))


@pytest.fixture
def rows():
    """Ten replicates of a claim."""
    return synthetic.results((MADE, ahead(0.2)))


def more(frame):
    """The rows, and those of replicates 0 and 1 once more as 10 and 11."""
    added = frame[frame["replicate"] < 2]
    return pd.concat([frame, added.assign(replicate=added["replicate"] + 10)], ignore_index=True)


def where(frame, column, value, of="a"):
    """The rows with another value in the first one of an arm."""
    changed = frame.copy()
    changed.loc[changed.index[changed["arm"] == of][0], column] = value
    return changed


SPOILT = {
    "added replicates": (more, "the replicate is not told"),
    "another claim's": (lambda f: where(f, "claim", "paper/other"), "nothing is told of the claim"),
    "another version": (lambda f: where(f, "version", 2), "it is of another version"),
    "another seed": (lambda f: where(f, "suite_seed", 7), "it is of another suite seed"),
    "another record": (lambda f: where(f, "record", "000009-x"), "its record is not told"),
    "another key": (lambda f: where(f, "key", "f" * 32), "it is of another training than at other replicates"),
    "no accuracy": (lambda f: where(f, "value", 1.7), "it is no accuracy"),
    "a negative one": (lambda f: where(f, "value", -0.5), "it is no accuracy"),
    "no number": (lambda f: where(f, "value", np.nan), "it is no accuracy"),
    "twice": (lambda f: pd.concat([f, f.head(1)], ignore_index=True), "it is there twice"),
    "at another step too": (
        lambda f: pd.concat([f, f.head(1).assign(step=1)], ignore_index=True),
        "it is there twice",
    ),
    "a replicate less": (lambda f: f[(f["arm"] != "a") | (f["replicate"] > 0)], "other replicates of this training"),
}


@pytest.mark.parametrize(("spoil", "why"), SPOILT.values(), ids=SPOILT)
def test_rows_that_contradict_what_is_told_are_refused(rows, tmp_path, spoil, why):
    """Each row is of a claim, version, seed, replicate and record that the file tells of, and there once."""
    assert contradiction(rows) == ""
    results.write_results(rows, tmp_path / "as-made.parquet")
    results.read_results(tmp_path / "as-made.parquet")
    results.write_results(Results(spoil(rows.frame), rows.meta), tmp_path / "spoilt.parquet")
    with pytest.raises(ResultsError, match=f"cannot be read as results: paper/.*{why}"):
        results.read_results(tmp_path / "spoilt.parquet")


TOLD = {
    "replicates twice": (
        {"replicates": (0, 1, 2, 3, 4, 5, 6, 7, 8, 8)},
        "its replicates are told out of order, or twice",
    ),
    "replicates backwards": ({"replicates": tuple(range(9, -1, -1))}, "its replicates are told out of order"),
    "a digest less": ({"digests": ("d" * 16,) * 9}, "9 digests are told of 10 replicates"),
    "answers": ({"examples": {"digits": 500}}, "it is told that it is known which answers were correct"),
}


@pytest.mark.parametrize(("changed", "why"), TOLD.values(), ids=TOLD)
def test_what_is_told_of_a_claim_can_be(rows, changed, why):
    """Replicates in order and each once, a digest of each, answers where rows have them."""
    assert contradiction(synthetic.known(rows, MADE.id, **changed)).startswith(f"paper/claim: {why}")


def test_what_is_told_of_all_rows_can_be(rows):
    """A variant that there is, and provenance that a page can show on its line."""
    assert contradiction(replace(rows, meta=replace(rows.meta, variant="zz"))) != ""
    (name, record), *_ = rows.meta.records.items()
    forged = replace(record, processor="x\n\n# 99 claims reproduced")
    assert contradiction(replace(rows, meta=replace(rows.meta, records={name: forged}))).startswith(f"record {name}")


def test_a_loss_that_diverged_is_a_number_like_any_other(rows, tmp_path):
    """Divergence is an outcome: its loss is infinite or none, and its rows are read."""
    losses = rows.frame.assign(metric="test_loss", value=np.inf)
    losses.loc[losses.index[:5], "value"] = np.nan
    both = Results(pd.concat([rows.frame, losses], ignore_index=True), rows.meta)
    results.write_results(both, tmp_path / "results.parquet")
    assert len(results.read_results(tmp_path / "results.parquet").frame) == 2 * len(rows.frame)


def test_a_series_has_a_row_a_step_and_its_number_has_one(rows):
    """What a figure shows whole is no contradiction; the same step of it twice is."""
    path = rows.frame[rows.frame["arm"] == "a"].assign(metric="path_accuracy")
    steps = [path.assign(step=step) for step in range(3)]
    assert contradiction(Results(pd.concat([rows.frame, *steps], ignore_index=True), rows.meta)) == ""
    twice = Results(pd.concat([rows.frame, *steps, steps[0]], ignore_index=True), rows.meta)
    assert contradiction(twice).endswith("path_accuracy: it is there twice")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (
            lambda f: f[(f["arm"] != "a") | (f["density"] > 0.2)],
            "arm 'a' has rows of 0 trainings at 12.5000 % kept, its ",
        ),
        (lambda f: f[f["arm"] != "d"], "arm 'd' has rows of 0 trainings at 50.0000 % kept, its design 1"),
        (
            lambda f: pd.concat([f, f[f["arm"] == "a"].assign(arm="e")], ignore_index=True),
            "arm 'e' has rows of 1 trainings at 50.0000 % kept, its design 0",
        ),
        (
            lambda f: f.assign(arm=f["arm"].replace({"a": "b", "b": "a"})),
            "arm 'a' has rows of 1 trainings, other ones, at 50.0000 % kept",
        ),
    ],
    ids=["a density less", "an arm less", "an arm more", "arms swapped"],
)
def test_rows_of_other_trainings_than_were_locked_are_refused(rows, tmp_path, monkeypatch, spoil, why):
    """They are told to be of the locked text, so they hold all that it trains, and that alone."""
    synthetic.register(monkeypatch, MADE)
    registry = Registry(tmp_path / "registry.lock")
    lock(registry, MADE)
    assert judge_results(rows, registry, CATALOGUE).claims[MADE.id].is_confirmatory
    spoilt = Results(spoil(rows.frame), rows.meta)
    assert contradiction(spoilt) == ""
    with pytest.raises(ResultsError, match=f"the rows of paper/claim are not those of the design that .*{why}"):
        judge_results(spoilt, registry, CATALOGUE)
    quick = replace(spoilt, meta=replace(rows.meta, quick=True))
    assert not judge_results(quick, registry, CATALOGUE).claims[MADE.id].is_confirmatory


def test_the_order_of_draws_is_no_matter():
    """A text has them by their keys."""
    drawn = claim(design(beats("a", "b", on=DIGITS), arms=design().arms | {"a": synthetic.arm(0) + synthetic.arm(7)}))
    rows = synthetic.results((drawn, ahead(0.2)))
    arms = drawn.locked_content(MICRO)["arms"]
    assert unlike(rows, drawn.id, arms) == ""
    swapped = rows.frame.assign(draw=rows.frame["draw"].where(rows.frame["arm"] != "a", 1 - rows.frame["draw"]))
    assert unlike(Results(swapped, rows.meta), drawn.id, arms) == ""
    assert unlike(Results(swapped[swapped["draw"] == 0], rows.meta), drawn.id, arms) != ""


@pytest.mark.parametrize("lost", ["density", "draw"])
def test_a_metric_that_is_missing_somewhere_is_missed(lost):
    """Of every replicate at one density, or in one draw: the arm has rows there in another metric, and none in this."""
    part = beats("a", "b", on=DIGITS, metric="validation_accuracy")
    made = claim(design(part, arms=design().arms | {"a": synthetic.arm(0) + synthetic.arm(7)}))
    both = [synthetic.results((made, ahead(0.2)), metric=name) for name in ("test_accuracy", "validation_accuracy")]
    frame = pd.concat([each.frame for each in both], ignore_index=True)
    Results(frame, both[0].meta).differences(made.id, part)
    gone = (frame["metric"] == "validation_accuracy") & (frame["arm"] == "a")
    gone &= (frame["density"] < 0.2) if lost == "density" else (frame["draw"] == 1)
    with pytest.raises(ResultsError, match="arm 'a', part 'a beats b': no value for replicates"):
        Results(frame[~gone], both[0].meta).differences(made.id, part)

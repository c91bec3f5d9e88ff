"""How the report tells that claims were computed again on other machines: at its top, in their rows and sections."""

from dataclasses import replace

import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats
from harness.design._lock import Registry
from harness.report import _report as report
from harness.verdict._elsewhere import Elsewhere
from harness.verdict._judge import judge_results
from tests import synthetic
from tests.synthetic import CATALOGUE, ahead, claim, design, lock

SAME, TURNED, OPEN = (claim(design(beats("a", "b", on=DIGITS)), id=f"paper/{name}") for name in ("x", "y", "z"))


def rows(*means, record="000001-aaaaaaaa", device="cpu"):
    """Rows of the three claims, with a ahead by so many pp, as one record of a device."""
    made = synthetic.results(*((each, ahead(mean)) for each, mean in zip((SAME, TURNED, OPEN), means, strict=False)))
    made.frame["record"] = record
    (known,) = made.meta.records.values()
    return replace(made, meta=replace(made.meta, records={record: replace(known, device=device)}))


@pytest.fixture
def told(tmp_path, monkeypatch):
    """The text of a report with re-runs: ``told(report, re-run, ...)``."""
    synthetic.register(monkeypatch, SAME, TURNED, OPEN)
    registry = Registry(tmp_path / "registry.lock")
    lock(registry, SAME, TURNED, OPEN)

    def text(committed, *reruns):
        found = [
            Elsewhere(name=f"run-{i}", results=each, verdicts=judge_results(each, registry, CATALOGUE))
            for i, each in enumerate(reruns)
        ]
        verdicts = judge_results(committed, registry, CATALOGUE)
        return report.report_text(committed, verdicts, registry, CATALOGUE, [], {}, reruns=found)

    return text


def gpu(*means, name="a GPU", number=2):
    return rows(*means, record=f"00000{number}-bbbbbbbb", device=name)


def section(text, id):
    return text.split(f"### {id}\n")[1].split("[↑ summary]")[0]


def test_a_claim_that_turned_says_so_at_the_top_in_its_row_and_in_its_section(told):
    """One claim of three gave the same word: the others are named, marked, and shown with both effects."""
    text = told(rows(2.0, 2.0, 0.3), gpu(2.1, -2.0, 2.0))
    top = text.split("## Summary")[0]
    assert "Of 3 claims computed again on other machines, 1 gave the same word; turned" in top
    assert "turned from reproduced to refuted or back: [paper/y](#papery); decided on one side only: [paper/z]" in top
    marks = {row.split("]")[0]: "†" in row for row in text.splitlines() if row.startswith("| [")}
    assert marks == {"| [x": False, "| [y": True, "| [z": True}
    note = next(line for line in text.splitlines() if line.startswith("* [paper/y]"))
    assert "refuted (opposite), analogue task on a GPU, −2.00 pp (−2.72 to −1.28); reproduced (" in note
    assert note.endswith("here, +2.00 pp (+1.28 to +2.72)")
    assert "| a GPU | **refuted (opposite), analogue task** | **turned** | a beats b | +2.00" in section(
        text, "paper/y"
    )
    assert "analogue task** | the same | a beats b | +2.00 pp (+1.28 to +2.72) | +2.10 pp" in section(text, "paper/x")
    assert "| **another** | a beats b | +0.30" in section(text, "paper/z")


def test_what_left_a_claim_open_elsewhere_is_told(told):
    """A verdict that was lost says so, and the note says why."""
    text = told(rows(2.0), gpu(0.3))
    assert "| **lost** |" in section(text, "paper/x")
    note = next(line for line in text.splitlines() if line.startswith("* [paper/x]"))
    assert "inconclusive on a GPU, +0.30 pp (−0.42 to +1.02) (" in note


def test_a_report_without_reruns_says_nothing_of_them(told):
    """Neither sentence, mark, table nor folder."""
    text = told(rows(2.0, 2.0, 0.3))
    assert not [
        word for word in ("other machines", "another machine", "†", "elsewhere/", "left out as") if word in text
    ]


def test_equal_digests_stand_in_one_row(told):
    """Two machines with the same bits are one piece of evidence; each folder is named with what computed it."""
    text = told(rows(2.0), gpu(2.0), gpu(2.0, name="another GPU", number=3))
    assert "| a GPU and another GPU (the same digests: one piece of evidence) |" in section(text, "paper/x")
    assert "* `elsewhere/run-0`: a GPU (a processor), 2026-02-03T04:05:06Z to" in text
    assert "* `elsewhere/run-1`: another GPU (a processor)" in text


def test_runs_of_one_device_are_listed_together(told):
    """Two folders that the same GPU computed are one line, with the populations of both."""
    text = told(rows(2.0, 2.0), gpu(2.0), replace(gpu(2.0, 2.0, number=3)))
    assert "* `elsewhere/run-0`, `elsewhere/run-1`: a GPU (a processor)" in text
    assert ", in 2 populations; numpy 2" in text


def test_what_is_left_out_is_named(told):
    """Rows that are no second run stand nowhere but in a list that says why."""
    text = told(rows(2.0), rows(-2.0, device="a GPU"))
    assert "* paper/x in `elsewhere/run-0`: 1 of its populations are the report's own, computed once" in text
    assert "another machine" not in text

"""Re-runs on other machines: which count as such, what is one piece of evidence, and what a claim's word became."""

from dataclasses import replace

import pandas as pd
import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats
from harness.design._claim import Scale
from harness.design._lock import Registry
from harness.errors import ResultsError
from harness.population._provenance import Provenance
from harness.stats._kinds import Outcome
from harness.verdict._elsewhere import ELSEWHERE, Elsewhere, judge_elsewhere, machine, read_elsewhere, repeated
from harness.verdict._judge import judge_results
from harness.verdict._results import write_results
from tests import synthetic
from tests.synthetic import CATALOGUE, ahead, claim, counted, design, lock

MINE, OTHER = (claim(design(beats("a", "b", on=DIGITS)), id=f"paper/{name}") for name in ("mine", "other"))
EXACT = claim(counted(), id="paper/exact")


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """Two claims that are locked, with an exact one."""
    synthetic.register(monkeypatch, MINE, OTHER, EXACT)
    made = Registry(tmp_path / "registry.lock")
    lock(made, MINE, OTHER, EXACT)
    return made


def rows(*means, record="000001-aaaaaaaa", device="cpu", **changed):
    """Rows of the claims in turn, with a ahead by so many pp, as one record of a device."""
    made = synthetic.results(
        *((each, ahead(mean)) for each, mean in zip((MINE, OTHER), means, strict=False)), **changed
    )
    made.frame["record"] = record
    (known,) = made.meta.records.values()
    return replace(made, meta=replace(made.meta, records={record: replace(known, device=device)}))


def gpu(*means, name="a GPU", number=2, **changed):
    """Rows as computed anew on a GPU."""
    return rows(*means, record=f"00000{number}-bbbbbbbb", device=name, **changed)


@pytest.fixture
def found(registry):
    """What re-runs say of a report: ``found(report, re-run, ...)``."""

    def find(committed, *reruns):
        judged = [
            Elsewhere(name=f"run {i}", results=each, verdicts=judge_results(each, registry, CATALOGUE))
            for i, each in enumerate(reruns)
        ]
        return repeated(committed, judge_results(committed, registry, CATALOGUE), judged)

    return find


def test_a_rerun_stands_beside_the_report_with_its_own_verdict(found):
    """Of two claims the one that was computed again is shown: with the report's verdict, its own, and the machine."""
    told = found(rows(2.0, 2.0), gpu(2.1))
    assert told.claims.keys() == {"paper/mine"}
    ((repeat,),) = told.claims.values()
    assert (repeat.machines, repeat.same_word) == (("a GPU",), True)
    assert (repeat.committed.parts[0].mean, repeat.verdict.parts[0].mean) == pytest.approx((2.0, 2.1))
    assert (told.same, told.turned, told.left_out) == (("paper/mine",), (), ())


def test_a_rerun_is_judged_in_the_whole_family(found):
    """What a re-run leaves out counts as p = 1: with fewer claims nothing is easier to show."""
    ((repeat,),) = found(rows(2.0, 2.0), gpu(2.1)).claims.values()
    assert repeat.verdict.family == repeat.committed.family == ("paper/mine", "paper/other")


@pytest.mark.parametrize(
    ("here", "there", "same", "turned", "lost"),
    [
        (2.0, 3.0, True, False, False),
        (2.0, -2.0, False, True, False),
        (-2.0, 2.0, False, True, False),
        (2.0, 0.3, False, False, True),
        (0.3, 2.0, False, False, False),
    ],
)
def test_a_word_is_the_same_turned_lost_or_another(found, here, there, same, turned, lost):
    """Reproduced and refuted turn into each other; either is lost where it becomes inconclusive."""
    told = found(rows(here), gpu(there))
    ((repeat,),) = told.claims.values()
    assert (repeat.same_word, repeat.turned, repeat.lost) == (same, turned, lost)
    assert (told.same, told.turned) == (("paper/mine",) * same, ("paper/mine",) * turned)


def test_equal_digests_are_one_piece_of_evidence(found):
    """Two machines that gave the same bits are told together, and a third with other bits apart."""
    other = synthetic.known(gpu(2.0, name="a third GPU", number=4), "paper/mine", digests=("f" * 16,) * 10)
    told = found(rows(2.0), gpu(2.0), gpu(2.0, name="another GPU", number=3), other)
    assert [repeat.machines for repeat in told.claims["paper/mine"]] == [("a GPU", "another GPU"), ("a third GPU",)]


def test_a_claim_has_the_same_word_only_where_all_machines_gave_it(found):
    """One machine on which it turned is enough to say so."""
    told = found(rows(2.0), gpu(2.0), gpu(-2.0, name="another GPU", number=3))
    assert (told.same, told.turned) == ((), ("paper/mine",))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"quick": True}, "a run of a few steps"),
        ({"first": 5}, "replicates 5 to 14 were run, not the locked 0 to 9"),
        ({"suite_seed": 7}, "suite seed 7 was used"),
    ],
)
def test_other_replicates_or_settings_are_left_out_and_the_reason_is_told(found, changed, why):
    """A quick run, other replicates and other seeds are no second run of what is reported."""
    told = found(rows(2.0), gpu(-2.0, **changed))
    assert told.claims == {}
    ((name, id, told_why),) = [(each.name, each.claim, each.why) for each in told.left_out]
    assert (name, id) == ("run 0", "paper/mine")
    assert why in told_why


def test_rows_of_another_design_are_left_out(found):
    """A re-run of a design that is not the locked one says nothing of it, nor does one of an exploratory report."""
    (left,) = found(rows(2.0), synthetic.known(gpu(2.0), "paper/mine", digest="0" * 16)).left_out
    assert left.why == "the rows were computed from another version of the design"
    (left,) = found(synthetic.known(rows(2.0), "paper/mine", digest="0" * 16), gpu(2.0)).left_out
    assert left.why.startswith("the report's own rows are exploratory: the rows were computed from another version")


def test_another_round_is_left_out(found, registry):
    """Once a claim is locked on other replicates, a re-run of the earlier ones is none of the later ones."""
    registry.lock([MINE], "micro", pilots={}, when=synthetic.WHEN, replicates=10)
    entry = registry.find(MINE, "micro")
    later = synthetic.known(
        rows(2.0, first=entry.first_replicate, suite_seed=entry.suite_seed), "paper/mine", digest=entry.digest
    )
    (left,) = found(later, gpu(2.0)).left_out
    assert left.why == "version 1 in round 0, the report has version 1 in 1"


def test_the_reports_own_rows_are_no_second_run(found):
    """Rows from a store that had the report's records were computed once."""
    (left,) = found(rows(2.0), rows(2.0, device="a GPU")).left_out
    assert left.why == "1 of its populations are the report's own, computed once"


@pytest.fixture
def folder(tmp_path):
    """A report's folder with a re-run of both claims on a GPU, in which an exact claim was counted too."""
    made = gpu(2.0, 2.0)
    with_exact = replace(made, meta=made.meta.with_claim(EXACT.id, synthetic.results((EXACT, None)).claims[EXACT.id]))
    write_results(with_exact, tmp_path / ELSEWHERE / "gpu" / "results.parquet")
    return tmp_path


def test_reruns_are_read_by_their_folders(folder, registry):
    """Each folder is judged by its rows; exact claims are not read, and one the report lacks is left out, with why."""
    committed = rows(2.0)
    exact = synthetic.results((EXACT, None)).claims[EXACT.id]
    committed = replace(committed, meta=committed.meta.with_claim(EXACT.id, exact))
    (again,) = read_elsewhere(folder, committed).values()
    assert again.claims.keys() == {"paper/mine", "paper/other"}
    (read,) = judge_elsewhere(folder, committed, lambda each: judge_results(each, registry, CATALOGUE))
    assert (read.name, read.verdicts.claims.keys()) == ("gpu", {"paper/mine"})
    told = repeated(committed, judge_results(committed, registry, CATALOGUE), [read])
    assert told.claims.keys() == {"paper/mine"}
    assert [(each.claim, each.why) for each in told.left_out] == [("paper/other", "the report has no rows of it")]


def test_the_same_kind_of_machine_is_no_other_one(found):
    """A second run there gives the same numbers, and nothing about other machines."""
    (left,) = found(rows(2.0, device="a GPU"), gpu(2.0)).left_out
    assert left.why == "it was computed on the report's own kind of machine: a GPU"


def test_what_was_rounded_alike_is_no_other_machine(found):
    """A copy of the report's rows under other names, or a machine that rounds as it does: the digests are its own."""
    same = ("d" * 16,) * 10
    one, other = (synthetic.known(each, "paper/mine", digests=same) for each in (rows(2.0), gpu(2.0)))
    assert found(one, other).left_out == ()  # of evaluations alone a digest says nothing
    validated = one.frame.assign(metric="validation_loss")
    one = replace(one, frame=pd.concat([one.frame, validated], ignore_index=True))
    (left,) = found(one, other).left_out
    assert left.why == "it has the report's own digests: nothing was rounded otherwise there"
    assert found(one, synthetic.known(gpu(2.0), "paper/mine", digests=("e" * 16,) * 10)).left_out == ()


def test_equal_digests_with_other_rows_are_told_apart(found):
    """Two re-runs that claim to have computed the same, of which one diverged: each has its own verdict."""
    one, other = gpu(2.0, number=2), gpu(2.0, name="another GPU", number=3)
    assert len(found(rows(2.0), one, other).claims["paper/mine"]) == 1
    told = found(rows(2.0), one, replace(other, frame=other.frame.assign(diverged=True)))
    assert [repeat.machines for repeat in told.claims["paper/mine"]] == [("a GPU",), ("another GPU",)]


def test_rows_of_another_scale_are_refused(folder):
    """A re-run beside the report of another scale is a mistake: the error says where it belongs."""
    committed = rows(2.0)
    with pytest.raises(ResultsError, match=r"rows of scale micro.*Next: move its folder to reports/micro/elsewhere"):
        read_elsewhere(folder, replace(committed, meta=replace(committed.meta, scale=Scale.STANDARD)))


def test_a_machine_is_its_gpu_or_its_processor():
    """Of a CPU the processor's name tells more than that it is one."""
    cpu = Provenance(device="cpu", processor="a processor", versions={}, wall_s=1.0)
    assert machine(cpu) == "a processor"
    assert machine(replace(cpu, device="a GPU")) == "a GPU"
    assert machine(replace(cpu, processor="")) == "another processor"


def test_an_undecided_claim_stays_open_both_times(found):
    """Inconclusive on both sides is the same word."""
    ((repeat,),) = found(rows(0.3), gpu(0.3)).claims.values()
    assert repeat.verdict.outcome is Outcome.INCONCLUSIVE
    assert (repeat.same_word, repeat.lost) == (True, False)

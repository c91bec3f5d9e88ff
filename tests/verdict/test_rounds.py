"""Verdicts of claims that were locked in rounds: seeds, families, levels, and what a later lock leaves alone.

Also tests `verdict._standing`.
"""

from dataclasses import replace

import pandas as pd
import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats
from harness.design._lock import Registry
from harness.report import _report as report
from harness.stats._kinds import Outcome
from harness.stats._paired import ALPHA
from harness.streams import SUITE_SEED
from harness.verdict import _judge as judging
from harness.verdict import _results as results
from harness.verdict._earlier import amended, earlier_rows
from harness.verdict._files import read_verdicts, verdicts_json
from harness.verdict._results import Results
from harness.verdict._verdicts import Status
from tests import synthetic
from tests.synthetic import CATALOGUE, MICRO, WHEN, ahead, claim, counted, design, lock

A, B, C = (claim(design(beats("a", other, on=DIGITS)), id=f"paper/{other}") for other in "bcd")


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """An empty registry, of a catalogue that has three claims."""
    synthetic.register(monkeypatch, A, B, C)
    return Registry(tmp_path / "registry.lock")


def as_locked(registry, *values):
    """Results of pairs (claim, f), each on the replicates of its lock."""
    made = []
    for claim_, f in values:
        entry = registry.find(claim_, MICRO)
        seed = entry.suite_seed if f else SUITE_SEED  # an exact claim has no replicates that would tell it
        of_one = synthetic.results((claim_, f), first=entry.first_replicate, suite_seed=seed)
        made.append(synthetic.known(of_one, claim_.id, digest=entry.digest, suite_seed=seed if f else None))
    claims = {id: known for one in made for id, known in one.claims.items()}
    frame = pd.concat([one.frame for one in made], ignore_index=True)
    return Results(frame, replace(made[0].meta, claims=claims))


def rounds(registry, *of, **given):
    for claims in of:
        registry.lock(list(claims), MICRO, pilots={}, when=WHEN, **given)


def judge(rows, registry):
    return judging.judge_results(rows, registry, CATALOGUE).claims


def test_each_round_is_a_family_at_its_level(registry):
    """The same rows: one claim alone in the first round, two together in the second, at half the level."""
    rounds(registry, [A], [B, C])
    verdicts = judge(as_locked(registry, *((each, ahead(0.9)) for each in (A, B, C))), registry)
    told = {id: (v.round, v.alpha, v.family, v.outcome) for id, v in verdicts.items()}
    together = ("paper/c", "paper/d")
    assert told == {
        "paper/b": (1, ALPHA, ("paper/b",), Outcome.REPRODUCED),
        "paper/c": (2, ALPHA / 2, together, Outcome.INCONCLUSIVE),
        "paper/d": (2, ALPHA / 2, together, Outcome.INCONCLUSIVE),
    }
    assert all(v.status is Status.CONFIRMATORY for v in verdicts.values())
    assert verdicts["paper/c"].p_rep == pytest.approx(2 * verdicts["paper/b"].p_rep)
    assert "at level 0.0125" in verdicts["paper/c"].cause
    assert "at level" not in verdicts["paper/b"].cause
    assert ALPHA / 2 < verdicts["paper/c"].p_rep < ALPHA  # in the first round it would have been enough
    assert verdicts["paper/b"].status_reason == f"locked {WHEN} in round 1"
    assert verdicts["paper/c"].parts[0].needed > verdicts["paper/b"].parts[0].needed


def test_a_later_lock_judges_no_earlier_verdict_again(registry):
    """What was locked in round 0 or 1 keeps its family and its words, whatever is locked after it."""
    lock(registry, A)
    rounds(registry, [B])
    before = judge(as_locked(registry, (A, ahead(0.8)), (B, ahead(0.9))), registry)
    rounds(registry, [C])
    after = judge(as_locked(registry, (A, ahead(0.8)), (B, ahead(0.9)), (C, ahead(-3.0))), registry)
    assert {id: after[id] for id in before} == before
    assert [after[id].round for id in sorted(after)] == [0, 1, 2]


def test_rows_on_another_seed_are_exploratory(registry):
    """The seed of a round follows from its lines: rows that were made on another one were not locked before."""
    rounds(registry, [A])
    rows = as_locked(registry, (A, ahead(3.0)))
    forged = synthetic.known(rows, A.id, suite_seed=20190506)
    verdict = judge(forged, registry)[A.id]
    assert verdict.status is Status.EXPLORATORY
    assert verdict.status_reason.startswith("suite seed 20190506 was used, not the locked ")


def test_what_is_not_locked_is_judged_in_the_next_round(registry):
    """An exploratory claim burdens none that is locked, and is held to the level that its lock would have."""
    rounds(registry, [A])
    alone = judge(as_locked(registry, (A, ahead(0.8))), registry)[A.id]
    one, other = as_locked(registry, (A, ahead(0.8))), synthetic.results((B, ahead(0.8)))
    frame = pd.concat([one.frame, other.frame], ignore_index=True)
    with_b = Results(frame, replace(one.meta, claims={**one.meta.claims, **other.meta.claims}))
    verdicts = judge(with_b, registry)
    assert verdicts[A.id] == alone
    verdict = verdicts[B.id]
    assert (verdict.round, verdict.alpha, verdict.family) == (2, ALPHA / 2, (B.id,))
    assert (verdict.status, verdict.status_reason) == (Status.EXPLORATORY, "not locked")


def test_a_claim_that_is_locked_again_counts_before_it_is_run(registry):
    """Two claims of a round, one of them with the rows of its first round alone: the other's p is doubled."""
    rounds(registry, [A], [B])
    first = as_locked(registry, (A, ahead(0.9)))
    rounds(registry, [A, B], replicates=10)
    second = as_locked(registry, (B, ahead(0.9)))
    frame = pd.concat([first.frame, second.frame], ignore_index=True)
    verdicts = judge(Results(frame, replace(first.meta, claims={**first.claims, **second.claims})), registry)
    assert (verdicts[A.id].round, verdicts[A.id].family) == (1, (A.id,))
    assert (verdicts[B.id].round, verdicts[B.id].family) == (3, (A.id, B.id))
    assert verdicts[B.id].p_rep == pytest.approx(2 * verdicts[A.id].p_rep)


def test_what_sign_flip_cannot_check_is_said(registry, monkeypatch, tmp_path):
    """Eight replicates of one claim in a first round are cross-checked; two claims' at half the level are not."""
    first, *others = (
        claim(design(beats("a", to, on=DIGITS), replicates=8), id=f"paper/{to}") for to in ("b", "c", "d")
    )
    synthetic.register(monkeypatch, first, *others)
    rounds(registry, [first], others)
    verdicts = judge(as_locked(registry, *((each, ahead(5.0, n=8)) for each in (first, *others))), registry)
    assert verdicts[first.id].unchecked == ""
    assert verdicts["paper/c"].unchecked == "not cross-checked; stands whichever replicate is left out"
    assert verdicts["paper/c"].in_words(MICRO) == "reproduced (at least sesoi), analogue task, not cross-checked"
    rows = as_locked(registry, *((each, ahead(5.0, n=8)) for each in others))
    text = report.report_text(rows, judging.judge_results(rows, registry, CATALOGUE), registry, CATALOGUE, [], {})
    assert "Decided by the t-test, not cross-checked; stands whichever replicate is left out." in text
    old = Registry(tmp_path / "before.lock")
    lock(old, *others)
    assert judge(synthetic.results(*((each, ahead(5.0, n=8)) for each in others)), old)["paper/c"].unchecked == ""


def test_exploratory_rows_move_no_other_claim(registry):
    """A claim whose rows are not those that were locked counts as not run for the others, however clear they are."""
    rounds(registry, [A, B])
    rows = as_locked(registry, (A, ahead(0.85)), (B, ahead(5.0)))
    honest = judge(rows, registry)
    spoiled = judge(synthetic.known(rows, B.id, digest="0" * 64), registry)
    assert spoiled[B.id].status is Status.EXPLORATORY
    assert honest[A.id].p_rep == pytest.approx(spoiled[A.id].p_rep / 2)
    assert spoiled[A.id].status is Status.CONFIRMATORY


def test_rows_of_a_round_stay_confirmatory_while_the_next_is_run(registry):
    """Locked again on more replicates, what was run is what it was until the new rows are there."""
    rounds(registry, [A, B])
    rows = as_locked(registry, (A, ahead(0.85)), (B, ahead(0.8)))
    before = judge(rows, registry)
    rounds(registry, [A], replicates=20)
    assert judge(rows, registry) == before


def test_an_earlier_version_does_not_come_back(registry, monkeypatch):
    """With a later version locked, the rows of an earlier one are exploratory, whatever the claim's file says."""
    rounds(registry, [A])
    rows = as_locked(registry, (A, ahead(5.0)))
    rounds(registry, [replace(A, version=2, statement="Another.")])
    verdict = judge(rows, registry)[A.id]
    assert (verdict.status, verdict.status_reason) == (
        Status.EXPLORATORY,
        "version 2 was locked later and is in force",
    )


def test_an_exact_claim_that_became_a_comparison_is_judged_in_the_next_round(registry, monkeypatch):
    """Without another version: its lock is in no family, and what it compares now was never locked."""
    exact = claim(counted(), id=A.id)
    synthetic.register(monkeypatch, exact)
    rounds(registry, [exact], [B])
    synthetic.register(monkeypatch, A, B)
    verdict = judge(synthetic.results((A, ahead(5.0))), registry)[A.id]
    assert (verdict.status, verdict.round, verdict.family) == (Status.EXPLORATORY, 3, (A.id,))


def test_a_lock_that_was_not_run_is_told(registry):
    """The section names the lock of its rows, with its level, and after it the one that has none yet."""
    rounds(registry, [A])
    rows = as_locked(registry, (A, ahead(0.9)))
    rounds(registry, [A], replicates=20)
    text = report.report_text(rows, judging.judge_results(rows, registry, CATALOGUE), registry, CATALOGUE, [], {})
    assert f"Reproduced: version 1, locked {WHEN} in round 1, judged at level 0.025, predicted reproduced." in text
    assert f"*Not run yet: version 1 was locked {WHEN} in round 2 (replication) on 20 replicates.*" in text
    assert "| locked again, and not run yet | [paper/b](#paperb) |" in text


@pytest.fixture
def replicated(registry, tmp_path):
    """A report on two claims of round 1, and the results after one of them was locked again, on 20 replicates."""
    rounds(registry, [A, B])
    committed = tmp_path / "committed"
    rows = as_locked(registry, (A, ahead(0.85)), (B, ahead(0.8)))
    results.write_results(rows, committed / "results.parquet")
    (committed / "verdicts.json").write_text(verdicts_json(judging.judge_results(rows, registry, CATALOGUE)))
    rounds(registry, [A], replicates=20)
    return as_locked(registry, (A, ahead(0.85, n=20)), (B, ahead(0.8))), committed


def test_a_replication_leaves_its_first_family_as_it_was(replicated, registry):
    """The claim counts there by its earlier rows; its new verdict is that of its new round alone."""
    rows, committed = replicated
    before = read_verdicts(committed / "verdicts.json").claims
    earlier = list(earlier_rows(rows, committed, registry).values())
    after = judging.judge_results(rows, registry, CATALOGUE, earlier).claims
    assert after[B.id] == before[B.id]
    assert before[B.id].family == (A.id, B.id)
    verdict = after[A.id]
    assert (verdict.round, verdict.alpha, verdict.family, verdict.n) == (2, ALPHA / 2, (A.id,), 20)
    assert (before[A.id].outcome, verdict.outcome) == (Outcome.INCONCLUSIVE, Outcome.REPRODUCED)
    assert verdict.earlier == (before[A.id].in_short(),)
    without = judge(rows, registry)
    assert without[A.id].earlier == ()
    assert without[B.id].p_rep > after[B.id].p_rep  # as one that was not run it would count as p = 1


def test_the_report_prints_every_round(replicated, registry):
    """Both locks with their verdicts, what each was an attempt at and changed, and the level of the one in force."""
    rows, committed = replicated
    earlier = list(earlier_rows(rows, committed, registry).values())
    judged = judging.judge_results(rows, registry, CATALOGUE, earlier)
    text = report.report_text(rows, judged, registry, CATALOGUE, [], {})
    assert f"version 1, locked {WHEN} in round 2, judged at level 0.0125, predicted reproduced" in text
    assert "of one round, at half that level in a paper's second round" in text
    one, two, both = locks(text)
    assert one.startswith(
        f"Version 1, locked {WHEN} in round 1, replicates 0 to 9, predicted reproduced: **inconclusive"
    )
    assert two.startswith(
        f"Version 1, locked {WHEN} in round 2 (replication: 20 replicates, were 10), replicates 0 to 19, predicted "
        "reproduced: **reproduced"
    )
    assert both.startswith("Together +0.85 pp (")
    assert both.endswith("that their means are one: p = 1 (Welch).")
    assert amended(committed, CATALOGUE, registry) == [A.id]
    assert judged.turned(read_verdicts(committed / "verdicts.json")) == []


def locks(text):
    """Return the lines of the only list of locks in a report."""
    _, _, after = text.partition("* **Locks.**")
    lines = after.partition("\n\n")[0].splitlines()[1:]
    return [line.removeprefix("  * ") for line in lines if line.startswith("  * ")]

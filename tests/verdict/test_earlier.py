"""Earlier locks of a claim: their rows stay, and every verdict that was printed is reached again from them.

Also tests `report._locks` and `verdict._as_printed`.
"""

from dataclasses import replace

import pandas as pd
import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats
from harness.design._lock import Registry
from harness.errors import ResultsError
from harness.report import _report as report
from harness.report._summary import groups
from harness.stats._kinds import Outcome
from harness.verdict import _as_printed
from harness.verdict import _judge as judging
from harness.verdict import _results as results
from harness.verdict._as_printed import digest_of_printed
from harness.verdict._earlier import (
    amended,
    earlier_rows,
    not_as_locked,
    read_earlier,
    unchanged,
    with_printed,
    write_earlier,
)
from harness.verdict._files import verdicts_json
from harness.verdict._scoreboard import Attempts, scoreboard
from harness.verdict._verdicts import EarlierVersion
from tests import synthetic
from tests.synthetic import CATALOGUE, MICRO, WHEN, ahead, claim, counted, design, lock
from tests.verdict.test_rounds import as_locked, locks, rounds

FIRST = claim(design(beats("a", "b", on=DIGITS)))
SECOND = claim(design(beats("a", "c", on=DIGITS)), version=2)
THIRD = claim(design(beats("a", "d", on=DIGITS)), version=3)
OTHER = claim(design(beats("b", "c", on=DIGITS)), id="paper/other")


@pytest.fixture
def registry(tmp_path):
    """An empty registry."""
    return Registry(tmp_path / "registry.lock")


def locked(monkeypatch, registry, *claims):
    """Lock claims in a round; they are what the catalogue has then."""
    synthetic.register(monkeypatch, *claims)
    rounds(registry, [each for each in claims if registry.find(each, MICRO) is None])


def run(folder, rows, registry):
    """Write rows, those of earlier locks, and verdicts, as a run and a judgement do."""
    earlier = earlier_rows(rows, folder, registry)
    results.write_results(rows, folder / "results.parquet")
    write_earlier(earlier, folder)
    judged = judging.judge_results(rows, registry, CATALOGUE, read_earlier(folder))
    (folder / "verdicts.json").write_text(verdicts_json(judged))
    return judged


@pytest.fixture
def amended_claim(monkeypatch, registry, tmp_path):
    """A report in which version 1 of a claim was refuted, and version 2 after it reproduced; and its rows."""
    folder = tmp_path / "report"
    locked(monkeypatch, registry, FIRST, OTHER)
    run(folder, as_locked(registry, (FIRST, ahead(-2.0)), (OTHER, ahead(0.0))), registry)
    locked(monkeypatch, registry, SECOND, OTHER)
    rows = as_locked(registry, (SECOND, ahead(3.0)), (OTHER, ahead(0.0)))
    return run(folder, rows, registry), rows, folder


def test_the_report_prints_every_version_with_its_verdict(amended_claim, registry):
    """An amended claim keeps the verdict on the version before, and the report says what was changed."""
    judged, rows, _ = amended_claim
    (earlier,) = judged.claims[FIRST.id].earlier
    assert (earlier.version, earlier.outcome, earlier.qualifier, earlier.n) == (1, "refuted", "opposite", 10)
    assert earlier.mean == pytest.approx(-2.0)
    one, two = locks(report.report_text(rows, judged, registry, CATALOGUE, [], {}))
    assert one.startswith(
        f"Version 1, locked {WHEN} in round 1, replicates 0 to 9, predicted reproduced: **refuted (opp"
    )
    assert one.endswith("a beats b −2.00 pp (−2.72 to −1.28), n = 10.")
    assert "in round 2 (changed: part 'a beats b' is gone, part 'a beats c' is new), replicates 0 to 9" in two
    assert two.endswith("+3.00 pp (+2.28 to +3.72), n = 10.")


def test_an_earlier_verdict_is_told_by_what_it_rests_on(monkeypatch, registry, tmp_path):
    """Of two parts the one that refutes, and not the one that comes first."""
    both = claim(design(beats("a", "b", on=DIGITS), beats("c", "a", on=DIGITS)))
    locked(monkeypatch, registry, both)
    run(tmp_path, as_locked(registry, (both, ahead(3.0))), registry)
    locked(monkeypatch, registry, SECOND)
    judged = run(tmp_path, as_locked(registry, (SECOND, ahead(3.0))), registry)
    (earlier,) = judged.claims[both.id].earlier
    assert (earlier.outcome, earlier.name, earlier.mean) == ("refuted", "c beats a", pytest.approx(-3.0))


def test_an_earlier_verdict_is_reached_from_its_rows(amended_claim, registry):
    """What stands in a report about it counts for nothing: another number there changes no verdict."""
    judged, rows, folder = amended_claim
    path = folder / "verdicts.json"
    path.write_text(path.read_text().replace('"outcome": "refuted"', '"outcome": "reproduced"'))
    again = judging.judge_results(with_printed(rows, folder, registry), registry, CATALOGUE, read_earlier(folder))
    assert again == judged
    (before,) = read_earlier(folder)
    forged = replace(
        before, frame=before.frame.assign(value=before.frame["value"].where(before.frame["arm"] != "a", 0.9))
    )
    (told,) = judging.judge_results(rows, registry, CATALOGUE, [forged]).claims[FIRST.id].earlier
    assert told.mean == pytest.approx(10.0)


def test_rows_of_another_text_or_block_are_no_earlier_ones(amended_claim, registry):
    """Neither with another digest, nor on other replicates, nor of a quick run: they are of no lock."""
    _, rows, folder = amended_claim
    (before,) = read_earlier(folder)
    for other in (
        synthetic.known(before, FIRST.id, digest="0" * 64),
        synthetic.known(before, FIRST.id, replicates=(1, 2)),
        synthetic.known(before, FIRST.id, suite_seed=7),
        replace(before, meta=replace(before.meta, quick=True)),
    ):
        with pytest.raises(ResultsError, match="the earlier rows of paper/claim are those of no lock"):
            judging.judge_results(rows, registry, CATALOGUE, [other])
    assert judging.judge_results(rows, registry, CATALOGUE, [before]).claims[FIRST.id].earlier


def test_every_earlier_lock_is_kept(amended_claim, registry, monkeypatch):
    """A run again keeps what is there; a third version has both before it; no row is kept twice."""
    judged, rows, folder = amended_claim
    assert run(folder, rows, registry) == judged
    locked(monkeypatch, registry, THIRD, OTHER)
    judged = run(folder, as_locked(registry, (THIRD, ahead(1.0)), (OTHER, ahead(0.0))), registry)
    assert [(each.version, each.outcome) for each in judged.claims[FIRST.id].earlier] == [
        (1, "refuted"),
        (2, "reproduced"),
    ]
    assert sorted(each.meta.seed(FIRST.id) for each in read_earlier(folder)) == sorted(
        each.seed for each in registry.rounds[1:3]
    )
    assert [len(each.frame) for each in read_earlier(folder)] == [130, 130]  # of one claim: the other has no later lock


def test_nothing_is_kept_where_there_is_nothing_earlier(amended_claim, registry, tmp_path):
    """Beside no report, for a quick run, for other claims, and for rows that were never locked."""
    _, rows, folder = amended_claim
    assert earlier_rows(rows, tmp_path / "nowhere", registry) == {}
    assert earlier_rows(replace(rows, meta=replace(rows.meta, quick=True)), folder, registry) == {}
    other = as_locked(registry, (OTHER, ahead(0.0)))
    assert earlier_rows(other, folder, registry) == {}
    spoiled = tmp_path / "spoiled"
    results.write_results(synthetic.known(rows, FIRST.id, digest="0" * 64), spoiled / "results.parquet")
    assert earlier_rows(as_locked(registry, (SECOND, ahead(3.0))), spoiled, registry) == {}


def test_a_version_without_rows_says_so(amended_claim, registry):
    """Where the earlier rows are gone, the lock is listed without a verdict."""
    _, rows, _ = amended_claim
    text = report.report_text(rows, judging.judge_results(rows, registry, CATALOGUE), registry, CATALOGUE, [], {})
    assert locks(text)[0].endswith("replicates 0 to 9, predicted reproduced: no verdict stored.")


def test_verdicts_of_round_0_travel_as_they_were_printed(monkeypatch, registry, tmp_path):
    """Rows of its first versions were not kept; a later round's verdict is never believed."""
    synthetic.register(monkeypatch, SECOND)
    lock(registry, FIRST, SECOND)
    rows = synthetic.results((SECOND, ahead(3.0)), first=10)
    told = EarlierVersion(
        version=1,
        outcome=Outcome.REFUTED,
        qualifier="",
        n=10,
        decision="t",
        mean=-2.0,
        lower=-3.0,
        upper=-1.0,
        name="a",
    )
    later = replace(told, round=3)
    printed = replace(rows, meta=replace(rows.meta, earlier={SECOND.id: (told, later)}))
    results.write_results(printed, tmp_path / "results.parquet")
    carried = with_printed(rows, tmp_path, registry)
    with pytest.raises(
        ResultsError, match="version 1 of paper/claim is told to have been refuted with n = 10, and no r"
    ):
        judging.judge_results(carried, registry, CATALOGUE)
    monkeypatch.setattr(_as_printed, "PRINTED", {digest_of_printed(SECOND.id, told)})
    assert judging.judge_results(carried, registry, CATALOGUE).claims[SECOND.id].earlier == (told,)
    assert with_printed(rows, tmp_path / "nowhere", registry) is rows


def test_what_is_amended_and_not_run_is_named(amended_claim, registry, monkeypatch):
    """A claim with a later lock, or another version in its file; its committed rows still count in their family."""
    judged, rows, folder = amended_claim
    assert amended(folder, CATALOGUE, registry) == []
    synthetic.register(monkeypatch, THIRD, OTHER)
    assert amended(folder, CATALOGUE, registry) == [THIRD.id]
    rounds(registry, [THIRD])
    again = judging.judge_results(rows, registry, CATALOGUE, read_earlier(folder))
    assert again.claims[OTHER.id] == judged.claims[OTHER.id]
    assert again.claims[THIRD.id].status == "exploratory"


def test_a_changed_file_does_not_take_the_verdict_of_its_lock(amended_claim, registry, monkeypatch):
    """With the arms swapped and no other version: exploratory, and what the lock gave is told beside it."""
    judged, rows, folder = amended_claim
    swapped = claim(design(beats("c", "a", on=DIGITS)), version=2)
    synthetic.register(monkeypatch, swapped, OTHER)
    again = judging.judge_results(rows, registry, CATALOGUE, read_earlier(folder))
    verdict = again.claims[SECOND.id]
    assert (verdict.status, verdict.outcome) == ("exploratory", Outcome.REFUTED)
    assert verdict.earlier[-1] == judged.claims[SECOND.id].in_short()
    text = report.report_text(rows, again, registry, CATALOGUE, [], {})
    assert "2 claims of 1 paper: 1 inconclusive, 1 exploratory." in text
    assert f"Reproduced: not on a lock. Version 2 was locked {WHEN}, predicted reproduced." in text
    assert [line.partition(":")[0] for line in locks(text)][-1] == "Version 2, as it is now, not locked"
    assert scoreboard(rows, again, registry, CATALOGUE).first == Attempts(came_out=0, of=2)
    assert amended(folder, CATALOGUE, registry) == [SECOND.id]
    assert not_as_locked(folder, CATALOGUE, registry) == {}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"digest": "0" * 64}, "the rows were computed from another version of the design"),
        ({"version": 7}, "the rows are of version 7, the claim is version 2"),
    ],
)
def test_rows_that_say_they_are_of_something_else_are_not_amended(amended_claim, registry, changed, why):
    """File and lock are as they were: what is told of the rows takes them out of no comparison."""
    _, rows, folder = amended_claim
    known = synthetic.known(rows, SECOND.id, **changed)
    frame = known.frame.assign(version=[known.claims[id].version for id in known.frame["claim"]])
    results.write_results(replace(known, frame=frame), folder / "results.parquet")
    assert amended(folder, CATALOGUE, registry) == []
    assert not_as_locked(folder, CATALOGUE, registry) == {SECOND.id: why}


def test_the_first_round_is_the_same_whatever_was_locked_after_it(amended_claim, registry, monkeypatch, tmp_path):
    """The claim that stayed has the p-value it had before the other one was amended."""
    judged, _, _ = amended_claim
    synthetic.register(monkeypatch, FIRST, OTHER)
    alone = Registry(tmp_path / "alone.lock")
    rounds(alone, [FIRST, OTHER])
    before = judging.judge_results(as_locked(alone, (FIRST, ahead(-2.0)), (OTHER, ahead(0.0))), alone, CATALOGUE)
    assert judged.claims[OTHER.id] == before.claims[OTHER.id]


def test_a_report_is_unchanged_while_its_claims_are(amended_claim, registry, monkeypatch):
    """By the digest of what was locked, or of the claim; a missing file, or another design, is a change."""
    _, _, folder = amended_claim
    assert not unchanged(folder, CATALOGUE, registry)
    (folder / "report.md").write_text("")
    assert unchanged(folder, CATALOGUE, registry)
    synthetic.register(monkeypatch, THIRD, OTHER)
    assert not unchanged(folder, CATALOGUE, registry)


# --- claims under new names ------------------------------------------------------------------------------------------


def renamed(id="paper/renamed", of=FIRST, **changed):
    return replace(of, id=id, version=1, supersedes=(of.id,), _designs={}, **changed)


def test_a_renamed_claim_has_the_attempts_of_the_old_one(monkeypatch, registry, tmp_path):
    """Refuted under its first name, reproduced under its second: no first attempt came out, and the old is no line."""
    folder, new = tmp_path / "report", renamed()
    locked(monkeypatch, registry, FIRST)
    run(folder, as_locked(registry, (FIRST, ahead(-2.0))), registry)
    locked(monkeypatch, registry, new)
    assert registry.entries[-1].attempt == "replication"
    rows = as_locked(registry, (new, ahead(3.0)))
    judged = run(folder, rows, registry)
    (earlier,) = judged.claims[new.id].earlier
    assert (earlier.claim, earlier.outcome) == (FIRST.id, Outcome.REFUTED)
    score = scoreboard(rows, judged, registry, CATALOGUE)
    assert (score.first, score.again) == (Attempts(came_out=0, of=1), (new.id,))
    one, two, both = locks(report.report_text(rows, judged, registry, CATALOGUE, [], {}))
    assert "**refuted (opposite)" in one
    assert f"in round 2 (replication, in place of {FIRST.id})" in two
    assert both.startswith("Together +0.50 pp")
    (group,) = groups(judged, registry, CATALOGUE)
    assert [line.id for line in group.lines] == [new.id]


def test_a_claim_that_no_file_defines_is_withdrawn(monkeypatch, registry, tmp_path):
    """Its verdict stays, beside the rows and after a run of the others; a claim like it is no way round."""
    locked(monkeypatch, registry, FIRST, OTHER)
    folder, other = tmp_path / "report", (OTHER, ahead(0.0))
    before = run(folder, as_locked(registry, (FIRST, ahead(-2.0)), other), registry)
    synthetic.register(monkeypatch, OTHER)
    rows = results.read_results(folder / "results.parquet")
    told = judging.judge_results(rows, registry, CATALOGUE)
    assert told.withdrawn == {FIRST.id: (before.claims[FIRST.id].in_short(),)}
    assert told.claims == {OTHER.id: before.claims[OTHER.id]}
    rows = as_locked(registry, other)
    write_earlier(earlier_rows(rows, folder, registry, whole=True), folder)
    (kept,) = read_earlier(folder)
    assert list(kept.claims) == [FIRST.id]
    again = judging.judge_results(rows, registry, CATALOGUE, [kept])
    assert again == told
    score = scoreboard(rows, again, registry, CATALOGUE)
    assert (score.first, score.withdrawn) == (Attempts(came_out=0, of=2), (FIRST.id,))
    text = report.report_text(rows, again, registry, CATALOGUE, [], {})
    row = next(line for line in text.splitlines() if line.startswith("| claim | **"))
    assert row == (
        "| claim | **refuted (opposite), analogue task, withdrawn** | reproduced, **no** | −2.00 pp (−2.72 to −1.28) "
        "| 10 | – | a beats b; no file defines it at this scale any more |"
    )
    assert "| withdrawn: no file defines them at this scale any more; their verdicts stay | paper/claim |" in text
    assert f"### {FIRST.id}" not in text


def test_what_is_superseded_stays_until_its_successor_has_rows(monkeypatch, registry, tmp_path):
    """A lock alone takes no verdict away."""
    locked(monkeypatch, registry, FIRST)
    rows = as_locked(registry, (FIRST, ahead(-2.0)))
    before, new = run(tmp_path, rows, registry), renamed()
    synthetic.register(monkeypatch, new)
    rounds(registry, [new])
    told = judging.judge_results(rows, registry, CATALOGUE)
    assert (told.claims, told.withdrawn) == ({}, {FIRST.id: (before.claims[FIRST.id].in_short(),)})
    after = run(tmp_path, as_locked(registry, (new, ahead(3.0))), registry)
    assert (list(after.claims), after.withdrawn) == ([new.id], {})


def test_merged_and_split_claims_are_counted_by_their_first_attempts(monkeypatch, registry, tmp_path):
    """Three that were merged are three first attempts; one that is split into two is one, that of the whole."""
    three = [claim(design(beats("a", other, on=DIGITS)), id=f"paper/{other}") for other in "bcd"]
    locked(monkeypatch, registry, *three)
    moved = zip(three, (3.0, -3.0, -3.0), strict=True)
    run(tmp_path, as_locked(registry, *((each, ahead(mean)) for each, mean in moved)), registry)
    merged = replace(renamed("paper/merged", of=three[0]), supersedes=tuple(each.id for each in three))
    locked(monkeypatch, registry, merged)
    rows = as_locked(registry, (merged, ahead(3.0)))
    judged = run(tmp_path, rows, registry)
    assert scoreboard(rows, judged, registry, CATALOGUE).first == Attempts(came_out=1, of=3)
    split = [renamed(f"paper/split-{each.id[-1]}", of=replace(each, id=merged.id)) for each in three[:2]]
    locked(monkeypatch, registry, *split)
    rows = as_locked(registry, *((each, ahead(3.0)) for each in split))
    judged = run(tmp_path, rows, registry)
    assert scoreboard(rows, judged, registry, CATALOGUE).first == Attempts(came_out=1, of=3)


def test_a_file_of_earlier_rows_has_its_rounds_name(amended_claim, registry):
    """So an entry's rows stand in one file: a second one, or one of a quick run, is refused."""
    _, _, folder = amended_claim
    (file,) = (folder / "earlier").iterdir()
    (folder / "earlier" / "0.parquet").write_bytes(file.read_bytes())
    with pytest.raises(ResultsError, match=r"0.parquet has rows of another suite seed than its name"):
        read_earlier(folder)


def test_what_is_in_force_does_not_stand_among_earlier_rows(amended_claim, registry):
    """The rows of version 1 put back in the place of those of version 2."""
    _, rows, folder = amended_claim
    (before,) = read_earlier(folder)
    with pytest.raises(ResultsError, match="of version 2 in round 2, stand among the earlier ones"):
        judging.judge_results(before, registry, CATALOGUE, [rows])


def test_an_exact_claim_keeps_its_earlier_verdict(monkeypatch, registry, tmp_path):
    """What was observed for version 1 is compared again with what version 1 expected."""
    one, two = claim(counted(observed=887)), claim(counted(), version=2)
    locked(monkeypatch, registry, one)
    run(tmp_path, as_locked(registry, (one, None)), registry)
    locked(monkeypatch, registry, two)
    judged = run(tmp_path, as_locked(registry, (two, None)), registry)
    assert judged.claims[one.id].outcome is Outcome.REPRODUCED
    (earlier,) = judged.claims[one.id].earlier
    assert (earlier.outcome, earlier.mean) == (Outcome.REFUTED, None)


# --- two branches ----------------------------------------------------------------------------------------------------


def test_a_claim_that_two_branches_locked_and_ran(monkeypatch, registry, tmp_path):
    """After the rechain it was attempted twice: theirs is a replication in round 2, and ours is told as the first."""
    theirs = Registry(tmp_path / "theirs.lock")
    locked(monkeypatch, registry, FIRST)
    theirs.lock([FIRST], MICRO, pilots={}, when="2026-03-04T00:00:00Z")
    ours_rows, their_rows = as_locked(registry, (FIRST, ahead(-2.0))), as_locked(theirs, (FIRST, ahead(3.0)))
    run(tmp_path / "report", ours_rows, registry)
    registry.rechain(theirs.path)
    assert [registry.attempt(entry) for entry in registry.entries] == ["first", "replication"]
    assert [entry.attempt for entry in registry.entries] == ["first", "first"]  # as each branch had it
    verdict = judging.judge_results(their_rows, registry, CATALOGUE, [ours_rows]).claims[FIRST.id]
    assert (verdict.round, verdict.is_confirmatory) == (2, True)
    assert [(each.round, each.outcome) for each in verdict.earlier] == [(1, Outcome.REFUTED)]
    judged = run(tmp_path / "report", their_rows, registry)
    assert judged.claims[FIRST.id] == verdict


def test_versions_go_on_after_a_rechain(monkeypatch, registry, tmp_path):
    """With version 1 repeated by another branch behind our version 2, that stays in force, and 3 can follow."""
    theirs = Registry(tmp_path / "theirs.lock")
    rounds(registry, [FIRST])
    theirs.path.write_bytes(registry.path.read_bytes())
    theirs = Registry(theirs.path)
    theirs.lock([FIRST], MICRO, pilots={}, when="2026-03-04", replicates=20)
    rounds(registry, [SECOND])
    registry.rechain(theirs.path)
    assert [entry.version for entry in registry.entries] == [1, 2, 1]
    assert registry.in_force(FIRST.id, MICRO).version == 2
    synthetic.register(monkeypatch, SECOND)
    assert (
        judging.judge_results(as_locked(registry, (SECOND, ahead(3.0))), registry, CATALOGUE)
        .claims[FIRST.id]
        .is_confirmatory
    )
    rounds(registry, [THIRD])
    assert registry.entries[-1].version == 3


def test_rows_of_several_earlier_results_are_put_together(monkeypatch, registry, tmp_path):
    """Two claims of one round that were replaced at different times stand in one file."""
    folder = tmp_path / "report"
    locked(monkeypatch, registry, FIRST, OTHER)
    both = as_locked(registry, (FIRST, ahead(-2.0)), (OTHER, ahead(0.0)))
    run(folder, both, registry)
    locked(monkeypatch, registry, SECOND, OTHER)
    run(folder, as_locked(registry, (SECOND, ahead(3.0)), (OTHER, ahead(0.0))), registry)
    rounds(registry, [OTHER], replicates=20)
    run(folder, as_locked(registry, (SECOND, ahead(3.0)), (OTHER, ahead(0.0, n=20))), registry)
    (before,) = read_earlier(folder)
    assert sorted(before.claims) == [FIRST.id, OTHER.id]
    pd.testing.assert_frame_equal(
        before.frame.sort_values(["claim", "arm", "density", "replicate"], ignore_index=True).astype({"claim": str}),
        both.frame.sort_values(["claim", "arm", "density", "replicate"], ignore_index=True).astype({"claim": str}),
        check_dtype=False,
        check_categorical=False,
    )

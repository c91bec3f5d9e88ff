"""What is said before a lock, and what is refused: level, power and cost; too few replicates, margins too wide."""

from dataclasses import replace

import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats, equals, matches, no_gain
from harness.design._lock import Registry
from harness.design._pilots import Pilot, append_pilots
from harness.errors import DesignError, LockError
from harness.stats._kinds import Outcome
from harness.stats._paired import ALPHA
from harness.workflow import lock, to_lock
from harness.workflow._session import Session
from tests import synthetic
from tests.command import harness
from tests.project import ROOT
from tests.synthetic import CATALOGUE, MICRO, claim, counted, design

BEATS = beats("a", "b", on=DIGITS)
A, B = (claim(design(each), id=f"paper/{name}") for name, each in (("a", BEATS), ("b", beats("a", "c", on=DIGITS))))
EXACT = claim(counted(), id="paper/exact")


@pytest.fixture
def session(monkeypatch, tmp_path):
    """A session on claims of a project of their own: ``session(A, B)``."""

    def make(*claims):
        synthetic.register(monkeypatch, *claims)
        (tmp_path / "claims").mkdir(exist_ok=True)
        known = replace(CATALOGUE, folder=tmp_path / "claims")
        return Session(root=tmp_path, catalogue=known, scale=MICRO, claims=claims, store=tmp_path / "store")

    return make


def test_what_a_lock_means_is_said_before(session):
    """Round, level, family and cost of each claim that would be locked; nothing is written by asking."""
    made = session(A, B, EXACT)
    found = {each.claim: each for each in to_lock(made)}
    assert list(found) == ["paper/a", "paper/b", "paper/exact"]
    one = found["paper/a"]
    assert (one.family.round, one.family.alpha, one.family.claims) == (1, ALPHA, {"paper/a", "paper/b"})
    assert (one.replicates, one.trainings, one.predicted) == (10, 130, "reproduced")
    assert one.core_s > 0
    assert [power.answer for power in one.power] == ["unknown. Next: harness pilot"]
    assert (found["paper/exact"].replicates, found["paper/exact"].trainings) == (0, 0)
    assert made.registry.entries == []
    lock(made)
    assert [entry.claim for entry in made.registry.entries] == list(found)


def test_only_what_is_not_locked_is_locked(session):
    """The rest of a paper joins in a later round, at half the level; where nothing is left, it says so."""
    lock(session(A))
    both = session(A, B)
    (planned,) = to_lock(both)
    assert (planned.claim, planned.family.alpha) == ("paper/b", ALPHA / 2)
    assert [entry.claim for entry in lock(both).entries] == ["paper/b"]
    for asked in (to_lock, lock):
        with pytest.raises(LockError, match="paper/a version 1 is locked"):
            asked(both)


def test_a_locked_claim_is_replicated_on_as_many_as_one_says(session):
    """An open claim goes to a larger round: level, power and cost of that many replicates are said first."""
    made = session(A)
    lock(made)
    (planned,) = to_lock(made, replicates=40)
    assert (planned.replicates, planned.trainings, planned.family.alpha) == (40, 520, ALPHA / 2)
    (entry,) = lock(made, replicates=40).entries
    assert (entry.attempt, entry.replicates) == ("replication", 40)
    assert len(made.registry.replicates(A, MICRO)) == 40


def test_fewer_than_eight_replicates_are_not_locked(session):
    """With fewer, one that points the other way leaves any claim open; exact claims have none."""
    few = claim(design(BEATS, replicates=7))
    with pytest.raises(
        DesignError, match=r"paper/claim: 7 replicates, and a lock takes at least 8.*Next: replicates=8"
    ):
        lock(session(few))
    made = session(claim(design(BEATS, replicates=8)))
    lock(made)
    with pytest.raises(DesignError, match="5 replicates"):
        lock(made, replicates=5)


def test_more_replicates_than_find_anything_are_refused(session):
    """A slip of a zero costs a block for good."""
    made = session(A)
    with pytest.raises(DesignError, match="paper/a: 10000 replicates, and a lock takes 1000 at most"):
        to_lock(made, replicates=10_000)
    with pytest.raises(DesignError, match="a lock takes 1000 at most"):
        lock(session(claim(design(BEATS, replicates=1001))))


@pytest.mark.parametrize("kind", [matches, equals])
def test_a_margin_beyond_what_is_of_interest_is_not_locked(session, kind):
    """What is 'no different' must not be an effect that another part calls of interest; the default is no more."""
    wide = kind("c", "d", on=DIGITS, floors=("dense",), bound=0.5)
    with pytest.raises(DesignError, match=r"part .*: its margin is 0.5 .* of interest there 0.4.*Next: bound=0.4"):
        lock(session(claim(design(BEATS, wide))))
    lock(session(claim(design(BEATS, kind("c", "d", on=DIGITS, floors=("dense",))))))


def test_a_null_setting_is_not_among_what_decides(session):
    """It is read beside, where it is in no family; a replication of one that was locked so may go on."""
    null = no_gain("c", "d", on=DIGITS, near=("dense",))
    with pytest.raises(DesignError, match=r"gains nothing on d': a null setting decides nothing.*no_gain\(\)"):
        lock(session(claim(design(BEATS, null))))
    old = equals("c", "d", on=DIGITS, floors=("dense",), null_setting=True)
    made = session(claim(design(BEATS, old), id="paper/old"))
    synthetic.lock(made.registry, *made.claims)
    assert lock(made, replicates=20).entries[0].claim == "paper/old"
    assert lock(session(claim(design(BEATS, beside=(null,))))).entries[0].claim == "paper/claim"


@pytest.mark.parametrize(
    ("sd", "predicted", "refused"),
    [(0.9, "reproduced", True), (0.9, "inconclusive", False), (0.2, "reproduced", False)],
)
def test_no_difference_is_not_predicted_where_it_could_hardly_be_shown(session, sd, predicted, refused):
    """With less power than .8 at a true 0 the honest prediction is that it stays open."""
    part = matches("c", "d", on=DIGITS, floors=("dense",))
    made = session(claim(design(part, replicates=20), predicted=Outcome(predicted)))
    pilot = Pilot("2026-01-01", "none", "micro", "paper/claim", 1, "digits", "", part.name, 10, 0.0, sd)
    append_pilots(made.pilots, [pilot])
    if refused:
        for asked in (to_lock, lock):
            with pytest.raises(
                DesignError, match=r"would confirm a true difference of 0 with a chance of 0\.\d\d, and \"rep"
            ):
                asked(made)
        assert made.registry.entries == []
    else:
        assert len(lock(made).entries) == 1


def test_a_claim_under_a_new_name_is_not_locked(session):
    """Unless it says whose place it takes: its attempts under the old name are its own."""
    lock(session(A))
    new = replace(A, id="paper/new")
    with pytest.raises(LockError, match=r'paper/new compares what paper/a does.*Next: supersedes=\("paper/a",\)'):
        lock(session(new))
    assert [entry.attempt for entry in lock(session(replace(new, supersedes=("paper/a",)))).entries] == ["replication"]


def test_a_bound_is_the_parts_and_in_no_key():
    """Another bound is another claim, and the same trainings."""
    one, other = design(BEATS), design(beats("a", "b", on=DIGITS, bound=0.3))
    assert (one.parts[0].bound, other.parts[0].bound) == (0.4, 0.3)
    assert [node.key for node in one.nodes] == [node.key for node in other.nodes]
    assert claim(one).digest(MICRO) != claim(other).digest(MICRO)
    with pytest.raises(DesignError, match="a bound of 0 is no bound"):
        beats("a", "b", on=DIGITS, bound=0)


def test_the_command_says_and_locks(tmp_path):
    """With --dry-run it only says; without a name it asks for one."""
    (tmp_path / "claims").symlink_to(ROOT / "claims")
    said = harness("lock", "ramanujan2020", "--replicates", "30", "--dry-run", "--root", tmp_path)
    assert said.returncode == 0, said.stderr
    assert "round 1, 30 replicates, level 0.0125 in a family of 1, predicted reproduced; 300 trainings" in said.stdout
    assert "replicates that this part needs " in said.stdout
    assert "decides at the pilots' effect: " in said.stdout
    assert "locked " not in said.stdout
    assert all(not entry.round for entry in Registry(ROOT / "claims" / "registry.lock").entries)
    nameless = harness("lock", "--root", tmp_path)
    assert nameless.returncode == 2
    assert "Next: harness lock CLAIM..." in nameless.stderr

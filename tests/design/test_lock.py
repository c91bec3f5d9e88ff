"""The lock binds: entries are appended and never changed, and what a claim asserts cannot move under its entry.

Also tests `workflow._locking`.
"""

import hashlib
import json
from dataclasses import replace
from fractions import Fraction

import pytest

from harness.data._tasks import DIGITS
from harness.design._claim import Claim, Design, Scale, Source
from harness.design._lock import Registry
from harness.design._parts import beats, matches, percent_kept
from harness.errors import LockError
from harness.expression import evaluate, fresh, prune, train
from harness.networks._network import mlp
from harness.networks._recipe import Adam, Recipe
from harness.stats._kinds import Decision, Outcome
from harness.streams import SUITE_SEED, Replicate

MICRO, STANDARD = Scale.MICRO, Scale.STANDARD
NET = mlp(64, 12, 10)
TODAY = "2026-02-03T04:05:06Z"


def design(*, lr=3e-3, keep=Fraction(1, 4), draw=0, **changed):
    recipe = Recipe(optimiser=Adam(lr), steps=30, batch=20)
    dense = train(NET, DIGITS, recipe)
    mask = prune(dense, keep=keep)
    ticket = train(NET, DIGITS, recipe, mask=mask, start=dense.at(0))
    reinit = train(NET, DIGITS, recipe, mask=mask, start=fresh("reinit", draw=draw))
    given = {
        "arms": {"ticket": ticket, "reinit": reinit, "dense": dense, "untrained": evaluate(NET, DIGITS)},
        "parts": (beats("ticket", "reinit", on=DIGITS),),
        "contrast": ("start",),
    }
    return Design(**(given | changed))


def claim(built=None, **changed):
    built = built or design()
    given = {
        "id": "paper/claim",
        "statement": "Tickets beat their reinitialisation.",
        "source": Source(version="v1", place="section 1", published="none"),
        "predicted": {MICRO: Outcome.REPRODUCED, STANDARD: Outcome.REPRODUCED},
        "build": lambda scale: built,
    }
    return Claim(**(given | changed))


def lock(path, *claims, scale=MICRO, pilots=0):
    registry = Registry(path)
    return [registry.lock(each, scale, pilots=pilots, when=TODAY) for each in claims]


@pytest.fixture
def path(tmp_path):
    """The file of a registry that does not exist yet."""
    return tmp_path / "registry.lock"


@pytest.fixture
def three(path):
    """The file of a registry of three claims."""
    lock(path, *(claim(id=f"paper/{name}") for name in "abc"))
    return path


# --- append-only ---------------------------------------------------------------------------------------------------


def test_an_entry_says_what_was_locked(path):
    """Claim, version, scale, digest, prediction, seed, block of replicates, pilots before it, and when."""
    given = claim(design(replicates=12))
    (made,) = lock(path, given, pilots=34)
    (read,) = Registry(path).entries
    assert read == made == Registry(path).find(given, MICRO)
    assert (read.claim, read.paper, read.version, read.scale) == ("paper/claim", "paper", 1, "micro")
    assert (read.predicted, read.pilots, read.locked, read.before) == ("reproduced", 34, TODAY, "")
    assert read.digest == given.digest(MICRO)
    assert read.block() == tuple(Replicate(SUITE_SEED, i) for i in range(12))


def test_locking_only_appends(three):
    """A new entry leaves every byte before it as it was, and carries the hash of the line before."""
    before = three.read_bytes()
    lock(three, claim(id="paper/d"))
    after = three.read_bytes()
    assert after.startswith(before)
    assert after[len(before) :].count(b"\n") == 1
    last = before.splitlines()[-1]
    assert Registry(three).entries[-1].before == hashlib.sha256(last).hexdigest()


EDITS = {"predicted": "refuted", "digest": "0" * 64, "replicates": 11, "first_replicate": 10, "pilots": 9, "locked": ""}


def edit(path, number, field):
    lines = path.read_text().splitlines()
    lines[number - 1] = json.dumps(json.loads(lines[number - 1]) | {field: EDITS[field]}, sort_keys=True)
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("field", EDITS)
def test_an_edited_entry_is_noticed(three, number, field):
    """Whatever is changed in an earlier line, the line after it is named as the one that no longer follows."""
    edit(three, number, field)
    with pytest.raises(LockError, match=rf"{three.name}, line {number + 1}: .* edited. Next: git checkout"):
        Registry(three)


@pytest.mark.parametrize("field", ["predicted", "digest", "replicates", "first_replicate"])
def test_an_edited_last_entry_disagrees_with_its_claim(three, field):
    """No line follows the last one; what it says of prediction, content and replicates is compared with the claim."""
    edit(three, 3, field)
    last = claim(id="paper/c")
    with pytest.raises(LockError, match=r"Next: "):
        Registry(three).check([last], MICRO)


@pytest.mark.parametrize("number", [1, 2])
def test_a_removed_entry_is_noticed(three, number):
    """The line that takes the removed one's place is named."""
    lines = three.read_text().splitlines()
    del lines[number - 1]
    three.write_text("\n".join(lines) + "\n")
    with pytest.raises(LockError, match=rf"{three.name}, line {number}: .* edited. Next: git checkout"):
        Registry(three)


def test_swapped_entries_are_noticed(three):
    """The order of entries is part of what they say."""
    lines = three.read_text().splitlines()
    three.write_text("\n".join([lines[0], lines[2], lines[1]]) + "\n")
    with pytest.raises(LockError, match=r"line 2: .* edited"):
        Registry(three)


@pytest.mark.parametrize("line", ["not JSON", "[]", '{"claim": "paper/claim"}', ""])
def test_a_line_that_is_no_entry_is_named(three, line):
    """Merge markers, foreign JSON, missing fields and blank lines are a LockError with the line's number."""
    three.write_text(line + "\n" + three.read_text())
    with pytest.raises(LockError, match=f"{three.name}, line 1: not an entry .* Next: git checkout"):
        Registry(three)


def test_no_file_is_an_empty_registry(path):
    """Before anything is locked nothing is in the family, and nothing is written by looking."""
    registry = Registry(path)
    assert registry.entries == []
    assert registry.family("paper", MICRO) == []
    assert not path.exists()


# --- what an entry binds -------------------------------------------------------------------------------------------

CHANGES = {
    "learning rate": {"built": design(lr=3.1e-3)},
    "density": {"built": design(keep=Fraction(1, 5))},
    "a draw": {"built": design(draw=1)},
    "replicates": {"built": design(replicates=11)},
    "band": {"built": design(parts=(beats("ticket", "reinit", on=DIGITS, band=percent_kept("20", "30")),))},
    "sesoi": {"built": design(parts=(beats("ticket", "reinit", on=replace(DIGITS, sesoi_pp=0.3)),))},
    "kind": {"built": design(parts=(matches("ticket", "reinit", on=DIGITS, floors=("untrained",)),))},
    "what is printed beside": {"built": design(beside=(beats("ticket", "dense", on=DIGITS),))},
    "deciding test": {"built": design(decision=Decision.SIGN_FLIP)},
    "another arm": {"built": design(arms={**design().arms, "again": design(draw=7).arms["reinit"]})},
    "prediction": {"predicted": {MICRO: Outcome.REFUTED, STANDARD: Outcome.REPRODUCED}},
    "statement": {"statement": "Tickets do not beat their reinitialisation."},
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_after_the_lock_shows(path, what):
    """The digest differs, `fault` says since when, and `check` refuses to go on and says how to amend."""
    changed = claim(**CHANGES[what])
    lock(path, claim())
    registry = Registry(path)
    assert changed.digest(MICRO) != claim().digest(MICRO)
    assert registry.fault(changed, MICRO).startswith(f"changed since version 1 was locked on {TODAY}")
    with pytest.raises(LockError, match=r"paper/claim: changed since .* Next: undo the change.* version=2"):
        registry.check([changed], MICRO)


def test_an_unchanged_claim_has_no_fault(path):
    """The same claim, built anew, agrees with its entry; notes on deviations and panels bind nothing."""
    lock(path, claim())
    registry = Registry(path)
    for same in (claim(design()), claim(deviations=("none",)), claim(design(panels={"all": ("ticket",)}))):
        assert registry.fault(same, MICRO) == ""
    registry.check([claim()], MICRO)


def test_an_unlocked_claim_says_so(path):
    """Another scale and another version are not locked; `check` asks only about what is."""
    lock(path, claim())
    registry = Registry(path)
    assert registry.fault(claim(), STANDARD) == "version 1 is not locked at standard"
    assert registry.fault(claim(version=2), MICRO) == "version 2 is not locked at micro"
    registry.check([claim(version=2), claim(id="paper/other")], MICRO)


@pytest.mark.parametrize(("built", "how"), [(design(), "as it is"), (design(lr=0.1), "with other content")])
def test_locking_again_is_refused(path, built, how):
    """A locked version stays as it is; the message says how to amend it, and the file is not touched."""
    lock(path, claim())
    before = path.read_bytes()
    with pytest.raises(LockError, match=rf"version 1 is locked at micro since {TODAY}, {how}. Next: .*version=2"):
        lock(path, claim(built))
    assert path.read_bytes() == before


# --- amendments ----------------------------------------------------------------------------------------------------


def test_an_amended_version_decides_on_fresh_replicates(path):
    """Each version takes the block after the last one's, whatever their sizes; the old version keeps its own."""
    registry = Registry(path)
    amended = claim(design(lr=1e-3, replicates=20), version=2)
    again = claim(design(lr=2e-3), version=3)
    registry.lock(claim(), MICRO, pilots=0, when=TODAY)
    promised = registry.replicates(amended, MICRO)
    registry.lock(amended, MICRO, pilots=0, when=TODAY)
    registry.lock(again, MICRO, pilots=0, when=TODAY)
    read = Registry(path)
    blocks = [[r.index for r in read.replicates(each, MICRO)] for each in (claim(), amended, again)]
    assert blocks == [list(range(10)), list(range(10, 30)), list(range(30, 40))]
    assert promised == read.replicates(amended, MICRO)
    assert [entry.version for entry in read.versions("paper/claim", MICRO)] == [1, 2, 3]


@pytest.mark.parametrize("version", [2, 3])
def test_versions_must_follow_each_other(path, version):
    """A version that skips one is refused, at first and later, with the version that would follow."""
    with pytest.raises(LockError, match=rf"version {version} cannot follow version 0. Next: version=1"):
        lock(path, claim(version=version))
    lock(path, claim())
    with pytest.raises(LockError, match=r"version 3 cannot follow version 1. Next: version=2"):
        lock(path, claim(version=3))


def test_scales_and_claims_are_locked_apart(path):
    """Each claim and scale has its own versions and blocks; a family holds a paper's claims at one scale, once each."""
    lock(path, claim(), claim(id="paper/other"), claim(id="elsewhere/claim"), claim(version=2))
    lock(path, claim(), scale=STANDARD)
    registry = Registry(path)
    assert registry.family("paper", MICRO) == ["paper/claim", "paper/other"]
    assert registry.family("paper", STANDARD) == ["paper/claim"]
    assert registry.find(claim(), STANDARD).first_replicate == 0
    assert registry.find(claim(), STANDARD).digest != registry.find(claim(), MICRO).digest

"""The lock binds: entries are appended and never changed, and what a claim asserts cannot move under its entry.

Also tests `design._rounds`.
"""

import hashlib
import itertools
import json
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats, matches
from harness.design._claim import Claim, Design, Scale, Source
from harness.design._lock import Registry
from harness.design._metrics import METRICS, Metric
from harness.design._parts import percent_kept
from harness.errors import LockError
from harness.expression import evaluate, fresh, prune, train
from harness.networks._network import mlp
from harness.networks._recipe import Adam, Recipe
from harness.stats._kinds import BEATS, KINDS, Decision, Outcome
from harness.stats._paired import ALPHA
from harness.stats._sides import above, below
from harness.streams import PILOT_SEED, SUITE_SEED, VARIANCE_SEED, Replicate
from tests import synthetic
from tests.project import ROOT
from tests.synthetic import counted

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


def lock(path, *claims, scale=MICRO, pilots=0, replicates=None):
    """Lock each claim in a round of its own."""
    registry = Registry(path)
    given = {"pilots": {each.id: pilots for each in claims}, "when": TODAY, "replicates": replicates}
    return [registry.lock([each], scale, **given).entries[0] for each in claims]


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
    """Claim, version, scale, text and its digest, prediction, block of replicates, pilots before it, and when."""
    given = claim(design(replicates=12))
    (made,) = lock(path, given, pilots=34)
    (read,) = Registry(path).entries
    assert read == made == Registry(path).find(given, MICRO)
    assert (read.claim, read.paper, read.version, read.scale) == ("paper/claim", "paper", 1, "micro")
    assert (read.predicted, read.pilots, read.locked, read.before) == ("reproduced", 34, TODAY, "")
    text = json.loads(json.dumps(given.locked_content(MICRO)))
    assert read.text.items() >= {name: value for name, value in text.items() if name != "suite_seed"}.items()
    assert (list(read.text["kinds"]), list(read.text["metrics"])) == (["beats"], ["test_accuracy"])
    assert "suite_seed" not in read.text
    (round_,) = Registry(path).rounds[1:]
    assert read.block() == tuple(Replicate(round_.seed, i) for i in range(12))


def test_locking_only_appends(three):
    """A round leaves every byte before it as it was, and each of its lines carries the hash of the line before."""
    before = three.read_bytes()
    lock(three, claim(id="paper/d"))
    after = three.read_bytes()
    assert after.startswith(before)
    assert after[len(before) :].count(b"\n") == 2
    lines = after.splitlines()
    for line, follows in itertools.pairwise(lines):
        assert json.loads(follows)["before"] == hashlib.sha256(line).hexdigest()


EDITS = {
    "predicted": lambda entry: entry["text"].update(predicted="refuted"),
    "replicates": lambda entry: entry["text"].update(replicates=11),
    "statement": lambda entry: entry["text"].update(statement="Tickets lose."),
    "pilots": lambda entry: entry.update(pilots=9),
    "attempt": lambda entry: entry.update(attempt="replication"),
    "locked": lambda entry: entry.update(locked="2025-02-03T04:05:06Z"),
    "version": lambda entry: entry.update(version=2),
}


def edit(path, number, change):
    lines = path.read_text().splitlines()
    entry = json.loads(lines[number - 1])
    change(entry)
    lines[number - 1] = json.dumps(entry, sort_keys=True)
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("number", [1, 3, 5])
@pytest.mark.parametrize("field", EDITS)
def test_an_edited_entry_is_noticed(three, number, field):
    """Whatever is changed in an entry, the line after it is named as the one that no longer follows."""
    edit(three, number, EDITS[field])
    with pytest.raises(LockError, match=rf"{three.name}, line {number + 1}: .* edited. Next: git checkout"):
        Registry(three)


WRONG = {
    "claim": lambda entry: entry.update(claim=5),
    "version": lambda entry: entry.update(version="1"),
    "pilots": lambda entry: entry.update(pilots=-1),
    "locked": lambda entry: entry.update(locked=None),
    "replicates": lambda entry: entry["text"].update(replicates="10"),
    "scale": lambda entry: entry["text"].update(scale="huge"),
    "predicted": lambda entry: entry["text"].update(predicted="yes"),
    "hypothesis": lambda entry: entry["text"].update(hypothesis="x"),
    "arms": lambda entry: entry["text"].update(arms=[]),
    "decision": lambda entry: entry["text"].update(decision="coin"),
    "an arm": lambda entry: entry["text"]["hypothesis"][0].update(arm="nope"),
    "too many": lambda entry: entry["text"].update(replicates=10**12),
}


def sealed(contents):
    """The contents of a registry's lines with the chain made anew."""
    lines, before = [], ""
    for content in contents:
        lines.append(json.dumps({**content, "before": before}, sort_keys=True))
        before = hashlib.sha256(lines[-1].encode()).hexdigest()
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("field", WRONG)
def test_a_field_that_is_none_is_refused_where_the_chain_holds(three, field):
    """A registry that somebody sealed again holds entries still: with the line, and no traceback later."""
    contents = [json.loads(line) for line in three.read_text().splitlines()]
    WRONG[field](contents[2])
    three.write_text(sealed(contents))
    with pytest.raises(LockError, match=f"{three.name}, line [34]: not an entry"):
        Registry(three)


def test_a_round_cannot_be_there_twice(three):
    """Its entries again, closed with the seed that they had: the same replicates would be a replication."""
    contents = [json.loads(line) for line in three.read_text().splitlines()]
    head = hashlib.sha256(three.read_text().splitlines()[1].encode()).hexdigest()
    again = {**contents[0], "round": 4}
    closing = {"closes": 4, "closed": contents[1]["closed"], "seed_of": head, "was": {"round": 1, "before": ""}}
    three.write_text(sealed([*contents, again, closing]))
    with pytest.raises(LockError, match=r"line 8: not an entry \(its seed is that of an earlier round"):
        Registry(three)


def test_a_registry_that_is_no_text_is_refused(path):
    """With what to do."""
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(LockError, match=r"registry.lock cannot be read: .*Next: git checkout"):
        Registry(path)


def test_an_edited_last_line_gives_other_replicates(three):
    """No line follows the one that closes the last round; with it the seed changes, with which rows are compared."""
    before = Registry(three).entries
    edit(three, 6, lambda closing: closing.update(closed="2025-02-03T04:05:06Z"))
    after = Registry(three).entries
    assert after[:2] == before[:2]
    assert after[2].suite_seed != before[2].suite_seed


@pytest.mark.parametrize("lines", [1, 3])
def test_a_round_that_is_not_closed_is_refused(three, lines):
    """A file that was cut within a round says so; one that was cut after a round lacks it, and no chain can tell."""
    whole = three.read_text().splitlines()
    three.write_text("\n".join(whole[:lines]) + "\n")
    with pytest.raises(LockError, match=rf"round {lines // 2 + 1} is not closed. Next: git checkout"):
        Registry(three)
    three.write_text("\n".join(whole[: lines + 1]) + "\n")
    assert len(Registry(three).rounds) == lines // 2 + 2


def test_rounds_follow_each_other(three):
    """An entry of another round than the one that is open, or one of before there were rounds, is refused."""
    whole = [json.loads(line) for line in three.read_text().splitlines()]
    before = hashlib.sha256(three.read_text().splitlines()[-1].encode()).hexdigest()
    for line, told in (
        ({**whole[0], "before": before}, "it is of round 1, after round 3"),
        ({**whole[1], "before": before}, "it closes round 1, with 0 entries"),
        ({"claim": "paper/old", "before": before}, "it names no round"),
    ):
        three.write_text("\n".join(json.dumps(each, sort_keys=True) for each in (*whole, line)) + "\n")
        with pytest.raises(LockError, match=rf"line 7: not an entry .{told}"):
            Registry(three)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
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
    three.write_text("\n".join([*lines[2:4], *lines[:2], *lines[4:]]) + "\n")
    with pytest.raises(LockError, match=r"line 1: .* edited"):
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
    assert registry.family("paper", MICRO, 0) == []
    assert (registry.next_round, registry.alpha("paper", MICRO, 1)) == (1, ALPHA)
    assert not path.exists()


def test_round_0_is_over(path):
    """An entry in the old way, appended or as the first of a new registry, names data that anybody could have seen."""
    committed = (ROOT / "claims" / "registry.lock").read_text().splitlines()
    old = json.loads(committed[0]) | {
        "claim": "paper/late",
        "before": hashlib.sha256(committed[-1].encode()).hexdigest(),
    }
    for lines in ([*committed, json.dumps(old, sort_keys=True)], [json.dumps(old | {"before": ""}, sort_keys=True)]):
        path.write_text("\n".join(lines) + "\n")
        with pytest.raises(LockError, match=r"do not end where round 0 ended.*Next: git checkout .* and harness lock"):
            Registry(path)


def test_only_a_lock_can_be_repeated(path):
    """More replicates of what is not locked yet would be another design, and an exact claim has none."""
    exact = claim(counted(), id="paper/exact")
    lock(path, exact)
    before = path.read_bytes()
    for each, why in ((claim(), "has no lock at micro that replicates could repeat"), (exact, "is exact and has no")):
        with pytest.raises(LockError, match=f"{each.id} {why}"):
            lock(path, each, replicates=12)
    assert path.read_bytes() == before


def test_an_amended_claim_may_begin_at_another_scale(path):
    """Where it was never locked it begins with the version that it has elsewhere."""
    lock(path, claim(), claim(version=2))
    (entry,) = lock(path, claim(version=2), scale=STANDARD)
    assert (entry.version, entry.attempt) == (2, "first")


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


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_round_0_shows(path, what):
    """As it does for what was locked in later rounds."""
    registry = Registry(path)
    synthetic.lock(registry, claim())
    assert registry.fault(claim(), MICRO) == ""
    assert registry.fault(claim(**CHANGES[what]), MICRO).startswith("changed since version 1 was locked on ")


def test_an_unchanged_claim_has_no_fault(path):
    """The same claim, built anew, agrees with its entry; notes on deviations and panels bind nothing."""
    lock(path, claim())
    registry = Registry(path)
    for same in (claim(design()), claim(deviations=("none",)), claim(design(panels={"all": ("ticket",)}))):
        assert registry.fault(same, MICRO) == ""
    registry.check([claim()], MICRO)


def test_what_a_kind_or_metric_means_is_locked_too(path, monkeypatch):
    """Where one that a claim names turns into something else, the claim changed; other words for it change nothing."""
    mine = Metric("mine", "accuracy", stored="test_accuracy")
    trails = replace(BEATS, name="trails")
    monkeypatch.setitem(METRICS._things, "mine", mine)
    monkeypatch.setitem(KINDS._things, "trails", trails)
    part = replace(beats("ticket", "reinit", on=DIGITS), metric="mine", kind=trails)
    lock(path, claim(design(parts=(part,))))
    registry = Registry(path)
    worded = replace(trails, shown="more than nothing")
    assert registry.fault(claim(design(parts=(replace(part, kind=worded),))), MICRO) == ""
    turned = replace(trails, reproduced=(below(0),), refuted=(above(0),))
    assert registry.fault(claim(design(parts=(replace(part, kind=turned),))), MICRO).startswith("changed since")
    monkeypatch.setitem(METRICS._things, "mine", replace(mine, negated=True))
    assert registry.fault(claim(design(parts=(part,))), MICRO).startswith("changed since")


def test_an_unlocked_claim_says_so(path):
    """Another scale and another version are not locked; `check` asks only about what is."""
    lock(path, claim())
    registry = Registry(path)
    assert registry.fault(claim(), STANDARD) == "version 1 is not locked at standard"
    assert registry.fault(claim(version=2), MICRO) == "version 2 is not locked at micro"
    registry.check([claim(version=2), claim(id="paper/other")], MICRO)


@pytest.mark.parametrize(("built", "how"), [(design(), "as it is"), (design(lr=0.1), "with other content")])
def test_locking_again_is_refused(path, built, how):
    """A locked version stays as it is; the message says how to amend or replicate it, and the file is not touched."""
    lock(path, claim())
    before = path.read_bytes()
    told = rf"version 1 is locked at micro since {TODAY}, {how}. Next: .*version=2.* lock paper/claim --replicates 10"
    with pytest.raises(LockError, match=told):
        Registry(path).lock([claim(id="paper/new"), claim(built)], MICRO, pilots={}, when=TODAY)
    assert path.read_bytes() == before


# --- rounds --------------------------------------------------------------------------------------------------------


def test_a_seed_follows_from_what_was_locked(path):
    """Claims that are locked together share a seed; of other claims, another time or place, it would be another one."""
    pair = [claim(), claim(id="paper/other")]
    registry = Registry(path)
    made = registry.lock(pair, MICRO, pilots={}, when=TODAY)
    blocks = [registry.replicates(each, MICRO) for each in pair]
    assert blocks[0] == blocks[1] == tuple(Replicate(made.seed, i) for i in range(10))
    assert made.seed not in (SUITE_SEED, PILOT_SEED, VARIANCE_SEED)
    assert 0 <= made.seed < 2**63
    seeds = {made.seed, registry.lock([claim(version=2)], MICRO, pilots={}, when=TODAY).seed}
    for i, (claims, when) in enumerate(
        ((pair[:1], TODAY), (pair[::-1], TODAY), (pair, "later"), ([claim(design(lr=1e-3)), pair[1]], TODAY))
    ):
        seeds.add(Registry(path.with_name(str(i))).lock(claims, MICRO, pilots={}, when=when).seed)
    assert len(seeds) == 6
    again = Registry(path.with_name("again")).lock(pair, MICRO, pilots={}, when=TODAY)
    assert again.seed == made.seed


def test_a_family_is_what_a_round_holds(path):
    """A later lock joins no earlier family, and is judged at half the level of its paper's round before."""
    registry = Registry(path)
    registry.lock([claim(), claim(id="paper/b"), claim(id="elsewhere/a")], MICRO, pilots={}, when=TODAY)
    registry.lock([claim(id="elsewhere/b")], MICRO, pilots={}, when=TODAY)
    registry.lock([claim(counted(), id="paper/exact")], MICRO, pilots={}, when=TODAY)
    registry.lock([claim(version=2), claim(id="paper/c")], MICRO, pilots={}, when=TODAY)
    families = [registry.family("paper", MICRO, i) for i in range(5)]
    assert families == [[], ["paper/b", "paper/claim"], [], [], ["paper/c", "paper/claim"]]
    assert [registry.alpha("paper", MICRO, i) for i in (1, 4, 5)] == [ALPHA, ALPHA / 2, ALPHA / 4]
    assert [registry.alpha("elsewhere", MICRO, i) for i in (1, 2, 3)] == [ALPHA, ALPHA / 2, ALPHA / 4]
    assert registry.alpha("paper", STANDARD, 5) == ALPHA


def test_what_a_lock_is_an_attempt_at(path):
    """The first; the same comparison on fresh replicates, which replicates; anything else, which is a changed claim."""
    registry = Registry(path)
    worded = claim(statement="In other words.", version=2)
    for each, replicates in ((claim(), None), (claim(), 40), (worded, None), (claim(design(lr=1e-3), version=3), None)):
        registry.lock([each], MICRO, pilots={}, when=TODAY, replicates=replicates)
    told = [(entry.version, entry.attempt, entry.replicates) for entry in registry.entries]
    assert told == [(1, "first", 10), (1, "replication", 40), (2, "replication", 10), (3, "changed", 10)]
    assert registry.find(claim(), MICRO) == registry.entries[1]
    assert registry.fault(claim(), MICRO) == ""
    assert registry.fault(claim(design(replicates=40)), MICRO) == ""  # it says as many as the replication
    assert "changed since" in registry.fault(claim(statement="In other words."), MICRO)
    with pytest.raises(LockError, match=r"it changed since version 3 was locked.*Next: undo the change"):
        registry.lock([claim(design(lr=2e-3), version=3)], MICRO, pilots={}, when=TODAY, replicates=40)


# --- another branch ------------------------------------------------------------------------------------------------


def test_rounds_of_another_branch_keep_their_seeds(path):
    """Appended after ours they are judged at our levels; what gave their seeds can be recomputed, and is."""
    registry = Registry(path)
    synthetic.lock(registry, claim(id="paper/old"))
    theirs = Registry(Path(shutil.copy(path, path.with_name("theirs"))))
    registry.lock([claim(id="paper/ours")], MICRO, pilots={}, when=TODAY)
    made = [theirs.lock([claim(id=f"paper/{name}")], MICRO, pilots={}, when=TODAY) for name in ("theirs", "more")]
    moved = registry.rechain(theirs.path)
    assert [each.seed for each in moved] == [each.seed for each in made]
    assert [each.number for each in moved] == [2, 3]
    assert [entry.claim for entry in Registry(path).entries] == [
        f"paper/{n}" for n in ("old", "ours", "theirs", "more")
    ]
    assert [registry.alpha("paper", MICRO, i) for i in range(4)] == [ALPHA / 2**i for i in range(4)]
    assert registry.rechain(theirs.path) == []
    forged = path.read_text().replace("Tickets beat their", "Tickets lose to their")
    lines, before = [], ""
    for line in forged.splitlines():
        lines.append(json.dumps(json.loads(line) | {"before": before}, sort_keys=True))
        before = hashlib.sha256(lines[-1].encode()).hexdigest()
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(LockError, match="its seed is not that of the round that was moved here"):
        Registry(path)


def test_moved_rounds_can_be_moved_on(path):
    """A registry that was rechained is itself a branch of another; seeds stay through both."""
    first, second, third = (Registry(path.with_name(name)) for name in "abc")
    for i, registry in enumerate((first, second, third)):
        registry.lock([claim(id=f"paper/{i}")], MICRO, pilots={}, when=TODAY)
    seeds = [registry.rounds[1].seed for registry in (first, second, third)]
    second.rechain(third.path)
    first.rechain(second.path)
    assert [each.seed for each in Registry(first.path).rounds[1:]] == seeds


def test_another_registry_is_no_branch(path, three):
    """What differs before there were rounds has no common past."""
    other = Registry(path.with_name("other"))
    synthetic.lock(other, claim(id="paper/old"))
    with pytest.raises(LockError, match=r"is no branch of .* Next: check the file"):
        Registry(three).rechain(other.path)


# --- amendments ----------------------------------------------------------------------------------------------------


def test_an_amended_version_decides_on_fresh_replicates(path):
    """Each version has the seed of its round, and none of the replicates that another one had."""
    amended = claim(design(lr=1e-3, replicates=20), version=2)
    lock(path, claim(), amended, claim(design(lr=2e-3), version=3))
    read = Registry(path)
    blocks = [read.replicates(each, MICRO) for each in (claim(), amended)]
    assert [[r.index for r in block] for block in blocks] == [list(range(10)), list(range(20))]
    assert not set(blocks[0]) & set(blocks[1])
    assert [entry.version for entry in read.versions("paper/claim", MICRO)] == [1, 2, 3]


def test_before_there_were_rounds_versions_took_blocks_of_one_seed(path):
    """Round 0 stays as it is, each version on the block after the one before; its last line is known to the code."""
    registry = Registry(path)
    amended = claim(design(lr=1e-3, replicates=20), version=2)
    synthetic.lock(registry, claim(), amended)
    assert registry.replicates(amended, MICRO) == tuple(Replicate(SUITE_SEED, i) for i in range(10, 30))
    assert registry.fault(amended, MICRO) == ""
    exploratory = registry.replicates(claim(version=3), MICRO)
    assert exploratory == tuple(Replicate(SUITE_SEED, i) for i in range(30, 40))
    edit(path, 2, lambda entry: entry.update(first_replicate=0))
    with pytest.raises(LockError, match="do not end where round 0 ended"):
        Registry(path)


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
    registry = Registry(path)
    synthetic.lock(registry, claim(), claim(id="paper/other"), claim(id="elsewhere/claim"), claim(version=2))
    synthetic.lock(registry, claim(), scale=STANDARD)
    assert registry.family("paper", MICRO, 0) == ["paper/claim", "paper/other"]
    assert registry.family("paper", STANDARD, 0) == ["paper/claim"]
    assert registry.find(claim(), STANDARD).first_replicate == 0
    assert registry.find(claim(), STANDARD).digest != registry.find(claim(), MICRO).digest

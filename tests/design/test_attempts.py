"""What locked texts assert, read from them alone, and in what two of them differ."""

import json
import re
from dataclasses import replace

import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import asserts, beats, equals, interaction, matches, slope
from harness.design._attempts import asserted, changes, compares_alike, comparisons, reads_alike
from harness.design._lock import Registry, locked_text
from harness.design._parts import percent_kept
from harness.errors import LockError
from harness.stats._kinds import BEATS, KINDS, Bound, Decision, Kind, add_kind
from harness.stats._sides import above, below
from tests.project import ROOT, claims
from tests.synthetic import MICRO, WHEN, arm, claim, counted, dense, design

REGISTRY = Registry(ROOT / "claims" / "registry.lock")
HALF = percent_kept("12.5", "50")
IN_FORCE = [
    entry for entry in REGISTRY.entries if REGISTRY.in_force(entry.claim, entry.scale) is entry and entry.replicates
]


def text(*parts, version=1, **changed):
    return locked_text(claim(design(*parts, **changed), version=version), MICRO)


@pytest.mark.parametrize("entry", IN_FORCE, ids=lambda entry: f"{entry.claim}, {entry.scale}")
def test_the_text_that_was_locked_is_the_design(entry):
    """Every comparison of every claim in force, from the committed text: the same objects as its file makes."""
    made = claims()[entry.claim].design(entry.scale)
    read = asserted(REGISTRY.text(entry))
    assert read.compared() == made.compared()
    assert (len(read.parts), read.decision) == (len(made.parts), made.decision)


def test_every_text_of_round_0_is_kept():
    """So that each of its entries, those that were replaced too, says what it asserted."""
    assert len([entry for entry in REGISTRY.rounds[0].entries if REGISTRY.text(entry)]) == len(
        REGISTRY.rounds[0].entries
    )


def test_each_kind_of_part_comes_back():
    """Bands, floors, a second pair of arms, slopes, bounds of their own, other metrics."""
    parts = (
        beats("a", "b", on=DIGITS, band=HALF, bound=0.3, published=1.5),
        matches("a", "dense", on=DIGITS, floors=("c",), label="no worse"),
        equals("a", "b", on=DIGITS, floors=("c", "d"), null_setting=True),
        slope("a", "b", on=DIGITS, band=HALF),
        interaction("a", "b", less=("c", "d"), on=DIGITS),
        beats("a", "b", on=DIGITS, metric="validation_accuracy"),
    )
    assert asserted(text(*parts)).parts == parts


def test_a_kind_is_what_it_was_when_it_was_locked():
    """Changed since, or gone: the text says what decides."""
    made = add_kind(
        Kind(name="nearly", held_to=Bound.SESOI, reproduced=(above(-1),), refuted=(below(-1),), floor=0, planned_at=0,
             shown="{bound}", asserted="{bound}", drawn="{bound}")
    )  # fmt: skip
    locked = json.loads(json.dumps(text(asserts("nearly", "a", "b", on=DIGITS))))
    KINDS.remove("nearly")
    add_kind(replace(made, reproduced=(above(0),), shown="now {bound}"))
    (part,) = asserted(locked).parts
    KINDS.remove("nearly")
    assert part.kind == replace(made, shown="now {bound}")
    assert asserted(locked).parts[0].kind.reproduced == made.reproduced
    assert asserted(text(beats("a", "b", on=DIGITS))).parts[0].kind == BEATS


def test_a_replication_compares_alike():
    """Whatever its replicates, prediction and statement; not with another band, arm or meaning of a kind."""
    one = text(beats("a", "b", on=DIGITS))
    assert compares_alike(one, one | {"replicates": 99, "predicted": "refuted", "statement": "other"})
    assert compares_alike(one, text(beats("a", "b", on=DIGITS, band=HALF)))  # which holds all their densities
    assert not compares_alike(one, text(beats("a", "b", on=DIGITS, band=percent_kept("25"))))
    assert not compares_alike(one, text(beats("a", "b", on=DIGITS), arms=design().arms | {"a": arm(7)}))
    unread = text(beats("a", "b", on=DIGITS), arms=design().arms | {"d": arm(7)})
    assert not compares_alike(one, unread)
    assert reads_alike(one, unread)
    arms = {"x": arm(0), "y": arm(1), "c": arm(2), "d": arm(3), "dense": dense()}
    assert compares_alike(one, text(beats("x", "y", on=DIGITS, label="named"), arms=arms))
    assert not reads_alike(one, text(beats("y", "x", on=DIGITS), arms=arms))
    other = json.loads(json.dumps(one))
    other["kinds"]["beats"]["planned_at"] = 2
    assert not compares_alike(one, other)
    assert compares_alike({name: value for name, value in one.items() if name != "kinds"}, other)


def test_changes_are_told_with_what_was():
    """Each field, part and arm that is another one, new or gone; equal texts differ in nothing."""
    first = text(beats("a", "b", on=DIGITS, band=HALF), matches("a", "dense", on=DIGITS, floors=("c",)))
    assert changes(first, first) == []
    arms = {name: each for name, each in design().arms.items() if name != "d"} | {"b": arm(7), "e": arm(8)}
    second = text(
        beats("a", "b", on=DIGITS, band=percent_kept("25"), bound=0.3),
        beats("a", "c", on=DIGITS),
        arms=arms,
        replicates=20,
    )
    second |= {"statement": "Another.", "predicted": "refuted"}
    assert changes(first, second) == [
        "20 replicates, were 10",
        "predicted refuted, was reproduced",
        "another statement",
        "part 'a beats b': bound 0.3, was 0.4, band 25 % kept, was 12.5 to 50 % kept",
        "part 'a matches dense' is gone",
        "part 'a beats c' is new",
        "arm 'b': other trainings",
        "arm 'd' is gone",
        "arm 'e' is new",
        "other kinds",
    ]
    fewer = text(beats("a", "b", on=DIGITS), arms=design().arms | {"a": arm(0)[:2]})
    assert changes(text(beats("a", "b", on=DIGITS)), fewer) == ["arm 'a': other densities"]


# --- new names -------------------------------------------------------------------------------------------------------


@pytest.fixture
def registry(tmp_path):
    """A registry in which a claim is locked."""
    made = Registry(tmp_path / "registry.lock")
    made.lock([claim(design(beats("a", "b", on=DIGITS)))], MICRO, pilots={}, when=WHEN)
    return made


def test_another_name_for_a_claim_is_noticed(registry):
    """The same comparison under a new id, whatever its arms are called, is that claim, unless it supersedes it."""
    same = replace(claim(design(beats("a", "b", on=DIGITS)), id="paper/new"), statement="In other words.")
    assert registry.same(same, MICRO) == registry.entries[0]
    assert registry.same(replace(same, supersedes=("paper/claim",)), MICRO) is None
    assert registry.same(claim(design(beats("a", "b", on=DIGITS))), MICRO) is None
    assert registry.same(claim(design(beats("a", "c", on=DIGITS)), id="paper/new"), MICRO) is None


def test_lineage_goes_through_every_name(registry):
    """Renamed twice: the attempts under all three names, each told by what it is to the one before."""
    changed = beats("a", "c", on=DIGITS)
    second = replace(claim(design(changed), id="paper/second"), supersedes=("paper/claim",))
    third = replace(claim(design(changed), id="paper/third"), supersedes=("paper/second",))
    for each in (second, third):
        registry.lock([each], MICRO, pilots={}, when=WHEN)
    assert [entry.claim for entry in registry.lineage("paper/third", MICRO)] == [
        "paper/claim",
        "paper/second",
        "paper/third",
    ]
    assert [registry.attempt(entry) for entry in registry.entries] == ["first", "changed", "replication"]
    assert registry.superseded(MICRO) == {"paper/claim", "paper/second"}
    assert Registry(registry.path).lineage("paper/claim", MICRO) == [registry.entries[0]]


def test_what_was_never_locked_cannot_be_superseded(registry):
    """With the nearest name."""
    wrong = replace(claim(design(beats("a", "c", on=DIGITS)), id="paper/new"), supersedes=("paper/clam",))
    with pytest.raises(LockError, match=r"paper/new supersedes paper/clam, which is not locked at micro; did you mean"):
        registry.lock([wrong], MICRO, pilots={}, when=WHEN)


@pytest.mark.parametrize(
    "part",
    [
        beats("a", "b", on=DIGITS, bound=0.4000001),
        beats("a", "b", on=DIGITS, label="another"),
        beats("a", "b", on=DIGITS, band=percent_kept("12.5", "50")),
    ],
    ids=["bound", "label", "band"],
)
def test_the_same_question_is_the_same_claim(registry, part):
    """With another bound, name or band of the same levels; another test of it too."""
    assert registry.same(claim(design(part), id="paper/new"), MICRO) == registry.entries[0]
    flipped = claim(design(part, decision=Decision.SIGN_FLIP), id="paper/new")
    assert registry.same(flipped, MICRO) == registry.entries[0]


def test_floors_are_a_set(registry):
    """In another order, or one less, they make no other question of it."""
    one = claim(design(matches("a", "b", on=DIGITS, floors=("c", "d"))), id="paper/floors")
    registry.lock([one], MICRO, pilots={}, when=WHEN)
    for floors in (("d", "c"), ("c",)):
        other = claim(design(matches("a", "b", on=DIGITS, floors=floors)), id="paper/new")
        assert registry.same(other, MICRO).claim == "paper/floors"


def test_what_was_compared_before_is_related_and_no_first_attempt(registry):
    """One level of the band alone, with a part beside it that is new: another name, with an earlier result in hand."""
    near = claim(
        design(beats("a", "b", on=DIGITS, band=percent_kept("25")), beats("c", "d", on=DIGITS)), id="paper/near"
    )
    new = claim(design(beats("c", "d", on=DIGITS)), id="paper/apart")
    swapped = claim(design(beats("b", "a", on=DIGITS)), id="other/swapped")
    assert registry.same(near, MICRO) is None
    registry.lock([near, new, swapped], MICRO, pilots={}, when=WHEN)
    assert [registry.attempt(entry) for entry in registry.entries] == ["first", "related", "first", "related"]
    assert [entry.attempt for entry in registry.entries] == ["first", "related", "first", "related"]
    assert registry.related(registry.entries[1].text, 2) == ["paper/claim"]


@pytest.mark.parametrize(
    ("id", "supersedes", "why"),
    [
        ("other/new", "paper/claim", "other/new supersedes paper/claim: a claim supersedes others of its own paper"),
        ("paper/new", "paper/new", "paper/new supersedes paper/new: a claim supersedes others"),
        ("paper/claim", "paper/second", "paper/claim was superseded: a name stands for one claim, for good"),
    ],
)
def test_what_supersedes_is_another_claim_of_the_paper(registry, id, supersedes, why):
    """Neither of another paper, whose rounds have levels of their own, nor itself, nor in a circle."""
    part = beats("a", "c", on=DIGITS)
    known = {"paper/new": claim(design(part), id="paper/new"), "paper/second": claim(design(part), id="paper/second")}
    known["paper/second"] = replace(known["paper/second"], supersedes=("paper/claim",))
    registry.lock(list(known.values()), MICRO, pilots={}, when=WHEN)
    version = 2 if id in ("paper/new", "paper/claim") else 1
    wrong = replace(claim(design(part), id=id, version=version), supersedes=(supersedes,))
    with pytest.raises(LockError, match=re.escape(why)):
        registry.lock([wrong], MICRO, pilots={}, when=WHEN)


def test_what_supersedes_has_trainings_in_common(registry):
    """Else it would take away a verdict on something else."""
    arms = {name: arm(draw) for name, draw in (("x", 8), ("y", 9))}
    other = replace(claim(design(beats("x", "y", on=DIGITS), arms=arms), id="paper/new"), supersedes=("paper/claim",))
    with pytest.raises(LockError, match=r"they have no training in common.*Next: leave out supersedes="):
        registry.lock([other], MICRO, pilots={}, when=WHEN)


def test_a_superseded_claim_is_not_run(registry):
    """Its file is to go: what it came to would stand nowhere."""
    first = claim(design(beats("a", "b", on=DIGITS)))
    registry.check([first], MICRO)
    registry.lock([replace(first, id="paper/new", supersedes=(first.id,), _designs={})], MICRO, pilots={}, when=WHEN)
    with pytest.raises(LockError, match=r"paper/claim was superseded by another claim. Next: remove its file"):
        registry.check([first], MICRO)


def test_exact_claims_are_told_apart_by_what_they_expect(registry):
    """Two that count other things are no attempts at each other."""
    one, other = text_of(counted()), text_of(counted(observed=887))
    assert compares_alike(one, other)  # what is observed is not locked, what is expected is
    assert changes(one, one | {"exact": []}) == ["other exact"]


def text_of(built):
    return locked_text(claim(built), MICRO)


def test_what_is_compared_is_counted_at_every_level_from_either_side():
    """An attempt that has the dense net first compares it with as many trainings as one that has it second."""
    one, other = (comparisons(text(beats(*pair, on=DIGITS))) for pair in (("dense", "a"), ("a", "dense")))
    assert one == other
    assert len(one) > 1

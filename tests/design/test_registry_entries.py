"""Every entry of the committed lock stays valid: the digests of what claims are now, the chain, and the locked texts.

Entries hold the text that was locked, but for those of before there were rounds: for these ``claims/locked.jsonl`` has,
line by line, the text whose SHA-256 is the entry's digest, as the code of the commit that locked it wrote it. So an
entry can be read, and checked, whose design is gone. After ``harness lock``, correct the numbers in `COUNTS`.
"""

import hashlib
import json
import re
from dataclasses import MISSING, fields
from fractions import Fraction

import pytest

from harness.design import Band, Part, Registry, Scale
from harness.design._claim import _plain
from harness.stats import Decision, Outcome
from harness.stats._curves import READINGS
from harness.stats._kinds import KINDS
from harness.workflow import chain
from tests.project import ROOT, claims

REGISTRY, TEXTS = ROOT / "claims" / "registry.lock", ROOT / "claims" / "locked.jsonl"
COUNTS = {"entries": 45, "of the claims as they are": 36, "superseded": 9, "in rounds": 0}
MEND = (
    "a lock binds for ever. Next: undo the change; or, where a class or field was renamed, keep the name that is "
    "hashed beside _plain or in harness/expression/_keys.py (CONTRIBUTING.md, names that are hashed)"
)


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def content(entry):
    """Return the text that the entry's claim would be locked with now."""
    return json.dumps(claims()[entry["claim"]].locked_content(Scale(entry["scale"])), sort_keys=True)


def told(entry):
    return f"{entry['claim']} version {entry['version']} at {entry['scale']}"


@pytest.fixture(scope="module")
def lines():
    """The lines of the registry."""
    return REGISTRY.read_text().splitlines()


@pytest.fixture(scope="module")
def entries(lines):
    """What those lines of the registry say that are entries of before there were rounds."""
    return [entry for entry in map(json.loads, lines) if "digest" in entry]


@pytest.fixture(scope="module")
def texts():
    """The locked texts, in the order of the entries."""
    return TEXTS.read_text().splitlines()


@pytest.fixture(scope="module")
def current(entries):
    """The numbers of those entries whose claim still has the version that was locked."""
    return {i for i, entry in enumerate(entries) if claims()[entry["claim"]].version == entry["version"]}


def test_no_entry_is_left_out(entries, texts, current):
    """So many entries, each with its text; an entry of another version than its claim's is of a lower one."""
    superseded = [e for e in entries if e["version"] < claims()[e["claim"]].version]
    in_rounds = [entry for entry in Registry(REGISTRY).entries if entry.round]
    counted = (len(entries), len(current), len(superseded), len(in_rounds))
    assert dict(zip(COUNTS, counted, strict=True)) == COUNTS
    assert len(texts) == len(entries)
    assert len({(e["claim"], e["version"], e["scale"]) for e in entries}) == len(entries)


def test_the_chain_is_unbroken(lines):
    """Each line carries the hash of the one before, the first none: no line can have been changed or removed."""
    assert [json.loads(line)["before"] for line in lines] == ["", *map(sha256, lines[:-1])]


def test_history_only_appended():
    """Each commit's registry goes on from that of its first parent; a shallow clone cannot tell, and says so."""
    found = chain(ROOT)
    assert found.cut == ""
    assert re.match(r"each of \d+ commits to it goes on|unchecked: ", found.history)


def test_every_entry_in_force_is_as_locked():
    """Whatever its round, a claim of the version that was locked last has what its entry says."""
    registry = Registry(REGISTRY)
    entries = {(entry.claim, entry.scale): entry for entry in registry.entries}
    faults = [registry.fault(claims()[id], Scale(scale)) for id, scale in entries]
    assert [fault for fault in faults if fault and "is not locked" not in fault] == []


def test_every_claim_is_what_was_locked(entries, texts, current):
    """The digest of each entry is that of its claim now; a failure names the entry and what of its text differs."""
    faults = []
    for i in sorted(current):
        now, then = json.loads(content(entries[i])), json.loads(texts[i])
        if claims()[entries[i]["claim"]].digest(Scale(entries[i]["scale"])) != entries[i]["digest"]:
            other = sorted(name for name in {*now, *then} if now.get(name) != then.get(name))
            faults.append(f"{told(entries[i])} (other: {', '.join(other)})")
    assert not faults, f"not what was locked: {'; '.join(faults)}. {MEND}"


def test_every_text_is_what_its_entry_hashes(entries, texts):
    """The SHA-256 of a text is its entry's digest, and what both say of the claim is the same."""
    for entry, text in zip(entries, texts, strict=True):
        assert sha256(text) == entry["digest"], f"text of {told(entry)}. Next: git checkout {TEXTS.relative_to(ROOT)}"
        shared = ("scale", "predicted", "replicates", "suite_seed")
        assert {name: json.loads(text)[name] for name in shared} == {name: entry[name] for name in shared}


# --- the names that are hashed -------------------------------------------------------------------------------------

ALWAYS = {"kind", "arm", "reference", "task", "bound_pp"}
UNLESS_DEFAULT = {"band", "floors", "label", "null_setting", "published_pp", "metric", "reading", "less"}
VALUES = {
    Decision: {"t", "sign-flip"},
    Outcome: {"reproduced", "refuted", "inconclusive", "not run", "error"},
    Scale: {"micro", "standard", "paper"},
}


def part(**given):
    """Return a part whose fields are what is given, else their defaults, whatever the fields are called now."""
    made = object.__new__(Part)
    for name, value in given.items():
        object.__setattr__(made, name, value)
    return made


def required():
    return {f.name: "given" for f in fields(Part) if f.default is MISSING}


def test_a_part_is_hashed_under_the_names_it_was_locked_under():
    """Whatever a part's fields are called, their hashed names stay; a new field is hashed where it is not neutral."""
    every = _plain(part(**{f.name: "given" for f in fields(Part)}))
    gone = (ALWAYS | UNLESS_DEFAULT) - every.keys()
    assert not gone, f"{', '.join(sorted(gone))} of Part: {MEND}"
    assert len(every) == len(fields(Part)), f"two fields of Part have one hashed name: {MEND}"


def test_a_field_of_a_part_at_its_default_is_not_hashed():
    """Those that were there from the first are, all others have a default: so old locks know nothing of new fields."""
    more = _plain(part(**required())).keys() ^ ALWAYS
    assert not more, f"{', '.join(sorted(more))} of Part: a new field needs a default, an old one keeps its own; {MEND}"


def test_a_band_is_hashed_as_two_fractions():
    """The names of its ends, and the ends as exact fractions."""
    band = Band(low=Fraction(1, 50), high=Fraction(1, 20))
    assert _plain(part(**required() | {"band": band}))["band"] == {"low": "1/50", "high": "1/20"}


def test_kinds_that_locks_hash_stay():
    """A kind is hashed by its full name: others may be added, none renamed."""
    assert {"beats", "matches", "equals"} <= {str(kind) for kind in KINDS.values()}


def test_readings_that_locks_hash_stay():
    """A reading is hashed by its full name: others may be added, none renamed."""
    assert {"mean", "slope"} <= {str(reading) for reading in READINGS.values()}


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
def test_values_that_locks_hash_stay(kind):
    """A value of an enumeration is hashed by its text: others may be added, none renamed."""
    gone = VALUES[kind] - {member.value for member in kind}
    assert not gone, f"{', '.join(sorted(gone))} of {kind.__name__}: {MEND}"

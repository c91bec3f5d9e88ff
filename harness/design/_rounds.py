"""Rounds: what is locked together, the chain that holds it in order, and the seed that follows from it.

A registry is a file of one JSON object a line, and each line carries the hash of the line before it. A round is some
entries and a line that closes it. The hash of that line, which through the chain covers everything before it, is the
suite seed of the round's replicates: so no training can have been run on them before, and a claim that is edited has
other data. What was locked before there were rounds is round 0: its entries name their seed and a block of replicates.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.design._attempts import asserted
from harness.design._claim import Scale
from harness.errors import DesignError, LockError
from harness.stats import MOST, Outcome
from harness.streams import SUITE_SEED, Replicate

ROUND_0_ENDS = {
    "7ff509bcb71881c9680d86d5dcbad6c2aa507e7f83de75bcf3086d1a36f3a7e7"
}  # hashes of the last lines of round 0: it is over
FIRST, REPLICATION, CHANGED = "first", "replication", "changed"  # what a lock is an attempt at
RELATED = "related"  # the first of its name, with a comparison that another name made in an earlier round


@dataclass(frozen=True)
class Locked:
    """One entry: what was locked, when, with how many pilot runs before it, and on which block of replicates.

    `text` is everything that `digest` hashes, None in round 0. `attempt` says what it is to earlier entries of its
    claim: the first, a replication (the same comparison on fresh replicates), a changed claim, or one that is related
    to other claims.
    """

    claim: str
    version: int
    scale: str
    digest: str
    predicted: str
    suite_seed: int
    first_replicate: int
    replicates: int
    pilots: int
    locked: str
    before: str
    round: int = 0
    attempt: str = ""
    text: Mapping[str, Any] | None = field(default=None, repr=False, hash=False)

    @property
    def paper(self) -> str:
        """Key of the claim's paper."""
        return self.claim.split("/")[0]

    def block(self) -> tuple[Replicate, ...]:
        """Return the replicates the locked claim decides on."""
        indices = range(self.first_replicate, self.first_replicate + self.replicates)
        return tuple(Replicate(self.suite_seed, i) for i in indices)


@dataclass(frozen=True)
class Round:
    """What was locked together, and the line that closed it; `head` is that line's hash, and `moved` where it was.

    A round that another branch closed keeps its seed when its lines are appended to ours: `seed_of` is then the hash
    of the line that closed it there.
    """

    number: int
    entries: tuple[Locked, ...]
    head: str
    closed: str = ""
    seed_of: str = ""

    @property
    def seed(self) -> int:
        """The suite seed of its replicates."""
        return seed_from(self.seed_of or self.head) if self.number else SUITE_SEED


def line_hash(line: str) -> str:
    """Return the SHA-256 of a line of the registry, 64 hexadecimal digits."""
    return hashlib.sha256(line.encode()).hexdigest()


def seed_from(head: str) -> int:
    """Return the suite seed that a closing line's hash gives, below 2**63."""
    return int(head[:16], 16) >> 1


def as_line(content: Mapping[str, Any]) -> str:
    """Return what a registry holds of an entry or of the end of a round."""
    return json.dumps(content, sort_keys=True)


def digest_of(text: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a locked text; it names no seed, which is that of its round."""
    return line_hash(as_line({**text, "suite_seed": SUITE_SEED}))


def read_rounds(path: Path) -> list[Round]:
    """Return the rounds of a registry, round 0 first, which may be empty. A missing file has no others.

    Raises LockError, with the line's number, for what is no entry, a broken chain, or a round that is not closed.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    except (OSError, UnicodeDecodeError) as error:
        raise LockError(f"{path} cannot be read: {error}. Next: git checkout {path}") from error
    rounds, open_, before = [Round(0, (), "")], _Open(1, ""), ""
    for number, line in enumerate(lines, start=1):
        try:
            content = json.loads(line)
            if content["before"] != before:
                raise LockError(
                    f"{path}, line {number}: the line before it hashes to {before[:12] or 'nothing'}, recorded was "
                    f"{content['before'][:12] or 'nothing'}: the registry was edited. Next: git checkout {path}"
                )
            before = line_hash(line)
            if "closes" in content:
                closed = open_.closed_by(content, before)
                if closed.seed in {each.seed for each in rounds}:
                    raise ValueError("its seed is that of an earlier round: one round is there twice")
                rounds.append(closed)
                open_ = _Open(len(rounds), before)
            elif "round" in content:
                open_.contents.append(content)
                open_.entry(content)
            elif len(rounds) > 1 or open_.contents:
                raise ValueError("it names no round, after the first round")
            else:
                rounds[0] = replace(rounds[0], entries=(*rounds[0].entries, Locked(**content)), head=before)
                open_.before = before
        except (ValueError, TypeError, KeyError, AttributeError, DesignError) as error:
            raise LockError(f"{path}, line {number}: not an entry ({error}). Next: git checkout {path}") from error
    if rounds[0].entries and rounds[0].head not in ROUND_0_ENDS:
        raise LockError(
            f"{path}: its entries without a round do not end where round 0 ended: what is locked since is in rounds. "
            f"Next: git checkout {path}, and harness lock"
        )
    if open_.contents:
        raise LockError(f"{path}: round {open_.number} is not closed. Next: git checkout {path}, and lock again")
    return rounds


@dataclass
class _Open:
    """A round that is being read: its number, the hash of the line before it, and its entries as they stand there."""

    number: int
    before: str
    contents: list[dict[str, Any]] = field(default_factory=list)

    def entry(self, content: Mapping[str, Any], seed: int = 0) -> Locked:
        """Return the entry that a line holds, in a round of this seed."""
        if content["round"] != self.number:
            raise ValueError(f"it is of round {content['round']}, after round {self.number - 1}")
        text = content["text"]
        _check(content, text)
        return Locked(
            claim=content["claim"],
            version=content["version"],
            scale=text["scale"],
            digest=digest_of(text),
            predicted=text["predicted"],
            suite_seed=seed,
            first_replicate=0,
            replicates=text["replicates"],
            pilots=content["pilots"],
            locked=content["locked"],
            before=content["before"],
            round=self.number,
            attempt=content["attempt"],
            text=text,
        )

    def closed_by(self, content: Mapping[str, Any], head: str) -> Round:
        """Return the round that a line closes, whose hash is `head`."""
        if content["closes"] != self.number or not self.contents:
            raise ValueError(f"it closes round {content['closes']}, with {len(self.contents)} entries of it before")
        seed_of = content.get("seed_of", "")
        if seed_of and line_hash(_lines(self.contents, {"closed": content["closed"]}, **content["was"])[-1]) != seed_of:
            raise ValueError("its seed is not that of the round that was moved here")
        made = Round(self.number, (), head, content["closed"], seed_of)
        return replace(made, entries=tuple(self.entry(each, made.seed) for each in self.contents))


def _check(content: Mapping[str, Any], text: Mapping[str, Any]) -> None:
    """Raise ValueError for an entry of which a field is not what it must be."""
    words = (content["claim"], content["locked"], content["attempt"])
    if not all(isinstance(word, str) for word in words) or "/" not in content["claim"]:
        raise ValueError("claim, locked and attempt must be text")
    Scale(text["scale"]), Outcome(text["predicted"])
    counts = ((content["version"], 1), (content["pilots"], 0), (text["replicates"], 0))
    if not all(type(count) is int and least <= count <= MOST for count, least in counts):
        raise ValueError(f"version, pilots and replicates must be counts, {MOST} at most")
    read = {arm for part in asserted(text).compared() for arm in part.reads}
    if not isinstance(text["arms"], Mapping) or not read <= text["arms"].keys():
        raise ValueError("its parts read arms that it has not")


def closed_seeds(text: str) -> set[int]:
    """Return the suite seeds of the rounds that a registry's text closes, wherever they were closed first."""
    closing = [line for line in text.splitlines() if '"closes": ' in line]
    return {seed_from(json.loads(line).get("seed_of") or line_hash(line)) for line in closing}


def round_lines(contents: Sequence[Mapping[str, Any]], *, after: Round, closed: str) -> list[str]:
    """Return the lines of a new round that follows `after`: its entries, and what closes it."""
    return _lines(contents, {"closed": closed}, round=after.number + 1, before=after.head)


def moved_lines(path: Path, rounds: Sequence[Round], *, after: Round) -> list[str]:
    """Return the lines of `rounds`, which stand in the registry `path`, as they follow `after`; their seeds stay.

    Each closing line keeps the hash of the one it had, and where that stood: its number, and the hash of the line
    before it. So the lines that gave the seed can be made again.
    """
    contents = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    made: list[str] = []
    before, number = after.head, after.number
    for each in rounds:
        number += 1
        inside = [content for content in contents if content.get("round") == each.number]
        (closing,) = (content for content in contents if content.get("closes") == each.number)
        was = closing.get("was", {"round": each.number, "before": inside[0]["before"]})
        kept = {"closed": each.closed, "seed_of": each.seed_of or each.head, "was": was}
        made += _lines(inside, kept, round=number, before=before)
        before = line_hash(made[-1])
    return made


def _lines(contents: Sequence[Mapping[str, Any]], closing: Mapping[str, Any], *, round: int, before: str) -> list[str]:
    """Return entries and what closes them as lines of a round of this number, after the line whose hash is `before`."""
    lines = []
    for content in contents:
        lines.append(as_line({**content, "round": round, "before": before}))
        before = line_hash(lines[-1])
    return [*lines, as_line({**closing, "closes": round, "before": before})]

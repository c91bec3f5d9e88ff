"""Pre-registration that binds: an append-only file in which claims are fixed before their confirmatory run.

``claims/registry.lock`` holds rounds of entries (`_rounds`). An entry is what a claim asserts: statement, hypothesis,
scale, replicates, predicted verdict, and the keys of all arms.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.as_json import as_json
from harness.design._attempts import compares_alike, comparisons, reads_alike, trainings
from harness.design._claim import Claim, Scale
from harness.design._metrics import metric
from harness.design._rounds import (
    CHANGED,
    FIRST,
    RELATED,
    REPLICATION,
    Locked,
    Round,
    digest_of,
    moved_lines,
    read_rounds,
    round_lines,
)
from harness.errors import LockError, nearest
from harness.stats import ALPHA
from harness.streams import SUITE_SEED, Replicate

TEXTS = "locked.jsonl"  # the texts of round 0, whose lines have only their digests
SUPERSEDES = "supersedes"
WORDS = ("shown", "asserted", "drawn", "registered", "words", "series")  # fields of kinds and metrics: none decides


class Registry:
    """The entries of a lock file, oldest first, in the rounds in which they were locked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rounds = read_rounds(path)

    @property
    def entries(self) -> list[Locked]:
        """All entries, oldest first."""
        return [entry for each in self.rounds for entry in each.entries]

    def find(self, claim: Claim, scale: Scale) -> Locked | None:
        """Return the latest entry of this claim's version at `scale`."""
        return next((e for e in reversed(self.versions(claim.id, scale)) if e.version == claim.version), None)

    def in_force(self, claim: str, scale: Scale) -> Locked | None:
        """Return the entry whose verdict counts: the latest one of a claim's highest version at `scale`."""
        return max(self.versions(claim, scale), key=lambda entry: (entry.version, entry.round), default=None)

    def text(self, entry: Locked) -> Mapping[str, Any] | None:
        """Return everything that an entry's digest is of; of round 0 it stands in a file of its own, if it is kept."""
        return entry.text if entry.text is not None else self._texts_of_round_0.get(entry.digest)

    @cached_property
    def _texts_of_round_0(self) -> Mapping[str, Mapping[str, Any]]:
        """Return by digest the texts in ``locked.jsonl`` beside the registry; empty where round 0 is.

        Raises LockError where an entry's text is not there.
        """
        path, locked = self.path.with_name(TEXTS), {entry.digest for entry in self.rounds[0].entries}
        try:
            lines = path.read_text(encoding="utf-8").splitlines() if locked else []
            texts = {digest_of(text): text for text in map(json.loads, lines)}
        except (OSError, ValueError, TypeError) as error:
            raise LockError(f"{path} cannot be read as the texts of round 0: {error}. Next: git checkout it") from error
        if missing := locked - texts.keys():
            raise LockError(f"{path} lacks the texts of {len(missing)} entries of round 0. Next: git checkout it")
        return texts

    def lineage(self, claim: str, scale: Scale) -> list[Locked]:
        """Return the entries of a claim at `scale` and of those that it supersedes, oldest first."""
        ids, found = {claim}, 0
        while len(ids) > found:
            found = len(ids)
            ids |= {old for e in self.entries if e.claim in ids and e.text for old in e.text.get(SUPERSEDES, ())}
        return [e for e in self.entries if e.claim in ids and e.scale == scale]

    def superseded(self, scale: Scale) -> set[str]:
        """Return the claims in whose place others were locked at `scale`."""
        return {old for e in self.entries if e.scale == scale and e.text for old in e.text.get(SUPERSEDES, ())}

    def attempt(self, entry: Locked) -> str:
        """Return what an entry is an attempt at, from what stands before it here.

        The entry's line says what it was where it was locked, which may have been another branch.
        """
        lineage = self.lineage(entry.claim, Scale(entry.scale))
        return self._attempt_after(lineage[: lineage.index(entry)], self.text(entry), entry.round)

    def _attempt_after(self, before: Sequence[Locked], text: Mapping[str, Any] | None, round: int) -> str:
        if not before:
            return RELATED if text is not None and self.related(text, round) else FIRST
        last = self.text(before[-1])
        return REPLICATION if last is not None and text is not None and compares_alike(last, text) else CHANGED

    def related(self, text: Mapping[str, Any], round: int) -> list[str]:
        """Return the claims, other names, that made one of a text's comparisons in a round before; none for round 0."""
        mine = comparisons(text) if round else frozenset[tuple[str, ...]]()
        found = dict[str, None]()
        for entry in self.entries if mine else ():
            other = self.text(entry) if entry.round < round and entry.scale == text["scale"] else None
            if other is not None and comparisons(other) & mine:
                found[entry.claim] = None
        return list(found)

    def versions(self, claim: str, scale: Scale) -> list[Locked]:
        """Return all entries of a claim at `scale`, oldest first."""
        return [e for e in self.entries if e.claim == claim and e.scale == scale]

    def family(self, paper: str, scale: Scale, round: int) -> list[str]:
        """Return the ids of a paper's claims that were locked at `scale` in a round: one family of tests, for good.

        Exact claims, whose entry has no replicates, stand outside.
        """
        latest = {e.claim: e for e in self.rounds[round].entries if e.paper == paper and e.scale == scale}
        return sorted(id for id, entry in latest.items() if entry.replicates)

    def alpha(self, paper: str, scale: Scale, round: int) -> float:
        """Return the level at which a paper's family of a round is judged: half that of its round before.

        So all that is ever claimed of a paper at a scale is judged at twice `ALPHA` together. `round` may be the next
        one, which is not there yet.
        """
        before = sum(bool(self.family(paper, scale, each.number)) for each in self.rounds[:round])
        return float(ALPHA / 2**before)

    @property
    def next_round(self) -> int:
        """The number of the round that will be locked next."""
        return len(self.rounds)

    def replicates(self, claim: Claim, scale: Scale) -> tuple[Replicate, ...]:
        """Return the claim's block: as locked, else one on which nothing is confirmed."""
        entry = self.find(claim, scale)
        if entry is not None:
            return entry.block()
        used = [e for e in self.versions(claim.id, scale) if not e.round]
        first = max((e.first_replicate + e.replicates for e in used), default=0)
        return tuple(Replicate(SUITE_SEED, i) for i in range(first, first + claim.design(scale).replicates))

    def lock(
        self,
        claims: Sequence[Claim],
        scale: Scale,
        *,
        pilots: Mapping[str, int],
        when: str,
        replicates: int | None = None,
    ) -> Round:
        """Append a round: an entry for each claim's version, and the line that closes it, from which its seed follows.

        With `replicates`, claims that are locked already are locked once more, on so many: replications. `pilots` are
        runs by claim. Raises LockError when a version is locked already, with other content or with the same, and when
        it does not follow the last one; nothing is written then.
        """
        contents = self._contents(claims, scale, pilots=pilots, when=when, replicates=replicates)
        self._append(round_lines(contents, after=self.rounds[-1], closed=when))
        return self.rounds[-1]

    def check_lock(self, claims: Sequence[Claim], scale: Scale, *, replicates: int | None = None) -> None:
        """Raise LockError where `lock` would, and write nothing."""
        self._contents(claims, scale, pilots={}, when="", replicates=replicates)

    def _contents(
        self, claims: Sequence[Claim], scale: Scale, *, pilots: Mapping[str, int], when: str, replicates: int | None
    ) -> list[dict[str, Any]]:
        """Return what a round's entries hold. Raises LockError, see `lock`."""
        contents: list[dict[str, Any]] = []
        for claim in claims:
            if replicates is not None and claim.design(scale).exact:
                raise LockError(f"{claim.id} is exact and has no replicates. Next: harness verify {claim.id}")
            if replicates is not None and self.find(claim, scale) is None:
                raise LockError(
                    f"{claim.id} has no lock at {scale} that replicates could repeat. Next: harness lock {claim.id}"
                )
            text = locked_text(claim, scale, replicates)
            contents.append(
                {
                    "attempt": self._attempt(claim, scale, text, again=replicates is not None),
                    "claim": claim.id,
                    "locked": when,
                    "pilots": pilots.get(claim.id, 0),
                    "text": text,
                    "version": claim.version,
                }
            )
        return contents

    def _attempt(self, claim: Claim, scale: Scale, text: Mapping[str, Any], *, again: bool) -> str:
        """Say what locking a claim is to its earlier entries."""
        earlier = self.versions(claim.id, scale)
        last = self.in_force(claim.id, scale)
        if last is not None and again and claim.version == last.version:
            if self.fault(claim, scale):
                raise LockError(
                    f"{claim.id}: it changed since version {claim.version} was locked on {last.locked}, and so cannot "
                    f"be locked again. Next: undo the change, or give it version={claim.version + 1}"
                )
            return REPLICATION
        done = next((e for e in reversed(earlier) if e.version == claim.version), None)
        if done is not None:
            changed = "as it is" if not self.fault(claim, scale) else "with other content"
            raise LockError(
                f"{claim.id} version {claim.version} is locked at {scale} since {done.locked}, {changed}. "
                f"Next: give an amended claim version={claim.version + 1}, and lock that; or, for the same claim on "
                f"fresh replicates, harness lock {claim.id} --replicates {done.replicates}"
            )
        elsewhere = max((e.version for e in self.entries if e.claim == claim.id and e.scale != scale), default=0)
        version = max((e.version for e in earlier), default=0)
        if claim.version != version + 1 and not (not earlier and claim.version == elsewhere):
            raise LockError(
                f"{claim.id}: version {claim.version} cannot follow version {version}. Next: version={version + 1}"
            )
        self._check_names(claim, scale, text)
        before = {e for id in (claim.id, *claim.supersedes) for e in self.lineage(id, scale)}
        return self._attempt_after([e for e in self.entries if e in before], text, self.next_round)

    def _check_names(self, claim: Claim, scale: Scale, text: Mapping[str, Any]) -> None:
        """Raise LockError where a claim supersedes what it cannot, or has the name of one that was superseded."""
        known = {e.claim for e in self.entries if e.scale == scale}
        for old in claim.supersedes:
            if old not in known:
                raise LockError(f"{claim.id} supersedes {old}, which is not locked at {scale}{nearest(old, known)}")
            if old == claim.id or old.split("/")[0] != claim.paper:
                raise LockError(
                    f"{claim.id} supersedes {old}: a claim supersedes others of its own paper, in whose rounds they "
                    "were judged. Next: correct supersedes= in the claim"
                )
            last = self.text(self.versions(old, scale)[-1])
            if last is not None and not claim.design(scale).exact and not trainings(last) & trainings(text):
                raise LockError(
                    f"{claim.id} supersedes {old}, and they have no training in common: it would take away a verdict "
                    f"on something else. Next: leave out supersedes=; {old} is told as withdrawn once its file is gone"
                )
        if claim.id in {old for each in Scale for old in self.superseded(each)}:
            raise LockError(
                f"{claim.id} was superseded: a name stands for one claim, for good. Next: give the claim another id"
            )

    def same(self, claim: Claim, scale: Scale) -> Locked | None:
        """Return an entry that compares what a claim does under another id, and is not superseded by it."""
        text = locked_text(claim, scale)
        before = {e for id in (claim.id, *claim.supersedes) for e in self.lineage(id, scale)}
        for entry in self.entries:
            other = self.text(entry)
            if entry.scale == scale and entry not in before and other is not None and reads_alike(other, text):
                return entry
        return None

    def rechain(self, other: Path) -> list[Round]:
        """Append the rounds of another branch's registry that this one lacks, after its own; return them.

        They keep their seeds, and are judged at the levels of their new places. Raises LockError where the two have
        nothing in common, and for a registry that cannot be read.
        """
        if not other.is_file():
            raise LockError(
                f"there is no registry {other}{', which is a folder' if other.is_dir() else ''}. "
                "Next: git show BRANCH:claims/registry.lock > theirs.lock"
            )
        theirs = read_rounds(other)
        if theirs[0].entries != self.rounds[0].entries:
            raise LockError(f"{other} is no branch of {self.path}: its first entries differ. Next: check the file")
        known = {each.seed for each in self.rounds[1:]}
        new = [each for each in theirs[1:] if each.seed not in known]
        first = len(self.rounds)
        if new:
            self._append(moved_lines(other, new, after=self.rounds[-1]))
        return self.rounds[first:]

    def write_until(self, rounds: int, path: Path) -> None:
        """Write its first rounds as a registry of their own: as it was before the others were locked."""
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = sum(len(each.entries) + bool(each.number) for each in self.rounds[:rounds])
        path.write_text("".join(lines[:kept]), encoding="utf-8")

    def _append(self, lines: Sequence[str]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
        self.rounds = read_rounds(self.path)

    def fault(self, claim: Claim, scale: Scale, entry: Locked | None = None) -> str:
        """Return how the claim and its entry, by default the one in force, disagree, or an empty string.

        An unlocked claim says so.
        """
        entry = self.find(claim, scale) if entry is None else entry
        if entry is None:
            return f"version {claim.version} is not locked at {scale}"
        if self._as_locked(claim, scale, entry):
            return ""
        return (
            f"changed since version {claim.version} was locked on {entry.locked}: statement, hypothesis, "
            "replicates, prediction, or an arm's network, task or recipe"
        )

    def _as_locked(self, claim: Claim, scale: Scale, entry: Locked) -> bool:
        if entry.round:
            again = entry.replicates if entry.attempt == REPLICATION else None
            return digest_of(locked_text(claim, scale, again)) == entry.digest
        earlier = [e for e in self.versions(claim.id, scale) if e.version < entry.version]
        block = (SUITE_SEED, max((e.first_replicate + e.replicates for e in earlier), default=0))
        told = (entry.digest, entry.predicted, entry.replicates, entry.suite_seed, entry.first_replicate)
        return told == (claim.digest(scale), claim.predicted[scale], claim.design(scale).replicates, *block)

    def check(self, claims: Sequence[Claim], scale: Scale) -> None:
        """Raise LockError for a locked claim whose content is no longer what was locked, or that was superseded."""
        gone = self.superseded(scale)
        for claim in claims:
            if claim.id in gone:
                raise LockError(f"{claim.id} was superseded by another claim. Next: remove its file")
            if self.find(claim, scale) is not None and (fault := self.fault(claim, scale)):
                raise LockError(
                    f"{claim.id}: {fault}. Next: undo the change, or give the amended claim "
                    f"version={claim.version + 1} and run harness lock {claim.id}"
                )


def locked_text(claim: Claim, scale: Scale, replicates: int | None = None) -> dict[str, Any]:
    """Return what an entry holds of a claim, as JSON would: all that it asserts, on so many replicates, and no seed."""
    text: dict[str, Any] = json.loads(json.dumps({**claim.locked_content(scale), **_meanings(claim, scale)}))
    del text["suite_seed"]
    return text if replicates is None else {**text, "replicates": replicates}


def _meanings(claim: Claim, scale: Scale) -> dict[str, Any]:
    """Return what the kinds and metrics are that the claim names: they may be of a project's own, and change there."""
    parts = claim.design(scale).compared()
    kinds = {str(part.kind): as_json(part.kind) for part in parts}
    metrics = {part.metric: as_json(metric(part.metric)) for part in parts}
    return {
        "kinds": {name: {f: v for f, v in of.items() if f not in WORDS} for name, of in kinds.items()},
        "metrics": {name: {f: v for f, v in of.items() if f not in WORDS} for name, of in metrics.items()},
    }

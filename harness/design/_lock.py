"""Pre-registration that binds: an append-only file in which a claim is fixed before its confirmatory run.

``claims/registry.lock`` has one JSON object a line. An entry hashes statement, hypothesis, scale, replicates, suite
seed, predicted verdict and the keys of all arms, and carries the hash of the line before it, so that an edit shows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.design._claim import Claim, Scale
from harness.errors import LockError
from harness.streams import SUITE_SEED, Replicate


@dataclass(frozen=True)
class Locked:
    """One entry: what was locked, when, with how many pilot runs before it, and on which block of replicates."""

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

    @property
    def paper(self) -> str:
        """Key of the claim's paper."""
        return self.claim.split("/")[0]

    def block(self) -> tuple[Replicate, ...]:
        """Return the replicates the locked claim decides on."""
        indices = range(self.first_replicate, self.first_replicate + self.replicates)
        return tuple(Replicate(self.suite_seed, i) for i in indices)


class Registry:
    """The entries of a lock file, oldest first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: list[Locked] = []
        before = ""
        lines = path.read_text().splitlines() if path.is_file() else []
        for number, line in enumerate(lines, start=1):
            try:
                entry = Locked(**json.loads(line))
            except (ValueError, TypeError) as error:
                raise LockError(f"{path}, line {number}: not an entry ({error}). Next: git checkout {path}") from error
            if entry.before != before:
                raise LockError(
                    f"{path}, line {number}: the line before it hashes to {before[:12] or 'nothing'}, recorded was "
                    f"{entry.before[:12] or 'nothing'}: the registry was edited. Next: git checkout {path}"
                )
            self.entries.append(entry)
            before = hashlib.sha256(line.encode()).hexdigest()
        self._last = before

    def find(self, claim: Claim, scale: Scale) -> Locked | None:
        """Return the entry of this claim's version at `scale`."""
        return next((e for e in self.versions(claim.id, scale) if e.version == claim.version), None)

    def versions(self, claim: str, scale: Scale) -> list[Locked]:
        """Return all entries of a claim at `scale`, oldest first."""
        return [e for e in self.entries if e.claim == claim and e.scale == scale]

    def family(self, paper: str, scale: Scale) -> list[str]:
        """Return the ids of the claims of a paper that are locked at `scale`: one family of tests.

        Exact claims, whose latest entry has no replicates, stand outside.
        """
        latest = {e.claim: e for e in self.entries if e.paper == paper and e.scale == scale}
        return sorted(id for id, entry in latest.items() if entry.replicates)

    def replicates(self, claim: Claim, scale: Scale) -> tuple[Replicate, ...]:
        """Return the claim's block: as locked, else the block it would be locked on."""
        entry = self.find(claim, scale)
        if entry is not None:
            return entry.block()
        first = self._next_block(claim, scale)
        count = claim.design(scale).replicates
        return tuple(Replicate(SUITE_SEED, i) for i in range(first, first + count))

    def _next_block(self, claim: Claim, scale: Scale) -> int:
        return max((e.first_replicate + e.replicates for e in self.versions(claim.id, scale)), default=0)

    def lock(self, claim: Claim, scale: Scale, *, pilots: int, when: str) -> Locked:
        """Append an entry for the claim's version.

        Raises LockError when this version is locked already, with other content or with the same, and when its version
        does not follow the last one.
        """
        done = self.find(claim, scale)
        if done is not None:
            changed = "as it is" if done.digest == claim.digest(scale) else "with other content"
            raise LockError(
                f"{claim.id} version {claim.version} is locked at {scale} since {done.locked}, {changed}. "
                f"Next: give an amended claim version={claim.version + 1}, and lock that"
            )
        last = max((e.version for e in self.versions(claim.id, scale)), default=0)
        if claim.version != last + 1:
            raise LockError(
                f"{claim.id}: version {claim.version} cannot follow version {last}. Next: version={last + 1}"
            )
        entry = Locked(
            claim=claim.id,
            version=claim.version,
            scale=scale,
            digest=claim.digest(scale),
            predicted=claim.predicted[scale],
            suite_seed=SUITE_SEED,
            first_replicate=self._next_block(claim, scale),
            replicates=claim.design(scale).replicates,
            pilots=pilots,
            locked=when,
            before=self._last,
        )
        line = json.dumps(asdict(entry), sort_keys=True)
        with self.path.open("a") as file:
            file.write(line + "\n")
        self.entries.append(entry)
        self._last = hashlib.sha256(line.encode()).hexdigest()
        return entry

    def fault(self, claim: Claim, scale: Scale) -> str:
        """Return how the claim and its entry disagree, or an empty string; an unlocked claim says so."""
        entry = self.find(claim, scale)
        if entry is None:
            return f"version {claim.version} is not locked at {scale}"
        earlier = [e for e in self.versions(claim.id, scale) if e.version < entry.version]
        block = (SUITE_SEED, max((e.first_replicate + e.replicates for e in earlier), default=0))
        told = (entry.predicted, entry.replicates, entry.suite_seed, entry.first_replicate)
        if entry.digest != claim.digest(scale) or told != (
            claim.predicted[scale],
            claim.design(scale).replicates,
            *block,
        ):
            return (
                f"changed since version {claim.version} was locked on {entry.locked}: statement, hypothesis, "
                "replicates, prediction, or an arm's network, task or recipe"
            )
        return ""

    def check(self, claims: Sequence[Claim], scale: Scale) -> None:
        """Raise LockError for a locked claim whose content is no longer what was locked."""
        for claim in claims:
            if self.find(claim, scale) is not None and (fault := self.fault(claim, scale)):
                raise LockError(
                    f"{claim.id}: {fault}. Next: undo the change, or give the amended claim "
                    f"version={claim.version + 1} and run harness lock {claim.id}"
                )

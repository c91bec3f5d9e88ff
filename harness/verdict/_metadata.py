"""What is known of the rows of a report beside the numbers themselves: it stands in the file's metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from harness.design import DENSITY, Axis, Scale
from harness.population import Provenance
from harness.verdict._verdicts import EarlierVersion


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a claim's rows cost; None for what was not kept yet when they were collected.

    `devices` are seconds by device; `training_flops` and `evaluation_flops` operations by structure; `ceiling_flop`
    those that matrix products would have made in the same time, where every record has their rate.
    """

    trainings: int
    shared: int
    member_steps: int
    worker_s: float
    devices: Mapping[str, float] | None = None
    training_flops: int | None = None
    evaluation_flops: int | None = None
    ceiling_flop: int | None = None


@dataclass(frozen=True, kw_only=True)
class ClaimRows:
    """What is known of one claim's rows: the version and the digest of what was locked, for which they were computed.

    `suite_seed` is that of its replicates where it is not that of the others; it says in which round they were locked.
    `digests` has for each replicate one digest of all that was computed for it, empty where that was not kept.
    `examples` is by task from how many examples its test sets are drawn, where the rows say which were answered
    correctly; `exact` what an exact claim observed. `axis` is what the column of densities has, where it has others.
    """

    version: int
    digest: str
    replicates: tuple[int, ...]
    cost: Cost
    examples: Mapping[str, int] = field(default_factory=dict)
    exact: Mapping[str, str] = field(default_factory=dict)
    suite_seed: int | None = None
    digests: tuple[str, ...] = ()
    axis: Axis = DENSITY


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What is known of all rows: claims by id, the provenance of the stored records that rows came from by name.

    `variant` is empty for the claims as they are locked. `earlier` has by id the verdicts on versions of round 0 whose
    rows were not kept; those of every later lock are, and are judged again.
    """

    scale: Scale
    suite_seed: int
    quick: bool
    claims: Mapping[str, ClaimRows]
    records: Mapping[str, Provenance]
    variant: str = ""
    earlier: Mapping[str, tuple[EarlierVersion, ...]] = field(default_factory=dict)

    def seed(self, claim: str) -> int:
        """Return the suite seed of a claim's replicates."""
        own = self.claims[claim].suite_seed
        return self.suite_seed if own is None else own

    def with_claim(self, id: str, known: ClaimRows) -> Metadata:
        """Return the metadata with other things known of one claim."""
        return replace(self, claims={**self.claims, id: known})

"""Verdicts as they are stored and printed, without what it takes to reach them.

Numbers are rounded to what ``verdicts.json`` keeps, and None where they are not finite: verdicts that were just reached
and the same ones read again are equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from harness.design import PERCENTAGE_POINTS, Scale
from harness.stats import ALPHA, Decision, Outcome

EXACT = "exact"  # stands where other verdicts name the test that decided
DECIDED = (Outcome.REPRODUCED, Outcome.REFUTED)


def is_turn(one: Outcome, other: Outcome) -> bool:
    """Whether one of two outcomes is reproduced and the other refuted."""
    return {one, other} == set(DECIDED)


class Status(StrEnum):
    """What a verdict counts for."""

    CONFIRMATORY = "confirmatory"  # locked before the run, and run as locked
    EXPLORATORY = "exploratory"
    QUICK = "quick"


@dataclass(frozen=True, kw_only=True)
class MeanInterval:
    """A mean and its 95 % interval, in `unit`; None for what too few replicates leave undefined."""

    STORED_AS: ClassVar[Mapping[str, str]] = {"mean": "mean_pp", "lower": "lower_pp", "upper": "upper_pp"}

    mean: float | None
    lower: float | None
    upper: float | None
    unit: str = PERCENTAGE_POINTS


@dataclass(frozen=True, kw_only=True)
class FloorVerdict:
    """A floor of a part: how far the reference is ahead of it, the lower 95 % limit of that, and the least needed."""

    STORED_AS: ClassVar[Mapping[str, str]] = {"mean": "mean_pp", "lower": "lower_pp", "needed": "needed_pp"}

    name: str
    mean: float | None
    lower: float | None
    needed: float
    beaten: bool


@dataclass(frozen=True, kw_only=True)
class Alone:
    """What a part would come to as the only part of the only claim of its paper."""

    outcome: Outcome
    qualifier: str
    cause: str


@dataclass(frozen=True, kw_only=True)
class PartVerdict(MeanInterval):
    """One part, judged: its test, in `unit`, and the replicates that would give the power to decide it.

    `both` is the interval over replicates and test examples, where the test set is fixed. p-values are unadjusted.
    """

    STORED_AS: ClassVar[Mapping[str, str]] = {**MeanInterval.STORED_AS, "bound": "bound_pp", "sd": "sd_pp"}

    name: str
    kind: str
    bound: float
    n: int
    sd: float | None
    p_rep: float
    p_ref: float
    flip_rep: float
    flip_ref: float
    floors: tuple[FloorVerdict, ...]
    null_setting: bool
    needed: int | None
    alone: Alone
    both: tuple[float | None, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class ExactQuantity:
    """A quantity of an exact claim, as text: what was observed, what is claimed, and whether they are equal."""

    name: str
    observed: str
    expected: str
    equal: bool


@dataclass(frozen=True, kw_only=True)
class VersionVerdict:
    """What one version of a claim came to in a round; `decision` is the test that decided, or `EXACT`."""

    version: int
    round: int = 0
    outcome: Outcome
    qualifier: str
    n: int
    decision: str
    for_this_test_set: bool = False

    def in_words(self, scale: str) -> str:
        """Return the verdict with its qualifier in plain words: ``reproduced (direction), analogue task``."""
        text = str(self.outcome)
        if self.qualifier:
            text += f" ({self.qualifier})"
        decided = self.outcome in DECIDED
        if decided and self.decision == EXACT:
            text += ", exact"
        elif decided and scale == Scale.MICRO:
            text += ", analogue task"
        return text + (", for this test set" if self.for_this_test_set else "")


@dataclass(frozen=True, kw_only=True)
class EarlierVersion(VersionVerdict, MeanInterval):
    """What is told of a confirmatory verdict that a later lock replaced: the part it rests on, by `name`, its effect.

    `claim` is the id where it was another one: that of a claim which was superseded.
    """

    name: str | None
    claim: str = ""


@dataclass(frozen=True, kw_only=True)
class ClaimVerdict(VersionVerdict):
    """The verdict on a claim, with all that was judged for it.

    `family` are the claims whose p-values were adjusted together, and `alpha` is their level; `diverged` counts
    trainings; `beside` are the parts that decide nothing; `earlier` the verdicts that later locks replaced, in order.
    """

    status: Status
    status_reason: str
    predicted: Outcome
    cause: str
    p_rep: float | None
    p_ref: float | None
    needed: int | None
    family: tuple[str, ...]
    diverged: int
    parts: tuple[PartVerdict, ...]
    beside: tuple[PartVerdict, ...]
    exact: tuple[ExactQuantity, ...] = ()
    earlier: tuple[EarlierVersion, ...] = ()
    alpha: float = ALPHA
    unchecked: str = ""

    def in_words(self, scale: str) -> str:
        """Return the verdict in plain words, with its status where it replaces none, and what could not be checked."""
        text = super().in_words(scale) + (f", {self.unchecked.partition(';')[0]}" if self.unchecked else "")
        return text + (", exploratory" if self.status is Status.EXPLORATORY else "")

    @property
    def is_confirmatory(self) -> bool:
        """Whether it is on the locked replicates of the locked design."""
        return self.status is Status.CONFIRMATORY

    @property
    def compared(self) -> tuple[PartVerdict, ...]:
        """All parts: those that decide, then those beside them."""
        return (*self.parts, *self.beside)

    @property
    def deciding(self) -> PartVerdict | None:
        """The part on which the verdict rests, by the deciding test's p; None without parts.

        The part that refutes; else the one that is shown least. Where all are shown, null settings stand back, and of
        the others those that assert a direction come first: it is their size that qualifies the verdict.
        """
        if not self.parts:
            return None
        flip = self.decision == Decision.SIGN_FLIP
        if self.outcome == Outcome.REFUTED:
            return min(self.parts, key=lambda part: part.flip_ref if flip else part.p_ref)
        parts = self.parts
        if self.outcome == Outcome.REPRODUCED:
            parts = tuple(part for part in parts if not part.null_setting) or parts
            parts = tuple(part for part in parts if part.alone.qualifier) or parts
        return max(parts, key=lambda part: part.flip_rep if flip else part.p_rep)

    @property
    def rests_on(self) -> str:
        """What the verdict rests on: the comparison that decides, or how many exact quantities are equal."""
        if self.exact:
            return f"{sum(each.equal for each in self.exact)} of {len(self.exact)} quantities equal"
        part = self.deciding
        if part is None:
            return "nothing that could be judged"
        if len(self.parts) == 1:
            return part.name
        if self.outcome == Outcome.REPRODUCED:
            return f"{part.name} ({'both' if len(self.parts) == 2 else f'all {len(self.parts)}'} parts hold)"
        which = "refutes, " if self.outcome == Outcome.REFUTED else ""
        return f"{part.name} ({which}1 of {len(self.parts)} parts)"

    def in_short(self, claim: str = "") -> EarlierVersion:
        """Return what is told of the verdict after a later lock; `claim` is its id, if the later one has another."""
        part = self.deciding
        effect = part or MeanInterval(mean=None, lower=None, upper=None)
        return EarlierVersion(
            version=self.version,
            round=self.round,
            outcome=self.outcome,
            qualifier=self.qualifier,
            n=self.n,
            decision=self.decision,
            for_this_test_set=self.for_this_test_set,
            name=part.name if part else None,
            mean=effect.mean,
            lower=effect.lower,
            upper=effect.upper,
            unit=effect.unit,
            claim=claim,
        )


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """The verdicts of a report, by the claims' ids.

    `withdrawn` are those on locked claims that no file defines any more, or that are superseded by one without rows.
    """

    scale: Scale
    claims: Mapping[str, ClaimVerdict]
    withdrawn: Mapping[str, tuple[EarlierVersion, ...]] = field(default_factory=dict)

    def turned(self, recorded: Verdicts) -> list[str]:
        """Return the claims that went from reproduced to refuted or back since `recorded`.

        An amended claim is another claim, and does not turn.
        """
        return [
            id
            for id, verdict in self.claims.items()
            if (before := recorded.claims.get(id)) is not None
            and (verdict.version, verdict.round) == (before.version, before.round)
            and is_turn(verdict.outcome, before.outcome)
        ]

"""Controls of the protocol itself, from stored rows: false alarms between equal arms, planted effects, floors, nulls.

Equal arms (A/A) are swapped at random, replicate by replicate, which changes nothing if they are equal; so the stored
replicates give as many disjoint samples with the real noise of training as one wants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.report._notation import interval
from harness.stats import ALPHA, FloatArray, Outcome, binomial_range, effect_of_power, kind, t_greater, t_less
from harness.verdict import ClaimVerdict, PartVerdict

BLOCK = 10  # replicates of a sample: the default of a claim
PARTITIONS = 200  # random divisions of the stored replicates into disjoint samples
PLANNED_POWER = 0.8
SEED = 20_190_510


@dataclass(frozen=True, kw_only=True)
class Control:
    """One line of the table: what was tried, what should come out, what came out, and whether that is as it should."""

    control: str
    expected: str
    observed: str
    passed: bool


def samples(differences: FloatArray, *, swap: bool) -> list[FloatArray]:
    """Return disjoint samples of `BLOCK` paired differences (replicates,): one division in order, or many at random.

    With `swap`, the two arms change places in each replicate with probability one half.
    """
    blocks = len(differences) // BLOCK
    if not swap:
        return list(differences[: blocks * BLOCK].reshape(blocks, BLOCK))
    rng = np.random.default_rng(SEED)
    drawn: list[FloatArray] = []
    for _ in range(PARTITIONS):
        signs = rng.integers(0, 2, len(differences)) * 2 - 1
        shuffled = rng.permutation(differences * signs)
        drawn += list(shuffled[: blocks * BLOCK].reshape(blocks, BLOCK))
    return drawn


def equal_arms(name: str, differences: FloatArray) -> list[Control]:
    """Return the controls of one A/A comparison, from its paired differences in pp, (replicates,)."""
    in_order = [_either(sample) for sample in samples(differences, swap=False)]
    swapped = samples(differences, swap=True)
    alarms, level = sum(_either(sample) for sample in swapped), 2 * ALPHA
    effect = effect_of_power(power=PLANNED_POWER, sd=float(differences.std(ddof=1)), n=BLOCK, alpha=ALPHA)
    found = sum(t_greater(sample + effect, null=0) <= ALPHA for sample in swapped)
    return [
        Control(
            control=f"{name}: {len(in_order)} disjoint samples of {BLOCK} replicates, in order",
            expected=f"{level * len(in_order):.1f} rejected, at most {binomial_range(len(in_order), level)[1]}",
            observed=f"{sum(in_order)} rejected",
            passed=sum(in_order) <= binomial_range(len(in_order), level)[1],
        ),
        _rate(f"{name}: {len(swapped)} samples of {BLOCK}, arms swapped at random", "rejected", alarms, swapped, level),
        _rate(
            f"{name}: {effect:.2f} pp planted in each of {len(swapped)} samples of {BLOCK}",
            "found",
            found,
            swapped,
            PLANNED_POWER,
        ),
    ]


def _either(sample: FloatArray) -> bool:
    if np.ptp(sample) == 0:
        return False  # no spread decides nothing
    return min(t_greater(sample, null=0), t_less(sample, null=0)) <= ALPHA


def _rate(control: str, word: str, count: int, tried: Sequence[FloatArray], rate: float) -> Control:
    low, high = binomial_range(len(tried), rate)
    return Control(
        control=control,
        expected=f"{rate:.1%} {word}, {low / len(tried):.1%} to {high / len(tried):.1%} by binomial error",
        observed=f"{count / len(tried):.1%} {word}",
        passed=low <= count <= high,
    )


def _beyond(part: PartVerdict) -> str:
    """Say that an interval excludes 0: what holds one-sidedly may be an effect all the same."""
    if part.lower is None or part.upper is None or part.lower <= 0 <= part.upper:
        return ""
    return ", and above 0" if part.lower > 0 else ", and below 0"


def of_claims(verdicts: Mapping[str, ClaimVerdict]) -> list[Control]:
    """Return each claim's floors and null settings, from its judged parts."""
    found = []
    for id, verdict in verdicts.items():
        floors = [floor for part in verdict.compared for floor in part.floors]
        if floors:
            beaten = sum(floor.beaten for floor in floors)
            missed = [floor.name for floor in floors if not floor.beaten]
            found.append(
                Control(
                    control=f"{id}: floor arms",
                    expected=f"{len(floors)} beaten by what is needed",
                    observed=f"{beaten} beaten" + (f", not {', '.join(missed)}" if missed else ""),
                    passed=not missed,
                )
            )
        found += [
            Control(
                control=f"{id}: null setting, {part.name}",
                expected=kind(part.kind).asserts(part.bound, part.unit),
                observed=f"{interval(part)}{_beyond(part)}"
                + ("" if part.alone.outcome == Outcome.REPRODUCED else f", {part.alone.outcome} by itself"),
                passed=part.alone.outcome == Outcome.REPRODUCED,
            )
            for part in verdict.compared
            if part.null_setting
        ]
    return found

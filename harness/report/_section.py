"""What the report prints of one claim: pure functions of results, verdicts, claims, registry and pilots. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.design import (
    Claim,
    Design,
    KnownBefore,
    Locked,
    Pilot,
    Registry,
    Scale,
    known_of,
    metric,
    pilot_runs,
    pilots_of,
)
from harness.expression import Measured, Training, describe
from harness.population import Program, Provenance
from harness.report import _figures as figures
from harness.report._accounting import Size, cost_in_words, network_sizes
from harness.report._comparisons import Compared, compared
from harness.report._hypothesis import band_of, in_words
from harness.report._locks import locks
from harness.report._notation import point_of, signed, written
from harness.report._printed import printed_in_words
from harness.report._readings import Readings, readings
from harness.report._scales import Others, Row, side_by_side
from harness.report._scope import scope
from harness.report._told import in_a_sentence
from harness.verdict import AS_LOCKED, ClaimVerdict, Effect, ExactQuantity, Results, effects, pending

QUALIFIERS = {
    "direction": "the effect has the claimed sign; its interval also reaches below the smallest effect of interest",
    "at least sesoi": "the effect has the claimed sign, and its whole interval is at or above what is of interest",
    "opposite": "the effect has the opposite sign",
    "too small": "the effect has the claimed sign and is smaller than the smallest effect of interest",
}


LABELLED = frozenset({"optimiser", "lr", "steps", "batch", "validate_every", "version"})  # of a recipe, in words


@dataclass(frozen=True, kw_only=True)
class ArmLine:
    """An arm in one metric: how many replicates and draws, and its mean at each point, in words."""

    arm: str
    measured: str
    draws: int
    n: int
    means: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class ReplicateLine:
    """A replicate by its index, and its difference in each comparison, as printed."""

    replicate: int
    differences: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where, when and with what `records` records were computed, in words."""

    device: str
    processor: str
    git: str
    first: str
    last: str
    records: int
    versions: str


@dataclass(frozen=True, kw_only=True)
class Section:
    """What the template prints of one claim."""

    claim: Claim
    design: Design
    hypothesis: str
    printed: Sequence[str]
    deviations: Sequence[str]
    verdict: ClaimVerdict
    exact: Sequence[ExactQuantity]
    verdict_text: str
    qualifier: str
    lock: str
    pending: Sequence[str]
    known: Sequence[str]
    versions: Sequence[str]
    arms: Sequence[ArmLine]
    rows: Sequence[Compared]
    scope: str
    replicates: Sequence[ReplicateLine]
    bands: Sequence[str]
    pilots: Sequence[str]
    piloted: str
    cost: str
    sizes: Sequence[Size]
    trained: Sequence[str]
    provenance: Origin
    figure: str
    figure_told: str
    floors: int
    robustness: Sequence[Effect]
    kept: int
    others: int
    scales: Sequence[Row]
    readings: Readings | None
    overall: float | None


def section(
    claim: Claim,
    verdict: ClaimVerdict,
    results: Results,
    registry: Registry,
    pilots: Sequence[Pilot],
    scale: Scale,
    variants: Mapping[str, Results],
    others: Others,
    known: Sequence[KnownBefore] = (),
    overall: float | None = None,
) -> Section:
    """Return what the report prints of a claim; see ``report.text``."""
    id, design = claim.id, claim.design(scale)
    entry = _entry(registry, id, verdict, scale) or registry.find(claim, scale)
    before = _looked(pilots_of(pilots, id, scale), "" if entry is None else entry.locked)
    judged = verdict.compared
    rows = [
        compared(part, result, verdict, design, decides=i < len(design.parts))
        for i, (part, result) in enumerate(zip(design.compared() if judged else (), judged, strict=True))
    ]
    robust = effects(claim, results, variants) if judged and not results.meta.quick else ()
    changed = [effect for effect in robust if effect.setting != AS_LOCKED]
    return Section(
        claim=claim,
        design=design,
        hypothesis=in_words(design, locked=entry is not None),
        printed=printed_in_words(claim, verdict, design),
        deviations=claim.deviations.get(scale, ()),
        verdict=verdict,
        exact=verdict.exact,
        verdict_text=verdict.in_words(scale),
        qualifier=QUALIFIERS.get(verdict.qualifier, ""),
        lock=_lock(entry, verdict),
        pending=[_pending(each, registry) for each in pending(id, verdict, registry, scale)],
        known=_known(known, verdict, id, scale),
        versions=locks(id, verdict, registry, scale),
        arms=_arms(results, id, design),
        rows=rows,
        scope=scope(design, verdict),
        replicates=_replicates(results, id, design) if judged else [],
        bands=[
            f"{part.name}: {band_of(part)}{' kept' * design.axis.is_density}"
            for part in design.compared()
            if part.band is not None
        ],
        pilots=pilot_runs(before),
        piloted=", ".join(sorted({p.task for p in before})),
        cost=cost_in_words(results, claim, scale) if not design.exact else "",
        sizes=network_sizes(design),
        trained=_trained(design, settings=entry is None or entry.round > 0),
        provenance=origin_of(_records(results, id)),
        figure=f"figures/{figures.file_name(id)}",
        figure_told=in_a_sentence(id, verdict, scale),
        floors=sum(len(result.floors) for result in judged),
        robustness=robust,
        kept=sum(effect.keeps for effect in changed),
        others=len(changed),
        scales=side_by_side(claim, verdict, scale, others),
        readings=readings(claim, results) if judged else None,
        overall=overall,
    )


def _known(found: Sequence[KnownBefore], verdict: ClaimVerdict, id: str, scale: Scale) -> list[str]:
    """Say of each part of round 0 how much of it an earlier committed report had when it was locked."""
    parts = known_of(found, id, verdict.version, scale) if not verdict.round else []
    told = [f"{each.name}: {each.known} of {each.pairs} ({each.share:.0%})".replace("%", " %") for each in parts]
    return told if any(each.known for each in parts) else []


def _looked(pilots: Sequence[Pilot], locked: str) -> list[Pilot]:
    """Return the pilots before a lock, those of its very second included: a lock counts what was logged by then."""
    return [pilot for pilot in pilots if not locked or pilot.date <= locked]


def _entry(registry: Registry, id: str, verdict: ClaimVerdict, scale: Scale) -> Locked | None:
    """Return the lock that a verdict is on; None for one on no lock."""
    of = (verdict.version, verdict.round)
    return next((each for each in registry.versions(id, scale) if (each.version, each.round) == of), None)


def _pending(entry: Locked, registry: Registry) -> str:
    """Say what was locked after the verdict, and has no rows yet."""
    block = f" on {entry.replicates} replicates" if entry.replicates else ""
    return (
        f"version {entry.version} was locked {entry.locked} in round {entry.round} ({registry.attempt(entry)}){block}"
    )


def _lock(entry: Locked | None, verdict: ClaimVerdict) -> str:
    """Say when the claim was locked, in which round and at what level, and what was predicted."""
    if entry is None:
        return "not locked"
    if not verdict.is_confirmatory:
        return f"not on a lock. Version {entry.version} was locked {entry.locked}, predicted {entry.predicted}"
    level = f", judged at level {verdict.alpha:g}" if entry.replicates else ""
    level = f" in round {entry.round}{level}" if entry.round else ""
    return f"version {entry.version}, locked {entry.locked}{level}, predicted {entry.predicted}"


def _arms(results: Results, claim: str, design: Design) -> list[ArmLine]:
    """Return a line for every arm and every metric that parts read and the arm has."""
    names = dict.fromkeys([part.metric for part in design.compared()] or [design.metric])
    lines = []
    for arm in design.arms:
        for name in names:
            table = results.values(claim, arm, metric=name)
            if table.empty:
                continue
            frame = results.frame
            draws = frame[(frame["claim"] == claim) & (frame["arm"] == arm)]["draw"].max() + 1
            means = [f"{point_of(design.axis, float(at))}: {written(table[at].mean(), name)}" for at in table.columns]
            lines.append(ArmLine(arm=arm, measured=metric(name).words, draws=draws, n=len(table), means=means))
    return lines


def _replicates(results: Results, claim: str, design: Design) -> list[ReplicateLine]:
    columns = [(results.differences(claim, part), part.unit) for part in design.compared()]
    return [
        ReplicateLine(replicate=r, differences=[signed(values[i], unit) for values, unit in columns])
        for i, r in enumerate(results.replicates(claim))
    ]


def _trained(design: Design, *, settings: bool) -> list[str]:
    """Return what was trained, in words, each once: network, then task, optimiser and steps.

    With all `settings` that are not at their defaults. What was locked before there were rounds is told without them,
    as it has been printed from the beginning.
    """
    return list(
        dict.fromkeys(
            f"{node.network.label} on {Program.of(node).label}{_batch(node)}{_settings(node) if settings else ''}"
            for node in design.nodes
        )
    )


def _batch(node: Measured) -> str:
    return f", batch {node.recipe.batch}" if isinstance(node, Training) else ""


def _settings(node: Measured) -> str:
    """Return what a training's label leaves out of its recipe, and of its way to learn."""
    if not isinstance(node, Training):
        return ""
    told = [*_given(node.recipe.optimiser, LABELLED), *_given(node.recipe, LABELLED), *_given(node.learn, frozenset())]
    return "".join(f", {each}" for each in told)


def _given(value: Any, labelled: frozenset[str]) -> list[str]:
    """Return the fields of a dataclass that are not at their defaults, in words, but for those that a label has."""
    given = describe(value) if value is not None else {}
    return [f"{name} {_plain(each)}" for name, each in given.items() if name not in {"is", *labelled}]


def _plain(value: Any) -> str:
    """Return what `describe` gives of a field in words: ``Drops (at 2/3 and 1/2)``."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{name} {_plain(each)}" for name, each in value.items() if name != "is")
        return f"{value.get('is', '')} ({inner})".strip() if inner else str(value.get("is", ""))
    return " and ".join(map(_plain, value)) if isinstance(value, list) else str(value)


def _records(results: Results, claim: str) -> list[Provenance]:
    names = set(results.frame.loc[results.frame["claim"] == claim, "record"])
    return [record for name, record in results.meta.records.items() if name in names]


def origin_of(records: Iterable[Provenance]) -> Origin:
    """Return where, when and with what `records` were computed, in words."""
    records = list(records)
    computed = [record.computed for record in records]
    names = sorted({name for record in records for name in record.versions})
    versions = [
        f"{name} {' and '.join(sorted({record.versions.get(name, '?') for record in records}))}" for name in names
    ]
    return Origin(
        device=_each(record.device for record in records),
        processor=_each(record.processor for record in records),
        git=_each(record.git for record in records),
        first=min(computed, default="never"),
        last=max(computed, default="never"),
        records=len(records),
        versions=", ".join(versions),
    )


def _each(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values)))

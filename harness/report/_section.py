"""What the report prints of one claim: pure functions of results, verdicts, claims, registry and pilots. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.design import (
    Claim,
    Design,
    Locked,
    Part,
    Pilot,
    Reading,
    Registry,
    Scale,
    metric,
    pilot_runs,
    pilots_of,
)
from harness.expression import Measured, Training
from harness.population import Program
from harness.report import _figures as figures
from harness.report._accounting import Size, cost_in_words, network_sizes
from harness.report._notation import interval, percent, signed, unit_of, written
from harness.report._scales import Others, Row, side_by_side
from harness.stats import MOST
from harness.verdict import AS_LOCKED, CONFIRMATORY, Effect, Results, deciding, effects, in_words

QUALIFIERS = {
    "direction": "the effect has the claimed sign; its interval also reaches below the smallest effect of interest",
    "at least sesoi": "the effect has the claimed sign, and its whole interval is at or above what is of interest",
    "opposite": "the effect has the opposite sign",
    "too small": "the effect has the claimed sign and is smaller than the smallest effect of interest",
}


@dataclass(frozen=True)
class Section:
    """What the template prints of one claim."""

    claim: Claim
    design: Design
    deviations: Sequence[str]
    verdict: Mapping[str, Any]
    exact: Sequence[Mapping[str, Any]]
    verdict_text: str
    qualifier: str
    lock: str
    versions: Sequence[str]
    arms: Sequence[Mapping[str, str]]
    rows: Sequence[Mapping[str, Any]]
    both: str
    replicates: Sequence[Mapping[str, Any]]
    bands: Sequence[str]
    pilots: Sequence[str]
    piloted: str
    cost: str
    sizes: Sequence[Size]
    trained: Sequence[str]
    provenance: Mapping[str, Any]
    figure: str
    floors: int
    robustness: Sequence[Effect]
    kept: int
    others: int
    scales: Sequence[Row]


def section(
    claim: Claim,
    verdict: Mapping[str, Any],
    results: Results,
    registry: Registry,
    pilots: Sequence[Pilot],
    scale: Scale,
    variants: Mapping[str, Results],
    others: Others,
) -> Section:
    """Return what the report prints of a claim; see ``report.text``."""
    id, design = claim.id, claim.design(scale)
    judged = [*verdict["parts"], *verdict["beside"]]
    entry = registry.find(claim, scale)
    before = [p for p in pilots_of(pilots, id, scale) if entry is None or p.date < entry.locked]
    rows = [
        {
            "part": part,
            "compared": _compared(part),
            "result": result,
            "role": _role(part, i < len(design.parts)),
            "asserts": part.kind.asserts(part.bound_pp, unit_of(part)),
            "effect": interval(result),
            "sd": f"{result['sd_pp']:.2f} {unit_of(part)}" if result["sd_pp"] is not None else "–",
            "needed": _needed(part, result),
        }
        for i, (part, result) in enumerate(zip(design.compared(), judged, strict=True))
    ] if judged else []  # fmt: skip
    robust = effects(claim, results, variants) if judged and not results.meta["quick"] else ()
    changed = [effect for effect in robust if effect.setting != AS_LOCKED]
    return Section(
        claim=claim,
        design=design,
        deviations=claim.deviations.get(scale, ()),
        verdict=verdict,
        exact=verdict.get("exact", ()),
        verdict_text=in_words(verdict, scale),
        qualifier=QUALIFIERS.get(verdict["qualifier"], ""),
        lock=f"version {entry.version}, locked {entry.locked}, predicted {entry.predicted}" if entry else "not locked",
        versions=_versions(verdict, registry.versions(id, scale), scale),
        arms=_arms(results, id, design),
        rows=rows,
        both=_both(rows, verdict),
        replicates=_replicates(results, id, design) if judged else [],
        bands=[f"{part.name}: {_band(part)}" for part in design.compared() if part.band is not None],
        pilots=pilot_runs(before),
        piloted=", ".join(sorted({p.task for p in before})),
        cost=cost_in_words(results, claim, scale) if not design.exact else "",
        sizes=network_sizes(design),
        trained=_trained(design),
        provenance=provenance_in_words(_records(results, id)),
        figure=f"figures/{figures.file_name(id)}",
        floors=sum(len(result["floors"]) for result in judged),
        robustness=robust,
        kept=sum(effect.keeps for effect in changed),
        others=len(changed),
        scales=side_by_side(claim, verdict, scale, others),
    )


def _versions(verdict: Mapping[str, Any], locked: Sequence[Locked], scale: Scale) -> list[str]:
    """Return each version of a claim in words, lowest first: when it was locked, on what, and its verdict."""
    part = deciding(verdict) or {}
    known = {each["version"]: {"status": CONFIRMATORY, **each} for each in verdict.get("earlier", ())}
    known[verdict["version"]] = {**part, **verdict}
    entries = {entry.version: entry for entry in locked}
    told = []
    for version in sorted({*known, *entries}):
        words = f"version {version}, {_locked(entries[version]) if version in entries else 'not locked'}"
        if version in known:
            words += f": **{in_words(known[version], scale)}**{_effect(known[version])}"
        else:
            words += ": no verdict stored"
        told.append(words)
    return told


def _locked(entry: Locked) -> str:
    last = entry.first_replicate + entry.replicates - 1
    block = f", replicates {entry.first_replicate} to {last}" if entry.replicates else ""
    return f"locked {entry.locked}{block}, predicted {entry.predicted}"


def _effect(known: Mapping[str, Any]) -> str:
    if known.get("mean_pp") is None:
        return ""
    on = f"{known['name']} " if known.get("name") else ""
    return f", {on}{interval(known)}, n = {known['n']}"


def _compared(part: Part) -> str:
    """Return what is subtracted from what, in the arms' names, with the label behind it."""
    gaps = [f"{arm} − {reference}" for arm, reference in part.pairs]
    text = gaps[0] if len(gaps) == 1 else " − ".join(f"({gap})" for gap in gaps)
    if part.reading is Reading.SLOPE:
        text = f"change of {text} towards sparsity"
    notes = [part.label, "" if part.metric == "test_accuracy" else metric(part.metric).words]
    noted = ", ".join(note for note in notes if note)
    return f"{text} ({noted})" if noted else text


def _role(part: Part, decides: bool) -> str:
    if part.null_setting:
        return "null setting"
    return "decides" if decides else "beside"


def _both(rows: Sequence[Mapping[str, Any]], verdict: Mapping[str, Any]) -> str:
    """Return the intervals over replicates and test examples in a sentence, empty where test sets are not fixed."""
    found = [(row, *row["result"]["both"]) for row in rows if "both" in row["result"]]
    told = [f"{row['compared']} {signed(low)} to {signed(high)} {unit_of(row['part'])}" for row, low, high in found]
    if not told:
        return ""
    only = " The verdict is for this test set: other test images could leave it open."
    text = f"95 % intervals over replicates and test images, the test set being fixed: {'; '.join(told)}."
    return text + (only if verdict.get("for_this_test_set") else "")


def _needed(part: Part, result: Mapping[str, Any]) -> str:
    """Return the replicates that `part` needs at the observed spread, and that there are fewer where there are."""
    if not result["sd_pp"]:
        return "–"
    have, need = result["n"], result["needed"]
    if need is not None and need <= have:
        return str(need)
    return f"have {have}, need {need or f'more than {MOST}'} for this {part.kind.held_to}"


def _band(part: Part) -> str:
    assert part.band is not None
    low, high = float(part.band.low), float(part.band.high)
    return f"{low:.3g} to {high:.3g} of the weights kept".replace("0.", ".")


def _arms(results: Results, claim: str, design: Design) -> list[dict[str, str]]:
    """Return a line for every arm and every metric that parts read and the arm has."""
    names = dict.fromkeys([part.metric for part in design.compared()] or [design.metric])
    lines = []
    for arm in design.arms:
        for name in names:
            table = results.values(claim, arm, metric=name) * 100
            if table.empty:
                continue
            frame = results.frame
            draws = frame[(frame["claim"] == claim) & (frame["arm"] == arm)]["draw"].max() + 1
            cells = [f"{percent(float(density))}: {written(table[density].mean(), name)}" for density in table.columns]
            lines.append(
                {
                    "arm": arm,
                    "measured": metric(name).words,
                    "draws": str(draws),
                    "n": str(len(table)),
                    "values": " · ".join(cells),
                }
            )
    return lines


def _replicates(results: Results, claim: str, design: Design) -> list[dict[str, Any]]:
    columns = [results.differences(claim, part) for part in design.compared()]
    return [
        {"replicate": r, "values": [f"{values[i]:+.2f}" for values in columns]}
        for i, r in enumerate(results.replicates(claim))
    ]


def _trained(design: Design) -> list[str]:
    """Return what was trained, in words, each once: network, then task, optimiser and steps."""
    return list(
        dict.fromkeys(f"{node.network.label} on {Program.of(node).label}{_batch(node)}" for node in design.nodes)
    )


def _batch(node: Measured) -> str:
    return f", batch {node.recipe.batch}" if isinstance(node, Training) else ""


def _records(results: Results, claim: str) -> dict[str, Mapping[str, Any]]:
    names = set(results.frame.loc[results.frame["claim"] == claim, "record"])
    return {name: record for name, record in results.meta["records"].items() if name in names}


def provenance_in_words(records: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return where, when and with what `records` were computed, in words."""

    def each(name: str) -> str:
        return ", ".join(sorted({str(record[name]) for record in records.values()}))

    versions = {name for record in records.values() for name in record["versions"]}
    return {
        "device": each("device"),
        "processor": each("processor"),
        "git": each("git"),
        "first": min((r["computed"] for r in records.values()), default="never"),
        "last": max((r["computed"] for r in records.values()), default="never"),
        "records": len(records),
        "versions": ", ".join(
            f"{name} {' and '.join(sorted({record['versions'].get(name, '?') for record in records.values()}))}"
            for name in sorted(versions)
        ),
    }

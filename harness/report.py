"""The markdown report: a pure function of results, verdicts, claims, registry and pilot log. Knows no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness import figures
from harness import pilot as piloting
from harness.accounting import Size, sizes, words
from harness.catalogue import CLAIMS, CONTROLS, PAPERS, Claim, Design, Scale
from harness.controls import Control, equal_arms, of_claims
from harness.expression import Measured, Training
from harness.hypothesis import Kind, Part, Reading
from harness.lock import Locked, Registry
from harness.pilot import Pilot
from harness.population import Program
from harness.results import Results
from harness.robustness import Effect, effects
from harness.verdict import MOST
from harness.verdicts import CONFIRMATORY, hits, in_words

QUALIFIERS = {
    "direction": "the effect has the claimed sign; its interval also reaches below the smallest effect of interest",
    "at least sesoi": "the effect has the claimed sign, and its whole interval is at or above what is of interest",
    "opposite": "the effect has the opposite sign",
    "too small": "the effect has the claimed sign and is smaller than the smallest effect of interest",
}


def write(
    results: Results,
    verdicts: Mapping[str, Any],
    registry: Registry,
    pilots: Sequence[Pilot],
    out: Path,
    variants: Mapping[str, Results],
) -> None:
    """Write ``report.md`` and the figures into `out`; the same input gives the same bytes.

    `variants` holds the results of the same claims under other settings, by name.
    """
    figures.write(results, CLAIMS, verdicts, out / "figures")
    (out / "report.md").write_text(text(results, verdicts, registry, pilots, variants))


def text(
    results: Results,
    verdicts: Mapping[str, Any],
    registry: Registry,
    pilots: Sequence[Pilot],
    variants: Mapping[str, Results],
) -> str:
    """Return the report as markdown."""
    environment = Environment(
        loader=PackageLoader("harness"), trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    environment.filters.update(pp=signed_pp, p=p_value, p_is=p_is, sentence=sentence)
    scale = Scale(verdicts["scale"])
    sections = [
        _section(id, verdict, results, registry, pilots, scale, variants) for id, verdict in verdicts["claims"].items()
    ]
    of_papers = [s for s in sections if s.claim.paper != CONTROLS]
    hit, decided = hits(verdicts)
    return environment.get_template("report.md.j2").render(
        scale=scale,
        sections=sections,
        of_papers=of_papers,
        controls=_controls(results, verdicts),
        hits=hit,
        confirmatory=decided,
        provenance=_provenance(results.meta["records"]),
        papers=[PAPERS[key] for key in sorted({s.claim.paper for s in of_papers})],
        quick=results.meta["quick"],
    )


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
    headline: Mapping[str, Any] | None
    robustness: Sequence[Effect]


def _section(
    id: str,
    verdict: Mapping[str, Any],
    results: Results,
    registry: Registry,
    pilots: Sequence[Pilot],
    scale: Scale,
    variants: Mapping[str, Results],
) -> Section:
    claim = CLAIMS[id]
    design = claim.design(scale)
    judged = [*verdict["parts"], *verdict["beside"]]
    entry = registry.find(claim, scale)
    before = [p for p in piloting.of(pilots, id, scale) if entry is None or p.date < entry.locked]
    rows = [
        {
            "part": part,
            "compared": _compared(part),
            "result": result,
            "role": _role(part, i < len(design.parts)),
            "asserts": _asserts(part),
            "needed": _needed(part, result),
        }
        for i, (part, result) in enumerate(zip(design.compared(), judged, strict=True))
    ] if judged else []  # fmt: skip
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
        arms=[_arm(results, id, arm, design.metric) for arm in design.arms],
        rows=rows,
        both=_both(rows, verdict),
        replicates=_replicates(results, id, design) if judged else [],
        bands=[f"{part.name}: {_band(part)}" for part in design.compared() if part.band is not None],
        pilots=piloting.runs(before),
        piloted=", ".join(sorted({p.task for p in before})),
        cost=words(results, claim, scale) if not design.exact else "",
        sizes=sizes(design),
        trained=_trained(design),
        provenance=_provenance(_records(results, id)),
        figure=f"figures/{figures.file_name(id)}",
        headline=rows[0]["result"] if rows else None,
        robustness=effects(claim, results, variants) if judged and not results.meta["quick"] else (),
    )


def _controls(results: Results, verdicts: Mapping[str, Any]) -> list[Control]:
    """Return the table of controls: A/A comparisons, planted effects, then every claim's floors and null settings."""
    scale = Scale(verdicts["scale"])
    if results.meta["quick"]:
        return []
    equal = [
        control
        for id, verdict in verdicts["claims"].items()
        if id.startswith(f"{CONTROLS}/") and verdict["parts"]
        for part in CLAIMS[id].design(scale).parts
        for control in equal_arms(id, results.differences(id, part))
    ]
    return [*equal, *of_claims(verdicts["claims"])]


def _versions(verdict: Mapping[str, Any], locked: Sequence[Locked], scale: Scale) -> list[str]:
    """Return each version of a claim in words, lowest first: when it was locked, on what, and its verdict."""
    part = verdict["parts"][0] if verdict["parts"] else {}
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
    mean, lower, upper = (signed_pp(known[name]) for name in ("mean_pp", "lower_pp", "upper_pp"))
    return f", {mean} pp ({lower} to {upper}), n = {known['n']}"


def _compared(part: Part) -> str:
    """Return what is subtracted from what, in the arms' names, with the label behind it."""
    gaps = [f"{arm} − {reference}" for arm, reference in part.pairs]
    text = gaps[0] if len(gaps) == 1 else " − ".join(f"({gap})" for gap in gaps)
    if part.reading is Reading.SLOPE:
        text = f"change of {text} towards sparsity"
    notes = [part.label, "" if part.metric == "test_accuracy" else part.metric.replace("_", " ")]
    noted = ", ".join(note for note in notes if note)
    return f"{text} ({noted})" if noted else text


def _role(part: Part, decides: bool) -> str:
    if part.null_setting:
        return "null setting"
    return "decides" if decides else "beside"


def _asserts(part: Part) -> str:
    match part.kind:
        case Kind.BEATS:
            return f"> 0, smallest effect of interest {part.bound_pp:g} pp"
        case Kind.MATCHES:
            return f"> -{part.bound_pp:g} pp"
        case Kind.EQUALS:
            return f"within {part.bound_pp:g} pp either way"


def _both(rows: Sequence[Mapping[str, Any]], verdict: Mapping[str, Any]) -> str:
    """Return the intervals over replicates and test examples in a sentence, empty where test sets are not fixed."""
    told = [
        f"{row['compared']} {signed_pp(row['result']['both'][0])} to {signed_pp(row['result']['both'][1])}"
        for row in rows
        if "both" in row["result"]
    ]
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
    bound = "sesoi" if part.kind is Kind.BEATS else "margin"
    return f"have {have}, need {need or f'more than {MOST}'} for this {bound}"


def _band(part: Part) -> str:
    assert part.band is not None
    low, high = float(part.band.low), float(part.band.high)
    return f"{low:.3g} to {high:.3g} of the weights kept".replace("0.", ".")


def _arm(results: Results, claim: str, arm: str, metric: str) -> dict[str, str]:
    table = results.values(claim, arm, metric=metric) * 100
    frame = results.frame
    draws = frame[(frame["claim"] == claim) & (frame["arm"] == arm)]["draw"].max() + 1
    cells = [f"{percent(float(density))}: {table[density].mean():.2f}" for density in table.columns]
    return {"arm": arm, "draws": str(draws), "n": str(len(table)), "values": " · ".join(cells)}


def _replicates(results: Results, claim: str, design: Design) -> list[dict[str, Any]]:
    columns = [results.differences(claim, part) for part in design.compared()]
    return [
        {"replicate": r, "values": [f"{values[i]:+.2f}" for values in columns]}
        for i, r in enumerate(results.replicates(claim))
    ]


def _trained(design: Design) -> list[str]:
    """Return what was trained, in words, each once: network, then task, optimiser and steps."""
    nodes = [node for points in design.points.values() for nodes in points.values() for node in nodes]
    return list(dict.fromkeys(f"{node.network.label} on {Program.of(node).label}{_batch(node)}" for node in nodes))


def _batch(node: Measured) -> str:
    return f", batch {node.recipe.batch}" if isinstance(node, Training) else ""


def _records(results: Results, claim: str) -> dict[str, Mapping[str, Any]]:
    names = set(results.frame.loc[results.frame["claim"] == claim, "record"])
    return {name: record for name, record in results.meta["records"].items() if name in names}


def _provenance(records: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
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


def signed_pp(value: float | None) -> str:
    """Return percentage points with their sign, or a dash where there is no number."""
    return "–" if value is None else f"{value:+.2f}".replace("-", "−")


def p_value(value: float | None) -> str:
    """Return a p-value as it is printed: two significant digits, never zero."""
    if value is None:
        return "–"
    return "< .0001" if value < 1e-4 else f"{value:.2g}"


def p_is(value: float | None) -> str:
    """Return a p-value with its relation, for use in a sentence."""
    printed = p_value(value)
    return printed if printed.startswith("<") else f"= {printed}"


def sentence(text: str) -> str:
    """Return the text with its first letter in upper case, the rest as it is."""
    return text[:1].upper() + text[1:]


def percent(density: float) -> str:
    """Return a density as percent kept."""
    return f"{density * 100:.3g} %"

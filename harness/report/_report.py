"""The markdown report: a pure function of results, verdicts, claims, registry and pilot log. Knows no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness.data import DataSet
from harness.design import CONTROLS, Catalogue, Design, KnownBefore, Pilot, Registry, known_of, read_known
from harness.report import _figures as figures
from harness.report import _overview as overview
from harness.report import _repeats as repeats
from harness.report import _summary as summary
from harness.report._comparisons import binds
from harness.report._controls import Control, equal_arms, of_claims
from harness.report._notation import p_is, p_value, section_link, sentence, signed
from harness.report._scales import Others
from harness.report._section import origin_of, section
from harness.report._told import overview_in_a_sentence
from harness.verdict import (
    Elsewhere,
    Results,
    Verdicts,
    claims_of_papers,
    over_all_papers,
    repeated,
    scoreboard,
)

OVERVIEW = "overview.svg"


def write_report(
    results: Results,
    verdicts: Verdicts,
    registry: Registry,
    catalogue: Catalogue,
    pilots: Sequence[Pilot],
    out: Path,
    variants: Mapping[str, Results],
    others: Others | None = None,
    reruns: Sequence[Elsewhere] = (),
    *,
    figure: Callable[[str], bytes | None] | None = figures.not_drawn,
    errata: bool = False,
    protocol: bool = True,
) -> None:
    """Write ``report.md`` and the figures into `out`; the same input gives the same bytes.

    `variants` holds the results of the same claims under other settings, by name; `others` the verdicts at other
    scales, which the sections print beside their own and no figure shows; `reruns` the same replicates as computed on
    other machines. `figure` gives what is drawn of a claim already, and with None no figure is written. `errata` says
    that there is a page of them in the reports' folder, and `protocol` that the pages on statistics and the tests lie
    in the same project, where they can be linked.
    """
    text = report_text(
        results, verdicts, registry, catalogue, pilots, variants, others, reruns, errata=errata, protocol=protocol
    )
    if figure is not None:
        figures.write_figures(results, catalogue.claims, verdicts, out / "figures", figure)
        (out / "figures" / OVERVIEW).write_bytes(overview.draw_overview(summary.groups(verdicts, registry, catalogue)))
    (out / "report.md").write_text(text)


def report_text(
    results: Results,
    verdicts: Verdicts,
    registry: Registry,
    catalogue: Catalogue,
    pilots: Sequence[Pilot],
    variants: Mapping[str, Results],
    others: Others | None = None,
    reruns: Sequence[Elsewhere] = (),
    *,
    errata: bool = False,
    protocol: bool = True,
) -> str:
    """Return the report as markdown."""
    environment = Environment(
        loader=PackageLoader("harness.report"), trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    found = read_known(registry.path)
    environment.filters.update(
        binds=binds, signed=signed, p=p_value, p_is=p_is, sentence=sentence, section_link=section_link
    )
    scale, overall = verdicts.scale, over_all_papers(verdicts, registry)
    again = repeated(results, verdicts, reruns)
    grouped = summary.groups(verdicts, registry, catalogue)
    papers = summary.of_papers(grouped)
    rendered = environment.get_template("report.md.j2").render(
        scale=scale,
        groups=grouped,
        tally=summary.tally(
            [line for group in papers for line in group.lines],
            of=f" of {len(papers)} paper{'s' if len(papers) != 1 else ''}",
        ),
        sections={
            id: section(
                catalogue.claims[id],
                verdict,
                results,
                registry,
                pilots,
                scale,
                variants,
                others or {},
                found,
                overall.get(id),
            )
            for id, verdict in verdicts.claims.items()
        },
        controls=[] if results.meta.quick else _controls(results, verdicts, catalogue),
        conditions=[] if results.meta.quick else of_claims(verdicts.claims),
        controls_key=CONTROLS,
        overall=overall,
        tested=claims_of_papers(verdicts.scale, registry),
        overview=f"figures/{OVERVIEW}",
        overview_told=overview_in_a_sentence(grouped),
        score=None if results.meta.quick else scoreboard(results, verdicts, registry, catalogue),
        provenance=origin_of(results.meta.records.values()),
        errata=errata,
        protocol=protocol,
        again=repeats.again(again, scale),
        elsewhere={id: repeats.rows(each, scale) for id, each in again.claims.items()},
        marked=lambda line: repeats.marked(line.verdict_text, line.id, again),
        origins=repeats.origins(reruns, again),
        quick=results.meta.quick,
        embedded=_is_embedded(catalogue.claims[id].design(scale) for id in verdicts.claims),
        **_known(verdicts, found),
        rounds=any(verdict.round for verdict in verdicts.claims.values()),
    )
    return rendered.rstrip() + "\n"


def _is_embedded(designs: Iterable[Design]) -> bool:
    """Whether all is learned on tasks that are made of the digits and points that come with the harness."""
    return {node.task.source for design in designs for node in design.nodes} <= {DataSet.DIGITS, DataSet.XOR}


def _known(verdicts: Verdicts, found: Sequence[KnownBefore]) -> dict[str, object]:
    """Return which claims had parts with known trainings, and between which shares."""
    mine = [
        each
        for id, verdict in verdicts.claims.items()
        if not verdict.round
        for each in known_of(found, id, verdict.version, verdicts.scale)
        if each.known
    ]
    shares = [each.share for each in mine]
    told = f"{100 * min(shares):.0f} to {100 * max(shares):.0f} %" if shares else ""
    return {"known": sorted({each.claim for each in mine}), "known_range": told}


def _controls(results: Results, verdicts: Verdicts, catalogue: Catalogue) -> list[Control]:
    """Return the controls that are experiments of their own: A/A comparisons and planted effects."""
    scale = verdicts.scale
    return [
        control
        for id, verdict in verdicts.claims.items()
        if id.startswith(f"{CONTROLS}/") and verdict.parts
        for part in catalogue.claims[id].design(scale).parts
        for control in equal_arms(id, results.differences(id, part))
    ]

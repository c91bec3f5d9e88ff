"""One figure a claim, as SVG: what was measured of every arm, and the paired differences the verdict rests on.

The same rows give the same bytes. Figures stand on a white card, so that they read on white and on dark pages; colours
are Okabe and Ito's, made for colour-blind readers, and tell arms apart. Differences are in ink.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.design import Claim
from harness.report._differences import differences
from harness.report._layout import EDGE, WIDTH, Block, arrange
from harness.report._pictures import Panel, panels, picture
from harness.report._svg import as_svg, styled
from harness.report._told import in_a_sentence
from harness.verdict import ClaimVerdict, Results, Verdicts

ABREAST = 3  # the most panels of arms beside each other
ARMS, BESIDE = 4.8, 4.4  # inches: one column of panels, and the differences beside it
HIGH, HIGHEST = 2.5, 4.2  # inches: the axes of a panel of arms
LOW, LOWEST = 1.3, 0.62  # inches: those of a comparison, at most and at least


def draw_figure(results: Results, claim: Claim, verdict: ClaimVerdict) -> bytes:
    """Return the claim's figure as SVG: panels of arms, one below the other a metric, and a row a comparison.

    One column of panels has the differences beside it; several stand side by side, with the differences below.
    """
    shown = panels(results, claim.id, claim.design(results.meta.scale))
    with styled():
        figure = Figure(figsize=(WIDTH, WIDTH))
        drawn, compared = _drawn(figure, shown), differences(figure, results, claim, verdict)
        if len(shown) == 1:
            arms = Block(drawn, ARMS, HIGH, HIGHEST)
            bands = [[arms, Block([[axis] for axis in compared], BESIDE, LOWEST, LOW)]]
        else:
            rows = [compared[i : i + 2] for i in range(0, len(compared), 2)]
            bands = [[Block(drawn, WIDTH, HIGH, HIGH)], [Block(rows, WIDTH, LOWEST, LOWEST)]]
        arrange(figure, bands)
        figure.text(EDGE / WIDTH, 1 - EDGE / figure.get_figheight(), claim.id, va="top", fontsize=12, fontweight="bold")
        return as_svg(figure, in_a_sentence(claim.id, verdict, results.meta.scale))


def _drawn(figure: Figure, shown: Mapping[str, list[Panel]]) -> list[list[Axes]]:
    """Draw the panels, and return them in rows: titles side by side as far as there is room, each with its metrics."""
    abreast = math.ceil(len(shown) / math.ceil(len(shown) / ABREAST))
    rows, columns = [], list(shown.items())
    for start in range(0, len(columns), abreast):
        titles = columns[start : start + abreast]
        for deep in range(max(len(column) for _, column in titles)):
            across = [(title, column[deep], deep) for title, column in titles if deep < len(column)]
            rows.append([_panel(figure, panel, title, first=place == 0) for title, panel, place in across])
    return rows


def _panel(figure: Figure, panel: Panel, title: str, *, first: bool) -> Axes:
    axis = figure.add_axes((0, 0, 1, 1))
    picture(panel)(axis, panel)
    named = ", ".join(filter(None, (title, panel.layer)))
    axis.set_title(named or "Every arm" * first)
    return axis


def not_drawn(claim: str) -> bytes | None:
    """Return no figure: it is still to be drawn."""
    return None


def write_figures(
    results: Results,
    claims: Mapping[str, Claim],
    verdicts: Verdicts,
    folder: Path,
    figure: Callable[[str], bytes | None] = not_drawn,
) -> None:
    """Write the figures of all judged claims into `folder`, one SVG a claim; those of others go from there.

    `figure` gives what is drawn of a claim already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {file_name(id): id for id, verdict in verdicts.claims.items() if verdict.parts}
    for stale in (file for file in folder.glob("*.svg") if file.name not in drawn):
        stale.unlink()
    for name, id in drawn.items():
        (folder / name).write_bytes(figure(id) or draw_figure(results, claims[id], verdicts.claims[id]))


def file_name(claim: str) -> str:
    """Return the file name of a claim's figure."""
    return f"{claim.replace('/', '-')}.svg"

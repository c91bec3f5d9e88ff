"""Where the parts of a figure stand, in inches from its upper left corner: blocks of panels, side by side or stacked.

What stands beyond a panel's axes (titles, labels, ticks) is measured once and room is made for it. No solver is asked,
whose last digits would change from drawing to drawing: the same figure is laid out in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import ScaledTranslation

WIDTH = 9.2  # inches: a page, and what a column of text on a screen shows without making it smaller
EDGE, GAP = 0.1, 0.16  # inches: around the figure, between panels
HEAD = 0.36  # inches: the figure's own title
KEYS = 4  # the most columns that a key has
PLACES = 3  # decimals of an inch: what is measured varies with the machine's fonts beyond


@dataclass(frozen=True)
class Block:
    """A grid of panels, one list a row, in `width` inches; axes are `height` inches high, and at most `most`."""

    rows: Sequence[Sequence[Axes]]
    width: float
    height: float
    most: float


@dataclass(frozen=True)
class Measured:
    """A block's room in inches: left and right of the axes of each column, above and below those of each row."""

    lefts: Sequence[float]
    rights: Sequence[float]
    tops: Sequence[float]
    bottoms: Sequence[float]

    def high(self, height: float) -> float:
        """Return how high the block is where its axes are."""
        return sum(self.tops) + sum(self.bottoms) + len(self.tops) * (height + GAP)


def arrange(figure: Figure, bands: Sequence[Sequence[Block]]) -> None:
    """Give the figure its height, and every panel its place: bands from the top down, blocks in one side by side.

    Titles and labels are broken where they are wider than their panel, and keys stand below it. Axes of blocks in one
    band grow, up to the most that they may, to be as high together as the highest.
    """
    # matplotlib leaves its renderers untyped
    renderer: RendererAgg = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    measured = [[_measure(figure, block, renderer) for block in band] for band in bands]
    highs = [
        max(room.high(block.height) for block, room in zip(band, rooms, strict=True))
        for band, rooms in zip(bands, measured, strict=True)
    ]
    height = round(HEAD + sum(highs) + EDGE, PLACES)
    figure.set_size_inches(WIDTH, height)
    top = HEAD
    for band, rooms, high in zip(bands, measured, highs, strict=True):
        left = 0.0
        for block, room in zip(band, rooms, strict=True):
            grown = block.height + (high - room.high(block.height)) / len(block.rows)
            _place(block, room, left, top, min(grown, block.most), height)
            left += block.width
        top += high


def _measure(figure: Figure, block: Block, renderer: RendererAgg) -> Measured:
    """Return the room that a block's panels need beyond their axes, having broken texts and hung keys to fit."""
    columns = [[axis for axis in column if axis is not None] for column in zip(*_filled(block.rows), strict=True)]
    cell = block.width / len(columns)
    lefts, rights = [0.125 * cell] * len(columns), [0.125 * cell] * len(columns)
    for _ in range(2):  # which ticks there are depends on how wide the axes are
        for column, left, right in zip(columns, lefts, rights, strict=True):
            for axis in column:
                _set(axis, 0, 0, cell - left - right, block.height, figure.get_figheight())
        lefts = [max(_left(axis, renderer) for axis in column) + EDGE for column in columns]
        rights = [max(_right(axis, renderer) for axis in column) + EDGE for column in columns]
    for axes in block.rows:
        for axis, left, right in zip(axes, lefts, rights, strict=False):
            _set(axis, 0, 0, cell - left - right, block.height, figure.get_figheight())
            for text in (axis.xaxis.label, *(each for each in axis.get_children() if isinstance(each, Text))):
                _break(text, cell - left - right, renderer)
            _hang_key(axis, renderer)
    beyond = [[_beyond(axis, renderer) for axis in axes] for axes in block.rows]
    tops, bottoms = ([max(each[i] for each in row) for row in beyond] for i in (0, 1))
    return Measured(lefts, rights, tops, bottoms)


def _filled(rows: Sequence[Sequence[Axes]]) -> list[list[Axes | None]]:
    """Return rows of one length; the last of a grid may lack some panels."""
    return [[*row, *[None] * (len(rows[0]) - len(row))] for row in rows]


def _place(block: Block, room: Measured, left: float, top: float, high: float, height: float) -> None:
    cell = block.width / len(block.rows[0])
    for axes, above, below in zip(block.rows, room.tops, room.bottoms, strict=True):
        for place, (axis, before, after) in enumerate(zip(axes, room.lefts, room.rights, strict=False)):
            _set(axis, left + place * cell + before, top + above, cell - before - after, high, height)
        top += above + high + below + GAP


def _set(axis: Axes, left: float, top: float, wide: float, high: float, height: float) -> None:
    """Put the axes this far, in inches, from the upper left corner of a figure of this height."""
    axis.set_position((left / WIDTH, 1 - (top + high) / height, wide / WIDTH, high / height))


def _left(axis: Axes, renderer: RendererAgg) -> float:
    """Return how far ticks and label of the axis upwards reach to the left, in inches."""
    found = axis.yaxis.get_tightbbox(renderer)
    dpi = axis.figure.dpi
    return round((axis.get_window_extent(renderer).x0 - found.x0) / dpi, PLACES) if found is not None else 0.0


def _right(axis: Axes, renderer: RendererAgg) -> float:
    """Return how far the labels of the axis' ticks reach to the right of it, in inches."""
    low, high = sorted(axis.get_xlim())
    slack = 1e-9 * (high - low)  # a tick at the very end is drawn
    ends = [
        label.get_window_extent(renderer).x1
        for place, label in zip(axis.get_xticks(), axis.get_xticklabels(), strict=True)
        if low - slack <= place <= high + slack
    ]
    edge, dpi = axis.get_window_extent(renderer).x1, axis.figure.dpi
    return float(round((max([edge, *ends]) - edge) / dpi, PLACES))


def _beyond(axis: Axes, renderer: RendererAgg) -> tuple[float, float]:
    """Return how far a panel reaches above and below its axes, in inches."""
    box, all_of_it = axis.get_window_extent(renderer), axis.get_tightbbox(renderer)
    assert all_of_it is not None
    dpi = axis.figure.dpi
    return round((all_of_it.y1 - box.y1) / dpi, PLACES), round((box.y0 - all_of_it.y0) / dpi, PLACES)


def _break(text: Text, wide: float, renderer: RendererAgg) -> None:
    """Break the lines of a text between words where they are wider than so many inches, never before a unit."""
    dpi = text.figure.dpi
    lines = []
    for given in text.get_text().split("\n"):
        line = ""
        for word in re.split(" (?!%)", given):
            longer = f"{line} {word}".strip()
            if line and _wide(longer, text, renderer) / dpi > wide:
                lines.append(line)
                line = word
            else:
                line = longer
        lines.append(line)
    text.set_text("\n".join(lines))


def _wide(words: str, text: Text, renderer: RendererAgg) -> float:
    """Return how wide words are in the type of a text, in dots."""
    given = words, text.get_fontproperties()
    # matplotlib leaves its renderers untyped
    wide, *_ = renderer.get_text_width_height_descent(*given, ismath=False)  # type: ignore[no-untyped-call]
    return float(wide)


def _hang_key(axis: Axes, renderer: RendererAgg) -> None:
    """Put the key of what is labelled below the panel, where it covers nothing, in as many columns as there is room."""
    if not axis.get_legend_handles_labels()[1]:
        return
    _, below = _beyond(axis, renderer)
    under = axis.transAxes + ScaledTranslation(0, -below, axis.figure.dpi_scale_trans)
    for columns in range(KEYS, 0, -1):
        key = axis.legend(
            loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=under, ncols=columns, frameon=False,
            borderpad=0, borderaxespad=0.5,
        )  # fmt: skip
        if key.get_window_extent(renderer).width <= axis.get_window_extent(renderer).width:
            return

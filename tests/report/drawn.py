"""What a figure in SVG says and where: its lines of text, read from the file as a browser reads them."""

import html
import re
from dataclasses import dataclass

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

TEXT = re.compile(r"<text ([^>]*)>([^<]*)</text>")
ACROSS = {"start": 0.0, "middle": 0.5, "end": 1.0}


@dataclass(frozen=True)
class Line:
    """A line of text: its words, type size in points, and the box that it fills, from the upper left, in points."""

    words: str
    size: float
    left: float
    top: float
    right: float
    bottom: float


def texts(svg):
    """The lines of text in a figure, in order."""
    return [html.unescape(words) for _, words in TEXT.findall(svg)]


def lines(svg):
    """The lines of text with their places, as wide as they are in DejaVu Sans."""
    return [_line(attributes, html.unescape(words)) for attributes, words in TEXT.findall(svg)]


def page(svg):
    """Width and height of a figure in points."""
    return tuple(float(x) for x in re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', svg).groups())


def _line(attributes, words):
    size = float(re.search(r"font-size: ([\d.]+)px|font: (?:\w+ )?([\d.]+)px", attributes)[1])
    weight = "bold" if re.search(r"font-weight: (bold|700)", attributes) else "normal"
    anchor = ACROSS[(re.search(r"text-anchor: (\w+)", attributes) or [None, "start"])[1]]
    moved = re.search(r"translate\((\S+) (\S+)\)", attributes) or re.search(r' x="(\S+)" y="(\S+)"', attributes)
    x, y = map(float, moved.groups())
    box = TextPath((0, 0), words, size=size, prop=FontProperties(family="DejaVu Sans", weight=weight)).get_extents()
    left, right = box.x0 - anchor * box.width, box.x1 - anchor * box.width
    if re.search(r"rotate\(-90", attributes):
        return Line(words, size, x - box.y1, y - right, x - box.y0, y - left)
    return Line(words, size, x + left, y - box.y1, x + right, y - box.y0)

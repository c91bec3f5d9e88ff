"""A figure as SVG that reads as a page does: live text, a title for who cannot see it, no more digits than are visible.

The same figure gives the same bytes: no dates, no random identifiers, whatever the user's settings of matplotlib.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any
from xml.sax.saxutils import escape

import matplotlib as mpl
from matplotlib.figure import Figure

from harness.report._style import STYLE

NOTHING = dict.fromkeys(("Date", "Creator", "Format", "Type"))  # no metadata


@contextmanager
def styled(more: Any = MappingProxyType({})) -> Iterator[None]:
    """Draw from matplotlib's own defaults and the figures' style, and `more`, whatever the user has set."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        mpl.rcParams.update(more)
        yield


def as_svg(figure: Figure, title: str) -> bytes:
    """Return the figure as SVG, titled by a sentence that says what it shows."""
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata=NOTHING)
    return _titled(_numbered(_rounded(out.getvalue())), title)


def _titled(svg: bytes, title: str) -> bytes:
    """Return the figure as an image that is called by this title."""
    start, tag, rest = svg.partition(b"<svg ")
    attributes, end, inside = rest.partition(b">\n")
    named = f' <title id="title">{escape(title)}</title>\n'.encode()
    return start + tag + b'role="img" aria-labelledby="title" ' + attributes + end + named + inside


def _rounded(svg: bytes) -> bytes:
    """Return a figure whose places have two decimals, a hundredth of a point; its text stays as it is."""
    return re.sub(rb"<[^>]*>", lambda tag: re.sub(rb"-?\d+\.\d{3,}", _two_decimals, tag[0]), svg)


def _two_decimals(number: re.Match[bytes]) -> bytes:
    return b"%g" % (round(float(number[0]), 2) + 0.0)  # no zero below zero


def _numbered(svg: bytes) -> bytes:
    """Return a figure whose clip paths and marks are numbered as they come.

    matplotlib names them by a hash of all of their digits: those that are not printed would change these names.
    """
    ids = dict.fromkeys(re.findall(rb'id="([a-zA-Z]\w*[0-9a-f]{10})"', svg))
    for number, id in enumerate(ids, start=1):
        svg = svg.replace(b"#" + id, b"#i%d" % number).replace(b'id="' + id + b'"', b'id="i%d"' % number)
    return svg

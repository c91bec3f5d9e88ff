"""How a report writes numbers and links: units, signs, intervals, p-values, densities, anchors."""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from harness.design import PERCENTAGE_POINTS, Axis, metric
from harness.population import hundredths
from harness.stats import decimals
from harness.verdict import MeanInterval


def amount(value: float, unit: str, *, sign: str = "") -> str:
    """Return a number with the decimals of its unit."""
    to = decimals(unit)
    return f"{round(value, to) + 0.0:{sign}.{to}f}".replace("-", "−")  # no zero below zero


def signed(value: float | None, unit: str = PERCENTAGE_POINTS) -> str:
    """Return a number with its sign and the decimals of its unit, or a dash where there is none."""
    return "–" if value is None else amount(value, unit, sign="+")


def written(value: float, name: str) -> str:
    """Return a hundredfold of metric `name` as it is printed: percent, or the number whose logarithm it is."""
    if metric(name).log:
        return significant(math.exp(value / 100))
    return amount(value, metric(name).unit)


def significant(number: float) -> str:
    """Return a number with three digits, or all of its digits before the point."""
    return f"{number:.0f}" if number >= 999.5 else f"{number:.3g}"


def interval(effect: MeanInterval) -> str:
    """Return the mean of a judged part with its 95 % interval: ``+3.55 pp (+2.52 to +4.58)``."""
    if effect.mean is None:
        return "–"
    mean, lower, upper = (signed(each, effect.unit) for each in (effect.mean, effect.lower, effect.upper))
    return f"{mean} {effect.unit} ({lower} to {upper})"


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


def point_of(axis: Axis, point: float) -> str:
    """Return a point of an axis as it is printed: ``6.25 %`` of a density, ``width 40 units``."""
    return percent(point) if axis.is_density else axis.at(point)


def number_of(axis: Axis, drawn: float) -> str:
    """Return the number of a point as an axis or a sentence prints it, of a density in percent."""
    return kept(drawn) if axis.is_density else f"{drawn:g}"


def drawn_at(axis: Axis, point: float | Fraction) -> float:
    """Return where a point stands in a figure: a density by its percentage."""
    return hundredths(float(point)) if axis.is_density else float(point)


def percent(density: float) -> str:
    """Return a density as percent kept: ``6.25 %``."""
    return f"{kept(hundredths(density))} %"


def kept(percent_kept: float) -> str:
    """Return a percentage with three digits, a half rounded up: tables, axes and sentences say the same."""
    exact = Decimal(repr(float(percent_kept)))
    unit = Decimal(1).scaleb(min(exact.adjusted() - 2, 0)) if exact else Decimal(1)
    return f"{float(exact.quantize(unit, ROUND_HALF_UP)):g}"


def section_link(id: str) -> str:
    """Return the id of a claim as a link to its section."""
    return f"[{id}](#{anchor(id)})"


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading: lower case, spaces as hyphens, punctuation left out."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")

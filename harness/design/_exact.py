"""What an exact claim asserts: quantities that follow without any training, and what a paper prints of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from harness.errors import DesignError
from harness.networks import round_half_up

Quantity = int | Fraction | str
Observed = Quantity | Callable[[], Quantity]

UNITS = {"": Fraction(1), "K": Fraction(1000), "M": Fraction(1000_000), "%": Fraction(1, 100), "x": Fraction(1)}


@dataclass(frozen=True)
class Exact:
    """A quantity that follows without any training, such as a count, and what it is claimed to be.

    `observed` may be a function: it is then computed when results are collected, and not when the design is built,
    planned or judged. Claims make theirs with `exact` or `printed`.

    Raises:
        DesignError: For a float: only whole numbers, fractions and text are equal or not.

    >>> Exact("weights", lambda: 64 * 30 + 30 * 10, 2220).value
    2220
    """

    name: str
    observed: Observed
    expected: Quantity

    def __post_init__(self) -> None:
        for value in (self.observed, self.expected):
            if not callable(value):
                self._check(value)

    @property
    def value(self) -> Quantity:
        """What is observed, computed now if it is a function. Raises DesignError for a float."""
        return self._check(self.observed()) if callable(self.observed) else self.observed

    def _check(self, value: Quantity) -> Quantity:
        if not isinstance(value, int | Fraction | str):
            raise DesignError(
                f"exact {self.name!r}: {value!r} is a {type(value).__name__}, and only int, Fraction and str are "
                "compared exactly. Next: give it as a Fraction, or rounded as text"
            )
        return value


def exact(name: str, observed: Observed, *, expected: Quantity) -> Exact:
    """`observed`, computed when the claim's design is built, or when its results are collected, is `expected`.

    Args:
        name: What is counted, for tables.
        observed: The quantity, or a function that gives it when results are collected.
        expected: What it is claimed to be.

    Returns:
        One quantity of a design's ``exact=``.

    Raises:
        DesignError: For a float.

    >>> from harness import mlp
    >>> exact("weights", mlp(64, 30, 10).weights, expected=2220).value
    2220
    """
    return Exact(name, observed, expected)


def printed(name: str, observed: int | Fraction | Callable[[], int | Fraction], figure: str) -> Exact:
    """`observed`, rounded as a paper prints it (halves upwards), is the paper's `figure`.

    Args:
        name: What is counted, for tables.
        observed: The quantity, or a function that gives it when results are collected.
        figure: As printed: ``"4.3M"``, ``"266K"``, ``"51.3%"``, ``"9x"`` or ``"40"``.

    Returns:
        One quantity of a design's ``exact=``.

    Raises:
        DesignError: For another kind of figure, and for a float.

    >>> printed("weights", 266_200, "266K").value, printed("kept", Fraction(1, 8), "12.5%").value
    ('266K', '12.5%')
    """
    read = re.fullmatch(r"\d+(?:\.(\d+))?([KM%x]?)", figure)
    if read is None:
        raise DesignError(f"figure {figure!r} of {name!r} is no number with one of the units K, M, % or x, or none")
    decimals, unit = len(read[1] or ""), read[2]

    def rounded() -> str:
        value = observed() if callable(observed) else observed
        if not isinstance(value, int | Fraction):
            return value  # which is refused
        digits = str(round_half_up(value / UNITS[unit] * 10**decimals)).zfill(decimals + 1)
        whole, part = digits[: len(digits) - decimals], digits[len(digits) - decimals :]
        return f"{whole}.{part}{unit}" if decimals else f"{whole}{unit}"

    return Exact(name, rounded if callable(observed) else rounded(), figure)

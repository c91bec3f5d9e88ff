"""With how many decimals a number is told, by its unit."""

from __future__ import annotations

FINE = ("nats", "bits")  # units of which a hundredth is much


def decimals(unit: str) -> int:
    """Return the decimals of a mean, a spread or a bound in that unit: three of nats and bits, two of all else."""
    return 3 if unit.startswith(FINE) else 2

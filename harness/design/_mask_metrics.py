"""Metrics of masks that a user brings: a function of which weights each layer keeps, and what parts read of it."""

from __future__ import annotations

from collections.abc import Callable

from harness.design._metrics import PERCENTAGE_POINTS, Metric, add_metric
from harness.expression import MASK_METRICS, MaskMetric


def mask_metric(
    name: str, words: str, *, bounds: tuple[float, float], unit: str = PERCENTAGE_POINTS, version: int = 1
) -> Callable[[MaskMetric], MaskMetric]:
    """Register the decorated function as a metric of masks, for ``structure(mask, task, also=(name,))``.

    Args:
        name: What claims call it, in `also` and in a part's ``metric=``.
        words: What it is, in reports.
        bounds: Smallest effect of interest and margin, in its unit.
        unit: ``"pp"`` for a share between 0 and 1, or what is counted.
        version: Raise it when the function gives other numbers: it is part of the name that keys and locks hash.

    Returns:
        A decorator. The function is given by layer's name which weights are kept, arrays of bool in the shape of the
        layer's tensor (inputs x outputs, or outputs x inputs x height x width), and must not change them. It returns
        one finite number, of these arrays alone. Workers call it: it stands in a file of the folder of claims, or in a
        module that such a file imports.

    Raises:
        DesignError: Where another function or metric has this name and version, and for bounds that are not positive.

    Example:
        >>> from harness.design import METRICS
        >>> @mask_metric("half_empty", "layers that keep less than half", bounds=(1.0, 1.0), unit="layers")
        ... def half_empty(layers):
        ...     return sum(kept.mean() < 0.5 for kept in layers.values())
        >>> METRICS["half_empty"].unit
        'layers'
        >>> METRICS.remove("half_empty"); MASK_METRICS.remove("half_empty")
    """
    MASK_METRICS.check_name(name, version)
    counts = "" if unit == PERCENTAGE_POINTS else unit
    full = name if version == 1 else f"{name}@{version}"
    read = Metric(name, words, stored=full, bounds=bounds, counts=counts, discrete=True)

    def register(function: MaskMetric) -> MaskMetric:
        MASK_METRICS.add(name, function, version=version)
        add_metric(read, version=version)
        return function

    return register

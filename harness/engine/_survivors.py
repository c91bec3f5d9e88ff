"""How large the weights that a mask keeps are among all of their layer: counts and ratios on flat arrays."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.expression import BIN, BINS, NEAR, Bits, Flat, largest
from harness.networks import Network, round_half_up
from harness.population import Row


def magnitude_rows(network: Network, weights: Flat, mask: Bits) -> Iterator[Row]:
    """Yield what `expression.magnitudes` says of each layer, at step 0 or the number of a bin; shapes (flat_size,).

    Values are nan where nothing survives, or where all weights are 0.
    """
    for layer, tensor in network.prunable().items():
        kept = mask[tensor.slice]
        magnitude = np.abs(weights[tensor.slice].astype(np.float64))
        near = largest(-magnitude, np.ones(tensor.size, np.bool_), round_half_up(tensor.size * NEAR))
        with np.errstate(invalid="ignore", divide="ignore"):  # of a training that diverged
            of_all, scale = magnitude.mean(), np.sqrt((magnitude**2).mean())
            survivors = np.float64(kept.sum())
            yield Row(f"magnitude_ratio/{layer}", 0, float((magnitude * kept).sum() / survivors / of_all))
            yield Row(f"near_zero/{layer}", 0, float((near & kept).sum() / survivors))
            bins = np.digitize(magnitude[kept] / scale, BIN * np.arange(1, BINS))
        for i, count in enumerate(np.bincount(bins, minlength=BINS)):
            yield Row(f"magnitude_bin/{layer}", i, float(count))

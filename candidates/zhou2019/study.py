"""What the claims of Zhou et al. 2019 share: starts that keep signs or magnitudes of a ticket's own."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import Start, Training, combination, combine, fresh

Layer = NDArray[Any]
REORDERED = "values in another order, signs kept"


@combination(REORDERED)
def reordered(values: Layer, order: Layer) -> Layer:
    """Return `values` permuted among places of one sign, in the order of random numbers."""
    made = values.copy()
    for places in (values > 0, values < 0):
        made[places] = values[places][np.argsort(order[places], kind="stable")]
    return made


def starts(dense: Training) -> dict[str, Start]:
    """Return the starts beside a ticket's own, by the names of arms: new magnitudes or new signs, one draw of each."""
    own, other = dense.at(0), fresh("reinit", draw=2)
    return {
        "its signs, new magnitudes": combine("signs of the first", own, other),
        "its signs, one magnitude": combine("signs and one magnitude", own, own),
        "its signs, values shuffled": combine(REORDERED, own, other),
        "its magnitudes, random signs": combine("signs of the first", other, own),
        "random signs, one magnitude": combine("signs and one magnitude", other, own),
    }

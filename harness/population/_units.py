"""From what is stored to the unit that everything is compared and printed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Numbers = TypeVar("Numbers", float, "NDArray[np.float64]", "pd.DataFrame")


def hundredths(stored: Numbers) -> Numbers:
    """Return a hundredfold.

    Shares (0 to 1) in percent, their differences in percentage points, natural logarithms in log points.
    """
    return stored * 100

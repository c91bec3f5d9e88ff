"""The weights and multiply-adds of networks that are published and not trained here, by torchvision's definitions.

torch and torchvision are imported when something is counted, and not before. Nothing is allocated: tensors are on
torch's meta device, which knows shapes only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from harness.errors import DesignError, nearest

IMAGE = (3, 224, 224)  # ImageNet's, as it is cropped
MODELS = ("alexnet", "vgg16")


@dataclass(frozen=True)
class Counted:
    """A layer with weights: how many, how many biases, and the multiply-adds of its weights for one image.

    A weight counts once for every place its output is computed at, padding included, as in `Network.multiply_adds`.

    >>> Counted(weights=6, biases=2, multiply_adds=6).weights
    6
    """

    weights: int
    biases: int
    multiply_adds: int


@cache
def counted(model: str) -> tuple[Counted, ...]:
    """Return the convolutions and linear layers of ``torchvision.models.alexnet`` or ``vgg16``, input to output.

    These have no other parameters. torchvision's AlexNet is the one of a single tower (Krizhevsky 2014), not Caffe's,
    whose convolutions are grouped.

    Args:
        model: ``"alexnet"`` or ``"vgg16"``.

    Returns:
        One `Counted` per layer with weights.

    Raises:
        DesignError: For another model.

    >>> counted("vgg16")[0].weights  # doctest: +SKIP
    1728
    """
    if model not in MODELS:
        raise DesignError(f"no counts of {model!r}{nearest(model, MODELS)} Models: {', '.join(MODELS)}")
    import torch
    import torchvision

    with torch.device("meta"):
        built = getattr(torchvision.models, model)(weights=None).eval()
        image = torch.empty(1, *IMAGE)
    layers: list[Counted] = []

    def count(layer: torch.nn.Conv2d | torch.nn.Linear, _: object, output: torch.Tensor) -> None:
        weights, biases = layer.weight.numel(), 0 if layer.bias is None else layer.bias.numel()
        layers.append(Counted(weights, biases, weights * math.prod(output.shape[2:])))

    for layer in built.modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
            layer.register_forward_hook(count)
    with torch.no_grad():
        built(image)
    assert sum(layer.weights + layer.biases for layer in layers) == sum(p.numel() for p in built.parameters())
    return tuple(layers)

"""What claims of Frankle & Carbin 2019 about overfitting share: a quarter of the digits to learn from, and tickets.

With all 1,000 training images a dense net is right on 98 % of the others, and little is left to gain.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

from harness import DIGITS, Adam, Network, Recipe, Training, mlp, prune, train

TASK = replace(DIGITS, train_images=250)
LENET = mlp(64, 300, 100, 10)
RECIPE = Recipe(optimiser=Adam(1.2e-3), steps=600, batch=50, validate_every=50)
ROUNDS = 3
FEW = """8x8 digits instead of CIFAR-10 or MNIST, of which only 250 are trained on: chosen on pilots, so that
    nets overfit within a few hundred steps."""


@dataclass(frozen=True)
class Few:
    """The dense net, and one training a round of its tickets, which are reset to step 0."""

    dense: Training
    tickets: tuple[Training, ...]


@cache
def few(net: Network, recipe: Recipe = RECIPE) -> Few:
    """Return the arms; each layer is pruned by itself, a round by 40 %, convolutions and the output by 20 %."""
    slow = {*net.convolutions, "output"}
    left: Mapping[str, Fraction] = {name: Fraction(4 if name in slow else 3, 5) for name in net.prunable()}
    dense = train(net, TASK, recipe)
    tickets: list[Training] = []
    for k in range(1, ROUNDS + 1):
        keep = tuple((name, share**k) for name, share in left.items())
        mask = prune(tickets[-1] if tickets else dense, keep=keep)
        tickets.append(train(net, TASK, recipe, mask=mask, start=dense.at(0), streams={"order": k}))
    return Few(dense, tuple(tickets))

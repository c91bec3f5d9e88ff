"""What a training may learn besides weights under a fixed mask: saliency at its start, masks that change on the way."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import ClassVar

from harness.data import Task
from harness.errors import DesignError, nearest
from harness.expression._densities import Keep, check_keep, layer_counts, layer_keep
from harness.expression._nodes import Learn, Mask, Start, kept_in
from harness.expression._trainings import INITIAL, Training, train
from harness.networks import SGD, Network, Recipe, kept_counts, round_half_up


class Salience(StrEnum):
    """Scores of weights before training, from their gradients; of all layers together the largest stay."""

    SNIP = "snip"  # |g w|, g the gradient of the loss (Lee et al. 2019)
    GRASP = "grasp"  # w (H g), H the loss's Hessian (Wang et al. 2020), who remove the largest of -w (H g)
    SYNFLOW = "synflow"  # dR/dw w, R what ones give through absolute weights (Tanaka et al. 2020)


@dataclass(frozen=True)
class Saliency(Learn):
    """A mask from gradients at the start: weights stay, and each step of the recipe is a round of pruning.

    After round k of n, round-half-up(N * keep^(k/n)) of all N prunable weights stay, those of the highest scores of
    all layers together. Each round scores anew what is left, on the batch of that step. `temperature` divides the
    logits whose loss GraSP takes.
    """

    words: ClassVar[str] = "saliency"

    by: Salience
    keep: Fraction
    temperature: float = 1.0

    def multiply_adds(self, batch: int, every: int, of_first: int) -> int:
        """Return those of a round: SynFlow sees one input, and GraSP differentiates twice, by six more products."""
        if self.by is Salience.SYNFLOW:
            return super().multiply_adds(1, every, of_first)
        twice = batch * (6 * every - 4 * of_first) if self.by is Salience.GRASP else 0
        return super().multiply_adds(batch, every, of_first) + twice

    def kept_in(self, network: Network, mask: Mask | None, layers: frozenset[str]) -> int | None:
        """Return the count of all layers together; of some of them only scoring tells."""
        if layers != frozenset(network.prunable()):
            return None
        return round_half_up(network.weights * self.keep)

    def under(self, network: Network, recipe: Recipe, mask: Mask | None) -> Saliency:
        """Return itself, where the mask leaves as many weights as it is to keep."""
        if mask is not None:
            left, asked = mask.kept_in(frozenset(network.prunable())), round_half_up(network.weights * self.keep)
            if left is not None and left < asked:
                raise DesignError(
                    f"saliency would keep {asked} weights, of which the mask leaves {left}: pruning cannot bring "
                    "weights back. Next: lower keep="
                )
        return self


class Grow(StrEnum):
    """Which of the weights that are not there grow when others are dropped."""

    RANDOM = "random"  # any (Mocanu et al. 2018: SET)
    GRADIENT = "gradient"  # those of the largest gradients (Evci et al. 2020: RigL)


@dataclass(frozen=True)
class Rewire(Learn):
    """Training under a mask that moves: weights of small magnitude are dropped, and as many others grow, at 0.

    Every `every` steps, until the share `until` of the recipe's steps, an update takes no step of the optimiser: each
    layer drops the fraction d of its weights that are smallest, and grows as many of those that are not there then,
    also of those that were dropped just now. d falls from `fraction` to 0 along half a cosine (Evci et al. 2020), and
    counts are the floor of d times the layer's weights. What the optimiser has of a dropped weight is forgotten.

    Args:
        grow: ``"gradient"``, as RigL, or ``"random"``, as SET, by the ``mask`` stream.
        every: Steps from one change to the next.
        fraction: The share of a layer's weights that is dropped at first.
        until: The share of the recipe's steps after which the mask stays.

    Raises:
        DesignError: For an unknown way to grow, and shares outside of (0, 1].

    >>> Rewire("gradient", every=100).fraction
    Fraction(3, 10)
    """

    words: ClassVar[str] = "weights and mask"
    moves_weights: ClassVar[bool] = True

    grow: str
    every: int
    fraction: Fraction = Fraction(3, 10)
    until: Fraction = Fraction(3, 4)

    def __post_init__(self) -> None:
        if self.grow not in list(Grow):
            raise DesignError(
                f"unknown way to grow {self.grow!r}{nearest(self.grow, list(Grow))} Ways: {', '.join(Grow)}"
            )
        if self.every < 1 or not 0 < self.fraction <= 1 or not 0 < self.until <= 1:
            raise DesignError(
                f"a mask that moves every {self.every} steps by {self.fraction} until {self.until} of them: expected "
                "at least one step, and shares in (0, 1]. Next: correct Rewire"
            )

    @property
    def streams(self) -> frozenset[str]:
        """Random growth draws places."""
        return frozenset({"mask"}) if self.grow == Grow.RANDOM else frozenset()

    def kept_in(self, network: Network, mask: Mask | None, layers: frozenset[str]) -> int | None:
        """Return what the mask keeps with which it begins."""
        return kept_in(mask, network, layers)

    def under(self, network: Network, recipe: Recipe, mask: Mask | None) -> Rewire:
        """Return itself, where there is a mask with a known count a layer."""
        unknown = mask is not None and any(mask.kept_in(frozenset({layer})) is None for layer in network.prunable())
        if mask is None or unknown:
            raise DesignError(
                "a training whose mask moves begins with one that has a known count in each layer. "
                "Next: mask=random_mask(network, keep=erk(network, density))"
            )
        return self

    def moves(self, step: int, recipe: Recipe) -> bool:
        """Whether the mask moves in the update from absolute `step` on."""
        return step > 0 and step % self.every == 0 and step < self.until * recipe.steps


@dataclass(frozen=True)
class Gradual(Learn):
    """Pruning while training: the density falls from 1 to `keep` along a cubic curve (Zhu & Gupta 2018).

    From step `begin` to step `end`, every `every` steps, an update takes no step of the optimiser: each layer keeps the
    round-half-up(n * density) largest of the weights it has. At step t the density is
    keep + (1 - keep) (1 - (t - begin) / (end - begin))^3.

    Args:
        keep: The fraction of each layer's weights that stays in the end.
        begin: The step of the first pruning.
        end: The step of the last one; later ones train what is left.
        every: Steps from one pruning to the next.

    Raises:
        DesignError: For a density outside (0, 1], and for steps that are not in order.

    >>> Gradual(Fraction(1, 10), begin=100, end=300, every=50).density(300)
    Fraction(1, 10)
    """

    words: ClassVar[str] = "weights, pruned on the way"
    moves_weights: ClassVar[bool] = True

    keep: Fraction
    begin: int
    end: int
    every: int

    def __post_init__(self) -> None:
        if not 0 < self.keep <= 1 or self.every < 1 or not 0 < self.begin < self.end:
            raise DesignError(
                f"pruning to {self.keep} from step {self.begin} to {self.end} every {self.every}: expected a density "
                "in (0, 1], and steps in order. Next: correct Gradual"
            )
        if (self.end - self.begin) % self.every:
            raise DesignError(
                f"pruning from step {self.begin} to {self.end} every {self.every}: the last one would be left out. "
                "Next: an end that is some times every= after begin="
            )

    def density(self, step: int) -> Fraction:
        """Return the fraction that a layer keeps after pruning at `step`."""
        left = 1 - Fraction(step - self.begin, self.end - self.begin)
        return self.keep + (1 - self.keep) * left**3

    def kept_in(self, network: Network, mask: Mask | None, layers: frozenset[str]) -> int:
        """Return what layers keep in the end."""
        counts = kept_counts(network, layer_keep(network, self.keep))
        return sum(counts[name] for name in layers)

    def under(self, network: Network, recipe: Recipe, mask: Mask | None) -> Gradual:
        """Return itself, where there is no mask and the recipe is long enough."""
        layer_counts(network, self.keep)
        if mask is not None or self.end >= recipe.steps:
            raise DesignError(
                f"pruning on the way until step {self.end} of {recipe.steps}, with{'' if mask else 'out'} a mask: "
                "expected an end before the last step, and no mask. Next: correct Gradual or the recipe"
            )
        return self

    def moves(self, step: int, recipe: Recipe) -> bool:
        """Whether there is pruning in the update from absolute `step` on."""
        return self.begin <= step <= self.end and (step - self.begin) % self.every == 0


@dataclass(frozen=True)
class TargetedDropout(Learn):
    """Dropout of the weights, or units, of small magnitude, so that nothing relies on them (Gomez et al. 2019).

    At each update, of every output's weights the floor(targeted * n) smallest are each left out with probability
    `rate`; or, by `units`, of every layer's outputs those whose weights have the smallest Euclidean norm, the output
    layer's never. Nothing is scaled up for it, and evaluation leaves nothing out. Biases stay.

    Args:
        targeted: The share of an output's weights, or of a layer's units, that may be left out.
        rate: The probability with which each of them is.
        units: Whether whole units are.
        ramp: Steps in which the share grows from 0, in even steps.

    Raises:
        DesignError: For shares outside (0, 1].

    >>> TargetedDropout(Fraction(3, 4), rate=Fraction(2, 3)).units
    False
    """

    words: ClassVar[str] = "weights, the small ones dropped at random"
    moves_weights: ClassVar[bool] = True
    learns_mask: ClassVar[bool] = False

    targeted: Fraction
    rate: Fraction
    units: bool = False
    ramp: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.targeted <= 1 or not 0 < self.rate <= 1 or self.ramp < 0:
            raise DesignError(
                f"targeted dropout of {self.targeted} at rate {self.rate} over {self.ramp} steps: expected shares in "
                "(0, 1], and no negative steps. Next: correct TargetedDropout"
            )

    @property
    def streams(self) -> frozenset[str]:
        """Which are left out is drawn."""
        return frozenset({"dropout"})

    def share(self, step: int) -> Fraction:
        """Return the share that may be left out in the update from absolute `step` on."""
        return self.targeted * min(Fraction(step, self.ramp), Fraction(1)) if self.ramp else self.targeted

    def kept_in(self, network: Network, mask: Mask | None, layers: frozenset[str]) -> int | None:
        """Return what the mask keeps: nothing is left out in the end."""
        return kept_in(mask, network, layers)

    def under(self, network: Network, recipe: Recipe, mask: Mask | None) -> TargetedDropout:
        """Return itself: a mask stays as it is."""
        return self


def erk(network: Network, density: Fraction) -> Keep:
    """Return a density for each layer, by the Erdos-Renyi rule with kernels, and of all together exactly `density`.

    A layer's density is proportional to the sum of its dimensions over their product (Mocanu et al. 2018; with kernels,
    Evci et al. 2020). Layers that would have more than all their weights are dense, and the others have more for it.
    Counts add up to round-half-up(N * density): what rounding down loses goes to the layers with the largest rests.

    Args:
        network: Whose layers they are.
        density: The fraction of all weights together.

    Returns:
        What `keep=` takes: ``((layer, fraction), ...)``.

    Raises:
        DesignError: For a density outside (0, 1], and for one that would leave a layer empty.

    >>> from harness import density, mlp, random_mask
    >>> net = mlp(64, 30, 10)
    >>> density(random_mask(net, keep=erk(net, Fraction(1, 5))))
    Fraction(1, 5)
    """
    check_keep(network, density)
    tensors = network.prunable()
    raw = {name: Fraction(sum(tensor.shape), tensor.size) for name, tensor in tensors.items()}
    total, dense = round_half_up(network.weights * density), set[str]()
    while True:
        left = total - sum(tensors[name].size for name in dense)
        asked = sum(raw[name] * tensors[name].size for name in tensors if name not in dense)
        scale = Fraction(left) / asked if asked else Fraction(0)
        full = {name for name in tensors if name not in dense and raw[name] * scale > 1}
        if not full:
            break
        dense |= full
    exact = {
        name: Fraction(tensor.size) if name in dense else raw[name] * scale * tensor.size
        for name, tensor in tensors.items()
    }
    counts = {name: int(value) for name, value in exact.items()}
    rests = sorted(tensors, key=lambda name: counts[name] - exact[name])
    for name in rests[: total - sum(counts.values())]:
        counts[name] += 1
    keep = tuple((name, Fraction(counts[name], tensor.size)) for name, tensor in tensors.items())
    layer_counts(network, keep)
    return keep


def saliency(
    network: Network,
    task: Task,
    *,
    by: str,
    keep: Fraction,
    rounds: int = 1,
    examples: int = 100,
    mask: Mask | None = None,
    start: Start = INITIAL,
    temperature: float = 1.0,
    order: int = 0,
) -> Training:
    """Score weights before training, and prune them, in one round or in several: ``saliency(...).learned_mask()``.

    * ``"snip"``: |g w|, with g the gradient of the mean cross-entropy of one batch (Lee et al. 2019);
    * ``"grasp"``: w (H g), with H the Hessian of that loss over the weights (Wang et al. 2020);
    * ``"synflow"``: the gradient times the weight of R, the sum of what an input of ones gives through absolute weights
      without biases, BatchNorm left out (Tanaka et al. 2020). It sees no data.

    Of all layers together the largest scores stay. In round k of n, round-half-up(N * keep^(k/n)) of N weights do, and
    scores are of what is left then. A layer may lose all its weights: that is an outcome, and the net answers by
    chance.

    Args:
        network: Whose weights are scored.
        task: The data whose batches they are scored on.
        by: ``"snip"``, ``"grasp"`` or ``"synflow"``.
        keep: The fraction of all weights that stays in the end.
        rounds: In how many rounds.
        examples: The examples of a round's batch.
        mask: The weights that are there at first; all of them without it.
        start: The weights that are scored: the initial ones, or those of a training.
        temperature: What divides the logits in the loss of ``"grasp"``; the paper has 200.
        order: Which draw of the ``order`` stream gives the batches.

    Returns:
        A node that measures the untrained net under the mask; `.learned_mask()` is the mask.

    Raises:
        DesignError: For an unknown score, a density outside (0, 1], more weights than the mask leaves, and GraSP with
            BatchNorm, whose second derivative the engine does not have.

    >>> from harness import DIGITS, density, mlp
    >>> density(saliency(mlp(64, 30, 10), DIGITS, by="snip", keep=Fraction(1, 20)).learned_mask())
    Fraction(1, 20)
    """
    if by not in list(Salience):
        raise DesignError(f"unknown saliency {by!r}{nearest(by, list(Salience))} There are {', '.join(Salience)}")
    check_keep(network, keep)
    if by == Salience.GRASP and network.batch_norms:
        raise DesignError(
            "saliency by grasp of a network with BatchNorm: its second derivative is not there. Next: another score, "
            "or a network without BatchNorm"
        )
    recipe = Recipe(optimiser=SGD(1.0), steps=rounds, batch=examples, validate_every=rounds)
    learn = Saliency(Salience(by), keep, temperature)
    return train(network, task, recipe, mask=mask, start=start, learn=learn, streams={"order": order})

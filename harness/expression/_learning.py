"""What a training may learn besides weights under a fixed mask: scores, switches, masks that change on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from typing import ClassVar

from harness.errors import DesignError, nearest
from harness.expression._densities import check_keep, check_outputs, layer_counts, layer_keep
from harness.expression._masks import Scope
from harness.expression._nodes import Learn, Mask, kept_in
from harness.networks import Network, Recipe, kept_counts, round_half_up


@dataclass(frozen=True)
class Scores(Learn):
    """Edge-popup: weights stay as they start, a score a weight is learned, the top `keep` are used.

    Scores compete within each layer, or with scope ``"global"`` all together: then which layers have how many weights
    is learned too, and one may be left without any. `keep` is a fraction of all weights, also where a mask has removed
    some.
    """

    words: ClassVar[str] = "scores"
    scores: ClassVar[bool] = True

    keep: Fraction
    scope: Scope = Scope.LAYER

    def __post_init__(self) -> None:
        if self.scope not in (Scope.LAYER, Scope.GLOBAL):
            raise DesignError(f"scores of scope {self.scope!r}: expected {Scope.LAYER} or {Scope.GLOBAL}")

    def kept_in(self, network: Network, mask: Mask | None, layers: frozenset[str]) -> int | None:
        """Return a layer's share of its weights, of each of these; of all together what training leaves them."""
        if self.scope == Scope.LAYER:
            counts = kept_counts(network, layer_keep(network, self.keep))
            return sum(counts[name] for name in layers)
        return round_half_up(network.weights * self.keep) if layers == frozenset(network.prunable()) else None

    def under(self, network: Network, recipe: Recipe, mask: Mask | None) -> Scores:
        """Return what is learned among what a mask leaves, which must be as many as are to be used."""
        if recipe.l1 or recipe.l2:
            raise DesignError("l1 and l2 are penalties on weights, which a training of scores leaves as they are")
        if self.scope == Scope.LAYER:
            each = {layer: ({layer}, count) for layer, count in layer_counts(network, self.keep).items()}
        else:
            check_keep(network, self.keep)
            each = {"all layers": (set(network.prunable()), round_half_up(network.weights * self.keep))}
        if mask is None:
            return self
        for name, (layers, count) in each.items():
            living = mask.kept_in(frozenset(layers))
            if living is None or living < count:
                left = "a number that only training tells" if living is None else str(living)
                raise DesignError(
                    f"scores would use {count} weights of {name}, of which the mask leaves {left}. "
                    "Next: lower Scores(keep), a fraction of all weights, or give a mask with counts for each layer"
                )
        return ScoresUnderMask(self.keep, self.scope)


@dataclass(frozen=True)
class ScoresUnderMask(Scores):
    """Scores that are ranked among the weights that a mask leaves; `train` makes them of `Scores`."""


@dataclass(frozen=True)
class RedrawnScores(Scores):
    """Edge-popup whose unused weights are drawn anew on the way: IteRand (Chijiwa et al. 2021).

    Every `every` steps an update takes no step of the optimiser: each weight that is not among the top `keep` then is
    drawn anew with probability `rate`, from the distribution that it was drawn from first. Scores stay. What
    ``.at("end")`` gives are the weights as they are in the end, used or not.

    Args:
        keep: The fraction of weights that is used.
        scope: ``"layer"`` or ``"global"``, as of `Scores`.
        every: Steps from one time to the next.
        rate: The probability with which an unused weight is drawn anew.

    Raises:
        DesignError: For no step between, and a probability outside (0, 1].

    >>> RedrawnScores(Fraction(1, 2), every=300).rate
    Fraction(1, 10)
    """

    words: ClassVar[str] = "scores, unused weights drawn anew"
    moves_weights: ClassVar[bool] = True

    every: int = 300
    rate: Fraction = Fraction(1, 10)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.every < 1 or not 0 < self.rate <= 1:
            raise DesignError(
                f"unused weights drawn anew every {self.every} steps with probability {self.rate}: expected at least "
                "one step, and a probability in (0, 1]. Next: correct RedrawnScores"
            )

    @property
    def streams(self) -> frozenset[str]:
        """Scores are drawn, and weights anew."""
        return frozenset({"scores", "mask"})

    def under(self, network: Network, recipe: Recipe, mask: Mask | None) -> RedrawnScores:
        """Return itself, where `Scores` may be learned too: what a mask removed is never drawn."""
        super().under(network, recipe, mask)
        return self

    def moves(self, step: int) -> bool:
        """Whether weights are drawn anew in the update from absolute `step` on."""
        return step > 0 and step % self.every == 0


@dataclass(frozen=True)
class Switches(Learn):
    """A switch on every hidden unit, trained with the weights and penalised, and the units that flicker are removed.

    Smallify (Leclerc et al. 2018): what a unit passes on is multiplied by its switch, 1 at first, before its ReLU and
    after its BatchNorm. Loss and `penalty` times the sum of absolute switches are minimised together. After each
    update the exponential moving variance of a switch's sign, with `momentum`, is compared with `threshold`: a unit
    above it is removed for good, with its weights into and out of it. How many stay only training tells; a layer may
    lose all its units, and the net answers by chance.

    Args:
        penalty: What a switch costs.
        threshold: The variance of a sign, at most 1, above which its unit is removed.
        momentum: The share of the past in moving means and variances.

    Raises:
        DesignError: For a negative penalty, and shares outside (0, 1).

    >>> Switches(penalty=0.001).threshold
    0.5
    """

    words: ClassVar[str] = "weights and switches of units"
    moves_weights: ClassVar[bool] = True

    penalty: float
    threshold: float = 0.5
    momentum: float = 0.9

    def __post_init__(self) -> None:
        if self.penalty < 0 or not 0 < self.threshold < 1 or not 0 < self.momentum < 1:
            raise DesignError(
                f"switches of penalty {self.penalty}, threshold {self.threshold} and momentum {self.momentum}: "
                "expected no negative penalty, and shares in (0, 1). Next: correct Switches"
            )

    def kept_in(self, network: Network, mask: Mask | None, layers: frozenset[str]) -> int | None:
        """Return what the mask keeps, of no layers; else only training tells."""
        return None if layers else 0

    def under(self, network: Network, recipe: Recipe, mask: Mask | None) -> Switches:
        """Return itself: units are those of a multilayer perceptron."""
        network.hidden()
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
    counts are the floor of d times the layer's weights. What the optimiser has of a weight is forgotten where it is
    gone after that; of one that grows again at once, from 0 as all that grow, it stays.

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
        if not isinstance(self.every, int) or self.every < 1 or not 0 < self.fraction <= 1 or not 0 < self.until <= 1:
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

    @property
    def moments(self) -> frozenset[int]:
        """The first and the last pruning."""
        return frozenset({self.begin, self.end})

    def at_moments(self, moment: Callable[[int], int]) -> Gradual:
        """Return the same between other steps, at every one where they are others."""
        begin, end = moment(self.begin), moment(self.end)
        return self if (begin, end) == (self.begin, self.end) else replace(self, begin=begin, end=end, every=1)

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
        DesignError: For shares outside (0, 1]; and in `train`, for a network with transposed convolutions.

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
        """Return itself, where weights have outputs where they are looked for: a mask stays as it is."""
        check_outputs(network, "TargetedDropout")
        return self

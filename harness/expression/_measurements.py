"""What is measured of weights without training them, and which metrics a node gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from harness.data import Task
from harness.errors import DesignError, nearest
from harness.expression._answers import ANSWER_METRICS, OfTwo
from harness.expression._learning import Scores
from harness.expression._nodes import ACCURACY, Asked, Mask, Measured, Measurement, Start, kept
from harness.expression._trainings import (
    INITIAL,
    LearnedMask,
    Snapshot,
    Training,
    answering,
    check_examples,
    check_fit,
    check_origins,
    end_of,
)
from harness.extensions import NAMES
from harness.networks import AveragePool, Conv, Dropout, Flatten, Image, Linear, MaxPool, Network, Relu

# Of what `magnitudes` says:
NEAR = Fraction(1, 5)  # of a layer's weights, those of the smallest magnitude are near zero
BIN = 0.25  # width of a bin, in root mean squares of the layer's weights
BINS = 12  # the last has all that are larger


OF_FACTORS = (Image, Linear, Conv, Relu, MaxPool, AveragePool, Flatten, Dropout)  # layers that pass a factor on


class Split(StrEnum):
    """Which of a replicate's examples accuracy is measured on."""

    TEST = "test"
    TRAIN = "train"
    VALIDATION = "validation"


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(Measured):
    """Accuracy of `weights` under `mask` without any training, on the test set and on `split`."""

    network: Network
    task: Task
    weights: Start = INITIAL
    mask: Mask | None = None
    split: Split = Split.TEST
    also: tuple[str, ...] = field(default=(), metadata={NAMES: ANSWER_METRICS})

    @property
    def asked(self) -> Asked:
        """Accuracy on the test set and, where it is another one, on the split."""
        if self.split is Split.TEST and not self.also:
            return Asked(measurement=ACCURACY)
        passes = tuple(dict.fromkeys((Split.TEST, self.split)))
        words = f"evaluate {', '.join((self.split, *self.also))}"
        settings = (("split", self.split), *((("also", self.also),) if self.also else ()))
        return Asked(measurement=Measurement("accuracy", words, passes, settings))

    @property
    def begins(self) -> Start:
        """The weights that are evaluated."""
        return self.weights

    def measures(self, metric: str) -> bool:
        """Return whether it is an accuracy or loss on a split of its own, the gap between two, or asked for besides."""
        gap = {"generalisation_gap"} if self.split is Split.TRAIN else set()
        kinds = ("accuracy",) if self.lacks_factor else ("accuracy", "loss")
        return metric in gap | set(self.also) | {
            f"{split}_{what}" for split in (Split.TEST, self.split) for what in kinds
        }

    @property
    def lacks_factor(self) -> bool:
        """Whether it is the net that a training of scores ended with, without the factor sqrt(1/keep) of its layers."""
        of = self.mask.training if isinstance(self.mask, LearnedMask) else None
        return of is not None and isinstance(of.learn, Scores) and self.weights == of.at("end")


@dataclass(frozen=True, eq=False, repr=False)
class Between(OfTwo):
    """Accuracy along the straight line from the weights `a` to the weights `b`, and how far apart they are."""

    points: int = 11

    @property
    def mask(self) -> Mask | None:
        """The mask of the end that has more weights, that of `a` where both have as many."""
        a, b = self.a.under, self.b.under
        if a is None or b is None:
            return None
        return b if kept(b) > kept(a) else a

    @property
    def asked(self) -> Asked:
        """Accuracy at every point of the path."""
        words, settings = f"evaluate {self.points} points of a path", (("points", self.points),)
        return Asked(measurement=Measurement("path", words, (Split.TEST,) * self.points, settings))

    def measures(self, metric: str) -> bool:
        """Return whether it is the barrier or one of the distances."""
        return metric in ("barrier", "distance", "relative_distance")


@dataclass(frozen=True, eq=False, repr=False)
class Magnitudes(Measured):
    """How large the `weights` that `mask` keeps are, among all of their layer."""

    network: Network
    task: Task
    weights: Start = INITIAL
    mask: Mask | None = None

    @property
    def asked(self) -> Asked:
        """Counts and ratios of weights, without a forward pass."""
        return Asked(measurement=Measurement("magnitudes", "magnitudes"))

    @property
    def begins(self) -> Start:
        """The weights that are counted."""
        return self.weights

    def measures(self, metric: str) -> bool:
        """Return whether it is a ratio or a share of a layer of the network."""
        what, _, layer = metric.partition("/")
        return what in ("magnitude_ratio", "near_zero") and layer in self.network.prunable()


def evaluate(
    network: Network,
    task: Task,
    *,
    weights: Training | Start = INITIAL,
    mask: Mask | None = None,
    split: Split | str = Split.TEST,
    also: Sequence[str] = (),
) -> Evaluation:
    """Measure accuracy of `weights` under `mask`, untrained, on the test set.

    With another `split`, on that too: ``"train"`` is up to 5,000 of the replicate's training images, or the calibration
    pairs of a task of pairs, and gives ``train_accuracy``, ``train_loss`` and ``generalisation_gap``, which is train
    minus test accuracy; ``"validation"`` gives ``validation_accuracy`` and ``validation_loss``. Training images are
    shown as they are, without augmentation. Computed in float32, BatchNorm by the moments of the fixed calibration
    inputs; so a float32 training's end under its mask has exactly that training's test accuracy.

    Args:
        network: What is measured.
        task: On whose examples.
        weights: Its parameters: a training, at its end, or its `.at(k)`; `fresh` or `resample`.
        mask: The weights that count; the others are 0.
        split: ``"test"``, ``"train"`` or ``"validation"``.
        also: What else is read off the answers on the test set: ``"calibration_error"``, or metrics of your own, see
            `answer_metric`.

    Returns:
        A node, to be an arm of a design.

    Raises:
        DesignError: For an unknown split or metric of answers, for what does not fit together, and for weights and mask
            of a training of scores, but for accuracy of a net in which the factor of its weights changes no answer.

    >>> from harness import DIGITS, density, mlp, random_mask
    >>> net = mlp(64, 30, 10)
    >>> density(evaluate(net, DIGITS, mask=random_mask(net, keep=Fraction(1, 5))))
    Fraction(1, 5)
    """
    weights = end_of(weights)
    check_fit(network, task, mask, weights)
    check_examples(task, "what evaluate() measures")
    if split not in list(Split):
        raise DesignError(f"unknown split {split!r}{nearest(split, list(Split))} Splits: {', '.join(Split)}")
    names = tuple(ANSWER_METRICS.latest(name) for name in also)
    for name in names:
        ANSWER_METRICS[name]
    made = Evaluation(network, task, weights, mask, Split(split), names)
    passes_on = all(isinstance(each, OF_FACTORS) and not getattr(each, "bias", False) for each in network.layers)
    if made.lacks_factor and (names or not passes_on):
        raise DesignError(
            "evaluate() of what a training of scores ended with, which multiplies its weights by sqrt(1/keep): without "
            f"that, {f'{names[0]!r} is' if names else 'answers of a net with biases or norms are'} another net's. "
            "Next: the training itself as an arm, for accuracy and loss; or, for accuracy alone, a network of linear "
            "layers, convolutions, ReLU and pooling without biases"
        )
    return made


def between(a: Training | Start, b: Training | Start, points: int = 11) -> Between:
    """Measure accuracy on the straight line between two copies of a network, and their distance; without training.

    At `points` evenly spaced t from 0 to 1 the network has the weights (1 - t) a + t b and is tested on the replicate's
    test set in float32, BatchNorm by the moments that the fixed calibration inputs have with those weights. A training
    means its end; typically `a` and `b` are two trainings under one mask that differ in their data order.

    * ``path_accuracy`` and ``path_loss`` at every point, its number as the step;
    * ``barrier``: the highest error on the path minus the mean of the errors at its ends, a share (Frankle et al. 2020,
      section 2); never negative. Where a copy diverged no path leads to it: it is that of a
      perfect network and chance;
    * ``distance``: the Euclidean norm of a - b over the prunable weights; no number where a copy has none;
    * ``relative_distance``: that, divided by the mean of the norms of a and b.

    The density is that of the denser end's mask; where masks are two, what lies between uses the weights of both. Where
    `a` is `b` the barrier is 0 but for rounding: the reference of a part that says that another barrier is low.

    Args:
        a: Where the line starts: a training, or weights.
        b: Where it ends.
        points: How many weights on the line are tested, both ends included.

    Returns:
        A node, to be an arm of a design.

    Raises:
        DesignError: For networks with other tensors or other tasks, for two drawn weights (no training says on what
            they are tested), for a training of scores, whose weights alone are another net, and for fewer than 3
            points.

    >>> from harness import DIGITS, SGD, Recipe, mlp, train
    >>> net, recipe = mlp(64, 30, 10), Recipe(optimiser=SGD(0.1), steps=200, batch=60)
    >>> copies = [train(net, DIGITS, recipe, streams={"order": draw}) for draw in (1, 2)]
    >>> measures(between(*copies), "barrier")
    True
    """
    a, b = (answering(each, "the end of a path") for each in (a, b))
    trained = [end.training for end in (a, b) if isinstance(end, Snapshot)]
    if not trained:
        raise DesignError("between() needs two weights, one of them a training's, which says on what they are tested")
    network, task = trained[0].network, trained[0].task
    if points < 3:
        raise DesignError(f"between() at {points} points: a barrier needs both ends and one between. Next: points=11")
    for end in (a, b):
        check_origins(network, None, end)
    if trained[-1].task != task:
        raise DesignError(
            f"between() trainings on {task.name} and on {trained[-1].task.name}, which may differ in data"
        )
    return Between(network, task, a, b, points)


def magnitudes(
    network: Network, task: Task, *, weights: Training | Start = INITIAL, mask: Mask | None = None
) -> Magnitudes:
    """Measure how large the `weights` that `mask` keeps are among all of their layer (Frankle & Carbin 2019, app. F).

    For each layer with weights; nothing is trained, and no mask keeps all:

    * ``magnitude_ratio/<layer>``: mean magnitude of the survivors over that of all weights of the layer; 1 where
      survivors are like the others, more where they are the larger ones;
    * ``near_zero/<layer>``: the share of the survivors that are among the smallest fifth of their layer, by
      magnitude. A fifth where the layer keeps its distribution, whatever that is, and 0 where survivors sit away from
      zero. By rank, as that needs no distribution's name and no estimate of its scale, which few large weights would
      move; of normal weights a fifth are nearer to 0 than a quarter of a standard deviation;
    * ``magnitude_bin/<layer>``: how many survivors there are with 0 to 1/4, 1/4 to 1/2, ... of the root mean square of
      the layer's weights, the number of the bin as the step; in the last of 12 all that are larger.

    A layer without survivors has no numbers.

    Args:
        network: Whose layers they are.
        task: On which an arm with this node is compared.
        weights: The weights of a layer, kept or not.
        mask: Which of them survive.

    Returns:
        A node, to be an arm of a design.

    Raises:
        DesignError: For what does not fit together, and for weights from a training that had a mask, where those that
            were removed are 0.

    >>> from harness import DIGITS, mlp, random_mask
    >>> net = mlp(64, 30, 10)
    >>> node = magnitudes(net, DIGITS, mask=random_mask(net, keep=Fraction(1, 5)))
    >>> measures(node, "near_zero/fc1"), measures(node, "near_zero/fc7")
    (True, False)
    """
    weights = end_of(weights)
    check_fit(network, task, mask, weights)
    if weights.under is not None:
        raise DesignError(
            "magnitudes() of weights some of which were removed before: what they would be is not there. "
            "Next: weights= of the dense training, or fresh()"
        )
    return Magnitudes(network, task, weights, mask)


def measures(node: Measured, stored: str) -> bool:
    """Return whether `node` gives the stored metric, one number a replicate."""
    return node.measures(stored)

"""Trainings, what is taken from them, and the weights they start from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from harness.data import Augment, Task
from harness.errors import DesignError
from harness.expression._learning import Scores
from harness.expression._masks import Bits, Flat, resampled
from harness.expression._nodes import (
    DRAW,
    MOMENT,
    OTHER_NETWORK,
    Asked,
    Learn,
    Mask,
    Measured,
    Start,
    Stored,
    Taken,
)
from harness.networks import Attention, Embedding, Network, Recipe, initial_scores, initial_values
from harness.streams import STREAMS, Replicate


@dataclass(frozen=True, eq=False, repr=False)
class Fresh(Start):
    """Parameters drawn anew from the network's initial distribution, in `stream` at `draw`."""

    stream: str = "init"
    draw: int = field(default=0, metadata=DRAW)

    def values(self, stored: Stored, network: Network) -> Flat:
        """Return the parameters for `network`, shape (flat_size,)."""
        return initial_values(network, stored.replicate, self.stream, self.draw)


INITIAL = Fresh()


@dataclass(frozen=True, eq=False, repr=False)
class Snapshot(Start, Taken):
    """A training's parameters after `step` updates, or at its end; zero where its mask removed a weight."""

    training: Training
    step: int | Literal["end"] = field(metadata=MOMENT)

    @property
    def slot(self) -> str:
        """The step, or ``end``."""
        return str(self.step)

    @property
    def origin(self) -> Network:
        """The network that was trained."""
        return self.training.network

    @property
    def under(self) -> Mask | None:
        """The mask that it was trained under; one that moves is known at the end."""
        learn = self.training.learn
        if learn is None or not (learn.moves_weights and learn.learns_mask):
            return self.training.mask
        return LearnedMask(self.training) if self.step == "end" else None

    def values(self, stored: Stored, network: Network) -> Flat:
        """Return what the training has stored."""
        return stored.array(self).astype(np.float32)


@dataclass(frozen=True, eq=False, repr=False)
class LearnedMask(Mask, Taken):
    """The mask that a training of scores ended with."""

    training: Training

    @property
    def slot(self) -> str:
        """Where a training of scores stores it."""
        return "mask"

    @property
    def network(self) -> Network:
        """The network that was trained."""
        return self.training.network

    def bits(self, stored: Stored) -> Bits:
        """Return what the training has stored."""
        return stored.array(self).astype(np.bool_)

    def kept_in(self, layers: frozenset[str]) -> int | None:
        """Return what the training uses."""
        return self.training.kept_in(layers)


@dataclass(frozen=True, eq=False, repr=False)
class Resampled(Start):
    """Weights drawn with replacement, by the ``reinit`` stream, from those that a layer of `start` has under `mask`."""

    mask: Mask
    start: Start = INITIAL
    draw: int = field(default=0, metadata=DRAW)

    @property
    def origin(self) -> Network:
        """The network of its mask."""
        return self.mask.network

    def values(self, stored: Stored, network: Network) -> Flat:
        """Return the parameters for `network`, shape (flat_size,)."""
        values = self.start.values(stored, network)
        return resampled(network, values, stored.bits(self.mask), stored.replicate, self.draw)


@dataclass(frozen=True, eq=False, repr=False)
class Training(Measured):
    """Steps ``first_step .. recipe.steps`` of `recipe`; see `train`."""

    network: Network
    task: Task
    recipe: Recipe
    mask: Mask | None = None
    start: Start = INITIAL
    first_step: int = field(default=0, metadata=MOMENT)
    learn: Learn | None = None
    streams: tuple[tuple[str, int], ...] = field(default=(), metadata=DRAW)
    teacher: Start | None = None

    def at(self, step: int | Literal["end"]) -> Start:
        """Return the parameters after `step` updates (absolute), or at the ``"end"``; usable as a start.

        A training of scores leaves its weights where they started.
        Raises DesignError for a step outside ``first_step .. recipe.steps``.
        """
        if step == self.recipe.steps:
            step = "end"
        if step != "end" and not (isinstance(step, int | np.integer) and self.first_step <= step < self.recipe.steps):
            raise DesignError(
                f"at({step!r}) of a training of steps {self.first_step} to {self.recipe.steps}: no such moment. "
                "Next: correct the step in the claim or its study.py."
            )
        stays = self.learn is not None and not self.learn.moves_weights
        if stays or (step == self.first_step and self.mask is None):
            return self.start
        return Snapshot(self, step)

    def learned_mask(self) -> LearnedMask:
        """Return the mask of a training that learns one; of scores, its weights are untouched."""
        if self.learn is None or not self.learn.learns_mask:
            raise DesignError(
                "learned_mask() of a training of weights: only a training with learn= ends with one. Next: its mask="
            )
        return LearnedMask(self)

    @property
    def asked(self) -> Asked:
        """Its course: the recipe's steps from the first one on."""
        taught_by = None if self.teacher is None else self.teacher.origin or self.network
        return Asked(self.recipe, self.first_step, self.learn, teacher=taught_by)

    @property
    def begins(self) -> Start:
        """Its start."""
        return self.start

    @property
    def ends(self) -> Start | None:
        """Its teacher."""
        return self.teacher

    def measures(self, metric: str) -> bool:
        """Return whether it is an accuracy or loss that the engine notes of every training, or a policy's return."""
        if self.task.is_played:
            return metric == "mean_return"
        return metric in (
            "test_accuracy", "validation_accuracy", "early_stop_accuracy", "test_loss", "validation_loss"
        )  # fmt: skip

    def scores(self, replicate: Replicate) -> Flat | None:
        """Return the initial scores, shape (flat_size,), where scores are learned."""
        if self.learn is None or not self.learn.scores:
            return None
        return initial_scores(self.network, replicate, "scores", self.draw("scores"))

    def draw(self, stream: str) -> int:
        """Return which draw of `stream` this training uses."""
        return dict(self.streams).get(stream, 0)

    def kept_in(self, layers: frozenset[str]) -> int | None:
        """Return how many weights it uses in `layers`, as what it learns says, or else its mask."""
        if self.learn is None:
            return super().kept_in(layers)
        return self.learn.kept_in(self.network, self.mask, layers)


def train(
    network: Network,
    task: Task,
    recipe: Recipe,
    *,
    mask: Mask | None = None,
    start: Training | Start = INITIAL,
    first_step: int = 0,
    learn: Learn | None = None,
    streams: dict[str, int] | None = None,
    teacher: Training | Start | None = None,
) -> Training:
    """Train `network` on `task`; one node stands for all replicates.

    It runs steps ``first_step .. recipe.steps``. Learning rate and data order are functions of the absolute step; the
    optimiser's state starts at zero. `mask` removes weights for good, `start` gives their values at the first step,
    `streams` picks draws of random streams (``{"order": 3}``; 0 where not named).

    Args:
        network: What is trained.
        task: What it learns.
        recipe: How: optimiser, steps, batch, schedule.
        mask: The weights that stay; all of them without it.
        start: Parameters at the first step: the initial ones, a training's `.at(k)` or its end, `fresh` or `resample`.
        first_step: The absolute step that it starts from.
        learn: `Scores`, for edge-popup; without it the weights are learned.
        streams: Other draws of ``order``, ``scores``, ``augment`` or ``dropout``.
        teacher: What is learned from where the recipe has a share for it: a training's end, or weights; of any network
            with the same inputs and outputs.

    Returns:
        A node. Nothing is computed, and a training that is mentioned twice is computed once.

    Raises:
        DesignError: For a network that does not fit the task, a mask or start of another network, a `first_step`
            outside the recipe, a stream that is unknown or never drawn from, batches larger than the training set, and
            scores that are penalised or use no weight of a layer; and for a teacher that the recipe has no share for,
            or that learned scores.

    >>> from fractions import Fraction
    >>> from harness import DIGITS, SGD, Recipe, density, mlp, prune
    >>> net, recipe = mlp(64, 30, 10), Recipe(optimiser=SGD(0.1), steps=200, batch=60)
    >>> dense = train(net, DIGITS, recipe)
    >>> mask = prune(dense, keep=Fraction(1, 5))
    >>> ticket = train(net, DIGITS, recipe, mask=mask, start=dense.at(0), streams={"order": 1})
    >>> density(ticket)
    Fraction(1, 5)
    """
    start = end_of(start)
    check_fit(network, task, mask, start)
    if not 0 <= first_step < recipe.steps:
        raise DesignError(f"first_step {first_step} of a recipe of {recipe.steps} steps: nothing would be trained")
    draws = tuple(sorted((name, draw) for name, draw in (streams or {}).items() if draw))
    if unknown := sorted(set(streams or {}) - set(STREAMS)):
        raise DesignError(f"unknown random stream {unknown[0]!r}; streams are {', '.join(STREAMS)}")
    drawn = (
        {"order"}
        | (learn.streams if learn is not None else frozenset())
        | ({"augment"} if task.augment is not Augment.NONE else set())
        | ({"dropout"} if network.dropouts else set())
    )
    if unused := [name for name, _ in draws if name not in drawn]:
        raise DesignError(f"a training that never draws from {unused[0]!r} cannot use another draw of it")
    if task.is_played != (learn is not None and learn.plays):
        raise DesignError(
            f"{task.name} is {'an environment' if task.is_played else 'no environment'}, which a policy plays in. "
            "Next: learn=ActorCritic() with CARTPOLE or ACROBOT, and with these alone"
        )
    if recipe.batch > task.train_images:
        raise DesignError(
            f"batches of {recipe.batch} from the {task.train_images} training images of {task.name}. "
            + ("Next: Recipe(batch=1) for a policy" if task.is_played else "Next: a smaller batch= of its recipe")
        )
    if learn is not None:
        learn = learn.under(network, recipe, mask)
    taught = None if teacher is None else answering(teacher, "a teacher")
    if (taught is None) != (recipe.distil == 0):
        raise DesignError(
            f"a training {'without a' if taught is None else 'with a'} teacher, of whom its recipe learns a share of "
            f"{recipe.distil:g}. Next: teacher= and Recipe(distil=) together, or neither"
        )
    if taught is not None:
        check_fit(taught.origin or network, task, None, taught)
    return Training(network, task, recipe, mask, start, first_step, learn, draws, taught)


def end_of(source: Training | Start) -> Start:
    """Return the parameters that are meant by a training, those at its end, or by weights, themselves."""
    return source.at("end") if isinstance(source, Training) else source


def answering(source: Training | Start, what: str) -> Start:
    """Return the parameters that are meant, see `end_of`, of a net that answers by them alone, which is to be `what`.

    Raises DesignError for a training of scores, or its weights: which are used, and by how much larger, is not in them.
    """
    training = source.training if isinstance(source, Snapshot) else source
    if isinstance(training, Training):
        check_examples(training.task, what)
    if isinstance(training, Training) and isinstance(training.learn, Scores):
        raise DesignError(
            f"a training of scores as {what}: its net is those of its weights that the scores choose, times "
            "sqrt(1/keep), and its weights alone are another net. Next: give a training that learns weights; accuracy "
            "and loss of the one of scores are its own, as an arm"
        )
    return end_of(source)


def check_examples(task: Task, what: str) -> None:
    """Raise DesignError for `what` needs test examples, where the task is an environment."""
    if task.is_played:
        raise DesignError(
            f"a policy in {task.name} as {what}: there are no examples that it could answer. "
            "Next: compare mean_return of trainings"
        )


def fresh(stream: str = "init", draw: int = 0) -> Fresh:
    """Draw parameters anew from the network's initial distribution: ``fresh("reinit", draw=1)``.

    Args:
        stream: The random stream that is drawn from.
        draw: Which draw of it.

    Returns:
        Weights to start from, another set in each replicate.

    Raises:
        DesignError: For an unknown stream.

    >>> fresh("reinit", draw=1) == fresh("reinit", draw=2)
    False
    """
    if stream not in STREAMS:
        raise DesignError(f"unknown random stream {stream!r}; streams are {', '.join(STREAMS)}")
    return Fresh(stream, draw)


def resample(mask: Mask, start: Start = INITIAL, *, draw: int = 0) -> Resampled:
    """Draw each weight anew from the values that its layer's weights have in `start` where `mask` keeps them.

    So a layer has the distribution of its survivors at other weights (Frankle & Carbin 2019, app. F.3). Every weight of
    the layer gets a value, so that any mask may follow; a layer without survivors, biases and BatchNorm keep those of
    `start`.

    Args:
        mask: Whose survivors are drawn from.
        start: The weights that they have.
        draw: Which draw of the ``reinit`` stream.

    Returns:
        Weights to start from.

    Raises:
        DesignError: Where mask and start are of networks with other tensors.

    >>> from fractions import Fraction
    >>> from harness import mlp, random_mask
    >>> mask = random_mask(mlp(64, 30, 10), keep=Fraction(1, 5))
    >>> resample(mask, draw=1) == resample(mask, draw=2)
    False
    """
    check_origins(mask.network, None, start)
    return Resampled(mask, start, draw)


def check_fit(network: Network, task: Task, mask: Mask | None, start: Start) -> None:
    """Raise DesignError unless the task has the network's inputs and outputs, and mask and start are of its tensors."""
    if network.inputs != task.inputs or network.outputs != task.classes:
        raise DesignError(
            f"a network of {network.inputs} inputs and {network.outputs} outputs on task {task.name}, which has "
            f"{task.inputs} and {task.classes}. Next: correct the widths in the claim's study.py."
        )
    _check_reading(network, task)
    check_origins(network, mask, start)


def _check_reading(network: Network, task: Task) -> None:
    """Raise DesignError for a text that no embedding reads, that a token sees ahead of, or that is not answered."""
    *_, (_, gives) = network.traced()
    first, layers = network.layers[0], [layer for layer, _ in network.traced()]
    if not task.reads_tokens:
        if isinstance(first, Embedding) or len(gives) != 1:
            raise DesignError(
                f"{network.label} on {task.name}, whose examples are no text and have one answer each. "
                "Next: end with AveragePool or Flatten, and leave embeddings to texts"
            )
        return
    if not isinstance(first, Embedding) or first.tokens < task.classes or len(gives) != 2:
        raise DesignError(
            f"{network.label} on {task.name}, a text of {task.classes:,} tokens that is answered at each of its "
            f"{task.inputs} places. Next: begin with Embedding(name, {task.classes}, features, {task.inputs}), and end "
            "with a Linear of each token, as lstm_net and text_transformer do"
        )
    if ahead := [layer.name for layer in layers if isinstance(layer, Attention) and not layer.causal]:
        raise DesignError(
            f"{network.label} on {task.name}: {ahead[0]} sees the tokens that are to be told. Next: causal=True"
        )


def check_origins(network: Network, mask: Mask | None, start: Start) -> None:
    """Raise DesignError where mask or start is of a network with other tensors."""
    other = mask is not None and mask.network.tensors() != network.tensors()
    for what, why in (("mask", OTHER_NETWORK if other else ""), ("start", start.unfit(network))):
        if why:
            raise DesignError(f"a {what} {why}. Next: use one network for both")

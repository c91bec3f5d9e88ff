"""How a network is trained: optimiser, learning-rate schedule, steps, batch, evaluation."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

from harness.errors import DesignError, nearest


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2015) at learning rate `lr`; the state starts at zero at a training's first step.

    Args:
        lr: The learning rate, which a schedule multiplies.
        beta1: The decay of the mean of gradients per step.
        beta2: The decay of the mean of their squares per step.
        eps: What is added to the root of that before dividing.

    >>> Adam(3e-3)
    Adam(lr=0.003, beta1=0.9, beta2=0.999, eps=1e-08)
    """

    lr: float
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019): each update first shrinks every parameter.

    Args:
        weight_decay: The share of a parameter that an update takes off it, times the learning rate.

    >>> AdamW(3e-3, weight_decay=0.1)
    AdamW(lr=0.003, beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0.1)
    """

    weight_decay: float = 0.01


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with heavy-ball or Nesterov momentum and L2 weight decay added to the gradient.

    Args:
        lr: The learning rate, which a schedule multiplies.
        momentum: The share of the last update's direction that is kept; 0 for none.
        weight_decay: What is added to the gradient, times each parameter.
        nesterov: Whether the update goes by the gradient plus the share of the direction that already holds it
            (Sutskever et al. 2013, in torch's form) instead of by the direction.

    Raises:
        DesignError: For Nesterov's momentum without momentum.

    >>> SGD(0.1, momentum=0.9)
    SGD(lr=0.1, momentum=0.9, weight_decay=0.0, nesterov=False)
    """

    lr: float
    momentum: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        if self.nesterov and not self.momentum:
            raise DesignError("Nesterov's momentum of 0. Next: give momentum=, or leave nesterov= out")


@dataclass(frozen=True)
class RMSprop:
    """RMSprop (Tieleman & Hinton 2012), in torch's form: the root of the mean square first, then `eps` added.

    Args:
        lr: The learning rate, which a schedule multiplies.
        alpha: The decay of the mean of squared gradients per step, which starts at zero.
        eps: What is added to the root of that before dividing.
        momentum: The share of the last update's direction that is kept; 0 for none.
        weight_decay: What is added to the gradient, times each parameter.

    >>> RMSprop(7e-4, eps=1e-5)
    RMSprop(lr=0.0007, alpha=0.99, eps=1e-05, momentum=0.0, weight_decay=0.0)
    """

    lr: float
    alpha: float = 0.99
    eps: float = 1e-8
    momentum: float = 0.0
    weight_decay: float = 0.0


Optimiser = Adam | AdamW | SGD | RMSprop


@dataclass(frozen=True)
class Constant:
    """The learning rate never changes.

    >>> Constant().factor(100, 200)
    1.0
    """

    def factor(self, step: int, steps: int) -> float:
        """Return what the learning rate is multiplied by at absolute `step` of `steps`."""
        return 1.0


@dataclass(frozen=True)
class Drops:
    """The learning rate is multiplied by `by` at each of the fractions `at` of the steps.

    A drop at an absolute step is a fraction too: ``Fraction(20_000, 30_000)`` of 30,000 steps is step 20,000, exactly.

    Args:
        at: Fractions of the recipe's steps.
        by: What the learning rate is multiplied by at each.

    Raises:
        DesignError: For what is no fraction of the steps, as a number of steps.

    >>> halves = Drops((Fraction(1, 2),), by=0.5)
    >>> halves.factor(99, 200), halves.factor(100, 200)
    (1.0, 0.5)
    """

    at: tuple[Fraction, ...]
    by: float = 0.1

    def __post_init__(self) -> None:
        if wrong := [each for each in self.at if not 0 <= each <= 1]:
            raise DesignError(
                f"a drop of the learning rate at {wrong[0]}: expected fractions of the recipe's steps. "
                "Next: Fraction(step, steps)"
            )

    def factor(self, step: int, steps: int) -> float:
        """Return what the learning rate is multiplied by at absolute `step` of `steps`."""
        return float(self.by ** sum(step >= drop * steps for drop in self.at))


@dataclass(frozen=True)
class Cosine:
    """The learning rate falls from 1 to 0 times its value along half a cosine (Loshchilov & Hutter 2017).

    >>> Cosine().factor(0, 200), Cosine().factor(100, 200)
    (1.0, 0.5)
    """

    def factor(self, step: int, steps: int) -> float:
        """Return what the learning rate is multiplied by at absolute `step` of `steps`."""
        return 0.5 * (1.0 + math.cos(math.pi * step / steps))


@dataclass(frozen=True)
class Warmup:
    """The learning rate of another schedule, over the first `steps` steps multiplied by step / `steps`: from 0.

    So the first update changes nothing and that from `steps` on has the full rate; both schedules go by the absolute
    step, as in the code that Frankle & Carbin published later (open_lth).

    Args:
        steps: How many steps it takes, at least 1.
        then: The schedule that it multiplies.

    Raises:
        DesignError: For less than one step.

    >>> [Warmup(4).factor(step, 200) for step in (0, 1, 4, 100)]
    [0.0, 0.25, 1.0, 1.0]
    """

    steps: int
    then: Schedule = Constant()

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise DesignError(f"a warm-up of {self.steps} steps. Next: give it at least 1, or leave it out")

    def factor(self, step: int, steps: int) -> float:
        """Return what the learning rate is multiplied by at absolute `step` of `steps`."""
        return min(1.0, step / self.steps) * self.then.factor(step, steps)


Schedule = Constant | Drops | Cosine | Warmup

# tf32: factors of products rounded to TF32 by devices that can; bfloat16: products under autocast, float32 weights
NUMERICS = ("float32", "tf32", "bfloat16")
LOSSES = ("cross-entropy", "squared")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A training's settings; every field is part of the key of the trainings that use it.

    `steps` counts updates from absolute step 0, `batch` the examples of one update; validation loss and accuracy are
    recorded every `validate_every` steps and after the last one (this defines the early stop). `numerics` is the
    arithmetic; `version` is raised when the engine changes what an old recipe means. `l1` times the sum of the
    prunable weights' magnitudes and `l2` / 2 times that of their squares are added to the loss; an optimiser's weight
    decay is apart from that, and is of all parameters. With a `jolt` every weight is moved by one unit in the last
    place before the first update: what comes of it says how far rounding alone moves a result.

    `loss` is what is minimised and what validation records: the cross-entropy in nats, or the mean over classes of the
    squared difference between the network's outputs and 1 for the answer, 0 for the others (Hui & Belkin 2021).
    `smoothing` is of training alone: the answer counts 1 - smoothing and every class smoothing / classes more (Szegedy
    et al. 2016). With `clip`, a member's gradient of all parameters whose Euclidean norm is larger is shortened to it
    (Pascanu et al. 2013). With `distil`, a share of the loss is that of answering as a teacher does: temperature^2
    times the Kullback-Leibler divergence of the teacher's probabilities from the network's, both of logits divided by
    `temperature` (Hinton et al. 2015); `train` is given the teacher.

    Args:
        optimiser: `Adam`, `AdamW`, `SGD` or `RMSprop`, with the learning rate.
        steps: Updates, at least 1.
        batch: Examples per update, at least 1.
        schedule: What the learning rate is multiplied by at each step.
        validate_every: Steps between validations, at least 1.
        numerics: ``"float32"``, ``"tf32"`` or ``"bfloat16"``.
        version: Left at 1 by claims.
        l1: The weight of the sum of magnitudes in the loss.
        l2: Twice the weight of the sum of squares in the loss.
        jolt: Which random jolt, left at 0, for none, by claims.
        loss: ``"cross-entropy"`` or ``"squared"``.
        smoothing: The share of label smoothing, at least 0 and less than 1; 0 for none. Of cross-entropy only.
        clip: The largest norm of a gradient; 0 for any.
        distil: The share of the loss that is a teacher's, at most 1; 0 for no teacher.
        temperature: What divides logits there, above 0.

    Raises:
        DesignError: For a count below 1, a share or norm that is none, and for numerics and losses that are not known.

    >>> recipe = Recipe(optimiser=SGD(0.1), steps=200, batch=60, schedule=Cosine())
    >>> recipe.learning_rate(100)
    0.05
    """

    optimiser: Optimiser
    steps: int
    batch: int
    schedule: Schedule = Constant()
    validate_every: int = 100
    numerics: str = "float32"
    version: int = 1
    l1: float = 0.0
    l2: float = 0.0
    jolt: int = 0
    loss: str = "cross-entropy"
    smoothing: float = 0.0
    clip: float = 0.0
    distil: float = 0.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        counts = (self.steps, self.batch, self.validate_every)
        if not all(isinstance(each, int) and each >= 1 for each in counts):
            raise DesignError(
                f"recipe with {self.steps} steps, batch {self.batch}, validation every {self.validate_every}: "
                "all must be whole numbers of at least 1. Next: correct the recipe in the paper's study.py."
            )
        sizes = {"lr": self.optimiser.lr, "l1": self.l1, "l2": self.l2}
        if wrong := [name for name, each in sizes.items() if not _is_size(each)]:
            raise DesignError(
                f"recipe with {wrong[0]}={sizes[wrong[0]]!r}: expected a number from 0 on. "
                "Next: correct the recipe in the paper's study.py."
            )
        if self.numerics not in NUMERICS:
            raise DesignError(f"unknown numerics {self.numerics!r}{nearest(self.numerics, NUMERICS)}")
        if self.loss not in LOSSES:
            raise DesignError(f"unknown loss {self.loss!r}{nearest(self.loss, LOSSES)}")
        if not 0 <= self.smoothing < 1 or (self.smoothing and self.loss != "cross-entropy"):
            raise DesignError(
                f"label smoothing of {self.smoothing:g} with loss {self.loss!r}: a share from 0 to below 1, of "
                "cross-entropy only. Next: correct the recipe in the paper's study.py."
            )
        if not 0 <= self.clip < math.inf:
            raise DesignError(
                f"gradients clipped to a norm of {self.clip:g}. Next: give clip= a finite norm above 0, or 0 for any."
            )
        if not 0 <= self.distil <= 1 or not 0 < self.temperature < math.inf:
            raise DesignError(
                f"a share of {self.distil:g} learned from a teacher at temperature {self.temperature:g}: expected a "
                "share from 0 to 1, and a temperature above 0. Next: correct the recipe in the paper's study.py."
            )

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of the update from absolute `step` to `step + 1`."""
        return self.optimiser.lr * self.schedule.factor(step, self.steps)

    def with_lr(self, lr: float) -> Recipe:
        """Return the same recipe at another learning rate, `lr`, before its schedule."""
        return replace(self, optimiser=replace(self.optimiser, lr=lr))

    def without_rates(self) -> Recipe:
        """Return the same recipe at learning rate 1 throughout: what trainings of any rates have in common."""
        return replace(self.with_lr(1.0), schedule=Constant())

    def longer(self, times: int) -> Recipe:
        """Return the same recipe with `times` as many steps."""
        return replace(self, steps=self.steps * times)


def _is_size(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value < math.inf

"""Tasks: what a network learns, and the data each replicate learns it from. Knows numpy, not torch.

Each replicate draws its own split, shared by its arms: with one split for all replicates, intervals come out too narrow
and a verdict can belong to the split. Of scikit-learn's digits (1,797 images of 8x8 pixels) it draws training,
validation and test images; MNIST, Fashion-MNIST and CIFAR-10 come with test images of their own, the same for all
replicates, and the validation images are drawn from those for training. The four points of XOR are all three splits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from harness.data import _mlxtend, _mnist1d, _played, _texts, _torchvision_sets  # noqa: F401, which register what tasks here name
from harness.data import _sets as data
from harness.data._labels import Answers, answered
from harness.data._sets import NO_MOMENTS, DataSet
from harness.errors import DesignError
from harness.streams import Replicate

PAIRS = 4000  # validation and test pairs of digit-difference
ANY = Replicate(1, 0)  # stands for all where they are alike
FIXED = Replicate(0, 0)  # whose split all replicates of a task with a fixed test set, drawn from its images, use
SPLITS = ("train", "validation", "test")
TRAIN_EXAMPLES = 5000  # training images, at most, on which accuracy is measured
CALIBRATION = 1000  # training inputs from which BatchNorm's statistics for evaluation are computed
PAD = 4  # pixels of black border around an image from which crop-flip takes its crop
CROPS = 2 * (2 * PAD + 1) ** 2  # places of a crop, each as it is and mirrored


class Scaling(StrEnum):
    """What is done to an image's pixels before a network sees them.

    >>> from dataclasses import replace
    >>> replace(MNIST, scaling=Scaling.L2).scaling.value
    'l2'
    """

    UNIT = "unit"  # divided by the largest possible value: 0 to 1
    STANDARDISED = "standardised"  # then each channel's mean taken off and divided by its sd, `ImageSet.moments`
    L2 = "l2"  # each image divided by its length: Euclidean norm 1
    COLUMNS = (
        "columns"  # of each input its mean taken off, then divided by its sd, both over what a replicate trains on
    )
    RANGE = "range"  # each input from 0 to 1, its least and largest value among what a replicate trains on


class Augment(StrEnum):
    """What is done to training images at random, each time they are shown.

    >>> from dataclasses import replace
    >>> replace(CIFAR10, augment=Augment.CROP_FLIP).augment.value
    'crop-flip'
    """

    NONE = "none"
    CROP_FLIP = "crop-flip"  # He et al. 2016, section 4.2: padded by 4, cropped at random, mirrored half the time


@dataclass(frozen=True)
class Task:
    """A supervised task; `sesoi_pp` and `margin_pp` are fixed once for all claims (percentage points of accuracy).

    `images` is how many source images make one input. `chance` is the accuracy of always answering the majority
    class, the outcome of a training that diverged. With `fixed_test` all replicates share one test set; which test
    examples are answered correctly is then stored. `shape` is an image's channels, height and width.

    The fields from `within` on make variants of a task, as `subset` and the like do. All of one base have its split, so
    that none is tested on what another one is trained on. `digest` is what the data set's author states of it.

    Args:
        name: Its name in tables and panels.
        images: Source images per input.
        classes: The number of answers.
        chance: A share between 0 and 1.
        sesoi_pp: The smallest effect of interest.
        margin_pp: Up to which difference arms count as equal.
        version: Raised when what a replicate is given changes.
        fixed_test: Whether replicates share their test set.
        source: The data set.
        shape: Channels, height and width of an image.
        train_images: Images that a replicate trains on.
        validation_images: Images of the early stop.
        test_images: Images that decide.
        scaling: What is done to pixels.
        augment: What is done to training images.
        within: The sizes of the split of which a replicate's images are the first; those above where it has none.
        answers: By label of the data set, what it is called here, or None where it is left out.
        noise: The share of training examples with another label, a Fraction.
        mirrored: Whether images are shown left to right.
        permuted: Whether the pixels of all images are shown in one other order.
        permutation: The seed of an order that all replicates share; each has its own without one.

    Raises:
        DesignError: Where the data set has fewer images than a replicate's split takes, or no test images of its own to
            share, where of all images there are a split would take some, and for a variant that cannot be.

    >>> DIGITS.inputs, DIGITS.test_examples, MNIST.inputs
    (64, 500, 784)
    """

    name: str
    images: int
    classes: int
    chance: float
    sesoi_pp: float
    margin_pp: float
    version: int = 1
    fixed_test: bool = False
    source: str = DataSet.DIGITS
    shape: tuple[int, int, int] = (1, 8, 8)
    train_images: int = 1000
    validation_images: int = 297
    test_images: int = 500
    scaling: Scaling = Scaling.UNIT
    augment: Augment = Augment.NONE
    within: tuple[int, ...] = ()
    answers: Answers = ()
    noise: Fraction = Fraction(0)
    mirrored: bool = False
    permuted: bool = False
    permutation: int | None = None
    digest: str = field(default="", init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scaling", Scaling(self.scaling))
        object.__setattr__(self, "augment", Augment(self.augment))
        if isinstance(self.noise, int):
            object.__setattr__(self, "noise", Fraction(self.noise))
        object.__setattr__(self, "source", data.SETS.latest(self.source))
        described = data.SETS[self.source]
        object.__setattr__(self, "digest", described.digest)
        self._check_variant()
        train, validation, test = self.split
        drawn = train + validation
        if self.scaling is Scaling.STANDARDISED and described.moments == NO_MOMENTS:
            raise DesignError(
                f"task {self.name} is standardised by the mean and sd of {self.source}, which are not given. "
                f"Next: data_set({self.source!r}, ..., moments=Moments(mean=, sd=)), or scaling='unit'"
            )
        if described.test:
            if not self.fixed_test or drawn > described.train or test > described.test:
                raise DesignError(
                    f"task {self.name} takes {drawn} and {test} of the {described.train} training and "
                    f"{described.test} test images of {self.source}, fixed_test={self.fixed_test}. "
                    "Next: take no more than there are, with fixed_test=True"
                )
        elif described.whole:
            every = described.train
            if {self.train_images, self.validation_images, self.test_images} != {every} or self.fixed_test:
                raise DesignError(
                    f"task {self.name} takes some of the {every} images of {self.source}, which are all there are, or "
                    f"calls them a sample. Next: train, validate and test on {every} images, without fixed_test="
                )
        elif drawn + test > described.train:
            raise DesignError(
                f"task {self.name}: a split of {drawn + test} of {described.train} {self.source}. "
                "Next: take no more than there are"
            )

    def _check_variant(self) -> None:
        """Raise DesignError for more images than the split has, labels that cannot be, and noise that is no share."""
        for split, asked, there in zip(SPLITS, self._counts, self.split, strict=True):
            if asked > there:
                raise DesignError(
                    f"task {self.name}: {asked} {split} images of {there}. Next: ask for no more than that"
                )
        if not isinstance(self.noise, Fraction) or not 0 <= self.noise <= 1:
            raise DesignError(f"task {self.name}: label noise {self.noise!r}. Next: a share, as Fraction(3, 20)")
        if self.images > 1 and (self.answers or self.noise):
            raise DesignError(
                f"task {self.name} makes its answers of {self.images} labels, and would change one. "
                "Next: take a task of single images"
            )
        given = {answer for answer in self.answers if answer is not None}
        if self.answers and (min(given, default=-1) < 0 or max(given) >= self.classes):
            raise DesignError(
                f"task {self.name} calls labels {sorted(given)}, and has {self.classes} classes. "
                "Next: answers are integers from 0, one a class"
            )
        changed = self.images > 1 or self.answers or self.noise or self.mirrored or self.permuted
        if (self.reads_tokens or self.is_played) and (
            changed or self.scaling is not Scaling.UNIT or self.augment is not Augment.NONE
        ):
            raise DesignError(
                f"task {self.name} changes what {'a text' if self.reads_tokens else 'an environment'} gives. Next: "
                "take it as it is: no labels of its own, noise, scaling, crops or another order"
            )
        if self.permutation is not None and not self.permuted:
            raise DesignError(f"task {self.name} has a permutation and is not permuted. Next: permuted(task, seed=)")

    @property
    def _counts(self) -> tuple[int, int, int]:
        return self.train_images, self.validation_images, self.test_images

    @property
    def split(self) -> tuple[int, ...]:
        """The sizes of a replicate's split, train, validation and test: its images are the first ones of each."""
        return self.within or self._counts

    @property
    def leaves_out(self) -> bool:
        """Whether it leaves out images by their labels."""
        return None in self.answers

    @property
    def inputs(self) -> int:
        """Length of an input vector: the pixels of its images, one image after the other, channels first."""
        return math.prod(self.shape) * self.images

    @property
    def test_examples(self) -> int:
        """Number of test examples of a replicate."""
        return self.examples("test")

    def examples(self, split: str) -> int:
        """Return on how many examples of ``train``, ``validation`` or ``test`` a replicate's accuracy is measured."""
        if self.images == 1:
            trained_on = min(self.train_images, TRAIN_EXAMPLES)
            return {"train": trained_on, "validation": self.validation_images, "test": self.test_images}[split]
        return {"train": CALIBRATION, "validation": PAIRS, "test": PAIRS}[split]

    def tested_like(self, other: Task) -> bool:
        """Whether both are held to the same bounds on the same test images, however these are shown or called."""

        def bounds_and_images(task: Task) -> tuple[object, ...]:
            kept = [answer is not None for answer in task.answers] if task.leaves_out else []
            images = (task.source, task.split, task.images, task.test_images, task.fixed_test, kept)
            return task.sesoi_pp, task.margin_pp, *images

        return bounds_and_images(self) == bounds_and_images(other)

    @property
    def reads_tokens(self) -> bool:
        """Whether an example is a window of tokens by number, of each of which the one that follows is the answer."""
        return data.SETS[self.source].text

    @property
    def is_played(self) -> bool:
        """Whether it is an environment in which a policy plays."""
        return data.SETS[self.source].environment

    @property
    def answered(self) -> tuple[int, ...]:
        """The shape of an example's answer: a number, or one at each of its tokens."""
        return (self.inputs,) if self.reads_tokens else ()

    @property
    def scaled_by(self) -> tuple[object, ...]:
        """What says how inputs are scaled by a replicate's training rows, and which these are; empty where by none."""
        if self.scaling not in (Scaling.COLUMNS, Scaling.RANGE):
            return ()
        kept = (self.split[0], *(answer is not None for answer in self.answers)) if self.leaves_out else ()
        return self.scaling, self.source, self.splitter(ANY), self.train_images, kept

    @property
    def own_test(self) -> bool:
        """Whether the data set comes with its test images."""
        return data.SETS[self.source].test > 0

    @property
    def whole(self) -> bool:
        """Whether training, validation and test images are the same: all there are."""
        return data.SETS[self.source].whole

    @property
    def keeps_answers(self) -> bool:
        """Whether it is kept which test examples a training answers correctly.

        With a fixed test set, or where each example is an image that other replicates may be tested on too; of the
        tokens of a window, which stand or fall together, it is not.
        """
        return not self.reads_tokens and (self.fixed_test or (self.images == 1 and not self.whole))

    @property
    def tested_from(self) -> int:
        """How many examples the test sets of all replicates are drawn from: with a fixed one, as many as it has."""
        return self.test_examples if self.fixed_test else data.SETS[self.source].train

    def splitter(self, replicate: Replicate) -> Replicate:
        """Return the replicate that draws the split: `replicate` itself, or the same one for all."""
        return FIXED if self.fixed_test and not self.own_test else replicate

    def label(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the answer for the labels of the images that make an input; (..., images) to (...).

        A window's labels, (..., 1, tokens), are its answers, (..., tokens).
        """
        if self.reads_tokens:
            return np.asarray(labels[..., 0, :])
        return answered(labels[..., 0], self.answers) if self.images == 1 else np.abs(labels[..., 0] - labels[..., 1])


DIGITS = Task("digits", images=1, classes=10, chance=0.10, sesoi_pp=0.4, margin_pp=0.5)
DIGIT_DIFFERENCE = Task("digit-difference", images=2, classes=10, chance=0.18, sesoi_pp=1.0, margin_pp=0.5)
MNIST = Task(
    "mnist", images=1, classes=10, chance=0.10, sesoi_pp=0.2, margin_pp=0.2, fixed_test=True, source=DataSet.MNIST,
    shape=(1, 28, 28), train_images=55_000, validation_images=5_000, test_images=10_000,
)  # fmt: skip
FASHION_MNIST = Task(
    "fashion-mnist", images=1, classes=10, chance=0.10, sesoi_pp=0.4, margin_pp=0.5, fixed_test=True,
    source=DataSet.FASHION_MNIST, shape=(1, 28, 28), train_images=55_000, validation_images=5_000, test_images=10_000,
)  # fmt: skip
CIFAR10 = Task(
    "cifar-10", images=1, classes=10, chance=0.10, sesoi_pp=0.5, margin_pp=0.5, fixed_test=True, source=DataSet.CIFAR10,
    shape=(3, 32, 32), train_images=45_000, validation_images=5_000, test_images=10_000,
)  # fmt: skip
MNIST_5000 = Task(
    "mnist-5000", images=1, classes=10, chance=0.10, sesoi_pp=0.5, margin_pp=0.5, source=DataSet.MNIST_5000,
    shape=(1, 28, 28), train_images=3500, validation_images=500, test_images=1000,
)  # fmt: skip
MNIST1D = Task(
    "mnist-1d", images=1, classes=10, chance=0.10, sesoi_pp=1.0, margin_pp=1.5, fixed_test=True,
    source=DataSet.MNIST_1D, shape=(1, 1, 40), train_images=4000, validation_images=1000, test_images=12_000,
)  # fmt: skip
SHAKESPEARE = Task(
    "shakespeare", images=1, classes=62, chance=0.149, sesoi_pp=0.5, margin_pp=0.5, source=DataSet.SHAKESPEARE,
    shape=(1, 1, 32), train_images=5000, validation_images=500, test_images=749,
)  # fmt: skip
TINY_SHAKESPEARE = Task(
    "tiny-shakespeare", images=1, classes=65, chance=0.152, sesoi_pp=0.5, margin_pp=0.5,
    source=DataSet.TINY_SHAKESPEARE, shape=(1, 1, 64), train_images=15_000, validation_images=1000, test_images=1428,
)  # fmt: skip
WIKITEXT2 = Task(
    "wikitext-2", images=1, classes=33_278, chance=0.062, sesoi_pp=0.5, margin_pp=0.5, fixed_test=True,
    source=DataSet.WIKITEXT2, shape=(1, 1, 50), train_images=39_772, validation_images=2000, test_images=4911,
)  # fmt: skip
CARTPOLE = Task(
    "cartpole", images=1, classes=3, chance=0.0, sesoi_pp=5.0, margin_pp=5.0, source=DataSet.CARTPOLE, shape=(1, 1, 4),
    train_images=1, validation_images=1, test_images=1,
)  # fmt: skip
ACROBOT = Task(
    "acrobot", images=1, classes=4, chance=0.0, sesoi_pp=5.0, margin_pp=5.0, source=DataSet.ACROBOT, shape=(1, 1, 6),
    train_images=1, validation_images=1, test_images=1,
)  # fmt: skip
XOR = Task(
    "xor", images=1, classes=2, chance=0.5, sesoi_pp=5.0, margin_pp=5.0, source=DataSet.XOR, shape=(1, 1, 2),
    train_images=4, validation_images=4, test_images=4,
)  # fmt: skip

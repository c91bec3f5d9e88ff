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
from harness.data._labels import LEFT_OUT, Answers, answered, with_noise
from harness.data._sets import NO_MOMENTS, DataSet
from harness.errors import DataError, DesignError
from harness.streams import Replicate, generator, integers, permutations

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

    def tested(self, replicate: Replicate) -> NDArray[np.int64]:
        """Return which of the `tested_from` examples the replicate is tested on, in the order of its answers."""
        return np.arange(self.test_examples) if self.fixed_test else pools(replicate, self)["test"]

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


@dataclass(frozen=True)
class Examples:
    """Indices into the source images, shape (n, images), and the answers, shape (n,)."""

    images: NDArray[np.int64]
    answers: NDArray[np.int64]


def pools(replicate: Replicate, task: Task = DIGITS) -> dict[str, NDArray[np.int64]]:
    """Return the replicate's image indices for ``train``, ``validation`` and ``test``: disjoint, or all of a whole.

    `replicate` draws the split; see `Task.splitter`.
    """
    if task.whole:
        return {split: np.arange(task.train_images) for split in ("train", "validation", "test")}
    drawn = data.SETS[task.source].train
    order = permutations(replicate, "split", 0, n=drawn, first=0, count=1)[0]
    train, validation, test = task.split
    held_back = train + validation
    own = np.arange(drawn, drawn + test)
    every = {
        "train": order[:train],
        "validation": order[train:held_back],
        "test": own if task.own_test else order[held_back : held_back + test],
    }
    return {
        split: _first(pool, task, split, count)
        for (split, pool), count in zip(every.items(), task._counts, strict=True)
    }


def _first(pool: NDArray[np.int64], task: Task, split: str, count: int) -> NDArray[np.int64]:
    """Return the first `count` images of a pool, of those whose labels the task has."""
    if task.leaves_out:
        pool = pool[answered(source(task.source)[1][pool], task.answers) != LEFT_OUT]
    if len(pool) < count:
        raise DataError(
            f"task {task.name} takes {count} {split} images, and a replicate's split has {len(pool)} with its labels. "
            "Next: ask for fewer"
        )
    return pool[:count]


def check_task(task: Task) -> None:
    """Raise DesignError where the task has other images, or fewer classes, than its data set, or takes too many.

    A data set that a function makes is made for this, once; one that is read from files says what it has, and is read
    only where the task leaves out some of its labels.
    """
    described = data.SETS[task.source]
    pixels, classes = described.pixels, described.classes
    if not classes:
        loaded = data.load_set(task.source)
        pixels, classes = loaded.images[0].size, int(loaded.labels.max()) + 1
    known = len(task.answers) or task.classes
    if math.prod(task.shape) != pixels or known < classes:
        raise DesignError(
            f"task {task.name} has images of {' x '.join(map(str, task.shape))} and {known} classes, its data "
            f"set {task.source} {pixels} pixels an image and {classes} classes. Next: correct shape= or classes="
        )
    if task.leaves_out:
        _check_counts(task)


def needs_images(task: Task) -> bool:
    """Whether its images have to be there for `check_task`, and not only where it is trained on."""
    return task.leaves_out or not data.SETS[task.source].classes


def _check_counts(task: Task) -> None:
    """Raise DesignError where a replicate's split may have fewer images with the task's labels than it takes."""
    drawn, labels = data.SETS[task.source].train, source(task.source)[1]
    for label, answer in enumerate(task.answers):
        if answer is not None and label not in labels:
            raise DesignError(
                f"task {task.name} has label {label}, and no image of {task.source} does. Next: leave it out"
            )
    has = answered(labels, task.answers) != LEFT_OUT
    having = int(has[:drawn].sum())
    train, validation = (_fewest(size, having, drawn) for size in task.split[:2])
    tested = task.split[2]  # images of their own may be more than those that the others are drawn from
    test = int(has[drawn : drawn + tested].sum()) if task.own_test else _fewest(tested, having, drawn)
    if any(asked > most for asked, most in zip(task._counts, (train, validation, test), strict=True)):
        raise DesignError(
            f"task {task.name} takes {' + '.join(map(str, task._counts))} images, and of the "
            f"{' + '.join(map(str, task.split))} of a split not as many have its labels in every replicate. "
            f"Next: ask for no more than train={train}, validation={validation}, test={test}"
        )


def _fewest(size: int, having: int, among: int) -> int:
    """Return how many of `size` drawn from `among` have what `having` of these have, at least: six deviations less."""
    share, left = having / among, (among - size) / max(1, among - 1)
    deviation = math.sqrt(size * share * (1 - share) * left)
    return max(0, math.floor(size * share - 6 * deviation))


def shown_test_images(learned: Task, measured: Task) -> int:
    """Return how many test images of `measured` a replicate's training on `learned` is shown, for learning or to stop.

    Splits are slices of one order of the images, so that the number is much the same in every replicate. An image
    counts however it is shown or labelled, in every version of a data set that has it, and under every name of one. 0
    for other data sets, for variants of one split, and where there is nothing to hold back.
    """
    if data.SETS[measured.source].among == learned.source:
        shown = Fraction(sum(learned.split[:2]), data.SETS[learned.source].train)
        return math.ceil(measured.test_images * shown)
    one_name = learned.source.partition("@")[0] == measured.source.partition("@")[0]
    if measured.whole or not (one_name or _same_images(learned.source, measured.source)):
        return 0
    if one_name and learned.source != measured.source:
        shown_images = {image.tobytes() for image in source(learned.source)[0][_shown(learned)]}
        tested = source(measured.source)[0][pools(measured.splitter(ANY), measured)["test"]]
        return sum(image.tobytes() in shown_images for image in tested)
    one_split = learned.split == measured.split and learned.splitter(ANY) == measured.splitter(ANY)
    if one_name and one_split:
        return 0
    return int(np.isin(pools(measured.splitter(ANY), measured)["test"], _shown(learned)).sum())


def _same_images(a: str, b: str) -> bool:
    """Whether two data sets of different names are rows of one table, or have the same images in the same order.

    No image is looked at of two sets that come with the harness, nor of one that has to be restored or installed first.
    """
    one, other = data.SETS[a], data.SETS[b]
    if one.table and one.table == other.table:
        return True
    read = (one.may_change or other.may_change) and not any(each.files or each.package for each in (one, other))
    if not read or one.train + one.test != other.train + other.test:
        return False
    return np.array_equal(source(a)[0], source(b)[0])


def _shown(task: Task) -> NDArray[np.int64]:
    """Return the images that a training on the task is shown, for learning or to stop."""
    pool = pools(task.splitter(ANY), task)
    return np.concatenate([pool["train"], pool["validation"]])


def held_out(task: Task, replicate: Replicate, split: str) -> Examples:
    """Return the fixed examples of ``validation`` or ``test``: all images, or `PAIRS` pairs drawn from the pool."""
    replicate = task.splitter(replicate)
    pool = pools(replicate, task)[split]
    if task.images == 1:
        return _examples(task, pool[:, None])
    rng = generator(replicate, "split", draw=1, counter=("validation", "test").index(split))
    return _examples(task, pool[integers(rng, len(pool), PAIRS * task.images)].reshape(PAIRS, task.images))


def batches(task: Task, replicate: Replicate, draw: int, *, size: int, first: int, last: int) -> Examples:
    """Return the batches of steps `first` to `last - 1`: images (steps, size, images), answers (steps, size).

    Single images come in epoch permutations, the last partial batch dropped; pairs are drawn afresh for every step.
    Both are functions of the absolute step, from the replicate's ``order`` stream at `draw`, an epoch a counter value.
    """
    pool = pools(task.splitter(replicate), task)["train"]
    per_epoch = len(pool) // size
    epochs = range(first // per_epoch, -(-last // per_epoch))
    if task.images == 1:
        rows = permutations(replicate, "order", draw, n=len(pool), first=epochs.start, count=len(epochs))
        rows = rows[:, : per_epoch * size]
    else:
        each = per_epoch * size * task.images
        rows = np.stack([integers(generator(replicate, "order", draw, e), len(pool), each) for e in epochs])
    start = first - epochs.start * per_epoch
    picked = rows.reshape(-1, size, task.images)[start : start + last - first]
    if task.noise:
        return Examples(pool[picked], _taught(task, replicate, pool)[picked[..., 0]])
    return _examples(task, pool[picked])


def _taught(task: Task, replicate: Replicate, pool: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what the replicate is taught of each image of its training pool: its label, or another one by noise."""
    return with_noise(_examples(task, pool[:, None]).answers, task.noise, task.classes, replicate)


def crops(task: Task, replicate: Replicate, draw: int, *, size: int, first: int, last: int) -> NDArray[np.uint8]:
    """Return which of the `CROPS` crops each image of the batches of steps `first` to `last - 1` is shown as.

    Shape (steps, size, images). A function of the absolute step as the batches are, from the replicate's ``augment``
    stream at `draw`. The engine's `cropped` makes them.
    """
    per_epoch = task.train_images // size
    epochs = range(first // per_epoch, -(-last // per_epoch))
    each = per_epoch * size * task.images
    rows = [integers(generator(replicate, "augment", draw, e), CROPS, each).astype(np.uint8) for e in epochs]
    start = first - epochs.start * per_epoch
    return np.stack(rows).reshape(-1, size, task.images)[start : start + last - first]


def calibration(task: Task, replicate: Replicate) -> Examples:
    """Return the fixed training inputs from which BatchNorm's evaluation statistics are computed; never augmented."""
    replicate = task.splitter(replicate)
    pool = pools(replicate, task)["train"]
    if task.images == 1:
        return _examples(task, pool[:CALIBRATION, None])
    rng = generator(replicate, "split", draw=1, counter=2)
    return _examples(task, pool[integers(rng, len(pool), CALIBRATION * task.images)].reshape(CALIBRATION, task.images))


def trained_on(task: Task, replicate: Replicate) -> Examples:
    """Return the training examples on which accuracy is measured, never augmented, labelled as they were taught.

    At most `TRAIN_EXAMPLES` of the replicate's training images; of pairs, which are drawn afresh for every batch, the
    calibration pairs of training digits.
    """
    if task.images > 1:
        return calibration(task, replicate)
    pool = pools(task.splitter(replicate), task)["train"]
    return Examples(pool[:TRAIN_EXAMPLES, None], _taught(task, replicate, pool)[:TRAIN_EXAMPLES])


def source(name: str = DataSet.DIGITS) -> tuple[data.Images, NDArray[np.int64]]:
    """Return all images of a data set, one a row, and their labels; see `data.load`."""
    loaded = data.load_set(name)
    return loaded.images, loaded.labels


def _examples(task: Task, images: NDArray[np.int64]) -> Examples:
    return Examples(images, task.label(source(task.source)[1][images]))

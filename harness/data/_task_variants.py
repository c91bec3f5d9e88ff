"""Variants of a task: some of its classes, other labels, label noise, fewer examples, images mirrored or permuted.

A variant has its task's split: what one variant is tested on no other one is trained on. Labels are changed in one
order, however a claim writes it: classes are left out, then renamed, then noise is added. Images are mirrored, then
permuted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

from harness.data._labels import Answers
from harness.data._tasks import Task
from harness.errors import DesignError


def subset(task: Task, classes: Sequence[int], *, train: int, validation: int, test: int, name: str = "") -> Task:
    """Leave all but some classes of a task out; they are numbered from 0 in the order given.

    A replicate has those images of its split that are of these classes, as many as are said. As many have to be there
    in every replicate: `harness plan` tells how many are, where it is less.

    Args:
        task: What is changed, often a task of the harness.
        classes: Those that stay.
        train: Images that a replicate trains on.
        validation: Images of the early stop.
        test: Images that decide.
        name: Its name in tables; by default the task's, with the classes.

    Returns:
        A task; its accuracy by chance is that of classes of equal size.

    Raises:
        DesignError: For a class that the task does not have, or one twice, and for more images than its split has.

    >>> from harness.data import DIGITS
    >>> subset(DIGITS, (3, 5), train=150, validation=30, test=60).name
    'digits, classes 3 5'
    """
    if unknown := sorted(set(classes) - set(range(task.classes))):
        raise DesignError(f"{task.name} has no class {unknown[0]}. Next: name some of 0 to {task.classes - 1}")
    if len(set(classes)) < max(2, len(classes)):
        raise DesignError(f"classes {tuple(classes)} of {task.name}. Next: name two or more, each once")
    number = {old: new for new, old in enumerate(classes)}
    return replace(
        _answering(task, [None if answer is None else number.get(answer) for answer in _answers(task)]),
        name=name or f"{task.name}, classes {' '.join(map(str, classes))}",
        within=task.split,
        train_images=train,
        validation_images=validation,
        test_images=test,
    )


def relabelled(task: Task, by: Callable[[int], int], *, name: str) -> Task:
    """Replace each label of a task by a function of it: super-classes, labels modulo a number.

    The function is called once a class, and what it gives is what keys hash; its code is not.

    Args:
        task: What is changed.
        by: From a class to a number; numbers from 0, none left out.
        name: The variant's name in tables.

    Returns:
        A task with as many classes as there are numbers.

    Raises:
        DesignError: For numbers that are not all from 0 on, or only one.

    >>> from harness.data import DIGITS
    >>> relabelled(DIGITS, lambda digit: digit % 2, name="odd digits").classes
    2
    """
    changed = [None if answer is None else int(by(answer)) for answer in _answers(task)]
    given = {answer for answer in changed if answer is not None}
    if given != set(range(len(given))) or len(given) < 2:
        raise DesignError(
            f"relabelled({task.name}, by=, name={name!r}): classes become {sorted(given)}. "
            "Next: let by= give all numbers from 0 on, at least two"
        )
    return replace(_answering(task, changed), name=name)


def noisy(task: Task, share: Fraction) -> Task:
    """Give an exact share of a task's training examples another label; those of validation and test stay as they are.

    Which they are, and which of the other classes each becomes, is drawn in each replicate from a stream of its own,
    the same for all arms; with a larger share the same examples and more. ``(classes - 1) / classes`` makes labels that
    have nothing to do with images. ``evaluate(..., split="train")`` on the variant measures accuracy on the labels that
    were taught, on the task itself on the true ones.

    Args:
        task: What is changed, of single images.
        share: Which part of the training examples, a Fraction.

    Returns:
        A task.

    Raises:
        DesignError: For a task that has noise, or makes its answers of several labels, and for what is no share.

    >>> from harness.data import DIGITS
    >>> noisy(DIGITS, Fraction(1, 5)).name
    'digits, 20% noise'
    """
    if task.noise:
        raise DesignError(f"noisy({task.name}): it has label noise. Next: start from the task without")
    return replace(task, name=f"{task.name}, {100 * float(share):.4g}% noise", noise=share)


def permuted(task: Task, seed: int | None = None) -> Task:
    """Show the pixels of all images in another order, the same for training, validation and test.

    Each replicate draws its own order from a stream of its own, the same for all arms, so that a verdict does not
    belong to one order. With a `seed` all replicates share one, as a paper's runs do.

    Args:
        task: What is changed.
        seed: Which order all replicates share; none by default.

    Returns:
        A task.

    Raises:
        DesignError: For a task that is permuted.

    >>> from harness.data import DIGITS
    >>> permuted(DIGITS).name, permuted(DIGITS, seed=1).permutation
    ('digits, permuted', 1)
    """
    if task.permuted:
        raise DesignError(f"permuted({task.name}): it is permuted. Next: start from the task that is not")
    return replace(task, name=f"{task.name}, permuted", permuted=True, permutation=seed)


def mirrored(task: Task) -> Task:
    """Show all images left to right; a signal, which is an image of one row, is reversed.

    Args:
        task: What is changed.

    Returns:
        A task.

    Raises:
        DesignError: For a task that is mirrored.

    >>> from harness.data import DIGITS
    >>> mirrored(DIGITS).name
    'digits, mirrored'
    """
    if task.mirrored:
        raise DesignError(f"mirrored({task.name}): it is mirrored. Next: start from the task that is not")
    return replace(task, name=f"{task.name}, mirrored", mirrored=True)


def fewer(task: Task, examples: int) -> Task:
    """Train on some of a task's training examples, the first that each replicate has; validation and test stay.

    Args:
        task: What is changed.
        examples: Images that a replicate trains on.

    Returns:
        A task.

    Raises:
        DesignError: For none, and for more than the task has.

    >>> from harness.data import DIGITS
    >>> fewer(DIGITS, 100).train_images, fewer(DIGITS, 100).test_images
    (100, 500)
    """
    if not 0 < examples <= task.train_images:
        raise DesignError(f"fewer({task.name}, {examples}). Next: ask for 1 to {task.train_images} examples")
    return replace(task, name=f"{task.name}, {examples} examples", train_images=examples, within=task.split)


def _answers(task: Task) -> Answers:
    return task.answers or tuple(range(task.classes))


def _answering(task: Task, answers: Sequence[int | None]) -> Task:
    """Return the task with these answers, by label; chance is the share of labels that the commonest one has."""
    counts = Counter(answer for answer in answers if answer is not None)
    chance = max(counts.values()) / counts.total()
    return replace(task, answers=tuple(answers), classes=len(counts), chance=chance)

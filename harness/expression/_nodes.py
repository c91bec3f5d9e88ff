"""The nodes: what is computed, for every replicate at once, and what consumes what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from fractions import Fraction
from functools import cache
from typing import Any, Literal, TypeGuard, TypeVar, cast

from harness.data import Task
from harness.errors import DesignError
from harness.expression._keys import Keyed
from harness.networks import Network, Recipe

Keep = Fraction | tuple[tuple[str, Fraction], ...]

MOMENT = {"moment": True}  # metadata of a node's fields that name a step of a training


class Scope(StrEnum):
    """Where magnitudes compete with each other."""

    LAYER = "layer"
    GLOBAL = "global"
    UNIT = "unit"  # whole hidden units of a layer, by the norm of their incoming weights


class Rule(StrEnum):
    """By what weights compete."""

    QUANTILE = "quantile"  # their magnitudes
    STD = "std"  # magnitudes over the deviation of their layer's surviving weights (Han et al. 2015, section 3)


class Split(StrEnum):
    """Which of a replicate's examples accuracy is measured on."""

    TEST = "test"
    TRAIN = "train"
    VALIDATION = "validation"


@dataclass(frozen=True, eq=False, repr=False)
class Fresh(Keyed):
    """Parameters drawn anew from the network's initial distribution, in `stream` at `draw`."""

    stream: str = "init"
    draw: int = 0


INITIAL = Fresh()


@dataclass(frozen=True)
class Scores:
    """Edge-popup: weights stay as they start, a score a weight is learned, a layer's top `keep` are used."""

    keep: Fraction


@dataclass(frozen=True, eq=False, repr=False)
class Snapshot(Keyed):
    """A training's parameters after `step` updates, or at its end; zero where its mask removed a weight."""

    training: Training
    step: int | Literal["end"] = field(metadata=MOMENT)


@dataclass(frozen=True, eq=False, repr=False)
class Prune(Keyed):
    """The mask of the largest magnitudes of `source` among the weights, or units, its training still had.

    Layers that `among` does not name keep what they had; without names, all layers are pruned.
    """

    source: Snapshot
    keep: Keep
    scope: Scope = Scope.LAYER
    among: tuple[str, ...] = ()
    rule: Rule = Rule.QUANTILE


@dataclass(frozen=True, eq=False, repr=False)
class RandomMask(Keyed):
    """A mask with exact counts a layer, its places drawn from the ``mask`` stream."""

    network: Network
    keep: Keep
    draw: int = 0


@dataclass(frozen=True, eq=False, repr=False)
class LearnedMask(Keyed):
    """The mask that a training of scores ended with."""

    training: Training


@dataclass(frozen=True, eq=False, repr=False)
class ShuffledMask(Keyed):
    """A mask whose bits have changed places within each layer, by the ``mask`` stream: counts a layer stay."""

    mask: Mask
    draw: int = 0


@dataclass(frozen=True, eq=False, repr=False)
class Resampled(Keyed):
    """Weights drawn with replacement, by the ``reinit`` stream, from those that a layer of `start` has under `mask`."""

    mask: Mask
    start: Start = INITIAL
    draw: int = 0


Start = Fresh | Snapshot | Resampled


Mask = Prune | RandomMask | LearnedMask | ShuffledMask


@dataclass(frozen=True, eq=False, repr=False)
class Training(Keyed):
    """Steps ``first_step .. recipe.steps`` of `recipe`; see `train`."""

    network: Network
    task: Task
    recipe: Recipe
    mask: Mask | None = None
    start: Start = INITIAL
    first_step: int = field(default=0, metadata=MOMENT)
    learn: Scores | None = None
    streams: tuple[tuple[str, int], ...] = ()

    def at(self, step: int | Literal["end"]) -> Start:
        """Return the parameters after `step` updates (absolute), or at the ``"end"``; usable as a start.

        A training of scores leaves its weights where they started.
        Raises DesignError for a step outside ``first_step .. recipe.steps``.
        """
        if step == self.recipe.steps:
            step = "end"
        if step != "end" and not self.first_step <= step < self.recipe.steps:
            raise DesignError(
                f"at({step}) of a training of steps {self.first_step} to {self.recipe.steps}: no such moment. "
                "Next: correct the step in the claim or its study.py."
            )
        if self.learn is not None or (step == self.first_step and self.mask is None):
            return self.start
        return Snapshot(self, step)

    def learned_mask(self) -> LearnedMask:
        """Return the mask of a training of scores; its weights are untouched."""
        if self.learn is None:
            raise DesignError("learned_mask() of a training of weights: only train(..., learn=Scores(keep)) learns one")
        return LearnedMask(self)

    def draw(self, stream: str) -> int:
        """Return which draw of `stream` this training uses."""
        return dict(self.streams).get(stream, 0)


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(Keyed):
    """Accuracy of `weights` under `mask` without any training, on the test set and on `split`."""

    network: Network
    task: Task
    weights: Start = INITIAL
    mask: Mask | None = None
    split: Split = Split.TEST


@dataclass(frozen=True, eq=False, repr=False)
class Between(Keyed):
    """Accuracy along the straight line from the weights `a` to the weights `b`, and how far apart they are."""

    network: Network
    task: Task
    a: Start
    b: Start
    points: int = 11

    @property
    def mask(self) -> Mask | None:
        """The mask under which `a` was trained; `b` has as many weights."""
        return mask_of(self.a)


@dataclass(frozen=True, eq=False, repr=False)
class Magnitudes(Keyed):
    """How large the `weights` that `mask` keeps are, among all of their layer."""

    network: Network
    task: Task
    weights: Start = INITIAL
    mask: Mask | None = None


Measured = Training | Evaluation | Between | Magnitudes


Node = Start | Mask | Measured
N = TypeVar("N", bound=Node)


def mask_of(start: Start) -> Mask | None:
    """Return the mask under which the weights `start` were trained, None where they were not, or under none."""
    return start.training.mask if isinstance(start, Snapshot) else None


def network_of(node: Mask | Measured) -> Network:
    """Return the network whose weights a mask selects from, or that is measured."""
    match node:
        case Prune():
            return node.source.training.network
        case LearnedMask():
            return node.training.network
        case ShuffledMask():
            return network_of(node.mask)
        case _:
            return node.network


def parents(node: Node) -> tuple[Node, ...]:
    """Return the nodes that `node` mentions directly: its fields that are nodes, and what its tuples have of them."""
    values = (getattr(node, f.name) for f in fields(node))
    return tuple(
        each for value in values for each in (value if isinstance(value, tuple) else (value,)) if _is_node(each)
    )


def _is_node(value: object) -> TypeGuard[Node]:
    return isinstance(value, Keyed)


def rebuilt(node: N, made: dict[str, Node], *, recipe: Callable[[Recipe], Recipe], moment: Callable[[int], int]) -> N:
    """Return `node` with other recipes and steps, in it and in all that it is made from.

    `recipe` is applied to every recipe and `moment` to every step that a field of `MOMENT` names. `made` holds what was
    rebuilt before, by the key it had, and takes what is rebuilt now: a chain of rounds mentions each round twice.
    """

    def changed(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(changed(each) for each in value)
        if isinstance(value, Recipe):
            return recipe(value)
        return rebuilt(value, made, recipe=recipe, moment=moment) if _is_node(value) else value

    if node.key not in made:
        values: dict[str, Any] = {}
        for f in fields(node):
            value = getattr(node, f.name)
            is_step = MOMENT.items() <= f.metadata.items() and isinstance(value, int)
            values[f.name] = moment(value) if is_step else changed(value)
        made[node.key] = replace(cast(Any, node), **values)
    return cast(N, made[node.key])


@cache
def consumed(node: Measured) -> tuple[Snapshot | LearnedMask, ...]:
    """Return what `node` takes from other trainings, directly or through host nodes, each once."""

    def walk(n: Node) -> Iterator[Snapshot | LearnedMask]:
        for parent in parents(n):
            if isinstance(parent, Snapshot | LearnedMask):
                yield parent
            else:
                yield from walk(parent)

    return tuple(dict.fromkeys(walk(node)))


def slot(taken: Snapshot | LearnedMask) -> str:
    """Return the name under which a training stores what is taken from it: ``end``, ``100``, ``mask``."""
    return "mask" if isinstance(taken, LearnedMask) else str(taken.step)


def lineage(nodes: Iterable[Measured]) -> list[Measured]:
    """Return the nodes and all trainings they consume from, parents before children, each once."""
    seen: dict[str, Measured] = {}

    def visit(node: Measured) -> None:
        if node.key in seen:
            return
        for taken in consumed(node):
            visit(taken.training)
        seen[node.key] = node

    for node in nodes:
        visit(node)
    return list(seen.values())

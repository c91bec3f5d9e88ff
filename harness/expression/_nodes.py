"""What every node says of itself, and what follows from it: parents, other recipes, counts, what consumes what.

A kind of node is one class, in any module: its fields are what its key hashes, fields that are nodes are its parents,
and its methods say the rest. A start or a mask is made by the planner, on the host, from what trainings have stored.
What is measured is computed by a worker, of which it asks a training or a measurement that the engine knows by name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, cast

from numpy.typing import NDArray

from harness.errors import DesignError
from harness.expression._keys import Keyed
from harness.expression._masks import Bits, Flat
from harness.networks import Network, Recipe
from harness.streams import Replicate

if TYPE_CHECKING:
    from harness.data import Task
    from harness.expression._trainings import Training

MOMENT = {"moment": True}  # metadata of a node's fields that name a step of a training
OTHER_NETWORK = "of a network with other tensors than the one it is given to"
DRAW = {"draw": True}  # and of those that pick draws of random streams: another value is the same thing drawn again


@dataclass(frozen=True)
class Learn(ABC):
    """What a training learns, other than its weights under a mask that stays; the engine knows how by the class."""

    words: ClassVar[str]  # what is learned, in progress lines and tables
    scores: ClassVar[bool] = False  # whether a score a weight is drawn at first
    moves_weights: ClassVar[bool] = False  # whether weights are trained too, and end elsewhere than they started
    learns_mask: ClassVar[bool] = True  # whether it ends with a mask of its own
    plays: ClassVar[bool] = False  # whether it learns by playing in an environment, and not from examples
    version: ClassVar[int] = 1  # raised when its stack learns otherwise: in keys from 2 on, the code is not

    @property
    def streams(self) -> frozenset[str]:
        """The random streams that it draws from."""
        return frozenset({"scores"}) if self.scores else frozenset()

    @property
    def moments(self) -> frozenset[int]:
        """The steps that it names."""
        return frozenset()

    def at_moments(self, moment: Callable[[int], int]) -> Learn:
        """Return the same with other steps in place of those that it names."""
        return self

    def multiply_adds(self, batch: int, every: int, of_first: int) -> int:
        """Return those of an update, of a batch by a network with `every` one an input, `of_first` in the first layer.

        Of each layer's products there are three: its outputs, the gradient of its weights, and that of its inputs,
        which the first layer does without.
        """
        return batch * (3 * every - of_first)

    @abstractmethod
    def kept_in(self, network: Network, mask: Mask | None, layers: frozenset[str]) -> int | None:
        """Return how many weights are used in `layers` in the end, or None where only training tells."""

    @abstractmethod
    def under(self, network: Network, recipe: Recipe, mask: Mask | None) -> Learn:
        """Return what is learned under `mask`. Raises DesignError where that cannot be."""


@dataclass(frozen=True)
class Measurement:
    """What a worker measures of weights that are not trained, by the function that the engine knows by `name`.

    Names outside the engine are ``package.module:function``. The function is given `settings` by name. `passes` are the
    splits that it evaluates, each as often as it does; `words` are those of progress lines and tables.
    """

    name: str
    words: str
    passes: tuple[str, ...] = ()
    settings: tuple[tuple[str, Any], ...] = ()


ACCURACY = Measurement("accuracy", "evaluate", passes=("test",))  # on the test set


@dataclass(frozen=True)
class Asked:
    """What is asked of a worker: steps of a recipe, or a measurement where there is none."""

    recipe: Recipe | None = None
    first_step: int = 0
    learn: Learn | None = None
    measurement: Measurement = ACCURACY
    teacher: Network | None = None  # that of `Measured.ends`, where a training learns from it


class Node(Keyed, ABC):
    """A frozen dataclass that says what is computed, for all replicates; ``@dataclass(frozen=True, eq=False)``.

    A class whose methods compute something else than before has the next ``version``, as `Learn` has one.
    """


class Stored(Protocol):
    """What trainings have stored for one replicate, and the masks that follow from it."""

    @property
    def replicate(self) -> Replicate:
        """The replicate."""

    def array(self, taken: Taken) -> NDArray[Any]:
        """Return what is stored of `taken`, shape (flat_size,)."""

    def bits(self, mask: Mask) -> Bits:
        """Return the bits of `mask`, shape (flat_size,); made once."""


class Start(Node):
    """Weights that a network may start from."""

    @abstractmethod
    def values(self, stored: Stored, network: Network) -> Flat:
        """Return the parameters for `network`, shape (flat_size,)."""

    @property
    def origin(self) -> Network | None:
        """The network that they are of; None where they are drawn for any."""
        return None

    @property
    def under(self) -> Mask | None:
        """The mask under which they were trained; None where they were not, or under none."""
        return None

    def unfit(self, network: Network) -> str:
        """Say why a network cannot start from them, after "a start"; empty where it can."""
        fits = self.origin is None or self.origin.tensors() == network.tensors()
        return "" if fits else OTHER_NETWORK


class Mask(Node):
    """Which weights of a network are kept."""

    if TYPE_CHECKING:  # at run time it would be taken for the default of a field of this name

        @property
        def network(self) -> Network:
            """The network whose weights it selects from."""

    @abstractmethod
    def bits(self, stored: Stored) -> Bits:
        """Return which parameters stay, shape (flat_size,): biases and BatchNorm True, padding False."""

    @abstractmethod
    def kept_in(self, layers: frozenset[str]) -> int | None:
        """Return how many weights it keeps in `layers` together, or None where only training tells."""


class Taken(Node):
    """What is taken from a training: the nodes by which one consumes from another."""

    if TYPE_CHECKING:

        @property
        def training(self) -> Training:
            """The training that it is taken from."""

    @property
    @abstractmethod
    def slot(self) -> str:
        """The name under which the training stores it: ``end``, ``100``, ``mask``."""

    @property
    def name(self) -> str:
        """The name under which what was made from it remembers it."""
        return f"{self.training.key}@{self.slot}"


class Measured(Node):
    """What a worker computes for a replicate and the store keeps: numbers, and arrays that others take."""

    if TYPE_CHECKING:

        @property
        def network(self) -> Network:
            """The network that is measured."""

        @property
        def task(self) -> Task:
            """The task that it is measured on."""

        @property
        def mask(self) -> Mask | None:
            """The mask that says how many weights it uses, if there is one."""

    @property
    @abstractmethod
    def asked(self) -> Asked:
        """What is asked of a worker, with network and task."""

    @property
    @abstractmethod
    def begins(self) -> Start:
        """The weights that it begins with."""

    @property
    def ends(self) -> Start | None:
        """The weights of a second network, if there is one: the other end of a path, a teacher."""
        return None

    @property
    def removes(self) -> Mask | None:
        """The mask that a worker applies."""
        return self.mask

    @abstractmethod
    def measures(self, metric: str) -> bool:
        """Return whether the stored `metric` is one of its numbers, one a replicate."""

    def scores(self, replicate: Replicate) -> Flat | None:
        """Return the scores that learning begins with, shape (flat_size,), if scores are learned."""
        return None

    def draw(self, stream: str) -> int:
        """Return which draw of `stream` it uses."""
        return 0

    def kept_in(self, layers: frozenset[str]) -> int | None:
        """Return how many weights it uses in `layers` together, or None where only training tells."""
        return kept_in(self.mask, self.network, layers)


N = TypeVar("N", bound=Node)


def kept_in(mask: Mask | None, network: Network, layers: frozenset[str]) -> int | None:
    """Return how many weights `mask` keeps in `layers` together, or None where that is known only after training.

    Layers that competed with others, in scope ``"global"``, have a known count only all together.
    """
    if mask is not None and layers:
        return mask.kept_in(layers)
    return sum(tensor.size for name, tensor in network.prunable().items() if name in layers)


def kept_if_known(node: Mask | Measured) -> int | None:
    """Return how many weights a mask keeps or a measured network uses; None where only training tells."""
    return node.kept_in(frozenset(node.network.prunable()))


def kept(node: Mask | Measured) -> int:
    """Return how many weights a mask keeps or a measured network uses: structural and exact, before anything is run.

    Raises DesignError where only training would tell.
    """
    count = kept_if_known(node)
    if count is None:
        raise DesignError(
            f"how many weights {node!r} keeps is known only after training: units are switched off on the way, among= "
            "leaves out layers that competed with others in an earlier round, or masks are combined that were not "
            "pruned from each other. Next: give every round the same among=, combine masks of one chain of rounds, or "
            "let arms lie along another axis than density, axis=Axis(...), with structure() of the mask as an outcome"
        )
    return count


def density(node: Mask | Measured) -> Fraction:
    """Return the exact fraction of prunable weights that a mask keeps, or that a measured network uses.

    Args:
        node: A mask, or what can be an arm.

    Returns:
        The fraction kept, known before anything is run.

    Raises:
        DesignError: Where only training would tell.

    >>> from harness import mlp, random_mask
    >>> density(random_mask(mlp(64, 30, 10), keep=Fraction(1, 5)))
    Fraction(1, 5)
    """
    return Fraction(kept(node), node.network.weights)


def parents(node: Node) -> tuple[Node, ...]:
    """Return the nodes that `node` mentions directly: its fields that are nodes, and what its tuples have of them."""

    def within(value: Any) -> Iterator[Node]:
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            for each in value:
                yield from within(each)

    return tuple(each for f in fields(cast(Any, node)) for each in within(getattr(node, f.name)))


def _same(value: Any) -> Any:
    return value


def rebuilt(
    node: N,
    made: dict[str, Node],
    *,
    recipe: Callable[[Recipe], Recipe] = _same,
    moment: Callable[[int], int] = _same,
    draw: Callable[[Any], Any] = _same,
) -> N:
    """Return `node` with other recipes, steps or draws, in it and in all that it is made from.

    `recipe` is applied to every recipe, `moment` to every step that a field of `MOMENT` names, and `draw` to what a
    field of `DRAW` holds. `made` holds what was rebuilt before, by the key it had, and takes what is rebuilt now: a
    chain of rounds mentions each round twice.
    """

    def changed(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(changed(each) for each in value)
        if isinstance(value, Recipe):
            return recipe(value)
        if isinstance(value, Learn):
            return value.at_moments(moment)
        return rebuilt(value, made, recipe=recipe, moment=moment, draw=draw) if isinstance(value, Node) else value

    if node.key not in made:
        values: dict[str, Any] = {}
        for f in fields(cast(Any, node)):
            value = getattr(node, f.name)
            if DRAW.items() <= f.metadata.items():
                values[f.name] = draw(value)
            elif MOMENT.items() <= f.metadata.items() and isinstance(value, int):
                values[f.name] = moment(value)
            else:
                values[f.name] = changed(value)
        made[node.key] = replace(cast(Any, node), **values)
    return cast(N, made[node.key])


def drawn_first(nodes: Iterable[N]) -> list[N]:
    """Return the nodes as they are at the first draw of every random stream: re-draws of one thing become equal."""
    made: dict[str, Node] = {}
    return [rebuilt(node, made, draw=lambda value: type(value)()) for node in nodes]


@cache
def consumed(node: Node) -> tuple[Taken, ...]:
    """Return what `node` takes from other trainings, directly or through host nodes, each once."""

    def walk(n: Node) -> Iterator[Taken]:
        for parent in parents(n):
            if isinstance(parent, Taken):
                yield parent
            else:
                yield from walk(parent)

    return tuple(dict.fromkeys(walk(node)))


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

"""Networks of one's own: functions that build torch modules, by name, each a layer of a network. Knows no torch."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec

import numpy as np
from numpy.typing import NDArray

from harness.errors import DesignError
from harness.extensions import NAMES, Extensions
from harness.networks._layers import Layer, Parameter, Shape

if TYPE_CHECKING:
    import torch

    from harness.networks._network import Network
    from harness.networks._torch import Facts

P = ParamSpec("P")
Prunable = Callable[[str, Shape], bool]
Initial = Callable[[str, Shape, np.random.Generator], NDArray[Any] | float | None]

NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
PLAIN = (bool, int, float, str, type(None), Fraction, Enum)


@dataclass(frozen=True)
class Builder:
    """A function that builds a torch module, which of its parameters may be pruned, and what they start from."""

    name: str
    function: Callable[..., Any]
    prunable: Prunable | None = None
    initial: Initial | None = None

    @property
    def origin(self) -> str:
        """Where the function is defined."""
        return f"{self.function.__module__}.{self.function.__qualname__}"


NETWORKS = Extensions[Builder]("network")


@dataclass(frozen=True)
class Module(Layer):
    """A torch module as a layer: by the name of what builds it, and with which arguments; `network` makes it."""

    flows: ClassVar[bool] = False

    name: str = field(metadata={NAMES: NETWORKS})  # with the version, where it is not the first
    arguments: tuple[tuple[str, Any], ...]

    @property
    def builder(self) -> Builder:
        """What builds it. Raises DesignError where nothing of this name is registered."""
        return NETWORKS[self.name]

    @property
    def shape(self) -> Shape:
        """The shape of an input as the module sees it."""
        inputs = dict(self.arguments)["inputs"]
        return inputs if isinstance(inputs, tuple) else (inputs,)

    @property
    def label(self) -> str:
        """Its name and arguments, for reports."""
        told = ", ".join(f"{name}={value}" for name, value in self.arguments)
        return f"{self.name}({told})"

    @property
    def facts(self) -> Facts:
        """What torch says of it; imports torch."""
        from harness.networks._torch import facts

        return facts(self.builder, self.arguments)

    def built(self, device: str, dropout: Callable[[float], Any]) -> torch.nn.Module:
        """Return the module on a device, nn.Dropout replaced by what `dropout` makes of its rate; imports torch."""
        from harness.networks._torch import built, replace_dropout

        module = built(self.builder, self.arguments, device)
        replace_dropout(module, dropout)
        return module

    @property
    def takes(self) -> int:
        """The length of an input vector."""
        return math.prod(self.shape)

    def after(self, shape: Shape) -> Shape | None:
        """Return what it gives, of a vector or of what has the shape that it sees."""
        return self.facts.gives if shape in ((self.takes,), self.shape) else None

    def parameters(self) -> tuple[Parameter, ...]:
        """Return its parameters, in torch's order."""
        return self.facts.parameters

    def products(self, shape: Shape) -> dict[str, int]:
        """Return the multiply-adds that torch counts of products with each weight that may be pruned."""
        return dict(self.facts.products)

    def sizes(self, shape: Shape) -> tuple[int, ...]:
        """Return how many values each operation gives."""
        return self.facts.sizes

    @property
    def dropouts(self) -> tuple[float, ...]:
        """The rates of its dropout modules."""
        return self.facts.dropouts

    def initial(self, parameter: str, shape: Shape, random: np.random.Generator) -> NDArray[np.float32] | float | None:
        """Return what the builder's rule says, else 1 for the weights of a normalisation.

        Raises DesignError for values of another shape, and for a parameter that nothing is known of.
        """
        turned = next(each.turned for each in self.parameters() if each.name == parameter)
        seen = shape[::-1] if turned else shape
        given = None if self.builder.initial is None else self.builder.initial(parameter, seen, random)
        if given is not None:
            return self._checked(parameter, seen, np.asarray(given, np.float32), turned)
        if parameter in self.facts.scales:
            return 1.0
        if parameter in self.facts.unknown:
            raise DesignError(
                f"network {self.name!r}: what {parameter} starts from is said nowhere: no layer of torch's has it. "
                "Next: @network(..., initial=), a function of name, shape and a random generator"
            )
        return None

    def _checked(self, parameter: str, seen: Shape, values: NDArray[np.float32], turned: bool) -> NDArray[np.float32]:
        """Return the values that a rule gave, as they lie here."""
        if values.shape not in ((), seen) or not np.isfinite(values).all():
            raise DesignError(
                f"network {self.name!r}: initial= gives {parameter} values of shape {values.shape}, expected finite "
                f"ones of shape {seen}, or one number. Next: correct the function given as initial="
            )
        return np.broadcast_to(values, seen).T if turned else np.broadcast_to(values, seen)


def network(
    name: str, *, version: int = 1, prunable: Prunable | None = None, initial: Initial | None = None
) -> Callable[[Callable[P, Any]], Callable[P, Network]]:
    """Register the decorated function, which builds a torch module, as a network of this name.

    Called, the function then gives a network, which stands wherever one from `mlp` does, and it is built anew in each
    worker, so that it has to be in a file of the folder of claims, or in a module that such a file imports. Its
    arguments are part of the key of what is trained, with name and version; the code is not.

    One of them is ``inputs``, which says what the module is given of an example: a number for a vector of that length,
    or a shape, such as ``(channels, height, width)``. The module is called with one batch of these, and returns as many
    rows of logits, one a class. It is always in training mode. Members of a population pass through it one by one,
    exact in any packing; they share what else a step does, and so gain less from packing than layers do.

    Weights of torch's own layers start from the network's distribution, ``replace(net, init=...)``, those of
    normalisations at 1, and biases at 0; torch's generator has no part in it. Values dropped by nn.Dropout are the
    harness's own draws. Where torch has weights of (outputs, inputs), masks and criteria see (inputs, outputs). Weights
    of a transposed convolution are (inputs, outputs, kernel) as in torch: what goes by outputs is refused for them.

    Args:
        name: How keys and reports call it.
        version: Raise it when the function builds another module: keys have it from 2 on.
        prunable: Whether a parameter may be pruned, by its name and shape; without it, those of two or more dimensions
            that torch's own layers have, normalisations left out.
        initial: What a parameter starts from, by its name, its shape and a numpy generator: an array, a number, or None
            for the usual values. Parameters of modules that are not torch's need it.

    Returns:
        A decorator. The layers that pruning knows are called as torch calls their parameters, ``.weight`` left out.

    Raises:
        DesignError: Another function has this name and version, or takes no ``inputs``. Where the network is made: for
            arguments that no key can hold, and for a module that does not fit: one with BatchNorm, whose forward pass
            fails on these inputs, draws at random, changes anything of the module, mixes the examples of a batch,
            leaves a parameter out, or shares one.

    >>> from torch import nn
    >>> @network("example/rectified")
    ... def rectified(inputs, hidden=30):
    ...     return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, 10))
    >>> net = rectified(inputs=64)
    >>> net.weights, list(net.prunable())
    (2220, ['0', '2'])
    """

    def register(build: Callable[P, Any]) -> Callable[P, Network]:
        signature = inspect.signature(build)
        if unnamed := [str(each) for each in signature.parameters.values() if each.kind not in NAMED]:
            raise DesignError(
                f"network {name!r}: its function takes {unnamed[0]}, which has no name in a key. "
                "Next: give each argument a name; several numbers go as a tuple"
            )
        if "inputs" not in signature.parameters:
            raise DesignError(
                f"network {name!r}: its function takes {', '.join(signature.parameters) or 'nothing'}, and no inputs, "
                "which say what the module is given. Next: def build(inputs, ...): a vector's length, or a shape"
            )
        NETWORKS.add(name, Builder(name, build, prunable, initial), version=version)
        full = name if version == 1 else f"{name}@{version}"

        @functools.wraps(build)
        def made(*args: P.args, **kwargs: P.kwargs) -> Network:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            return _network(full, bound.arguments)

        return made

    return register


def _network(name: str, arguments: dict[str, Any]) -> Network:
    """Return the network of one module, with what is known of it found out now. Raises DesignError, see `network`."""
    from harness.networks._network import Network

    if wrong := [each for each, value in arguments.items() if not _plain(value)]:
        raise DesignError(
            f"network {name!r}: {wrong[0]}={arguments[wrong[0]]!r} cannot be part of a key. "
            "Next: give numbers, text, True, False, None, fractions, or tuples of these"
        )
    layer = Module(name, tuple(sorted(arguments.items())))
    made = Network((layer,))
    for each in layer.parameters():
        layer.initial(each.name, each.shape, np.random.default_rng(0))  # refuses what is of no use
    *_, (_, gives) = made.traced()
    if len(gives) != 1:
        raise DesignError(
            f"network {name!r} gives shape {gives} for one example, expected (classes,). "
            "Next: let its forward pass end with one row of logits an example"
        )
    return made


def _plain(value: object) -> bool:
    return all(map(_plain, value)) if isinstance(value, tuple) else isinstance(value, PLAIN)

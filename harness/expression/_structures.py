"""What is counted of masks, without weights: layers, paths, neighbouring inputs, and what two masks have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.data import Task
from harness.errors import DesignError
from harness.expression._connections import Paths, is_followed, neighbours
from harness.expression._masks import Bits, Flat
from harness.expression._nodes import OTHER_NETWORK, Asked, Mask, Measured, Measurement, Start, Stored
from harness.expression._trainings import INITIAL
from harness.extensions import NAMES, Extensions, called, defined_at
from harness.networks import Dropout, Linear, Network

Layers = Mapping[str, NDArray[np.bool_]]  # by name, in the shape of the layer's tensor, True where a weight is kept
MaskMetric = Callable[[Layers], float]

MASK_METRICS = Extensions[MaskMetric]("metric of masks")  # by the name under which what they give is stored

OF_THE_WHOLE = ("smallest_layer", "empty_layers")
OF_PATHS = ("has_path", "connected_units", "used_inputs")
OF_NEIGHBOURS = {"adjacent_pairs": 2, "adjacent_triples": 3}
OF_TWO = ("overlap", "overlap_above_chance", "jaccard", "mask_distance")


@dataclass(frozen=True, eq=False, repr=False)
class Structure(Measured):
    """What `mask` leaves of its network: how many weights of each layer, which units are connected."""

    task: Task
    mask: Mask
    also: tuple[str, ...] = field(default=(), metadata={NAMES: MASK_METRICS})

    @property
    def network(self) -> Network:
        """The network of the mask."""
        return self.mask.network

    @property
    def asked(self) -> Asked:
        """Counts, without weights or a forward pass."""
        return Asked(measurement=Measurement("structure", "structure of a mask", settings=(("also", self.also),)))

    @property
    def begins(self) -> Start:
        """Weights that are not looked at."""
        return INITIAL

    def measures(self, metric: str) -> bool:
        """Return whether it is a count that the network has: paths need layers whose connections are known."""
        what, _, layer = metric.partition("/")
        if what in OF_NEIGHBOURS:
            return bool(layer) and layer == first_layer(self.network)
        if what == "layer_density":
            return layer in self.network.prunable()
        return metric in (*OF_THE_WHOLE, *self.also) or (metric in OF_PATHS and is_followed(self.network))


@dataclass(frozen=True, eq=False, repr=False)
class AsNumbers(Start):
    """A mask as weights: 1 where it keeps one, else 0; in this form a worker is given a second mask."""

    mask: Mask

    @property
    def origin(self) -> Network:
        """The network of the mask."""
        return self.mask.network

    def values(self, stored: Stored, network: Network) -> Flat:
        """Return its bits as numbers, shape (flat_size,)."""
        return stored.bits(self.mask).astype(np.float32)


@dataclass(frozen=True, eq=False, repr=False)
class Overlap(Measured):
    """Which weights `mask` and `other` both keep."""

    task: Task
    mask: Mask
    other: Mask

    @property
    def network(self) -> Network:
        """The network of both."""
        return self.mask.network

    @property
    def asked(self) -> Asked:
        """Counts, without weights or a forward pass."""
        return Asked(measurement=Measurement("overlap", "overlap of two masks"))

    @property
    def begins(self) -> Start:
        """Weights that are not looked at."""
        return INITIAL

    @property
    def ends(self) -> Start:
        """The other mask, as numbers."""
        return AsNumbers(self.other)

    def measures(self, metric: str) -> bool:
        """Return whether it is of two masks."""
        return metric in OF_TWO


def structure(mask: Mask, task: Task, *, also: tuple[str, ...] = ()) -> Structure:
    """Count what a mask leaves of its network; nothing is trained, and a mask may leave a layer empty.

    * ``layer_density/<layer>``: the share of its weights that a layer keeps; ``smallest_layer``: the least of these;
      ``empty_layers``: how many layers keep nothing;
    * ``has_path``: 1 where weights that are kept lead from some input to some output, else 0. A network without a path
      answers alike whatever it is shown, though no layer need be empty;
    * ``connected_units``: the share of hidden units that lie on such a path; ``used_inputs``: the share of inputs from
      which one begins. Units are outputs of linear layers and channels of convolutions. Attention, normalisation over
      features and modules of your own connect what no mask says: of networks with them these three are not measured;
    * ``adjacent_pairs/<layer>``, ``adjacent_triples/<layer>``: how many pairs, or runs of three, of neighbouring inputs
      units of the first layer keep, per 100 weights that it keeps: along rows and columns of the images as the network
      is shown them, each channel by itself. Of a `permuted` task these are neighbours in the order shown, not in the
      data's. What chance gives is counted of ``shuffle(mask)``, or of ``shuffle(mask, within="unit")``, in which every
      unit keeps as many inputs as it has.

    Args:
        mask: What is counted of.
        task: On which an arm with this node is compared; its images say which inputs are neighbours.
        also: Metrics of your own, by the names that `mask_metric` has given them.

    Returns:
        A node, to be an arm of a design.

    Raises:
        DesignError: For an unknown metric in `also`, and for a task of other inputs than the network's.

    >>> from fractions import Fraction
    >>> from harness import DIGITS, mlp, random_mask
    >>> node = structure(random_mask(mlp(64, 30, 10), keep=Fraction(1, 5)), DIGITS)
    >>> node.measures("has_path"), node.measures("layer_density/fc7")
    (True, False)
    """
    _check_task(mask.network, task)
    for name in also:
        MASK_METRICS[MASK_METRICS.latest(name)]
    return Structure(task, mask, tuple(MASK_METRICS.latest(name) for name in also))


def compare_masks(mask: Mask, other: Mask, task: Task) -> Overlap:
    """Count which weights two masks of one network both keep; nothing is trained.

    * ``overlap``: of the weights of the mask that keeps fewer, the share that the other keeps too;
      ``overlap_above_chance``: that minus what is expected of masks with the same counts a layer at random places,
      the sum over layers of the product of their two counts over the layer's weights;
    * ``jaccard``: the weights that both keep over those that either keeps;
    * ``mask_distance``: the share of all weights that one keeps and the other does not (You et al. 2020, section 3).

    Args:
        mask: One mask; the density of an arm with this node is its.
        other: Another one.
        task: On which an arm with this node is compared.

    Returns:
        A node, to be an arm of a design.

    Raises:
        DesignError: For masks of networks with other tensors, and for a task of other inputs than the network's.

    >>> from fractions import Fraction
    >>> from harness import DIGITS, mlp, random_mask
    >>> masks = [random_mask(mlp(64, 30, 10), keep=Fraction(1, 5), draw=draw) for draw in (0, 1)]
    >>> compare_masks(*masks, DIGITS).measures("jaccard")
    True
    """
    _check_task(mask.network, task)
    if mask.network.tensors() != other.network.tensors():
        raise DesignError(
            f"compare_masks() of {mask.network.label} with a mask {OTHER_NETWORK}: {other.network.label}. "
            "Next: carry(mask, network) takes it over, where layers have the same name and shape"
        )
    return Overlap(task, mask, other)


def _check_task(network: Network, task: Task) -> None:
    if network.inputs != task.inputs:
        raise DesignError(
            f"a mask of {network.label} has {network.inputs} inputs, and {task.name} has {task.inputs}. "
            "Next: name the task that the network is for"
        )


def first_layer(network: Network) -> str:
    """Return the linear layer that sees the inputs as they are; empty where there is none."""
    layers = [layer for layer in getattr(network, "layers", ()) if not isinstance(layer, Dropout)]
    return layers[0].name if layers and isinstance(layers[0], Linear) else ""


def layers_of(network: Network, mask: Bits) -> Layers:
    """Return which weights a mask, shape (flat_size,), keeps in each layer; the arrays must not be changed."""
    made = {}
    for name, tensor in network.prunable().items():
        made[name] = mask[tensor.slice].reshape(tensor.shape).copy()
        made[name].flags.writeable = False
    return made


def structure_values(network: Network, task: Task, mask: Bits, also: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    """Yield what `structure` counts of a mask, shape (flat_size,), by the name under which it is stored.

    Raises DesignError where a metric of a user's own gives what is no number.
    """
    layers = layers_of(network, mask)
    shares = {name: float(kept.mean()) for name, kept in layers.items()}
    for name, share in shares.items():
        yield f"layer_density/{name}", share
    yield "smallest_layer", min(shares.values())
    yield "empty_layers", float(sum(not kept.any() for kept in layers.values()))
    if is_followed(network):
        paths = Paths.of(network, layers)
        yield "has_path", float(paths.exists)
        yield "used_inputs", float(paths.inputs.mean())
        if (connected := paths.connected()).size:
            yield "connected_units", float(connected.mean())
    if (first := first_layer(network)) and layers[first].any():
        for what, count in OF_NEIGHBOURS.items():
            found = neighbours(layers[first], task.shape, count)
            yield f"{what}/{first}", 100 * found / int(layers[first].sum())
    for name in also:
        yield name, _own(name, layers)


def _own(name: str, layers: Layers) -> float:
    function = MASK_METRICS[name]
    correct = "correct the function that @mask_metric decorates"
    with called(f"metric {name!r}, of a mask", function, next=correct, error=DesignError):
        value = function(layers)
    if not isinstance(value, int | float | np.number | np.bool_) or not np.isfinite(value):
        raise DesignError(
            f"metric {name!r} gave {value!r} of a mask, at {defined_at(function)}. Next: {correct}: it returns "
            "a finite number for every mask, also for one with an empty layer"
        )
    return float(value)


def overlap_values(network: Network, mask: Bits, other: Bits) -> Iterator[tuple[str, float]]:
    """Yield what `compare_masks` counts of two masks, shapes (flat_size,); shares of nothing are 0."""
    pairs = [(mask[tensor.slice], other[tensor.slice]) for tensor in network.prunable().values()]
    both, either = (sum(int(f(a, b).sum()) for a, b in pairs) for f in (np.logical_and, np.logical_or))
    fewer = min(sum(int(a.sum()) for a, _ in pairs), sum(int(b.sum()) for _, b in pairs))
    chance = sum(int(a.sum()) * int(b.sum()) / a.size for a, b in pairs)
    yield "overlap", both / max(1, fewer)
    yield "overlap_above_chance", (both - chance) / max(1, fewer)
    yield "jaccard", both / max(1, either)
    yield "mask_distance", (either - both) / network.weights

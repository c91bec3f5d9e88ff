"""The vocabulary in which claims are written: lazy nodes, and the keys under which their results are stored.

A node says what is computed, for every replicate at once; nothing is computed here. Its key is a hash of its fields and
of the keys of the nodes it mentions, so two claims that mention the same training share it. Fields at their defaults do
not enter the key: a later field with a neutral default leaves every stored result valid.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum
from fractions import Fraction
from functools import cache
from typing import Any, Literal

from harness.errors import DesignError, nearest
from harness.network import Network, kept_counts, round_half_up, unit_counts, unit_weights
from harness.recipe import Recipe
from harness.streams import STREAMS
from harness.tasks import Augment, Task

Keep = Fraction | tuple[tuple[str, Fraction], ...]


class Scope(StrEnum):
    """Where magnitudes compete with each other."""

    LAYER = "layer"
    GLOBAL = "global"
    UNIT = "unit"  # whole hidden units of a layer, by the norm of their incoming weights


class Rule(StrEnum):
    """By what weights compete."""

    QUANTILE = "quantile"  # their magnitudes
    STD = (
        "std"  # magnitudes over the standard deviation of their layer's surviving weights (Han et al. 2015, section 3)
    )


class Split(StrEnum):
    """Which of a replicate's examples accuracy is measured on."""

    TEST = "test"
    TRAIN = "train"
    VALIDATION = "validation"


class _Keyed:
    """A node hashes and compares by its key, made once when the node is: a chain of rounds stays cheap to compare."""

    key: str

    def __post_init__(self) -> None:
        text = json.dumps(describe(self), sort_keys=True, separators=(",", ":"))
        object.__setattr__(self, "key", hashlib.sha256(text.encode()).hexdigest()[:32])

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:  # not the fields: a chain of rounds mentions each round twice
        return f"<{type(self).__name__} {self.key[:8]}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Keyed) and self.key == other.key


def describe(node: _Keyed) -> dict[str, Any]:
    """Return what a node's key hashes: its fields, other nodes by their keys; for provenance and ``why``."""
    return _fields(node)


def _fields(value: Any) -> dict[str, Any]:
    described = {
        f.name: _canonical(getattr(value, f.name))
        for f in dataclasses.fields(value)
        if f.default is dataclasses.MISSING or getattr(value, f.name) != f.default
    }
    return {"is": type(value).__name__, **described}


def _canonical(value: Any) -> Any:
    if isinstance(value, _Keyed):
        return {"key": value.key}
    if dataclasses.is_dataclass(value):
        return _fields(value)
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_canonical(item) for item in value]
    return value


@dataclass(frozen=True, eq=False, repr=False)
class Fresh(_Keyed):
    """Parameters drawn anew from the network's initial distribution, in `stream` at `draw`."""

    stream: str = "init"
    draw: int = 0


@dataclass(frozen=True)
class Scores:
    """Edge-popup: weights stay as they start, a score a weight is learned, a layer's top `keep` are used."""

    keep: Fraction


@dataclass(frozen=True, eq=False, repr=False)
class Snapshot(_Keyed):
    """A training's parameters after `step` updates, or at its end; zero where its mask removed a weight."""

    training: Training
    step: int | Literal["end"]


@dataclass(frozen=True, eq=False, repr=False)
class Prune(_Keyed):
    """The mask of the largest magnitudes of `source` among the weights, or units, its training still had.

    Layers that `among` does not name keep what they had; without names, all layers are pruned.
    """

    source: Snapshot
    keep: Keep
    scope: Scope = Scope.LAYER
    among: tuple[str, ...] = ()
    rule: Rule = Rule.QUANTILE


@dataclass(frozen=True, eq=False, repr=False)
class RandomMask(_Keyed):
    """A mask with exact counts a layer, its places drawn from the ``mask`` stream."""

    network: Network
    keep: Keep
    draw: int = 0


@dataclass(frozen=True, eq=False, repr=False)
class LearnedMask(_Keyed):
    """The mask that a training of scores ended with."""

    training: Training


@dataclass(frozen=True, eq=False, repr=False)
class ShuffledMask(_Keyed):
    """A mask whose bits have changed places within each layer, by the ``mask`` stream: counts a layer stay."""

    mask: Mask
    draw: int = 0


@dataclass(frozen=True, eq=False, repr=False)
class Resampled(_Keyed):
    """Weights drawn with replacement, by the ``reinit`` stream, from those that a layer of `start` has under `mask`."""

    mask: Mask
    start: Start = Fresh()
    draw: int = 0


Start = Fresh | Snapshot | Resampled
Mask = Prune | RandomMask | LearnedMask | ShuffledMask


@dataclass(frozen=True, eq=False, repr=False)
class Training(_Keyed):
    """Steps ``first_step .. recipe.steps`` of `recipe`; see `train`."""

    network: Network
    task: Task
    recipe: Recipe
    mask: Mask | None = None
    start: Start = Fresh()
    first_step: int = 0
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
class Evaluation(_Keyed):
    """Accuracy of `weights` under `mask` without any training, on the test set and on `split`."""

    network: Network
    task: Task
    weights: Start = Fresh()
    mask: Mask | None = None
    split: Split = Split.TEST


@dataclass(frozen=True, eq=False, repr=False)
class Between(_Keyed):
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
class Magnitudes(_Keyed):
    """How large the `weights` that `mask` keeps are, among all of their layer."""

    network: Network
    task: Task
    weights: Start = Fresh()
    mask: Mask | None = None


Measured = Training | Evaluation | Between | Magnitudes
Node = Start | Mask | Measured


def train(
    network: Network,
    task: Task,
    recipe: Recipe,
    *,
    mask: Mask | None = None,
    start: Start = Fresh(),
    first_step: int = 0,
    learn: Scores | None = None,
    streams: dict[str, int] | None = None,
) -> Training:
    """Train `network` on `task`; one node stands for all replicates.

    It runs steps ``first_step .. recipe.steps``. Learning rate and data order are functions of the absolute step; the
    optimiser's state starts at zero. `mask` removes weights for good, `start` gives their values at the first step,
    `streams` picks draws of random streams (``{"order": 3}``; 0 where not named). Raises DesignError for a network
    that does not fit the task, a `first_step` outside the recipe, or an unknown stream.
    """
    _check_fit(network, task, mask, start)
    if not 0 <= first_step < recipe.steps:
        raise DesignError(f"first_step {first_step} of a recipe of {recipe.steps} steps: nothing would be trained")
    draws = tuple(sorted((name, draw) for name, draw in (streams or {}).items() if draw))
    if unknown := sorted(set(streams or {}) - set(STREAMS)):
        raise DesignError(f"unknown random stream {unknown[0]!r}; streams are {', '.join(STREAMS)}")
    drawn = (
        {"order"}
        | ({"scores"} if learn is not None else set())
        | ({"augment"} if task.augment is not Augment.NONE else set())
        | ({"dropout"} if network.dropouts else set())
    )
    if unused := [name for name, _ in draws if name not in drawn]:
        raise DesignError(f"a training that never draws from {unused[0]!r} cannot use another draw of it")
    if recipe.batch > task.train_images:
        raise DesignError(f"batches of {recipe.batch} from the {task.train_images} training images of {task.name}")
    if learn is not None:
        if recipe.l1 or recipe.l2:
            raise DesignError("l1 and l2 are penalties on weights, which a training of scores leaves as they are")
        _check_keep(network, learn.keep)
        if empty := [layer for layer, n in kept_counts(network, layer_keep(network, learn.keep)).items() if not n]:
            raise DesignError(
                f"scores at density {learn.keep} use no weight of {', '.join(empty)}. Next: raise keep= in study.py"
            )
    return Training(network, task, recipe, mask, start, first_step, learn, draws)


def prune(
    source: Training | Snapshot,
    *,
    keep: Keep,
    scope: Scope | str = Scope.LAYER,
    among: Iterable[str] = (),
    rule: Rule | str = Rule.QUANTILE,
) -> Prune:
    """Keep the largest-magnitude weights, or hidden units, of `source` (a training means its end).

    `keep` is the fraction of the ORIGINAL weights, one for all layers or ``((layer, fraction), ...)``; with scope
    ``"global"`` all layers compete and `keep` is one fraction. `among` names the layers that are pruned or compete, and
    `keep` is then the fraction of their weights; the others keep what the source has. Counts are
    round-half-up(n * keep); ties go to the lower index.

    With rule ``"std"`` each layer's threshold is one quality times the standard deviation of the weights it has left
    (Han et al. 2015). The quality is the one that keeps `keep` of all layers together, so that density is exact and
    what a layer keeps is an outcome: it needs scope ``"global"``. A layer whose weights are all equal keeps them all.

    With scope ``"unit"`` each hidden layer of a multilayer perceptron keeps round-half-up(units * keep) of its units,
    or by ``((layer, fraction), ...)`` of the hidden layers: those whose incoming weights have the largest Euclidean
    norm (as Li et al. 2017 score filters, there by the sum of magnitudes). A dropped unit loses its incoming and its
    outgoing weights; what the output layer gives is never dropped. Outgoing weights are not scored: a product of both
    would not change when a unit is scaled up before a rectifier and down behind it, but is not what is usually done. A
    dropped unit keeps its bias, or BatchNorm's shift, as those are never pruned: it feeds nothing.

    Raises DesignError for a density outside (0, 1], an unknown layer, one above the source's, or one that only training
    would tell; by units also where a layer would have none, or where single weights were pruned before.
    """
    snapshot = source if isinstance(source, Snapshot) else Snapshot(source, "end")
    if scope not in list(Scope):
        raise DesignError(f"unknown scope {scope!r}{nearest(scope, list(Scope))} Scopes: {', '.join(Scope)}")
    if rule not in list(Rule):
        raise DesignError(f"unknown rule {rule!r}{nearest(rule, list(Rule))} Rules: {', '.join(Rule)}")
    scope, rule = Scope(scope), Rule(rule)
    if rule is Rule.STD and scope is not Scope.GLOBAL:
        raise DesignError(
            "prune(rule='std') has one quality for all layers, so they compete for what is kept. Next: scope='global'"
        )
    training = snapshot.training
    network = training.network
    if training.learn is not None:
        raise DesignError("prune() of a training of scores: its weights are as drawn. Next: use its learned_mask()")
    if scope is Scope.GLOBAL and not isinstance(keep, Fraction):
        raise DesignError("prune(scope='global') takes one fraction; layers have no fractions of their own there")
    chosen = _in_order(network, tuple(among))
    if scope is Scope.UNIT:
        _check_units(training, keep, chosen)
    else:
        _check_keep(network, keep, chosen)
    node = Prune(snapshot, keep, scope, chosen, rule)
    if training.mask is not None and density(node) > density(training.mask):
        raise DesignError(
            f"prune to {float(density(node)):.4f} of the weights from a training that has only "
            f"{float(density(training.mask)):.4f}: pruning cannot bring weights back"
        )
    if scope is Scope.LAYER and training.mask is not None:
        after = kept_counts(network, layer_keep(network, keep, chosen))
        known = {layer: kept_in(training.mask, network, frozenset({layer})) for layer in after}
        before = {layer: count for layer, count in known.items() if count is not None}
        if grown := [layer for layer in before if after[layer] > before[layer]]:
            raise DesignError(
                f"prune would keep {after[grown[0]]} weights of {grown[0]}, of which {before[grown[0]]} are left: "
                "pruning cannot bring weights back"
            )
    return node


def _check_units(training: Training, keep: Keep, among: tuple[str, ...]) -> None:
    """Raise DesignError where units cannot be pruned to `keep` with exact counts."""
    network, before = training.network, training.mask
    hidden = tuple(network.hidden())
    if among or not hidden:
        raise DesignError(
            "prune(scope='unit') chooses among the units of every hidden layer, of which there must be one, and not "
            f"among={among}. Next: name fractions, keep=((layer, fraction), ...), with 1 for a layer to be left alone"
        )
    _check_keep(network, keep, hidden, whose="the hidden layers are")
    if before is not None and not (isinstance(before, Prune) and before.scope is Scope.UNIT):
        raise DesignError(
            "prune(scope='unit') of a training that has lost single weights: what its units have left is known only "
            "after training. Next: prune units before weights"
        )
    after = unit_counts(network, unit_keep(network, keep))
    left = unit_counts(network, unit_keep(network, before.keep if before is not None else Fraction(1)))
    for layer, count in after.items():
        if not 0 < count <= left[layer]:
            raise DesignError(
                f"prune would keep {count} units of {layer}, of which {left[layer]} are left: "
                "a layer needs one, and pruning cannot bring them back. Next: correct keep= in study.py"
            )


def _in_order(network: Network, among: tuple[str, ...]) -> tuple[str, ...]:
    """Return `among` in the network's order, and no names where it names all layers: one choice has one key."""
    layers = tuple(network.prunable())
    if unknown := [name for name in among if name not in layers]:
        raise DesignError(f"among= names {unknown[0]!r}, no layer with weights{nearest(unknown[0], layers)}")
    chosen = tuple(name for name in layers if name in among)
    return () if chosen == layers else chosen


def kept_in(mask: Mask | None, network: Network, layers: frozenset[str]) -> int | None:
    """Return how many weights `mask` keeps in `layers` together, or None where that is known only after training.

    Layers that competed with others, in scope ``"global"``, have a known count only all together.
    """
    if not layers:
        return 0
    sizes = {name: tensor.size for name, tensor in network.prunable().items()}
    match mask:
        case None:
            return sum(sizes[name] for name in layers)
        case Prune(scope=Scope.UNIT):
            counts = unit_weights(network, unit_counts(network, unit_keep(network, mask.keep)))
            return sum(counts[name] for name in layers)
        case Prune():
            among = frozenset(mask.among or sizes)
            rest = kept_in(mask.source.training.mask, network, layers - among)
            if mask.scope is Scope.LAYER:
                counts = kept_counts(network, layer_keep(network, mask.keep, mask.among))
                here: int | None = sum(counts[name] for name in layers & among)
            elif among <= layers:
                assert isinstance(mask.keep, Fraction)
                here = round_half_up(sum(sizes[name] for name in among) * mask.keep)
            else:
                here = None if layers & among else 0
            return None if here is None or rest is None else here + rest
        case LearnedMask():
            learn = mask.training.learn
            keep: Keep | None = None if learn is None else learn.keep
        case RandomMask():
            keep = mask.keep
        case ShuffledMask():
            return kept_in(mask.mask, network, layers)
    if keep is None:
        return None
    counts = kept_counts(network, layer_keep(network, keep))
    return sum(counts[name] for name in layers)


def random_mask(network: Network, *, keep: Keep, draw: int = 0) -> RandomMask:
    """Keep weights at random, with exact counts a layer. Raises DesignError as `prune` does."""
    _check_keep(network, keep)
    return RandomMask(network, keep, draw)


def shuffle(mask: Mask, *, draw: int = 0) -> ShuffledMask:
    """Permute the places of `mask` within each layer: every layer keeps its count, however that came about.

    One draw is one permutation of a layer's places, so that nested masks stay nested (Frankle & Carbin 2019, app. E).
    """
    return ShuffledMask(mask, draw)


def fresh(stream: str = "init", draw: int = 0) -> Fresh:
    """Draw parameters anew from the network's initial distribution: ``fresh("reinit", draw=1)``."""
    if stream not in STREAMS:
        raise DesignError(f"unknown random stream {stream!r}; streams are {', '.join(STREAMS)}")
    return Fresh(stream, draw)


def resample(mask: Mask, start: Start = Fresh(), *, draw: int = 0) -> Resampled:
    """Draw each weight anew from the values that its layer's weights have in `start` where `mask` keeps them.

    So a layer has the distribution of its survivors at other weights (Frankle & Carbin 2019, app. F.3). Every weight of
    the layer gets a value, so that any mask may follow; a layer without survivors, biases and BatchNorm keep those of
    `start`. Raises DesignError where mask and start are of networks with other tensors.
    """
    _check_origins(network_of(mask), None, start)
    return Resampled(mask, start, draw)


def evaluate(
    network: Network,
    task: Task,
    *,
    weights: Start = Fresh(),
    mask: Mask | None = None,
    split: Split | str = Split.TEST,
) -> Evaluation:
    """Measure accuracy of `weights` under `mask`, untrained, on the test set.

    With another `split`, on that too: ``"train"`` is up to 5,000 of the replicate's training images, or the calibration
    pairs of a task of pairs, and gives ``train_accuracy``, ``train_loss`` and ``generalisation_gap``, which is train
    minus test accuracy; ``"validation"`` gives ``validation_accuracy`` and ``validation_loss``. Training images are
    shown as they are, without augmentation. Computed in float32, BatchNorm by the moments of the fixed calibration
    inputs; so a float32 training's end under its mask has exactly that training's test accuracy.

    Raises DesignError for an unknown split, and for what does not fit together.
    """
    _check_fit(network, task, mask, weights)
    if split not in list(Split):
        raise DesignError(f"unknown split {split!r}{nearest(split, list(Split))} Splits: {', '.join(Split)}")
    return Evaluation(network, task, weights, mask, Split(split))


def between(a: Training | Start, b: Training | Start, points: int = 11) -> Between:
    """Measure accuracy on the straight line between two copies of a network, and their distance; without training.

    At `points` evenly spaced t from 0 to 1 the network has the weights (1 - t) a + t b and is tested on the replicate's
    test set in float32, BatchNorm by the moments that the fixed calibration inputs have with those weights. A training
    means its end; typically `a` and `b` are two trainings under one mask that differ in their data order.

    * ``path_accuracy`` and ``path_loss`` at every point, its number as the step;
    * ``barrier``: the highest error on the path minus the mean of the errors at its ends, a share (Frankle et al. 2020,
      section 2, over as many points); never negative. Where a copy diverged no path leads to it: it is that of a
      perfect network and chance;
    * ``distance``: the Euclidean norm of a - b over the prunable weights; no number where a copy has none;
    * ``relative_distance``: that, divided by the mean of the norms of a and b.

    The density is that of the masks under which `a` and `b` were trained; where these are two, what lies between uses
    the weights of both. Raises DesignError for networks with other tensors, other tasks or another number of weights,
    for two drawn weights (no training says on what they are tested), and for fewer than 3 points. Where `a` is `b` the
    barrier is 0 but for rounding: the reference of a part that says that another barrier is low.
    """
    a, b = (end.at("end") if isinstance(end, Training) else end for end in (a, b))
    trained = [end.training for end in (a, b) if isinstance(end, Snapshot)]
    if not trained:
        raise DesignError("between() needs two weights, one of them a training's, which says on what they are tested")
    network, task = trained[0].network, trained[0].task
    if points < 3:
        raise DesignError(f"between() at {points} points: a barrier needs both ends and one between. Next: points=11")
    for end in (a, b):
        _check_origins(network, None, end)
    if trained[-1].task != task:
        raise DesignError(
            f"between() trainings on {task.name} and on {trained[-1].task.name}, which may differ in data"
        )
    one, other = (Fraction(1) if mask is None else density(mask) for mask in map(mask_of, (a, b)))
    if one != other:
        raise DesignError(
            f"between() copies of which one has {float(one):.4f} and the other {float(other):.4f} of the weights. "
            "Next: take both at one density"
        )
    return Between(network, task, a, b, points)


def magnitudes(network: Network, task: Task, *, weights: Start = Fresh(), mask: Mask | None = None) -> Magnitudes:
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

    A layer without survivors has no numbers. Raises DesignError for what does not fit together, and for weights from
    a training that had a mask, where those that were removed are 0.
    """
    _check_fit(network, task, mask, weights)
    if mask_of(weights) is not None:
        raise DesignError(
            "magnitudes() of weights some of which were removed before: what they would be is not there. "
            "Next: weights= of the dense training, or fresh()"
        )
    return Magnitudes(network, task, weights, mask)


def measures(node: Measured, stored: str) -> bool:
    """Return whether `node` gives the stored metric, one number a replicate."""
    match node:
        case Between():
            return stored in ("barrier", "distance", "relative_distance")
        case Magnitudes():
            what, _, layer = stored.partition("/")
            return what in ("magnitude_ratio", "near_zero") and layer in node.network.prunable()
        case Evaluation():
            gap = {"generalisation_gap"} if node.split is Split.TRAIN else set()
            measured = {f"{split}_{what}" for split in (Split.TEST, node.split) for what in ("accuracy", "loss")}
            return stored in measured | gap
        case Training():
            return stored in ("test_accuracy", "validation_accuracy", "early_stop_accuracy")


def mask_of(start: Start) -> Mask | None:
    """Return the mask under which the weights `start` were trained, None where they were not, or under none."""
    return start.training.mask if isinstance(start, Snapshot) else None


def _check_fit(network: Network, task: Task, mask: Mask | None, start: Start) -> None:
    if network.inputs != task.inputs or network.outputs != task.classes:
        raise DesignError(
            f"a network of {network.inputs} inputs and {network.outputs} outputs on task {task.name}, which has "
            f"{task.inputs} and {task.classes}. Next: correct the widths in the claim's study.py."
        )
    _check_origins(network, mask, start)


def _check_origins(network: Network, mask: Mask | None, start: Start) -> None:
    origins = [] if mask is None else [("mask", network_of(mask))]
    match start:
        case Snapshot():
            origins.append(("start", start.training.network))
        case Resampled():
            origins.append(("start", network_of(start.mask)))
    for what, origin in origins:
        if origin.tensors() != network.tensors():
            raise DesignError(
                f"a {what} of a network with other tensors than the one it is given to. Next: use one network for both"
            )


def _check_keep(network: Network, keep: Keep, among: tuple[str, ...] = (), *, whose: str = "") -> None:
    fractions = dict(keep) if isinstance(keep, tuple) else {"every layer": keep}
    for where, fraction in fractions.items():
        if not isinstance(fraction, Fraction):
            raise DesignError(f"density of {where} is {fraction!r}: use a Fraction, so that counts are exact")
        if not 0 < fraction <= 1:
            raise DesignError(
                f"density of {where} is {fraction}: it is the fraction KEPT, in (0, 1]. "
                "Next: correct keep= in the claim or its study.py."
            )
    pruned = among or tuple(network.prunable())
    if isinstance(keep, tuple) and set(fractions) != set(pruned):
        whose = whose or ("among= has" if among else "the network has")
        raise DesignError(f"keep names layers {sorted(fractions)}, {whose} {sorted(pruned)}")


def layer_keep(network: Network, keep: Keep, among: tuple[str, ...] = ()) -> dict[str, Fraction]:
    """Return the fraction that each layer, or each of those in `among`, keeps under layerwise pruning."""
    return dict(keep) if isinstance(keep, tuple) else dict.fromkeys(among or network.prunable(), keep)


def unit_keep(network: Network, keep: Keep) -> dict[str, Fraction]:
    """Return the fraction of its units that each hidden layer keeps under pruning by units."""
    return dict(keep) if isinstance(keep, tuple) else dict.fromkeys(network.hidden(), keep)


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


def kept(node: Mask | Measured) -> int:
    """Return how many weights a mask keeps or a measured network uses: structural and exact, before anything is run.

    Raises DesignError where only training would tell: layers left out now that competed with others in a round before.
    """
    match node:
        case Training(learn=Scores(keep=keep)):
            return sum(kept_counts(node.network, layer_keep(node.network, keep)).values())
        case LearnedMask():
            return kept(node.training)
        case Training() | Evaluation() | Between() | Magnitudes():
            return node.network.weights if node.mask is None else kept(node.mask)
        case Prune() | RandomMask() | ShuffledMask():
            network = network_of(node)
            count = kept_in(node, network, frozenset(network.prunable()))
            if count is None:
                raise DesignError(
                    "among= leaves out layers that competed with others in an earlier round: what they have left is "
                    "known only after training. Next: give every round the same among="
                )
            return count


def density(node: Mask | Measured) -> Fraction:
    """Return the exact fraction of prunable weights that a mask keeps, or that a measured network uses."""
    return Fraction(kept(node), network_of(node).weights)


def parents(node: Node) -> tuple[Node, ...]:
    """Return the nodes that `node` mentions directly."""
    match node:
        case Fresh() | RandomMask():
            return ()
        case Snapshot() | LearnedMask():
            return (node.training,)
        case Prune():
            return (node.source,)
        case ShuffledMask():
            return (node.mask,)
        case Resampled():
            return (node.mask, node.start)
        case Training():
            return tuple(n for n in (node.mask, node.start) if n is not None)
        case Evaluation() | Magnitudes():
            return tuple(n for n in (node.mask, node.weights) if n is not None)
        case Between():
            return (node.a, node.b)


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

"""Floating-point operations and sizes, from structure alone: exact counts before anything is run.

Counted are the products with weights, two operations a multiply-add, as they are executed: a mask makes zeros and saves
nothing. Biases, BatchNorm, rectifiers, the loss and the optimiser are left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.expression import LearnedMask, Measured, Prune, RandomMask, Scope, Training, kept, layer_keep
from harness.network import Linear, Network, kept_counts
from harness.population import Program
from harness.tasks import CALIBRATION, PAIRS, VALIDATION, Task


def multiply_adds(network: Network, kept: Mapping[str, int] | None = None) -> int:
    """Return the multiply-adds of one forward pass of one input; `kept` says how many weights a layer keeps.

    Layers that `kept` does not name are dense. A weight of a fully connected layer is used once an input.
    """
    sizes = {name: tensor.size for name, tensor in network.prunable().items()}
    linear = {layer.name for layer in network.layers if isinstance(layer, Linear)}
    assert sizes.keys() <= linear, f"how often an input uses a weight of {sizes.keys() - linear} is not known here"
    return sum((sizes | dict(kept or {})).values())


def training_flops(program: Program) -> int:
    """Return the operations of all updates of one member; 0 where nothing is trained.

    Of each layer's products there are three: its outputs, the gradient of its weights, and that of its inputs, which
    the first layer does without. With B examples a batch and m multiply-adds an input, of which m1 in the first layer,
    a step is B (6 m - 2 m1).
    """
    if program.recipe is None:
        return 0
    network = program.network
    first = next(iter(network.prunable()))
    every = multiply_adds(network)
    of_first = every - multiply_adds(network, {first: 0})
    return program.steps * program.recipe.batch * (6 * every - 2 * of_first)


def evaluation_flops(program: Program) -> int:
    """Return the operations of all evaluations of one member.

    A training validates every so many steps and after the last one, and is tested there and at its early stop. With
    BatchNorm each evaluation first passes the calibration inputs.
    """
    task, recipe = program.task, program.recipe
    calibration = CALIBRATION if program.network.batch_norms else 0
    if recipe is None:
        examples = calibration + task.test_examples
    else:
        steps = range(program.first_step + 1, recipe.steps + 1)
        validations = sum(step % recipe.validate_every == 0 or step == recipe.steps for step in steps)
        examples = validations * (calibration + _validation_examples(task)) + 2 * (calibration + task.test_examples)
    return 2 * multiply_adds(program.network) * examples


def _validation_examples(task: Task) -> int:
    return VALIDATION if task.images == 1 else PAIRS


def parameters(node: Measured) -> int:
    """Return how many parameters a measured network has: weights that are kept, biases, BatchNorm's."""
    every = sum(tensor.size for tensor in node.network.tensors())
    return every - node.network.weights + kept(node)


def kept_multiply_adds(node: Measured) -> int | None:
    """Return the multiply-adds that the kept weights of a measured network make with one input.

    None where only training tells: layers competed for what is kept, and use their weights unequally often.
    """
    network = node.network
    if multiply_adds(network) == network.weights:
        return kept(node)
    counts = _kept_layers(node)
    return None if counts is None else multiply_adds(network, counts)


def _kept_layers(node: Measured) -> dict[str, int] | None:
    """Return how many weights each layer keeps, or None where that is known only after training."""
    network = node.network
    learn = node.learn if isinstance(node, Training) else None
    if learn is None:
        match node.mask:
            case None:
                return {name: tensor.size for name, tensor in network.prunable().items()}
            case Prune(scope=Scope.GLOBAL):
                return None
            case Prune() | RandomMask():
                return kept_counts(network, layer_keep(network, node.mask.keep))
            case LearnedMask():
                learn = node.mask.training.learn
    return None if learn is None else kept_counts(network, layer_keep(network, learn.keep))

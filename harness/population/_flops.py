"""Floating-point operations and sizes, from structure alone: exact counts before anything is run.

Counted are the products with weights, two operations a multiply-add, as they are executed: a mask makes zeros and saves
nothing. Biases, BatchNorm, rectifiers, the loss and the optimiser are left out.
"""

from __future__ import annotations

from harness.data import CALIBRATION
from harness.expression import Measured, kept
from harness.population._population import Program


def training_flops(program: Program) -> int:
    """Return the operations of all updates of one member; 0 where nothing is trained.

    Of each layer's products there are three: its outputs, the gradient of its weights, and that of its inputs, which
    the first layer does without. With B examples a batch and m multiply-adds an input, of which m1 in the first layer,
    a step is B (6 m - 2 m1); what learns otherwise says itself what it takes, and a teacher answers each batch.
    """
    if program.recipe is None:
        return 0
    network = program.network
    first = next(iter(network.prunable()))
    every = network.multiply_adds()
    of_first = every - network.multiply_adds({first: 0})
    batch, learn = program.recipe.batch, program.learn
    a_step = batch * (3 * every - of_first) if learn is None else learn.multiply_adds(batch, every, of_first)
    taught = 0 if program.teacher is None else batch * program.teacher.multiply_adds()
    return 2 * program.steps * (a_step + taught)


def evaluation_flops(program: Program) -> int:
    """Return the operations of all evaluations of one member.

    A training validates every so many steps and after the last one, and is tested there and at its early stop. What is
    only measured passes the examples of the splits that its measurement names. With BatchNorm each evaluation first
    passes the calibration inputs.
    """
    task, recipe = program.task, program.recipe
    calibration = CALIBRATION if program.network.batch_norms else 0
    if recipe is None:
        examples = sum(calibration + task.examples(split) for split in program.measurement.passes)
    else:
        every = recipe.validate_every
        validations = recipe.steps // every - program.first_step // every + (recipe.steps % every > 0)
        examples = validations * (calibration + task.examples("validation")) + 2 * (calibration + task.test_examples)
    return 2 * program.network.multiply_adds() * examples


def parameter_count(node: Measured) -> int:
    """Return how many parameters a measured network has: weights that are kept, biases, BatchNorm's."""
    every = sum(tensor.size for tensor in node.network.tensors())
    return every - node.network.weights + kept(node)


def kept_multiply_adds(node: Measured) -> int | None:
    """Return the multiply-adds that the kept weights of a measured network make with one input.

    None where only training tells: layers competed for what is kept, and use their weights unequally often.
    """
    counts = _kept_layers(node)
    if counts is not None:
        return node.network.multiply_adds(counts)
    return kept(node) if node.network.multiply_adds() == node.network.weights else None


def _kept_layers(node: Measured) -> dict[str, int] | None:
    """Return how many weights each layer keeps, or None where that is known only after training."""
    counts = {name: node.kept_in(frozenset((name,))) for name in node.network.prunable()}
    known = {name: count for name, count in counts.items() if count is not None}
    return known if len(known) == len(counts) else None

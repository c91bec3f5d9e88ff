"""Learning from a teacher is Hinton's, by torch's own loop; each member has its own teacher, of any network."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from harness.data import _drawing as drawing
from harness.data import _splits as splits
from harness.data._tasks import DIGIT_DIFFERENCE, DIGITS
from harness.engine._course import compute
from harness.errors import DesignError
from harness.expression import fresh, lineage, train
from harness.networks._initial import initial_values
from harness.networks._network import mlp
from harness.networks._recipe import SGD, Recipe
from harness.population._flops import training_flops
from harness.population._population import Population, Program
from harness.streams import Replicate
from tests.members import member

NET, LARGE = mlp(64, 9, 10), mlp(64, 30, 20, 10)
NORMED = mlp(128, 20, 10, batch_norm=True)
RECIPE = Recipe(optimiser=SGD(0.2, momentum=0.9), steps=15, batch=40, distil=0.7, temperature=3.0)
PROGRAM = Program(NET, DIGITS, RECIPE, teacher=LARGE)


def taught(program, count):
    """Members with teachers of their own, of larger weights than networks begin with: they are sure of something."""
    made = []
    for i in range(count):
        one = member(program, i, keep=None)
        end = 3 * initial_values(program.teacher, Replicate(7, i), "reinit", 0)
        made.append(replace(one, end=end, mask=None))
    return tuple(made)


def plain(network, flat, x):
    h = x
    tensors = {t.name: flat[t.slice].view(t.shape) for t in network.tensors()}
    names = [name.removesuffix(".weight") for name in tensors if name.endswith(".weight")]
    for name in names:
        h = h @ tensors[f"{name}.weight"] + tensors[f"{name}.bias"]
        h = h if name == names[-1] else h.relu()
    return h


def by_autograd(one):
    """One member's training in float64: cross-entropy with the answers and, at the temperature, with the teacher."""
    flat = torch.from_numpy(one.start.astype(np.float64)).requires_grad_()
    teacher = torch.from_numpy(one.end.astype(np.float64))
    optimiser = torch.optim.SGD([flat], lr=0.2, momentum=0.9)
    batches = drawing.batches(DIGITS, one.replicate, one.order_draw, size=40, first=0, last=15)
    for images, answers in zip(batches.images, batches.answers, strict=True):
        x = torch.from_numpy(splits.source()[0][images[:, 0]]).double()
        logits, soft = plain(NET, flat, x), (plain(LARGE, teacher, x) / 3).softmax(1)
        hard = functional.cross_entropy(logits, torch.from_numpy(answers))
        relative = (soft * (soft.log() - (logits / 3).log_softmax(1))).sum(1).mean()
        optimiser.zero_grad()
        (0.3 * hard + 0.7 * 9 * relative).backward()
        optimiser.step()
    return flat.detach()


def test_a_student_learns_what_the_equation_says():
    """To rounding of float32, for members with teachers of their own; and it does move them."""
    members = taught(PROGRAM, 3)
    for one, result in zip(members, compute(Population(PROGRAM, members)).members, strict=True):
        torch.testing.assert_close(
            torch.from_numpy(result.arrays["end"]).double(), by_autograd(one), rtol=1e-3, atol=1e-5
        )
    alone = replace(PROGRAM, recipe=replace(RECIPE, distil=0.0), teacher=None)
    (untaught,) = compute(Population(alone, (replace(members[0], end=None),))).members
    assert not np.allclose(untaught.arrays["end"], by_autograd(members[0]), atol=1e-3)


@pytest.mark.parametrize("teacher", ["plain", "batch-norm"])
def test_packed_students_equal_those_alone(teacher):
    """Bit for bit, also with a teacher that normalises by its own moments of the calibration inputs."""
    program = PROGRAM if teacher == "plain" else Program(mlp(128, 9, 10), DIGIT_DIFFERENCE, RECIPE, teacher=NORMED)
    members = taught(program, 5)
    together = compute(Population(program, members)).members
    for one, result in zip(members, together, strict=True):
        (alone,) = compute(Population(program, (one,))).members
        assert alone.rows == result.rows
        np.testing.assert_array_equal(alone.arrays["end"], result.arrays["end"])


def test_a_teacher_is_trained_before_its_student():
    """It is in the lineage, and in the student's key; and what it costs is counted."""
    plain_recipe = replace(RECIPE, distil=0.0, temperature=1.0)
    large, other = (train(LARGE, DIGITS, plain_recipe, streams={"order": draw}) for draw in (0, 1))
    student = train(NET, DIGITS, RECIPE, teacher=large)
    assert lineage([student]) == [large, student]
    assert student.key != train(NET, DIGITS, RECIPE, teacher=other).key
    answered = 2 * 15 * 40 * LARGE.multiply_adds()
    assert training_flops(Program.of(student)) - training_flops(Program(NET, DIGITS, RECIPE)) == answered


@pytest.mark.parametrize(
    ("teacher", "recipe", "said"),
    [
        (None, RECIPE, "without a teacher"),
        (fresh("reinit"), replace(RECIPE, distil=0.0), "with a teacher"),
        (train(NORMED, DIGIT_DIFFERENCE, replace(RECIPE, distil=0.0)), RECIPE, "128 inputs"),
    ],
)
def test_teachers_that_do_not_fit(teacher, recipe, said):
    """Refused while the claim is written."""
    with pytest.raises(DesignError, match=said):
        train(NET, DIGITS, recipe, teacher=teacher)


@pytest.mark.parametrize("wrong", [{"distil": 1.5}, {"distil": -0.1}, {"temperature": 0.0}])
def test_what_a_share_or_a_temperature_cannot_be(wrong):
    """Refused where it is written."""
    with pytest.raises(DesignError, match="Next: correct the recipe"):
        replace(RECIPE, **wrong)

"""What is read off answers: calibration by a plain loop, disagreement of two nets, functions of one's own."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data import _splits as splits
from harness.data._tasks import DIGIT_DIFFERENCE, DIGITS
from harness.engine._course import compute
from harness.errors import DesignError, RunError
from harness.expression import (
    ANSWER_METRICS,
    RedrawnScores,
    Scores,
    between,
    disagreement,
    evaluate,
    fresh,
    measures,
    random_mask,
    train,
)
from harness.expression._answers import calibration_error
from harness.networks._initial import initial_values
from harness.networks._network import mlp
from harness.networks._recipe import SGD, Recipe
from harness.population._population import Population, Program
from harness.streams import Replicate
from tests.members import member

NET = mlp(64, 9, 10)
RECIPE = Recipe(optimiser=SGD(0.1), steps=5, batch=40)


def by_loop(logits, answers):
    """Guo et al. 2017, equation 3, bin by bin: a bin has what is above its lower end, up to its upper one."""
    bins = [[] for _ in range(15)]
    for row, answer in zip(logits.tolist(), answers.tolist(), strict=True):
        powers = np.exp(np.array(row) - max(row))
        share = float((powers / powers.sum()).max())
        place = next(i for i in range(15) if share <= (i + 1) / 15 or i == 14)
        bins[place].append((share, float(row.index(max(row)) == answer)))
    return sum(abs(sum(c - r for c, r in each)) for each in bins) / len(answers)


@settings(max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), classes=st.integers(2, 12), scale=st.sampled_from([0.0, 0.1, 3.0, 300.0]))
def test_calibration_is_the_papers(seed, classes, scale):
    """For nets that are sure, unsure and indifferent."""
    rng = np.random.default_rng(seed)
    logits, answers = scale * rng.standard_normal((70, classes)), rng.integers(0, classes, 70)
    assert calibration_error(logits, answers) == pytest.approx(by_loop(logits, answers), abs=1e-12)


def test_a_net_that_says_how_often_it_is_right_is_calibrated():
    """Sure and right: 0. Sure and wrong: 1. Three in four right at three quarters: 0."""
    sure = np.array([[50.0, 0.0]] * 4)
    assert calibration_error(sure, np.zeros(4, int)) == pytest.approx(0)
    assert calibration_error(sure, np.ones(4, int)) == pytest.approx(1)
    assert calibration_error(np.array([[np.log(3.0), 0.0]] * 4), np.array([0, 0, 0, 1])) == pytest.approx(0)


def logits_of(one, flat):
    held_out = splits.held_out(DIGITS, one.replicate, "test")
    x = torch.from_numpy(splits.source()[0][held_out.images[:, 0]]).double()
    w = {t.name: torch.from_numpy(flat[t.slice].reshape(t.shape)).double() for t in NET.tensors()}
    hidden = (x @ w["fc1.weight"] + w["fc1.bias"]).relu()
    return (hidden @ w["output.weight"] + w["output.bias"]).numpy(), held_out.answers


def computed(node, members):
    results = compute(Population(Program.of(node), members)).members
    return [{row.metric: row.value for row in result.rows} for result in results]


def members(count):
    program = Program(NET, DIGITS)
    return tuple(
        replace(member(program, i, keep=None), mask=None, end=initial_values(NET, Replicate(7, i), "reinit", 0))
        for i in range(count)
    )


def test_metrics_of_answers_are_given_what_the_net_answers():
    """Each member's own logits on its own test set, and beside them what is always measured."""
    made = members(3)
    rows = computed(evaluate(NET, DIGITS, also=("calibration_error",)), made)
    for one, row in zip(made, rows, strict=True):
        logits, answers = logits_of(one, one.start)
        assert row["calibration_error"] == pytest.approx(by_loop(logits, answers), abs=1e-6)
        assert row["test_accuracy"] == (logits.argmax(1) == answers).mean()


def test_two_nets_are_compared_answer_by_answer():
    """How often they differ, and how right the mean of their probabilities is; packed as alone."""
    node, made = disagreement(train(NET, DIGITS, RECIPE), fresh("reinit")), members(3)
    rows = computed(node, made)
    for one, row in zip(made, rows, strict=True):
        a, answers = logits_of(one, one.start)
        b, _ = logits_of(one, one.end)
        soft = [torch.from_numpy(x).softmax(1).numpy() for x in (a, b)]
        assert row["disagreement"] == (a.argmax(1) != b.argmax(1)).mean()
        assert row["ensemble_accuracy"] == ((soft[0] + soft[1]).argmax(1) == answers).mean()
        assert computed(node, (one,)) == [row]


def test_a_net_agrees_with_itself():
    """And its ensemble is as good as it is."""
    made = tuple(replace(m, end=m.start) for m in members(2))
    alone = computed(evaluate(NET, DIGITS), made)
    for row, one in zip(computed(disagreement(train(NET, DIGITS, RECIPE), fresh()), made), alone, strict=True):
        assert row == {"disagreement": 0.0, "ensemble_accuracy": one["test_accuracy"]}


def test_one_that_diverged_has_no_number():
    """Its answers are no answers: a count of them would be read as one."""
    one, other = members(2)
    broken = replace(one, end=np.full_like(one.end, np.nan))
    rows = computed(disagreement(train(NET, DIGITS, RECIPE), fresh("reinit")), (broken, other))
    assert np.isnan(rows[0]["disagreement"])
    assert rows[0]["ensemble_accuracy"] == DIGITS.chance
    assert rows[1] == computed(disagreement(train(NET, DIGITS, RECIPE), fresh("reinit")), (other,))[0]


def test_a_metric_of_ones_own_is_registered_and_measured():
    """By name; one of an unknown name is refused with the next step, and one that gives no number is named."""
    ANSWER_METRICS.add("sure", lambda logits, answers: float((logits.max(1) > 0).mean()))
    ANSWER_METRICS.add("nothing", lambda logits, answers: float("nan"))
    try:
        node = evaluate(NET, DIGITS, also=("sure",))
        assert measures(node, "sure")
        assert node.key != evaluate(NET, DIGITS).key
        (row,) = computed(node, members(1))
        assert row["sure"] == (logits_of(members(1)[0], members(1)[0].start)[0].max(1) > 0).mean()
        with pytest.raises(RunError, match="'nothing' gave nan"):
            computed(evaluate(NET, DIGITS, also=("nothing",)), members(1))
    finally:
        ANSWER_METRICS.remove("sure")
        ANSWER_METRICS.remove("nothing")
    with pytest.raises(DesignError, match="unknown metric of answers"):
        evaluate(NET, DIGITS, also=("sure",))


def test_two_nets_of_different_tasks_or_none_are_refused():
    """While the claim is written."""
    other = train(mlp(128, 9, 10), DIGIT_DIFFERENCE, RECIPE)
    with pytest.raises(DesignError, match="other tensors"):
        disagreement(train(NET, DIGITS, RECIPE), other)
    with pytest.raises(DesignError, match="one of them a training's"):
        disagreement(fresh(), fresh("reinit"))
    assert not measures(between(train(NET, DIGITS, RECIPE), fresh()), "disagreement")


HALF = Fraction(1, 2)
LEARNS = [Scores(HALF), RedrawnScores(HALF, every=2)]
UNBIASED = mlp(64, 9, 10, bias=False)


@pytest.mark.parametrize("learn", LEARNS)
def test_what_scores_ended_with_is_evaluated_only_where_its_factor_changes_nothing(learn):
    """Its weights are multiplied by a factor in training: with biases, and of all but accuracy, it is another net."""
    biased, unbiased = (train(net, DIGITS, RECIPE, learn=learn) for net in (NET, UNBIASED))
    with pytest.raises(DesignError, match=r"answers of a net with biases or norms .* Next: the training itself"):
        evaluate(NET, DIGITS, weights=biased.at("end"), mask=biased.learned_mask())
    with pytest.raises(DesignError, match=r"'calibration_error' is another net's. Next: "):
        evaluate(UNBIASED, DIGITS, weights=unbiased, mask=unbiased.learned_mask(), also=("calibration_error",))
    node = evaluate(UNBIASED, DIGITS, weights=unbiased, mask=unbiased.learned_mask(), split="train")
    names = ("test_accuracy", "train_accuracy", "generalisation_gap", "test_loss", "train_loss")
    assert [measures(node, name) for name in names] == [True, True, True, False, False]


@pytest.mark.parametrize("learn", LEARNS)
def test_other_weights_under_its_mask_are_a_net_of_their_own(learn):
    """And so are its weights under another mask: nothing was trained so, and nothing is missing."""
    popup, dense = train(NET, DIGITS, RECIPE, learn=learn), train(NET, DIGITS, RECIPE)
    for node in (
        evaluate(NET, DIGITS, weights=dense, mask=popup.learned_mask()),
        evaluate(NET, DIGITS, weights=popup.at("end"), mask=random_mask(NET, keep=HALF)),
    ):
        assert measures(node, "test_loss")


@pytest.mark.parametrize("learn", LEARNS)
def test_a_training_of_scores_answers_by_more_than_its_weights(learn):
    """Beside another net, at the end of a path, and as a teacher: its weights alone are no net that was trained."""
    popup, dense = train(UNBIASED, DIGITS, RECIPE, learn=learn), train(UNBIASED, DIGITS, RECIPE)
    told = r"a training of scores as {}.* Next: give a training that learns weights"
    with pytest.raises(DesignError, match=told.format("one of two nets")):
        disagreement(popup, dense)
    with pytest.raises(DesignError, match=told.format("the end of a path")):
        between(dense, popup)
    with pytest.raises(DesignError, match=told.format("a teacher")):
        train(UNBIASED, DIGITS, replace(RECIPE, distil=0.5), teacher=popup)
    if learn.moves_weights:
        with pytest.raises(DesignError, match=told.format("one of two nets")):
            disagreement(dense, popup.at("end"))

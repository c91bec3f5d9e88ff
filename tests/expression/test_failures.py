"""What a function of a project's own dies of, or gives that is no number, is told with its name, file and line."""

import re
from dataclasses import replace

import numpy as np
import pytest

from harness.data import DIGITS, SETS, data_set, load_set
from harness.engine import _untrained as untrained
from harness.errors import DataError, DesignError, HarnessError, RunError
from harness.expression import ANSWER_METRICS, COMBINATIONS, CRITERIA, MASK_METRICS, combination, criterion
from harness.expression._structures import structure_values
from harness.networks import mlp

NET = mlp(64, 3, 10)
LAYER = np.ones((2, 3), np.float32)
MASK = np.ones(NET.flat_size, bool)


def fails(*given, **further):
    """Die in a function of numpy's, which is not where the mistake is."""
    return np.linalg.inv(np.zeros((2, 2)))  # this line


FAILS_AT = (
    rf"LinAlgError: Singular matrix, at {re.escape(__file__)}:{fails.__code__.co_firstlineno + 2}\. Next: correct "
)


def scored():
    """Ask a criterion."""
    criterion("fails")(fails)
    try:
        return CRITERIA["fails"].scores("fc1", LAYER, LAYER > 0)
    finally:
        CRITERIA.remove("fails")


def combined():
    """Ask a combination."""
    combination("fails")(fails)
    try:
        return COMBINATIONS["fails"].of_layer("fc1", [LAYER, LAYER])
    finally:
        COMBINATIONS.remove("fails")


def loaded():
    """Load a data set."""
    data_set("fails", train=2)(fails)
    try:
        return load_set("fails")
    finally:
        SETS.remove("fails")


def of_mask(function=fails):
    """Measure a mask."""
    MASK_METRICS.add("own", function)
    try:
        return dict(structure_values(NET, DIGITS, MASK, ("own",)))["own"]
    finally:
        MASK_METRICS.remove("own")


def of_answers(function=fails):
    """Measure answers."""
    ANSWER_METRICS.add("own", function)
    try:
        return untrained._own("own", np.ones((4, 10)), np.zeros(4, np.int64))
    finally:
        ANSWER_METRICS.remove("own")


@pytest.mark.parametrize(
    ("ask", "error", "named"),
    [
        (scored, DesignError, "criterion 'fails', of layer fc1 failed: "),
        (combined, DesignError, "combination 'fails', of layer fc1 failed: "),
        (loaded, DataError, "data set fails failed: "),
        (of_mask, DesignError, "metric 'own', of a mask failed: "),
        (of_answers, RunError, "metric 'own', of a net's answers failed: "),
    ],
)
def test_what_dies_is_named_with_file_line_and_next_step(ask, error, named):
    """And not as a bare traceback, nor by the claim alone."""
    with pytest.raises(error, match=f"^{named}{FAILS_AT}"):
        ask()


@pytest.mark.parametrize("ask", [of_mask, of_answers])
@pytest.mark.parametrize("given", ["abc", "1.5", None, float("nan")])
def test_what_is_no_number_is_named_with_the_function_s_place(ask, given):
    """Text is none, even text that reads like one."""

    def function(*arguments):
        return given

    place = re.escape(f"{__file__}:{function.__code__.co_firstlineno}")
    with pytest.raises(HarnessError, match=rf"metric 'own' gave {given!r} of .*, at {place}\. Next: correct"):
        ask(function)


def test_what_refuses_in_the_harness_s_words_is_left_as_it_is():
    """A criterion that raises a DesignError says itself what is wrong."""

    def refuses(weights, alive):
        raise DesignError("not so. Next: otherwise")

    with pytest.raises(DesignError, match=r"^not so\. Next: otherwise$"):
        replace(CRITERIA["quantile"], score=refuses).scores("fc1", LAYER, LAYER > 0)

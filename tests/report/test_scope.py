"""Of what intervals speak: other seeds, and which examples."""

import pytest

from harness.data import CARTPOLE, DIGITS, SHAKESPEARE
from harness.report._scope import _not_measured, _of


@pytest.mark.parametrize(
    ("task", "told"),
    [
        (DIGITS, "other seeds and splits of these 1,797 images (digits)"),
        (SHAKESPEARE, "other seeds and splits of these 6,249 windows of text (shakespeare)"),
        (CARTPOLE, "other seeds, each with episodes of its own, of cartpole"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_examples_are_called_what_they_are(task, told):
    """Images, windows of a text, episodes of an environment."""
    assert _of(task) == told


def test_what_is_not_measured_is_named_alike():
    """With a caveat for a verdict that other test examples could leave open."""
    assert _not_measured([SHAKESPEARE], "windows of text", [], True) == (
        "The verdict is for this test set: other test windows of text could leave it open. "
        "Not measured: other windows of text."
    )

"""Double descent: with wrong labels, test accuracy falls over the width of a net and rises again."""

from fractions import Fraction

from harness import (
    DIGITS,
    Adam,
    Axis,
    Design,
    Recipe,
    Scale,
    Source,
    Task,
    Training,
    beats,
    claim,
    fewer,
    mlp,
    noisy,
    train,
)

CLEAN = fewer(DIGITS, 500)
NOISY = noisy(CLEAN, Fraction(1, 5))
RECIPE = Recipe(optimiser=Adam(3e-3), steps=2000, batch=100, validate_every=2000)
WIDTHS = (8, 16, 32, 64, 128, 512)  # hidden units: from 32 on nets learn the wrong labels by heart


def by_width(task: Task) -> dict[int, Training]:
    """Return a training of each width."""
    return {width: train(mlp(64, width, 10), task, RECIPE) for width in WIDTHS}


@claim(
    "widths2026/noise-makes-a-dip",
    statement="""With a fifth of the training labels wrong, the test accuracy of nets that are trained to the end falls
        over their width and then rises again; with right labels it does not.""",
    source=Source(version="invented", place="this folder", published="none"),
    predicted={"micro": "reproduced"},
)
def noise_makes_a_dip(scale: Scale) -> Design:
    """A dip is how far accuracy is below both ends: that of the noisy nets is above 0, and above that of clean ones.

    An arm of one width has a dip of 0. Validation and test labels are right for both, and the images are the same.
    """
    noisy_nets = by_width(NOISY)
    return Design(
        arms={"noisy": noisy_nets, "clean": by_width(CLEAN), "one width": {WIDTHS[0]: noisy_nets[WIDTHS[0]]}},
        axis=Axis("width", unit="units"),
        parts=(
            beats("noisy", "clean", on=CLEAN, reading="dip"),
            beats("noisy", "one width", on=NOISY, reading="dip"),
        ),
        contrast=("task", "network"),
        panels={"a fifth of the labels wrong, or none": ("noisy", "clean")},
    )

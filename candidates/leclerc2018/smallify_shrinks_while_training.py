"""Nets that lose units while they train (sections 3 and 4)."""

from fractions import Fraction

from harness import (
    DIGITS,
    Axis,
    Band,
    Design,
    Measured,
    Scale,
    Source,
    beats,
    claim,
    matches,
    mlp,
    random_mask,
    structure,
    train,
)

from .. import study as shared
from . import study


@claim(
    "leclerc2018/smallify-shrinks-while-training",
    statement="""With a penalised switch on every unit a net loses units while it trains, the more the higher the
        penalty, and ends with less than a tenth of its weights within a percentage point of the whole accuracy.""",
    source=Source(
        version="arXiv 1806.03723, abstract", place="abstract", published="up to 35 times smaller at the same accuracy"
    ),
    predicted={"micro": "inconclusive"},
    deviations=(
        "LeNet-300-100 on 8x8 digits instead of convolutional nets; 2,400 steps of plain SGD.",
        "Penalties of .005 to .01 a switch, chosen on pilots; one is read for size and accuracy together.",
        "Pilots of half as many steps, at twice the penalty, kept 2.5 % of the weights and were 2.6 pp behind.",
        "Pilots at .007, which is read, kept 8.9 % and were 1.0 pp behind: too near both bounds to call.",
        "The floor is a random mask of the size that is left; a linear classifier is too near the dense net.",
    ),
)
def smallify_shrinks_while_training(scale: Scale) -> Design:
    """Along the penalty: accuracy and size; the mask that is left is trained anew as it is, and in its controls."""
    arms: dict[str, dict[int, Measured]] = {}
    whole = structure(random_mask(study.NET, keep=Fraction(1)), DIGITS, also=("size",))
    for penalty in study.PENALTIES:
        net = study.shrunk(penalty)
        made: dict[str, Measured] = {
            "dense": study.dense(),
            "smallified": net.smallified,
            "retrained": net.retrained,
            **shared.controls(net.retrained),
            "size": structure(net.smallified.learned_mask(), DIGITS, also=("size",)),
            "linear": train(mlp(64, 10), DIGITS, study.RECIPE),
        }
        for name, arm in made.items():
            arms.setdefault(name, {})[penalty] = arm
    read = Band(low=7, high=7)
    return Design(
        arms=arms | {"whole": {study.PENALTIES[0]: whole}},
        axis=Axis("penalty", unit="thousandths"),
        parts=(
            matches("smallified", "dense", on=DIGITS, band=read, floors=("random mask",), bound=1.0),
            beats("whole", "size", on=DIGITS, band=read, metric="size", bound=90.0, label="a tenth of the size"),
            beats("whole", "size", on=DIGITS, metric="size", reading="slope", label="smaller at higher penalties"),
        ),
        beside=(
            matches("retrained", "smallified", on=DIGITS, band=read, floors=("linear",)),
            beats("retrained", "random mask", on=DIGITS, band=read),
        ),
        contrast=("learn", "mask", "start"),
        replicates=10,
    )

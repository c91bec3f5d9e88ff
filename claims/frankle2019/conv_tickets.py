"""Tickets of a small convolutional net (section 3, Figure 5)."""

from dataclasses import replace
from fractions import Fraction

from harness import Arm, Design, Image, Scale, Source, beats, claim, conv_net, percent_kept

from . import study_few

NET = conv_net(2, image=Image(1, 8, 8), width=Fraction(1, 8))
RECIPE = replace(study_few.RECIPE, validate_every=25).with_lr(2e-3)
LEVEL = percent_kept("40", "41")
LATER = "the dense net's early stop is later"


def grid(scale: Scale) -> dict[str, Arm]:
    """Return what pilots choose from: the learning rate."""
    arms: dict[str, Arm] = {}
    for lr in (2e-3, 4e-3):
        s = study_few.few(NET, study_few.RECIPE.with_lr(lr))
        arms |= {f"dense, lr {lr}": s.dense, f"ticket, lr {lr}": s.tickets}
    return arms


@claim(
    "frankle2019/conv-tickets",
    statement="Winning tickets of a convolutional net are more accurate than the net, and learn faster.",
    source=Source(
        version="arXiv 1803.03635 v5",
        place="section 3, Figure 5",
        published="Conv-2, Conv-4, Conv-6: at best +3.4, +3.5, +3.3 pp; 3.5, 3.5 and 2.5 times faster",
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        "Conv-2 at an eighth of its width instead of Conv-2, Conv-4 and Conv-6; 600 steps, batches of 50.",
        study_few.FEW,
        "A fifth of convolutions and output and 40 % of the hidden layers removed a round instead of a tenth and 20 %.",
        "Read at 40 % kept, after two rounds; level and learning rate were chosen on pilots.",
    ),
    pilot=grid,
)
def conv_tickets(scale: Scale) -> Design:
    """By accuracy after the last step, and by the step of the early stop."""
    s = study_few.few(NET, RECIPE)
    return Design(
        arms={"dense": s.dense, "ticket": s.tickets[:2]},
        parts=(
            beats("ticket", "dense", on=study_few.TASK, band=LEVEL, published=3.4),
            beats("dense", "ticket", on=study_few.TASK, band=LEVEL, metric="log_early_stop_step", label=LATER),
        ),
        contrast=("mask", "streams.order"),
        replicates=30,
    )

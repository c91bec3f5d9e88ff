"""Random masks catch up with the dense net as nets grow (sections 3 and 4)."""

from fractions import Fraction

from harness import (
    DIGITS,
    Axis,
    Design,
    Keep,
    Scale,
    Source,
    Training,
    beats,
    claim,
    erk,
    interaction,
    mlp,
    random_mask,
    train,
)

from .. import study

TASK = DIGITS
NETS = {width: mlp(TASK.inputs, 3 * width, width, TASK.classes) for width in (10, 20, 40, 80)}
KEPT, SPARSE = Fraction(1, 5), Fraction(1, 20)


@claim(
    "liu2022/size-helps-random",
    statement="""The wider a net, the less it costs to train a random fifth of its weights instead of all of them; layer
        densities by the Erdos-Renyi rule (small layers are denser) beat equal ones, by more in the sparser nets.""",
    source=Source(
        version="arXiv 2202.02643",
        place="Figure 1, read off",
        published="90 % removed by the rule: ResNet-20 4.6 pp below dense, ResNet-56 2.5, ResNet-110 1.4",
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        "Two hidden layers of 3 x width and width units on 8x8 digits, instead of ResNets.",
        "600 steps of Adam; 20 and 5 % kept.",
        "A random mask with new weights, or shuffled, is another draw of the same arm: these controls have no arms.",
    ),
)
def size_helps_random(scale: Scale) -> Design:
    """Widths from a quarter to twice: the dense net, random masks by rule and with equal densities, a linear net."""

    def at(keep: Fraction, *, rule: bool) -> dict[int, Training]:
        """Return a random mask's trainings by width."""
        arms = {}
        for width, net in NETS.items():
            kept: Keep = erk(net, keep) if rule else keep
            arms[width] = train(net, TASK, study.ADAM, mask=random_mask(net, keep=kept))
        return arms

    return Design(
        arms={
            "dense": {width: train(net, TASK, study.ADAM) for width, net in NETS.items()},
            "rule": at(KEPT, rule=True),
            "equal": at(KEPT, rule=False),
            "rule, 5 %": at(SPARSE, rule=True),
            "equal, 5 %": at(SPARSE, rule=False),
            "linear": {40: study.linear(study.ADAM)},
        },
        axis=Axis("width", unit="units"),
        parts=(
            beats("rule", "dense", on=TASK, reading="slope"),
            beats("rule", "equal", on=TASK),
            interaction("rule, 5 %", "equal, 5 %", less=("rule", "equal"), on=TASK),
        ),
        beside=(beats("equal", "dense", on=TASK, reading="slope"),),
        contrast=("mask", "network"),
        replicates=10,
    )

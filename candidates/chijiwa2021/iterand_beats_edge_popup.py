"""Edge-popup that draws unused weights anew (sections 3 and 5)."""

from fractions import Fraction

from harness import (
    DIGIT_DIFFERENCE,
    SGD,
    Axis,
    Cosine,
    Design,
    Init,
    Measured,
    Recipe,
    RedrawnScores,
    Scale,
    Scores,
    Source,
    beats,
    claim,
    evaluate,
    mlp,
    random_mask,
    train,
)

K = Fraction(1, 2)
WIDTHS = (25, 50, 100, 200)
EVERY = 50  # steps, of 1,500; the paper's 300 of some 35,000 are more often by four times
RECIPE = Recipe(optimiser=SGD(0.1, momentum=0.9, weight_decay=1e-4), steps=1500, batch=60, schedule=Cosine())


@claim(
    "chijiwa2021/iterand-beats-edge-popup",
    statement="""If now and then weights that the subnetwork of a random net does not use are drawn anew, edge-popup
        finds more accurate subnetworks, and by more in narrow nets than in wide ones.""",
    source=Source(version="arXiv 2106.09269", place="sections 3 and 5", published="curves only; settings of its code"),
    predicted={"micro": "reproduced"},
    deviations=(
        "MLPs on the difference of two 8x8 digits instead of Conv-6 and ResNets on CIFAR-10; batch 60, 1,500 steps.",
        "A tenth of the unused weights is drawn anew every 50 steps: 29 times, instead of some 117 times.",
        "Both learn scores at rate .1 instead of .3, and the dense net its weights at .01, as there.",
    ),
)
def iterand_beats_edge_popup(scale: Scale) -> Design:
    """Arms along the width: both ways to find a subnetwork, the trained net, and two that nobody trained."""
    arms: dict[str, dict[int, Measured]] = {}
    for width in WIDTHS:
        net = mlp(128, width, width, 10, bias=False, init=Init.KAIMING_UNIFORM)
        made: dict[str, Measured] = {
            "IteRand": train(net, DIGIT_DIFFERENCE, RECIPE, learn=RedrawnScores(K, every=EVERY)),
            "edge-popup": train(net, DIGIT_DIFFERENCE, RECIPE, learn=Scores(K)),
            "trained": train(net, DIGIT_DIFFERENCE, RECIPE.with_lr(0.01)),
            "untrained": evaluate(net, DIGIT_DIFFERENCE),
            "random mask": evaluate(net, DIGIT_DIFFERENCE, mask=random_mask(net, keep=K)),
        }
        for name, arm in made.items():
            arms.setdefault(name, {})[width] = arm
    return Design(
        arms=arms,
        axis=Axis("width", unit="units"),
        parts=(
            beats("IteRand", "edge-popup", on=DIGIT_DIFFERENCE),
            beats("edge-popup", "IteRand", on=DIGIT_DIFFERENCE, reading="slope"),
        ),
        beside=(beats("trained", "IteRand", on=DIGIT_DIFFERENCE),),
        contrast=("learn", "recipe.optimiser.lr"),
        replicates=10,
    )

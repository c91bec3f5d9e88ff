"""Gates over random weights find sparser subnetworks than edge-popup (abstract)."""

from dataclasses import replace
from fractions import Fraction

from harness import (
    DIGITS,
    SGD,
    Arm,
    Cosine,
    Design,
    Init,
    Recipe,
    Scale,
    Scores,
    Source,
    beats,
    claim,
    combine,
    evaluate,
    mlp,
    percent_kept,
    prune,
    random_mask,
    train,
)

from .study import gated

TASK = DIGITS
GATED = gated(TASK.inputs, (300, 100, TASK.classes))
POPUP = mlp(TASK.inputs, 300, 100, TASK.classes, bias=False, init=Init.SIGNED_KAIMING_CONSTANT)
RECIPE = Recipe(optimiser=SGD(0.3, momentum=0.9, weight_decay=1e-3), steps=1200, batch=60, schedule=Cosine())
GATES = replace(RECIPE, optimiser=SGD(0.3, momentum=0.9), l1=1e-5)
KEPT = (Fraction(1, 2), Fraction(1, 5), Fraction(1, 10), Fraction(1, 20))


@claim(
    "tsayag2026/gates-reach-sparser",
    statement="""In a net of random weights that stay, gates learnt with a penalty choose a tenth of the weights with
        which it is more accurate than with the tenth that edge-popup chooses.""",
    source=Source(
        version="arXiv 2603.08914", place="abstract", published="up to 90 % removed, nearly twice edge-popup's"
    ),
    predicted={"micro": "inconclusive"},
    deviations=(
        "MLP 300-100 on 8x8 digits; gates cut to 0 to 1, the most open ones of each layer opened after training.",
        "The gated weights are one draw for all replicates: constants of a module; edge-popup's are not.",
        "The paper's gates and penalty are not known to us beyond its abstract.",
    ),
)
def gates_reach_sparser(scale: Scale) -> Design:
    """The most open gates at four densities against edge-popup at each; random masks; the gates as learnt."""
    gates = train(GATED, TASK, GATES)
    tight = [prune(gates, keep=keep, by="tsayag2026/most open") for keep in KEPT]
    open_ = combine("tsayag2026/open", gates)
    popup = [train(POPUP, TASK, RECIPE, learn=Scores(keep)) for keep in KEPT]
    arms: dict[str, Arm] = {
        "gates as learnt": gates,
        "gates": [evaluate(GATED, TASK, weights=open_, mask=mask) for mask in tight],
        "edge-popup": [evaluate(POPUP, TASK, weights=each.at("end"), mask=each.learned_mask()) for each in popup],
        "random mask": [evaluate(GATED, TASK, weights=open_, mask=random_mask(GATED, keep=keep)) for keep in KEPT],
        "trained": train(replace(POPUP, init=Init.KAIMING_NORMAL), TASK, RECIPE),
        "linear": train(mlp(TASK.inputs, TASK.classes), TASK, RECIPE),
    }
    return Design(
        arms=arms,
        parts=(beats("gates", "edge-popup", on=TASK, band=percent_kept("10")),),
        beside=(
            beats("gates", "edge-popup", on=TASK, band=percent_kept("5"), label="at 5 %"),
            beats("gates", "edge-popup", on=TASK, band=percent_kept("50"), label="at 50 %"),
        ),
        contrast=("network", "weights", "mask"),
        replicates=20,
    )

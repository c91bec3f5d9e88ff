"""Nets that were trained to do without their small weights or units lose little when these go (section 4)."""

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import (
    DIGITS,
    Arm,
    Design,
    Evaluation,
    Mask,
    Scale,
    Source,
    TargetedDropout,
    Training,
    beats,
    claim,
    criterion,
    density,
    evaluate,
    matches,
    mlp,
    prune,
    shuffle,
    train,
)

from .. import study

GAMMA, ALPHA = Fraction(3, 4), Fraction(2, 3)  # what may be dropped, and how often
KEPT = (Fraction(1, 4), Fraction(1, 10))
RECIPE = study.ADAM.longer(2)


@criterion("small first")
def small_first(weights: NDArray[Any], alive: NDArray[Any]) -> NDArray[Any]:
    """Return scores that are the larger the smaller a weight is, none of them negative: norms are taken of them."""
    return np.asarray(np.abs(weights).max() - np.abs(weights))


def pruned(net: Training, keep: Fraction, *, units: bool) -> Mask:
    """Return the mask of the largest weights of each output, or of the units with the largest weights."""
    return prune(net, keep=keep, scope="unit") if units else prune(net, keep=keep, by="per output")


def as_it_is(net: Training, mask: Mask | None = None) -> Evaluation:
    """Return what a trained net answers under a mask without further training."""
    return evaluate(net.network, DIGITS, weights=net.at("end"), mask=mask)


@claim(
    "gomez2019/targeted-dropout-survives-pruning",
    statement="""Trained with dropout of the weights, or units, of small magnitude, a net loses next to nothing if
        as many are removed after training, without fine-tuning; one with ordinary dropout, or none, loses more.""",
    source=Source(version="arXiv 1905.13678", place="section 4", published="directions only"),
    predicted={"micro": "refuted"},
    deviations=(
        study.DIGITS_SETTING.replace("600", "1,200"),
        "Three quarters of the weights or units, each dropped in two updates of three, instead of .75 and .66.",
        "A quarter of every output's weights stays, or of every hidden layer's units; a tenth is beside.",
        "Predicted to be refuted by units: pilots lost 1.7 pp of them, .4 if the share ramps up; weights lost nothing.",
    ),
)
def targeted_dropout_survives_pruning(scale: Scale) -> Design:
    """Per kind of pruning: targeted dropout, one that ramps up, ordinary dropout, none; floors are other masks."""
    plain = train(study.LENET, DIGITS, RECIPE)
    ordinary = train(mlp(64, 300, 100, 10, dropout=0.5), DIGITS, RECIPE)
    arms: dict[str, Arm] = {"plain, whole": as_it_is(plain)}
    panels = {}
    parts, beside = [], []
    for units, kind in ((False, "weights"), (True, "units")):
        targeted = train(study.LENET, DIGITS, RECIPE, learn=TargetedDropout(GAMMA, rate=ALPHA, units=units))
        ramping = train(
            study.LENET, DIGITS, RECIPE, learn=TargetedDropout(GAMMA, rate=ALPHA, units=units, ramp=RECIPE.steps // 2)
        )
        nets = {"targeted": targeted, "ramping": ramping, "ordinary": ordinary, "plain": plain}
        of_kind: dict[str, Arm] = {
            f"{name}, {kind}": [as_it_is(net, pruned(net, keep, units=units)) for keep in KEPT]
            for name, net in nets.items()
        }
        whole, other = f"targeted, whole, {kind}", f"targeted, other {kind}"
        of_kind[whole] = as_it_is(targeted)
        if units:
            of_kind[other] = [
                as_it_is(targeted, prune(targeted, keep=keep, scope="unit", by="small first")) for keep in KEPT
            ]
        else:
            of_kind[other] = [as_it_is(targeted, shuffle(pruned(targeted, keep, units=False))) for keep in KEPT]
        arms |= of_kind
        panels[kind] = ("plain, whole", *of_kind)
        at, sparse = (study.at(density(pruned(targeted, keep, units=units))) for keep in KEPT)
        parts += [
            matches(f"targeted, {kind}", whole, on=DIGITS, band=at, floors=(other,)),
            beats(f"targeted, {kind}", f"plain, {kind}", on=DIGITS, band=at),
            beats(f"targeted, {kind}", f"ordinary, {kind}", on=DIGITS, band=at),
        ]
        beside += [
            matches(f"targeted, {kind}", "plain, whole", on=DIGITS, band=at, floors=(other,)),
            beats(f"ramping, {kind}", f"targeted, {kind}", on=DIGITS, band=sparse),
        ]
    return Design(
        arms=arms,
        parts=parts,
        beside=beside,
        panels=panels,
        contrast=("mask", "weights", "network", "learn"),
        replicates=10,
    )

"""What pruning at initialisation chooses is the density of each layer, not its weights (section 5)."""

from fractions import Fraction

from harness import (
    DIGITS,
    Design,
    Mask,
    Scale,
    Source,
    Training,
    beats,
    claim,
    equals,
    fresh,
    noisy,
    permuted,
    prune,
    saliency,
    train,
)

from .. import study

KEPT = (Fraction(1, 20), Fraction(1, 50))
SAYS_NOTHING = noisy(permuted(DIGITS), Fraction(9, 10))  # every label and pixel at random


def masks(keep: Fraction, dense: Training) -> dict[str, Mask]:
    """Return the masks at one density by the names of arms."""
    return {
        "SNIP": saliency(study.LENET, DIGITS, by="snip", keep=keep).learned_mask(),
        "GraSP": saliency(study.LENET, DIGITS, by="grasp", keep=keep, temperature=200.0).learned_mask(),
        "SynFlow": saliency(study.LENET, DIGITS, by="synflow", keep=keep, rounds=100).learned_mask(),
        "magnitude": prune(fresh(), keep=keep, scope="global", network=study.LENET),
        "after training": prune(dense, keep=keep, scope="global"),
        "SNIP, corrupted": saliency(study.LENET, SAYS_NOTHING, by="snip", keep=keep).learned_mask(),
        "GraSP, corrupted": saliency(
            study.LENET, SAYS_NOTHING, by="grasp", keep=keep, temperature=200.0
        ).learned_mask(),
        "SNIP, inverted": saliency(study.LENET, DIGITS, by="snip", keep=keep, inverted=True).learned_mask(),
        "GraSP, inverted": saliency(
            study.LENET, DIGITS, by="grasp", keep=keep, temperature=200.0, inverted=True
        ).learned_mask(),
    }


@claim(
    "frankle2021/shuffle-and-redraw-harmless",
    statement="""Masks that are made before training train to the same accuracy with their places shuffled in each
        layer, or with new weights; masks that are made after training lose by either.""",
    source=Source(
        version="arXiv 2009.08576, and a replication with VGG-16",
        place="abstract; section 5",
        published="replication, SNIP, 98 % removed: 90.7; shuffled 90.6; redrawn 91.1",
    ),
    predicted={"micro": "refuted"},
    deviations=(
        study.DIGITS_SETTING,
        "Read at 5 % kept, beside it at 2 %; magnitude after training is one round.",
        "Predicted to be refuted: pilots lost 1.2 pp of SNIP's and 2.3 of SynFlow's by shuffling, and 13 to 24 at 2 %.",
    ),
)
def shuffle_and_redraw_harmless(scale: Scale) -> Design:
    """Each way to make a mask with its controls; SNIP and GraSP also inverted, or scored on data that say nothing."""
    dense = train(study.LENET, DIGITS, study.ADAM)
    arms: dict[str, list[Training]] = {}
    for k, keep in enumerate(KEPT, start=1):
        for name, mask in masks(keep, dense).items():
            pruned = train(study.LENET, DIGITS, study.ADAM, mask=mask, streams={"order": k})
            made = {name: pruned} if ", " in name else {name: pruned} | study.controls(pruned, suffix=f", {name}")
            for arm, node in made.items():
                arms.setdefault(arm, []).append(node)
    at = study.at(KEPT[0])
    early = ("SNIP", "GraSP", "SynFlow", "magnitude")
    return Design(
        arms={"dense": dense, **arms, "linear": study.linear(study.ADAM)},
        parts=(
            *(
                equals(f"{change}, {name}", name, on=DIGITS, band=at, floors=("linear",))
                for name in early
                for change in ("shuffled mask", "new weights")
            ),
            beats("after training", "shuffled mask, after training", on=DIGITS, band=at),
            beats("after training", "new weights, after training", on=DIGITS, band=at),
        ),
        beside=tuple(
            equals(
                f"shuffled mask, {name}",
                name,
                on=DIGITS,
                band=study.at(KEPT[1]),
                floors=("SNIP, inverted",),
                label=f"{name}, 2 %",
            )
            for name in early
        ),
        contrast=("mask", "start"),
        replicates=20,
    )

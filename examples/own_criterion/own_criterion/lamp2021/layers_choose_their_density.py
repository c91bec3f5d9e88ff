"""LAMP scores, by which layers come to their own densities, against one density for all layers."""

from harness import DIGITS, Arm, Design, Scale, Source, beats, claim, erk, prune, random_mask, structure

from . import study


@claim(
    "lamp2021/layers-choose-their-density",
    statement="""Pruned by LAMP scores and trained on, a net is better than one in which each layer keeps the same share
        of its weights, the largest ones; also on the class that it answers worst. Its layers keep more even numbers of
        weights.""",
    source=Source(version="arXiv 2010.07611", place="abstract", published="direction only"),
    predicted={"micro": "reproduced"},
    deviations=(
        "A perceptron on 8x8 digits, pruned once instead of in rounds.",
        "The worst class and the evenness of layers are measured here only.",
    ),
)
def layers_choose_their_density(scale: Scale) -> Design:
    """All masks keep a thirtieth of the net; magnitudes among all layers and Erdos-Renyi shares stand beside."""
    masks = {
        "lamp": prune(study.DENSE, keep=study.KEEP, scope="global", by="lamp"),
        "uniform": prune(study.DENSE, keep=study.KEEP),
        "erk": prune(study.DENSE, keep=erk(study.NET, study.KEEP)),
        "global": prune(study.DENSE, keep=study.KEEP, scope="global"),
        "random": random_mask(study.NET, keep=study.KEEP),
    }
    arms: dict[str, Arm] = {name: study.trained_on(mask) for name, mask in masks.items()}
    for name in ("lamp", "uniform"):
        arms[f"{name} mask"] = structure(masks[name], DIGITS, also=("evenness",))
    return Design(
        arms=arms,
        parts=(
            beats("lamp", "uniform", on=DIGITS),
            beats("lamp", "uniform", on=DIGITS, metric="worst_class", label="lamp beats uniform on the worst class"),
            beats("lamp mask", "uniform mask", on=DIGITS, metric="evenness"),
        ),
        beside=tuple(beats("lamp", other, on=DIGITS) for other in ("erk", "global", "random")),
        contrast=("mask",),
    )

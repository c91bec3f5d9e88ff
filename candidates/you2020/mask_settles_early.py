"""Which units are pruned is settled early in training (section 3)."""

from fractions import Fraction

from harness import (
    DIGITS,
    Axis,
    Band,
    Design,
    Mask,
    Scale,
    Source,
    Start,
    Training,
    beats,
    claim,
    compare_masks,
    fresh,
    matches,
    prune,
    train,
)

from .. import study

NET, TASK, RECIPE = study.LENET, DIGITS, study.ADAM
KEPT, STEPS = Fraction(1, 20), (15, 30, 60, 120, 240)
EARLY = Band(low=60, high=120)  # a tenth and a fifth of 600 steps


@claim(
    "you2020/mask-settles-early",
    statement="""After a tenth to a fifth of training the units with the largest weights are nearly those of the end:
        their mask is far nearer to the final one than units at random, and trained on it is as accurate.""",
    source=Source(
        version="arXiv 1909.11957",
        place="Table 2, VGG-16 on CIFAR-100",
        published="30 / 50 % of channels removed: early 72.2 / 71.3, redrawn 71.5 / 69.7, one-shot ticket 71.3 / 71.0",
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        study.DIGITS_SETTING,
        "By the norm of units' weights instead of BatchNorm's scales. A twentieth of the units of LeNet-300-100 stays: "
        "on a pilot with half of them, as in the paper, units at random were as accurate.",
        "Masks are drawn at given steps, not when five successive ones differ by less than a tenth.",
    ),
)
def mask_settles_early(scale: Scale) -> Design:
    """By the step at which the mask is drawn: its distance to the final one, and nets trained on with it to the end."""
    dense = train(NET, TASK, RECIPE)
    final = prune(dense, keep=KEPT, scope="unit")
    early = {step: prune(dense.at(step), keep=KEPT, scope="unit", network=NET) for step in STEPS}
    chance = {step: prune(fresh("reinit", draw=step), keep=KEPT, scope="unit", network=NET) for step in STEPS}

    def with_mask(mask: Mask, step: int, start: Start | None = None) -> Training:
        return train(NET, TASK, RECIPE, mask=mask, start=start or dense.at(step), first_step=step)

    return Design(
        arms={
            "dense": {600: dense},
            "early": {step: compare_masks(mask, final, TASK) for step, mask in early.items()},
            "chance": {step: compare_masks(mask, final, TASK) for step, mask in chance.items()},
            "early ticket": {step: with_mask(mask, step) for step, mask in early.items()},
            "new weights": {step: with_mask(mask, step, fresh("reinit")) for step, mask in early.items()},
            "random units": {step: with_mask(mask, step) for step, mask in chance.items()},
            "one-shot ticket": {600: train(NET, TASK, RECIPE, mask=final, start=dense.at(0))},
        },
        axis=Axis("step", unit="steps"),
        parts=(
            beats("chance", "early", on=TASK, band=EARLY, metric="mask_distance"),
            matches("early ticket", "one-shot ticket", on=TASK, band=EARLY, floors=("random units",)),
        ),
        beside=(beats("early ticket", "new weights", on=TASK, band=EARLY),),
        contrast=("mask", "start", "first_step", "other"),
        replicates=10,
    )

"""Repeated cycles of the learning rate, for masks that nothing but chance has chosen (sections 3 and 4)."""

from fractions import Fraction

from harness import (
    MNIST1D,
    SGD,
    Cosine,
    Design,
    Keep,
    Mask,
    Recipe,
    Scale,
    Source,
    Training,
    beats,
    claim,
    interaction,
    mlp,
    prune,
    random_mask,
    train,
)

from .. import study

TASK, NET = MNIST1D, mlp(40, 300, 100, 10)
RECIPE = Recipe(optimiser=SGD(0.1, momentum=0.9), steps=500, batch=100, schedule=Cosine())
CYCLES = 4
MODERATE, SPARSE = Fraction(1, 5), Fraction(1, 20)


def chain(mask: Mask | None, cycles: int) -> list[Training]:
    """Return trainings one after the other, each of a whole cycle and from where the one before has ended."""
    made = [train(NET, TASK, RECIPE, mask=mask)]
    for k in range(1, cycles):
        made.append(train(NET, TASK, RECIPE, mask=mask, start=made[-1].at("end"), streams={"order": k}))
    return made


def ticket(keep: Fraction) -> Training:
    """Return the ticket of as many rounds as there are cycles, each of one cycle and trained on from the one before."""
    found = train(NET, TASK, RECIPE)
    for k in range(1, CYCLES + 1):
        kept: Keep = keep if k == CYCLES else Fraction(round(1000 * float(keep) ** (k / CYCLES)), 1000)
        mask = prune(found, keep=kept)
        found = train(NET, TASK, RECIPE, mask=mask, start=found.at("end"), streams={"order": k})
    return found


@claim(
    "gadhikar2024b/cycles-lift-random-masks",
    statement="""A random mask trained by several cycles of the learning rate is more accurate than by one, and than by
        one schedule of the same length; its ticket is ahead of it by more in the sparser net.""",
    source=Source(version="arXiv 2406.02773 v2", place="abstract", published="direction only"),
    predicted={"micro": "inconclusive"},
    deviations=(
        "MNIST-1D and LeNet-300-100; four cycles of 500 steps, each half a cosine from .1 to 0; SGD with momentum.",
        "20 and 5 % kept of each layer; the ticket is trained on from round to round (learning rate rewinding).",
        "For a random mask new weights, or shuffled places, are another draw; the ticket has its four controls.",
    ),
)
def cycles_lift_random_masks(scale: Scale) -> Design:
    """Random masks by one cycle, four, and one long schedule; the ticket and its controls; at two densities."""
    arms: dict[str, Training] = {"dense": train(NET, TASK, RECIPE)}
    for keep, at in ((MODERATE, ""), (SPARSE, ", 5 %")):
        mask, found = random_mask(NET, keep=keep), ticket(keep)
        cycles = chain(mask, CYCLES)
        arms |= {
            f"one cycle{at}": cycles[0],
            f"cycles{at}": cycles[-1],
            f"one long{at}": train(NET, TASK, RECIPE.longer(CYCLES), mask=mask),
            f"ticket{at}": found,
            **study.controls(found, suffix=at),
        }
    return Design(
        arms=arms,
        parts=(
            beats("cycles", "one cycle", on=TASK),
            beats("cycles", "one long", on=TASK),
            interaction("ticket, 5 %", "cycles, 5 %", less=("ticket", "cycles"), on=TASK),
        ),
        beside=(beats("cycles", "ticket", on=TASK),),
        contrast=("mask", "start", "streams.order", "recipe.steps"),
        replicates=10,
    )

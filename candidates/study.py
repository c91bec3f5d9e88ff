"""What candidates of several papers share: two tasks with their nets, and the controls of a ticket.

*Digits* is LeNet-300-100 on one 8x8 digit, trained by Adam. *Pairs* is an MLP of eight hidden layers with BatchNorm on
the difference of two digits, trained by SGD at learning rate .1: it is the smallest net here that needs late resetting.
"""

from dataclasses import replace
from fractions import Fraction
from functools import cache

from harness import (
    DIGIT_DIFFERENCE,
    DIGITS,
    SGD,
    Adam,
    Band,
    Drops,
    Init,
    Mask,
    Recipe,
    Start,
    Training,
    fresh,
    mlp,
    prune,
    shuffle,
    train,
)

LENET = mlp(64, 300, 100, 10)
ADAM = Recipe(optimiser=Adam(1.2e-3), steps=600, batch=60)
DEEP = mlp(128, *[64] * 8, 10, batch_norm=True, init=Init.KAIMING_NORMAL)
STEEP = Recipe(
    optimiser=SGD(0.1, momentum=0.9, weight_decay=1e-4),
    steps=1500,
    batch=60,
    schedule=Drops((Fraction(3, 5), Fraction(4, 5))),
    validate_every=250,
)
KEPT = (Fraction(2, 5), Fraction(4, 25), Fraction(8, 125))  # of the deep net after one, two and three rounds
DIGITS_SETTING = "8x8 digits and 600 steps of Adam instead of the paper's data and recipe."
PAIRS_SETTING = "An 8-layer BatchNorm MLP on the difference of two 8x8 digits instead of the paper's nets and data."
BATCH_NORM = "BatchNorm is evaluated with moments of 1,000 fixed training inputs, not with running averages."
NEW, SHUFFLED, BOTH, RANDOM = "new weights", "shuffled mask", "both", "random mask"
CONTROLS = (NEW, SHUFFLED, BOTH, RANDOM)


def again(
    ticket: Training,
    *,
    mask: Mask | None = None,
    start: Start | None = None,
    recipe: Recipe | None = None,
    order: int | None = None,
) -> Training:
    """Return a training under another mask, from other weights, by another recipe or in another order; else alike."""
    return train(
        ticket.network,
        ticket.task,
        recipe or ticket.recipe,
        mask=mask or ticket.mask,
        start=start or ticket.start,
        first_step=ticket.first_step,
        streams=dict(ticket.streams) | ({} if order is None else {"order": order}),
    )


def at(keep: Fraction) -> Band:
    """Return the band of one density, a little wider than the rounding of counts."""
    return Band(low=keep * Fraction(99, 100), high=keep * Fraction(101, 100))


def mask_of(ticket: Training) -> Mask:
    """Return the mask of a training that has one."""
    assert ticket.mask is not None
    return ticket.mask


def controls(ticket: Training, *, suffix: str = "") -> dict[str, Training]:
    """Return the four controls of a ticket, by name; each trains as the ticket does, in the same order of data.

    Same mask with new weights; the mask's places shuffled within each layer, with the ticket's weights; both; and a
    second draw of shuffled places with a second draw of new weights, the random mask with the ticket's layer densities.
    """
    mask = mask_of(ticket)
    return {
        f"{NEW}{suffix}": again(ticket, start=fresh("reinit")),
        f"{SHUFFLED}{suffix}": again(ticket, mask=shuffle(mask)),
        f"{BOTH}{suffix}": again(ticket, mask=shuffle(mask), start=fresh("reinit")),
        f"{RANDOM}{suffix}": again(ticket, mask=shuffle(mask, draw=1), start=fresh("reinit", draw=1)),
    }


def linear(recipe: Recipe, *, pairs: bool = False) -> Training:
    """Return a linear classifier, the floor."""
    task = DIGIT_DIFFERENCE if pairs else DIGITS
    return train(mlp(task.inputs, task.classes), task, recipe)


@cache
def lenet_ticket(keep: Fraction, rounds: int) -> Training:
    """Return LeNet-300-100's ticket that keeps `keep` of each layer after `rounds` rounds, reset to step 0.

    Each round keeps the same share of what is left, rounded to a thousandth of all.
    """
    dense = train(LENET, DIGITS, ADAM)
    ticket = dense
    for k in range(1, rounds + 1):
        kept = keep if k == rounds else Fraction(round(1000 * float(keep) ** (k / rounds)), 1000)
        ticket = train(LENET, DIGITS, ADAM, mask=prune(ticket, keep=kept), start=dense.at(0), streams={"order": k})
    return ticket


@cache
def deep_ladder(step: int, lr: float = 0.1, steps: int = 1500, rounds: int = 3) -> tuple[Training, ...]:
    """Return the deep net and its tickets, one a round at `KEPT`, reset to `step`; all layers compete."""
    recipe = replace(STEEP.with_lr(lr), steps=steps)
    dense = train(DEEP, DIGIT_DIFFERENCE, recipe)
    ladder = [dense]
    for k, keep in enumerate(KEPT[:rounds], start=1):
        ladder.append(
            train(
                DEEP,
                DIGIT_DIFFERENCE,
                recipe,
                mask=prune(ladder[-1], keep=keep, scope="global"),
                start=dense.at(step),
                first_step=step,
                streams={"order": k},
            )
        )
    return tuple(ladder)

"""Test accuracy that falls and rises again as weights are removed (section 2.3)."""

from fractions import Fraction

from harness import (
    DIGITS,
    SGD,
    Arm,
    Design,
    Init,
    Recipe,
    Scale,
    Source,
    Task,
    Training,
    beats,
    between,
    claim,
    evaluate,
    fresh,
    mlp,
    noisy,
    percent_kept,
    prune,
    shuffle,
    train,
)

NET = mlp(64, 300, 100, 10, init=Init.KAIMING_NORMAL)
RECIPE = Recipe(optimiser=SGD(0.1), steps=1000, batch=60, validate_every=50)
NOISY = noisy(DIGITS, Fraction(1, 5))
HIDDEN = ("fc1", "fc2")
LADDER = tuple(Fraction(3, 5) ** k for k in range(1, 11))
DIP = percent_kept("2", "100")


@claim(
    "he2022/sparse-double-descent",
    statement="""With a fifth of the training labels wrong, test accuracy after the last step falls and rises again as
        weights are removed; with right labels it has no such dip.""",
    source=Source(version="arXiv 2206.08684", place="section 2.3, Figures 1 and 13 to 15", published="curves only"),
    predicted={"micro": "reproduced"},
    deviations=(
        "8x8 digits, 1,000 training examples and 1,000 steps, instead of MNIST and 200 epochs; SGD .1 as there.",
        "40 % of the hidden layers' weights go a round instead of 20 %, reset to step 0; the output layer stays.",
    ),
)
def sparse_double_descent(scale: Scale) -> Design:
    """Ladders of tickets with noisy and with right labels; with noisy ones also new weights and random masks."""

    def ladder(task: Task) -> list[Training]:
        dense = train(NET, task, RECIPE)
        found = [dense]
        for k, keep in enumerate(LADDER, start=1):
            mask = prune(found[-1], keep=keep, scope="global", among=HIDDEN)
            found.append(train(NET, task, RECIPE, mask=mask, start=dense.at(0), streams={"order": k}))
        return found

    def again(ticket: Training, order: int, *, random: bool) -> Training:
        assert ticket.mask is not None
        mask = shuffle(ticket.mask) if random else ticket.mask
        start = ticket.start if random else fresh("reinit", draw=order)
        return train(NET, NOISY, RECIPE, mask=mask, start=start, streams={"order": order})

    tickets, clean = ladder(NOISY), ladder(DIGITS)
    pruned = tuple(enumerate(tickets))[1:]
    arms: dict[str, Arm] = {
        "noisy": tickets,
        "right": clean,
        "noisy, new weights": [tickets[0], *(again(ticket, k, random=False) for k, ticket in pruned)],
        "noisy, random masks": [tickets[0], *(again(ticket, k, random=True) for k, ticket in pruned)],
        "noisy, on training examples": [
            evaluate(NET, NOISY, weights=each.at("end"), mask=each.mask, split="train") for each in tickets
        ],
        "distance": [between(each.at(0), each.at("end")) for each in tickets],
    }
    return Design(
        arms=arms,
        parts=(beats("noisy", "right", on=DIGITS, band=DIP, reading="dip"),),
        beside=(
            beats(
                "noisy", "right", on=DIGITS, band=DIP, reading="dip", metric="early_stop_accuracy", label="early stop"
            ),
            beats("noisy, random masks", "right", on=DIGITS, band=DIP, reading="dip"),
            beats("noisy, new weights", "right", on=DIGITS, band=DIP, reading="dip"),
            beats("noisy", "noisy, new weights", on=NOISY, band=percent_kept("2", "61")),
        ),
        contrast=("task", "mask", "start", "streams.order"),
        replicates=10,
    )

"""The transformer, how it is trained, and its tickets: each round prunes what the round before has trained."""

from fractions import Fraction

from harness import DIGITS, Adam, Cosine, Image, Mask, Recipe, Start, Training, Warmup, prune, train, vision_transformer

NET = vision_transformer(image=Image(1, 8, 8), patch=2, features=16, heads=2, hidden=32, blocks=2)
RECIPE = Recipe(optimiser=Adam(5e-3), steps=300, batch=50, schedule=Warmup(30, then=Cosine()))
REMAIN = Fraction(1, 2)  # of each layer's weights, after a round
ROUNDS = 4


def trained(mask: Mask, start: Start, number: int) -> Training:
    """Return the training of a mask that round `number` has found; the arms of a round see the same batches."""
    return train(NET, DIGITS, RECIPE, mask=mask, start=start, streams={"order": number})


def masks_and_tickets() -> tuple[list[Mask], list[Training]]:
    """Return each round's mask, of the largest weights in every layer, and the ticket: it, with the dense start."""
    masks: list[Mask] = []
    tickets: list[Training] = []
    for number in range(1, ROUNDS + 1):
        masks.append(prune(tickets[-1] if tickets else DENSE, keep=REMAIN**number))
        tickets.append(trained(masks[-1], DENSE.at(0), number))
    return masks, tickets


DENSE = train(NET, DIGITS, RECIPE)
MASKS, TICKETS = masks_and_tickets()

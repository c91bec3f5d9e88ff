"""What the claims of Frankle & Carbin 2019, section 2, share: a LeNet-like net, its tickets and their controls."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from harness import DIGITS, Adam, Mask, Recipe, Scale, Start, Training, fresh, mlp, prune, train, watch

NET = mlp(64, 300, 100, 10)  # LeNet-300-100 on 8x8 images: 50,200 weights
RECIPE = Recipe(optimiser=Adam(1.2e-3), steps=600, batch=60)  # learning rate and batch of the paper, Figure 2
ROUNDS = 13
REINIT_ROUNDS = (2, 4, 6, 7, 8, 9, 10, 12)  # where the random reinitialisations are spent
REDRAWS = 3  # as in the paper: three reinitialisations a ticket


@dataclass(frozen=True)
class Study:
    """The dense net, and one training a round (three for `reinit`) of each other arm."""

    dense: Training
    tickets: tuple[Training, ...]
    one_shot: tuple[Training, ...]
    one_shot_equal_cost: tuple[Training, ...]
    reinit: tuple[Training, ...]


def keep(rounds: int) -> tuple[tuple[str, Fraction], ...]:
    """Return what each layer keeps: 30 % of the rest goes a round, 15 % in the output layer."""
    rest, output = Fraction(7, 10) ** rounds, Fraction(17, 20) ** rounds
    return (("fc1", rest), ("fc2", rest), ("output", output))


@cache
def lenet(scale: Scale) -> Study:
    """Return the arms of section 2; every arm at a round has the same count in every layer and the same data order."""
    dense = train(NET, DIGITS, RECIPE)
    longer = train(NET, DIGITS, RECIPE.longer(ROUNDS))
    tickets: list[Training] = []
    one_shot, equal_cost, reinit = [], [], []
    for k in range(1, ROUNDS + 1):
        ticket = prune(tickets[-1] if tickets else dense, keep=keep(k))
        tickets.append(reset(ticket, dense.at(0), k))
        one_shot.append(reset(prune(dense, keep=keep(k)), dense.at(0), k))
        equal_cost.append(reset(prune(longer, keep=keep(k)), dense.at(0), k))
        if k in REINIT_ROUNDS:
            reinit += [reset(ticket, fresh("reinit", draw=REDRAWS * k + i), k) for i in range(REDRAWS)]
    return Study(dense, tuple(tickets), tuple(one_shot), tuple(equal_cost), tuple(reinit))


def reset(mask: Mask, start: Start, rounds: int) -> Training:
    """Train what `mask` keeps from `start`; all arms at a round see the data in the same order."""
    return train(NET, DIGITS, RECIPE, mask=mask, start=start, streams={"order": rounds})


watch("frankle2019/dense", lambda scale: lenet(scale).dense)
watch("frankle2019/ticket", lambda scale: lenet(scale).tickets[5])  # 12 % kept: pruned and reset six times

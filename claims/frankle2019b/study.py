"""What the claims of Frankle et al. 2019 share: a deep BatchNorm net, resetting to step 0 and to a later step."""

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

from harness import (
    CIFAR10,
    DIGIT_DIFFERENCE,
    SGD,
    Augment,
    Band,
    Drops,
    Init,
    Network,
    Recipe,
    Scale,
    Scaling,
    Start,
    Task,
    Training,
    Warmup,
    fresh,
    mlp,
    percent_kept,
    prune,
    random_mask,
    resnet20,
    train,
    watch,
)

BATCH_NORM = "BatchNorm is evaluated with moments of 1,000 fixed training inputs, not with running averages."
LOW_RATE = "The low learning rate as a null setting is taken from P1, section 4, and the tables of P3."


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is trained at a scale, and at which densities it is read.

    `late` is the step that late resetting goes back to. `densities` are those of what is pruned: of the convolutions,
    shortcuts apart, where there are some, and of all weights otherwise; one a round, all layers competing. Everything
    is read at round `read`, for which there is a random mask; the low learning rate goes no further. `reinit` are the
    rounds with reinitialisations. `linear` shows linear classifiers, and makes one the floor at the low learning rate.
    """

    task: Task
    net: Network
    recipe: Recipe
    late: int
    densities: tuple[Fraction, ...]
    read: int
    reinit: tuple[int, ...]
    linear: bool
    at: Band  # round `read`
    sparsest: Band  # the last round
    sparsest_label: str
    published: float | None
    replicates: int


OPTIMISER = SGD(0.1, momentum=0.9, weight_decay=1e-4)  # the paper's for ResNet-20
WARMUP = 150  # steps at scale micro; a tenth, as the papers' 10,000 of 112,000 for VGG-19 at learning rate .1
SHALLOW = mlp(128, 64, 64, 10, batch_norm=True, init=Init.KAIMING_NORMAL)  # scale micro's net, six layers fewer
DROPS = Drops((Fraction(2, 3), Fraction(5, 6)))  # at steps 20,000 and 25,000 of 30,000
CIFAR = replace(CIFAR10, scaling=Scaling.STANDARDISED, augment=Augment.CROP_FLIP)
SETTINGS = {
    Scale.MICRO: Setting(
        task=DIGIT_DIFFERENCE,
        net=mlp(128, *[64] * 8, 10, batch_norm=True, init=Init.KAIMING_NORMAL),
        recipe=Recipe(
            optimiser=OPTIMISER,
            steps=1500,
            batch=60,
            schedule=Drops((Fraction(3, 5), Fraction(4, 5))),
            validate_every=250,
        ),
        late=100,
        densities=tuple(Fraction(2, 5) ** k for k in (1, 2, 3)),
        read=2,
        reinit=(1, 2, 3),
        linear=True,
        at=percent_kept("15", "17"),
        sparsest=percent_kept("6", "7"),
        sparsest_label="at 6.4 % kept",
        published=3.75,  # ResNet-50 at 10 % kept
        replicates=20,
    ),
    Scale.STANDARD: Setting(
        task=CIFAR,
        net=resnet20(),
        recipe=Recipe(optimiser=OPTIMISER, steps=6_000, batch=128, schedule=DROPS, validate_every=250),
        late=300,
        densities=tuple(Fraction(1, 2) ** k for k in (1, 2, 3)),
        read=2,
        reinit=(2, 3),
        linear=False,
        at=percent_kept("25.8", "26"),
        sparsest=percent_kept("13.5", "13.6"),
        sparsest_label="at 13.5 % kept",
        published=None,
        replicates=5,
    ),
    Scale.PAPER: Setting(
        task=CIFAR,
        net=resnet20(),
        recipe=Recipe(optimiser=OPTIMISER, steps=30_000, batch=128, schedule=DROPS),  # validation every 100 steps
        late=500,
        densities=tuple(Fraction(4, 5) ** k for k in range(1, 11)),
        read=6,
        reinit=(3, 6, 8, 10),
        linear=False,
        at=percent_kept("27", "27.2"),
        sparsest=percent_kept("11.7", "11.8"),
        sparsest_label="at 11.8 % kept",
        published=None,
        replicates=8,
    ),
}


@dataclass(frozen=True)
class Study:
    """The dense net, one training a round of each other arm, and the floors; `random` is at the round that is read."""

    dense: Training
    late: tuple[Training, ...]
    reset: tuple[Training, ...]
    reinit: tuple[Training, ...]
    random: Training
    linear: Training


@cache
def stabilising(s: Setting, lr: float, *, rounds: int) -> Study:
    """Return the arms at learning rate `lr`; late resetting trains the remaining steps of the schedule only."""
    recipe, pruned = s.recipe.with_lr(lr), s.net.convolutions  # no names for an MLP, of which all layers are pruned
    dense = train(s.net, s.task, recipe)
    late: list[Training] = []
    reset: list[Training] = []
    reinit = []
    for k, keep in enumerate(s.densities[:rounds], start=1):
        order = {"order": k}
        mask = prune(late[-1] if late else dense, keep=keep, scope="global", among=pruned)
        late.append(train(s.net, s.task, recipe, mask=mask, start=dense.at(s.late), first_step=s.late, streams=order))
        mask = prune(reset[-1] if reset else dense, keep=keep, scope="global", among=pruned)
        reset.append(train(s.net, s.task, recipe, mask=mask, start=dense.at(0), streams=order))
        if k in s.reinit:
            start: Start = fresh("reinit", draw=k)
            reinit.append(train(s.net, s.task, recipe, mask=mask, start=start, streams=order))
    keep = s.densities[s.read - 1]
    others = {layer: Fraction(1) for layer in s.net.prunable()}
    layers = tuple((others | dict.fromkeys(pruned, keep)).items())
    random = train(
        s.net,
        s.task,
        recipe,
        mask=random_mask(s.net, keep=layers if pruned else keep),
        start=dense.at(s.late),
        first_step=s.late,
        streams={"order": s.read},
    )
    linear = train(mlp(s.task.inputs, s.task.classes), s.task, recipe)
    return Study(dense, tuple(late), tuple(reset), tuple(reinit), random, linear)


def high(scale: Scale) -> Study:
    """Return the arms at the paper's learning rate, pruned to the last round."""
    return stabilising(SETTINGS[scale], 0.1, rounds=len(SETTINGS[scale].densities))


def low(scale: Scale) -> Study:
    """Return the arms at a tenth of the paper's learning rate, pruned to the round that is read."""
    return stabilising(SETTINGS[scale], 0.01, rounds=SETTINGS[scale].read)


def warmed(scale: Scale) -> Study:
    """Return the arms of `high` with a warm-up of the learning rate; of them, those reset to step 0 are read."""
    s = SETTINGS[scale]
    recipe = replace(s.recipe, schedule=Warmup(WARMUP, then=s.recipe.schedule))
    return stabilising(replace(s, recipe=recipe), 0.1, rounds=len(s.densities))


def shallow(scale: Scale) -> Study:
    """Return the arms of a net of two hidden layers instead of eight, pruned to the round that is read."""
    return stabilising(replace(SETTINGS[scale], net=SHALLOW), 0.1, rounds=SETTINGS[scale].read)


def copy(ticket: Training) -> Training:
    """Return the same ticket from the same weights once more, in another data order."""
    return train(
        ticket.network,
        ticket.task,
        ticket.recipe,
        mask=ticket.mask,
        start=ticket.start,
        first_step=ticket.first_step,
        streams={"order": 1000 + ticket.draw("order")},
    )


# At scale micro only: a baseline is a hundred replicates, of a ResNet-20 more than all its claims' trainings.
watch("frankle2019b/dense", lambda scale: high(scale).dense)
watch("frankle2019b/dense-low-rate", lambda scale: low(scale).dense)
watch("frankle2019b/late", lambda scale: high(scale).late[1])  # 16 % kept, reset to step 100

"""What the claims of Ramanujan et al. 2020 share: edge-popup, the trained net, and nets that nobody trained."""

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

from harness import (
    CIFAR10,
    DIGIT_DIFFERENCE,
    DIGITS,
    SGD,
    Adam,
    Augment,
    Cosine,
    Evaluation,
    Init,
    Network,
    Recipe,
    Scale,
    Scaling,
    Scores,
    Task,
    Training,
    conv_net,
    evaluate,
    mlp,
    random_mask,
    train,
    watch,
)

K = Fraction(1, 2)  # what edge-popup keeps of every layer


@dataclass(frozen=True, kw_only=True)
class Case:
    """A network on a task; `recipe` is used at a learning rate for scores, one for weights and one for a linear net.

    `suffix` tells the arms of a design's cases apart. The network has no biases, and starts from Kaiming normal where
    its weights are trained.
    """

    name: str
    suffix: str
    task: Task
    net: Network
    recipe: Recipe
    scores_lr: float
    trained_lr: float
    linear_lr: float


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The cases of a scale: the first decides, the others are shown beside it.

    `grid` and `other` are for pilots: learning rates that all arms are tried at, another recipe for the dense net.
    """

    cases: tuple[Case, ...]
    replicates: int
    grid: tuple[float, ...] = ()
    other: Recipe | None = None


def digits(task: Task, suffix: str, *, steps: int, lr: float, linear_lr: float) -> Case:
    """Return the case of an MLP 300-100 on a task of 8x8 digits, at learning rates chosen on pilot seeds."""
    return Case(
        name=task.name,
        suffix=suffix,
        task=task,
        net=mlp(task.inputs, 300, 100, 10, bias=False, init=Init.KAIMING_NORMAL),
        recipe=Recipe(
            # the paper's weight decay is 1e-4; on pilots 1e-3 leaves the trained net more room above the linear one
            optimiser=SGD(0.1, momentum=0.9, weight_decay=1e-3),
            steps=steps,
            batch=60,
            schedule=Cosine(),
            validate_every=steps // 6,
        ),
        scores_lr=lr,
        trained_lr=lr,
        linear_lr=linear_lr,
    )


CIFAR = replace(CIFAR10, scaling=Scaling.STANDARDISED, augment=Augment.CROP_FLIP)
BATCH = 128
EPOCH = CIFAR.train_images // BATCH  # 351 steps; the last partial batch is dropped


def conv(depth: int, *, epochs: int) -> Case:
    """Return the case of Conv-2, Conv-4, Conv-6 or Conv-8 on CIFAR-10, with the paper's optimiser and rates."""
    return Case(
        name=f"Conv-{depth}",
        suffix=f", Conv-{depth}",
        task=CIFAR,
        net=conv_net(depth, bias=False, init=Init.KAIMING_NORMAL),
        recipe=Recipe(
            optimiser=SGD(0.1, momentum=0.9, weight_decay=1e-4),
            steps=epochs * EPOCH,
            batch=BATCH,
            schedule=Cosine(),
            validate_every=EPOCH,
        ),
        scores_lr=0.1,
        trained_lr=0.01,
        linear_lr=0.01,
    )


def adam(epochs: int) -> Recipe:
    """Return the paper's other way to train the dense net; it reports the better one."""
    epoch = CIFAR.train_images // 60
    return Recipe(optimiser=Adam(3e-4), steps=epochs * epoch, batch=60, validate_every=epoch)


SETTINGS = {
    Scale.MICRO: Setting(
        cases=(
            digits(DIGITS, "", steps=1200, lr=0.3, linear_lr=1.0),
            digits(DIGIT_DIFFERENCE, ", difference", steps=1500, lr=0.1, linear_lr=0.3),
        ),
        replicates=20,
        grid=(0.03, 0.1, 0.3, 1.0),
    ),
    Scale.STANDARD: Setting(cases=(conv(8, epochs=20), conv(4, epochs=20)), replicates=5, other=adam(epochs=20)),
    Scale.PAPER: Setting(
        cases=tuple(conv(depth, epochs=100) for depth in (8, 6, 4, 2)), replicates=5, other=adam(epochs=100)
    ),
}


@dataclass(frozen=True)
class Study:
    """One arm a field; `untrained` and `random_mask` are evaluated as they were drawn."""

    edge_popup: Training
    trained: Training
    linear: Training
    untrained: Evaluation
    random_mask: Evaluation


@cache
def hidden(case: Case) -> Study:
    """Return the arms of a case; edge-popup's weights are the signed Kaiming constant."""
    net = replace(case.net, init=Init.SIGNED_KAIMING_CONSTANT)
    return Study(
        edge_popup=train(net, case.task, case.recipe.with_lr(case.scores_lr), learn=Scores(K)),
        trained=train(case.net, case.task, case.recipe.with_lr(case.trained_lr)),
        linear=train(mlp(case.task.inputs, 10), case.task, case.recipe.with_lr(case.linear_lr)),
        untrained=evaluate(net, case.task),
        random_mask=evaluate(net, case.task, mask=random_mask(net, keep=K)),
    )


def grid(scale: Scale) -> dict[str, list[Training] | Training]:
    """Return what pilots choose from: learning rates of all arms, and how the dense net is trained."""
    arms: dict[str, list[Training] | Training] = {}
    setting = SETTINGS[scale]
    for case in setting.cases:
        for lr in setting.grid:
            s = hidden(replace(case, scores_lr=lr, trained_lr=lr, linear_lr=lr))
            arms[f"{case.name}: edge-popup, lr {lr}"] = s.edge_popup
            arms[f"{case.name}: trained, lr {lr}"] = s.trained
            arms[f"{case.name}: linear, lr {lr}"] = s.linear
        if setting.other is not None:
            arms[f"{case.name}: trained"] = hidden(case).trained
            arms[f"{case.name}: trained, Adam"] = train(case.net, case.task, setting.other)
    return arms


def cases(scale: Scale) -> list[tuple[Case, Study]]:
    """Return the cases of a scale with their arms, the deciding one first."""
    return [(case, hidden(case)) for case in SETTINGS[scale].cases]


# At scale micro only: a baseline is a hundred replicates, many times what the claims train of a Conv net.
watch("ramanujan2020/edge-popup", lambda scale: cases(scale)[0][1].edge_popup)
watch("ramanujan2020/trained", lambda scale: cases(scale)[0][1].trained)
watch("ramanujan2020/edge-popup-difference", lambda scale: cases(scale)[1][1].edge_popup)
watch("ramanujan2020/trained-difference", lambda scale: cases(scale)[1][1].trained)

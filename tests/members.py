"""Members and populations made by hand, for tests of the engine."""

from dataclasses import replace
from fractions import Fraction

import torch

from harness.data._tasks import CIFAR10, DIGIT_DIFFERENCE, DIGITS, MNIST, SHAKESPEARE
from harness.engine._feed import Feed
from harness.engine._stack import stacked
from harness.engine._updates import Updates
from harness.expression import (
    Gradual,
    RedrawnScores,
    Rewire,
    Salience,
    Saliency,
    Scope,
    Scores,
    Switches,
    TargetedDropout,
)
from harness.expression._masks import random_bits
from harness.networks._architectures import (
    conv_net,
    lenet5,
    lstm_net,
    resnet20,
    text_transformer,
    vgg19,
    vision_transformer,
)
from harness.networks._initial import initial_scores, initial_values
from harness.networks._layers import AveragePool, BatchNorm, Conv, Image, Linear, Relu, Residual
from harness.networks._network import Network, mlp
from harness.networks._recipe import SGD, Adam, AdamW, Recipe, RMSprop
from harness.population._population import Member, Population, Program
from harness.streams import Replicate
from tests.modules import MODULES

ADAM = Recipe(optimiser=Adam(1.2e-3), steps=50, batch=60, validate_every=25)
MOMENTUM = Recipe(optimiser=SGD(0.1, momentum=0.9, weight_decay=1e-4), steps=50, batch=60, validate_every=25)
ROUNDS = Recipe(optimiser=SGD(1.0), steps=3, batch=60, validate_every=3)
FIFTH = Fraction(1, 5)
ODD, NORMED = mlp(64, 33, 17, 10), mlp(128, 33, 17, 10, batch_norm=True)
PROGRAMS = {
    "digits mlp, adam": Program(mlp(64, 300, 100, 10), DIGITS, ADAM),
    "digits mlp, odd widths, adam": Program(mlp(64, 33, 17, 10), DIGITS, ADAM),
    "digits mlp, odd widths, sgd": Program(mlp(64, 33, 17, 10), DIGITS, MOMENTUM),
    "difference batch-norm mlp, sgd": Program(mlp(128, *[64] * 8, 10, batch_norm=True), DIGIT_DIFFERENCE, MOMENTUM),
    "difference batch-norm mlp, odd widths": Program(mlp(128, 33, 17, 10, batch_norm=True), DIGIT_DIFFERENCE, MOMENTUM),
    "digits mlp, adamw, clipped and smoothed": Program(
        mlp(64, 300, 100, 10), DIGITS, replace(ADAM, optimiser=AdamW(1.2e-3), clip=0.5, smoothing=0.1)
    ),
    "digits mlp, odd widths, rmsprop, clipped, squared": Program(
        ODD, DIGITS, replace(ADAM, optimiser=RMSprop(1e-3, momentum=0.5), clip=0.02, loss="squared")
    ),
    "edge-popup": Program(mlp(64, 300, 100, 10, bias=False), DIGITS, MOMENTUM, learn=Scores(Fraction(1, 2))),
    "edge-popup, odd widths": Program(mlp(64, 33, 17, 10, bias=False), DIGITS, MOMENTUM, learn=Scores(Fraction(1, 3))),
    "edge-popup, global": Program(mlp(64, 33, 17, 10, bias=False), DIGITS, MOMENTUM, learn=Scores(FIFTH, Scope.GLOBAL)),
    "edge-popup, redrawn": Program(ODD, DIGITS, MOMENTUM, learn=RedrawnScores(Fraction(1, 3), every=7, rate=FIFTH)),
    "switches, adam": Program(ODD, DIGITS, ADAM, learn=Switches(penalty=0.02)),
    "switches, batch-norm": Program(NORMED, DIGIT_DIFFERENCE, MOMENTUM, learn=Switches(penalty=0.01)),
    "snip in rounds": Program(ODD, DIGITS, replace(ROUNDS, steps=7), learn=Saliency(Salience.SNIP, FIFTH)),
    "grasp": Program(ODD, DIGITS, ROUNDS, learn=Saliency(Salience.GRASP, FIFTH)),
    "synflow in rounds": Program(NORMED, DIGIT_DIFFERENCE, ROUNDS, learn=Saliency(Salience.SYNFLOW, FIFTH)),
    "rigl, adam": Program(ODD, DIGITS, ADAM, learn=Rewire("gradient", every=7)),
    "set, sgd, batch-norm": Program(NORMED, DIGIT_DIFFERENCE, MOMENTUM, learn=Rewire("random", every=10)),
    "targeted dropout": Program(ODD, DIGITS, MOMENTUM, learn=TargetedDropout(Fraction(3, 4), rate=Fraction(1, 2))),
    "gradual": Program(ODD, DIGITS, MOMENTUM, learn=Gradual(FIFTH, begin=5, end=35, every=6)),
}
CONVOLUTIONAL = conv_net(2, image=Image(1, 8, 8), width=Fraction(1, 13))  # 5 and 20 units
RESIDUAL = Network(
    (
        Image(1, 8, 8),
        Conv("conv1", 1, 5, bias=False),
        BatchNorm("bn1", 5),
        Relu(),
        Residual((Conv("conv2", 5, 5, bias=False), BatchNorm("bn2", 5), Relu(), Conv("conv3", 5, 5))),
        Relu(),
        Residual(
            (Conv("conv4", 5, 7, stride=2, bias=False), BatchNorm("bn4", 7)),
            (Conv("shortcut", 5, 7, kernel=1, stride=2, padding=0, bias=False), BatchNorm("bn", 7)),
        ),
        Relu(),
        AveragePool(),
        Linear("output", 7, 10),
    )
)
SHORT_ADAM = replace(ADAM, steps=12, validate_every=6)
TEXT = replace(SHAKESPEARE, train_images=600, validation_images=30, test_images=30)
UNBIASED = conv_net(2, image=Image(1, 8, 8), width=Fraction(1, 13), bias=False)
CONVOLUTIONS = {  # apart from `PROGRAMS`, whose tests are many
    "convolutional, adam": Program(CONVOLUTIONAL, DIGITS, ADAM),
    "residual batch-norm, sgd": Program(RESIDUAL, DIGITS, MOMENTUM),
    "residual batch-norm, bfloat16": Program(RESIDUAL, DIGITS, replace(MOMENTUM, numerics="bfloat16")),
    "dropout and penalties": Program(mlp(64, 33, 17, 10, dropout=0.3), DIGITS, replace(MOMENTUM, l1=1e-5, l2=1e-3)),
    "transformer, odd widths": Program(
        vision_transformer(image=Image(1, 8, 8), patch=3, features=20, hidden=33), DIGITS, SHORT_ADAM
    ),
    "transformer, whole vectors": Program(
        vision_transformer(image=Image(1, 8, 8), patch=2, features=32), DIGITS, SHORT_ADAM
    ),
    "lstm, odd widths": Program(lstm_net(62, places=32, features=5, hidden=7, layers=2, dropout=0.3), TEXT, SHORT_ADAM),
    "lstm, whole vectors": Program(lstm_net(62, places=32, features=16, hidden=32), TEXT, SHORT_ADAM),
    "text transformer": Program(text_transformer(62, places=32, features=20, hidden=33), TEXT, SHORT_ADAM),
    "convolutional edge-popup": Program(UNBIASED, DIGITS, MOMENTUM, learn=Scores(Fraction(1, 3))),
}
OWN = {name: Program(network, DIGITS, SHORT_ADAM) for name, network in MODULES.items()}  # torch modules
SHORT = {"steps": 4, "batch": 10, "validate_every": 2}
FEW = {"train_images": 100, "validation_images": 30, "test_images": 30}
CIFAR_FEW, MNIST_FEW = replace(CIFAR10, **FEW), replace(MNIST, **FEW)
PAPERS = {  # every network of the papers, narrow and of odd widths; images of their data sets' shapes
    "lenet-300-100": Program(mlp(784, 33, 17, 10), MNIST_FEW, replace(ADAM, **SHORT)),
    "lenet-5": Program(lenet5(), MNIST_FEW, replace(ADAM, **SHORT)),
    **{
        f"conv-{depth}": Program(conv_net(depth, width=Fraction(1, 13)), CIFAR_FEW, replace(ADAM, **SHORT))
        for depth in (2, 4, 6, 8)
    },
    "resnet-20": Program(
        resnet20(width=Fraction(3, 16)), replace(CIFAR_FEW, augment="crop-flip"), replace(MOMENTUM, **SHORT)
    ),
    "vgg-19": Program(
        vgg19(width=Fraction(1, 13)), replace(CIFAR_FEW, augment="crop-flip"), replace(MOMENTUM, **SHORT)
    ),
}


def member(program: Program, index: int, *, keep: Fraction | None = None) -> Member:
    """Return replicate `index` of `program`, every third one under a random mask unless `keep` says otherwise.

    Masks are of two densities, which a population may have beside each other.
    """
    replicate = Replicate(7, index)
    if keep is None and (isinstance(program.learn, Rewire) or (index % 3 == 2 and program.learn is None)):
        keep = (FIFTH, Fraction(1, 3))[index % 2]
    return Member(
        unit=f"member {index}",
        replicate=replicate,
        order_draw=index % 2,
        mask_draw=index % 2,
        start=initial_values(program.network, replicate, "init", 0),
        mask=None if keep is None else random_bits(program.network, keep, replicate, 0),
        scores=initial_scores(program.network, replicate, "scores", 0) if learns_scores(program) else None,
    )


def learns_scores(program: Program) -> bool:
    """Whether a score a weight is learned."""
    return program.learn is not None and program.learn.scores


def population(program: Program, indices: range | list[int], **more) -> Population:
    """Return the population of these replicates."""
    return Population(program, tuple(member(program, i) for i in indices), **more)


def begun(population: Population, device: str | torch.device = "cpu") -> Updates:
    """Return the updates of a population, ready to be run, with their stack and feed."""
    stack = stacked(population, torch.device(device))
    return Updates(population, stack, Feed(population, stack.device))

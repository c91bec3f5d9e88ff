"""The public vocabulary: what a claim is written in. Importing it is quick and does not import torch."""

from harness.architectures import conv_net, lenet5, resnet20, vgg19
from harness.catalogue import Arm, Design, Scale, Source, claim, paper, watch
from harness.expression import Evaluation, Mask, Scores, Start, Training, evaluate, fresh, prune, random_mask, train
from harness.hypothesis import (
    Band,
    Decision,
    Exact,
    Part,
    Reading,
    beats,
    equals,
    exact,
    interaction,
    matches,
    only_beyond,
    percent_kept,
    slope,
)
from harness.layers import Image
from harness.network import Init, Network, mlp
from harness.recipe import SGD, Adam, Constant, Cosine, Drops, Recipe
from harness.tasks import CIFAR10, DIGIT_DIFFERENCE, DIGITS, FASHION_MNIST, MNIST, Augment, Scaling, Task

__version__ = "0.1.0"

__all__ = [
    "CIFAR10",
    "DIGITS",
    "DIGIT_DIFFERENCE",
    "FASHION_MNIST",
    "MNIST",
    "SGD",
    "Adam",
    "Arm",
    "Augment",
    "Band",
    "Constant",
    "Cosine",
    "Decision",
    "Design",
    "Drops",
    "Evaluation",
    "Exact",
    "Image",
    "Init",
    "Mask",
    "Network",
    "Part",
    "Reading",
    "Recipe",
    "Scale",
    "Scaling",
    "Scores",
    "Source",
    "Start",
    "Task",
    "Training",
    "beats",
    "claim",
    "conv_net",
    "equals",
    "evaluate",
    "exact",
    "fresh",
    "interaction",
    "lenet5",
    "matches",
    "mlp",
    "only_beyond",
    "paper",
    "percent_kept",
    "prune",
    "random_mask",
    "resnet20",
    "slope",
    "train",
    "vgg19",
    "watch",
]

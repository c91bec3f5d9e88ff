"""The papers' networks. Knows numpy, not torch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction

from harness.errors import DesignError
from harness.networks._counts import round_half_up
from harness.networks._layers import (
    Attention,
    AveragePool,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    Gelu,
    Image,
    Layer,
    LayerNorm,
    Linear,
    MaxPool,
    Relu,
    Residual,
    Tokens,
)
from harness.networks._network import Init, Network
from harness.networks._sequences import LSTM, Embedding, Positions

CIFAR = Image(3, 32, 32)
CONV_DEPTHS = (2, 4, 6, 8)


def lenet5(*, init: Init = Init.GLOROT_NORMAL) -> Network:
    """Return Caffe's LeNet-5, which Han et al. 2015 prune: 5x5 convolutions of 20 and 50 channels, 500, 10; on 28x28.

    As in Caffe's definition only the hidden layer of 500 is rectified; each convolution is followed by a 2x2 maximum.
    Layers are named ``conv1``, ``conv2``, ``fc1`` and ``output``.

    Args:
        init: The distribution of initial weights.

    Returns:
        A network of 430,500 weights, for 784 inputs and 10 classes.

    >>> lenet5().parameters  # "431K" in the paper
    431080
    """
    layers = (
        Image(1, 28, 28),
        Conv("conv1", 1, 20, kernel=5, padding=0),
        MaxPool(),
        Conv("conv2", 20, 50, kernel=5, padding=0),
        MaxPool(),
        Flatten(),
        Linear("fc1", 800, 500),
        Relu(),
        Linear("output", 500, 10),
    )
    return Network(layers, init)


def conv_net(
    depth: int,
    *,
    image: Image = CIFAR,
    classes: int = 10,
    width: Fraction | int = 1,
    bias: bool = True,
    dropout: float = 0.0,
    init: Init = Init.GLOROT_NORMAL,
) -> Network:
    """Return Conv-2, Conv-4, Conv-6 (Frankle & Carbin 2019, Figure 2) or Conv-8 (Ramanujan et al. 2020).

    Pairs of 3x3 convolutions of 64, 128, 256 and 512 channels, each pair followed by a 2x2 maximum; then 256, 256 and
    the classes; all but the last rectified. `width` multiplies channels and hidden units, halves rounded up. Layers are
    named ``conv1``, ``conv2``, ..., ``fc1``, ``fc2`` and ``output``; `dropout` follows ``fc1`` and ``fc2``.

    Frankle & Carbin print 1.7M weights for Conv-6. Their layers give 2,261,184; Conv-2 and Conv-4 agree with theirs.

    Args:
        depth: The number of convolutions: 2, 4, 6 or 8.
        image: What an input is: channels, height and width.
        classes: The number of classes.
        width: What channels and hidden units are multiplied by.
        bias: Whether layers have biases.
        dropout: The share of values dropped after each hidden linear layer; 0 for no such layers.
        init: The distribution of initial weights.

    Returns:
        The network.

    Raises:
        DesignError: For another depth, a dropout rate outside [0, 1), or an image too small to be halved so often.

    >>> [conv_net(depth).weights for depth in (2, 4, 6, 8)]
    [4300992, 2425024, 2261184, 5275840]
    """
    if depth not in CONV_DEPTHS:
        raise DesignError(f"conv_net({depth}): depths are {', '.join(map(str, CONV_DEPTHS))}")

    def wide(units: int) -> int:
        return max(1, round_half_up(Fraction(units) * width))

    layers: list[Layer] = [image]
    channels, side = image.channels, (image.height, image.width)
    for pair in range(depth // 2):
        for i in (1, 2):
            layers += [Conv(f"conv{2 * pair + i}", channels, wide(64 * 2**pair), bias=bias), Relu()]
            channels = wide(64 * 2**pair)
        layers.append(MaxPool())
        side = (side[0] // 2, side[1] // 2)
    layers.append(Flatten())
    widths = (channels * side[0] * side[1], wide(256), wide(256))
    for i, (inputs, outputs) in enumerate(itertools.pairwise(widths), start=1):
        layers += [Linear(f"fc{i}", inputs, outputs, bias=bias), Relu()]
        layers += [Dropout(dropout)] if dropout else []
    layers.append(Linear("output", widths[-1], classes, bias=bias))
    return Network(tuple(layers), init)


def resnet20(
    *, image: Image = CIFAR, classes: int = 10, width: Fraction | int = 1, init: Init = Init.GLOROT_NORMAL
) -> Network:
    """Return the ResNet-20 for CIFAR of He et al. 2016 that Frankle & Carbin 2019 call Resnet-18.

    A 3x3 convolution, three stages of three blocks at 16, 32 and 64 channels, the mean over all places, the classes;
    BatchNorm after every convolution, no biases but the output's. `width` multiplies channels, halves rounded up.

    Where a stage changes the shape the shortcut is a 1x1 convolution of stride 2 with BatchNorm. He et al. pad with
    zeros there, but Frankle & Carbin count 274K parameters of which 270K in convolutions, and only this network gives
    both: 270,256 in convolutions, 272,474 learned values, 274,042 with BatchNorm's running moments, which this harness
    does not keep. Zeros would give 267,696, 269,722 and 271,098.

    Layers are named ``conv1``, ``stage1.block1.conv1``, ``stage2.block1.shortcut``, ..., ``output``.

    Args:
        image: What an input is: channels, height and width.
        classes: The number of classes.
        width: What channels are multiplied by.
        init: The distribution of initial weights.

    Returns:
        The network.

    >>> resnet20().weights, resnet20().parameters
    (270896, 272474)
    """
    widths = [max(1, round_half_up(Fraction(channels) * width)) for channels in (16, 32, 64)]
    layers: list[Layer] = [image, *_normalised("conv1", "bn1", image.channels, widths[0]), Relu()]
    channels = widths[0]
    for stage, outputs in enumerate(widths, start=1):
        for block in (1, 2, 3):
            name = f"stage{stage}.block{block}"
            layers += [_block(name, channels, outputs, 2 if stage > 1 and block == 1 else 1), Relu()]
            channels = outputs
    layers += [AveragePool(), Linear("output", channels, classes)]
    return Network(tuple(layers), init)


def _block(name: str, inputs: int, outputs: int, stride: int) -> Residual:
    """Return a block of two convolutions; its shortcut is the identity where the shape stays."""
    first = _normalised(f"{name}.conv1", f"{name}.bn1", inputs, outputs, stride=stride)
    second = _normalised(f"{name}.conv2", f"{name}.bn2", outputs, outputs)
    if stride == 1 and inputs == outputs:
        return Residual((*first, Relu(), *second))
    convolution = Conv(f"{name}.shortcut", inputs, outputs, kernel=1, stride=stride, padding=0, bias=False)
    return Residual((*first, Relu(), *second), (convolution, BatchNorm(f"{name}.shortcut_bn", outputs)))


def _normalised(name: str, norm: str, inputs: int, outputs: int, *, stride: int = 1) -> tuple[Conv, BatchNorm]:
    """Return a 3x3 convolution and its BatchNorm, which makes a bias idle."""
    return Conv(name, inputs, outputs, stride=stride, bias=False), BatchNorm(norm, outputs)


def vgg19(
    *, image: Image = CIFAR, classes: int = 10, width: Fraction | int = 1, init: Init = Init.GLOROT_NORMAL
) -> Network:
    """Return the VGG-19 for CIFAR of Frankle & Carbin 2019: 16 3x3 convolutions with BatchNorm and one linear layer.

    Two of 64 channels, two of 128, four of 256, four of 512, a 2x2 maximum after each group, four of 512, the mean over
    all places, the classes. No biases but the output's: BatchNorm makes them idle. `width` multiplies channels, halves
    rounded up. Layers are named ``conv1`` to ``conv16`` and ``output``.

    The paper's 20.0M is 20,018,880 weights in convolutions, and as many to that precision with the 5,120 of the output.

    Args:
        image: What an input is: channels, height and width, at least 16 x 16.
        classes: The number of classes.
        width: What channels are multiplied by.
        init: The distribution of initial weights.

    Returns:
        The network.

    Raises:
        DesignError: For an image too small to be halved four times.

    >>> vgg19().weights
    20024000
    """
    layers: list[Layer] = [image]
    channels, place = image.channels, 0
    for group, (count, units) in enumerate(((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))):
        if group:
            layers.append(MaxPool())
        outputs = max(1, round_half_up(Fraction(units) * width))
        for _ in range(count):
            place += 1
            layers += [*_normalised(f"conv{place}", f"bn{place}", channels, outputs), Relu()]
            channels = outputs
    layers += [AveragePool(), Linear("output", channels, classes)]
    return Network(tuple(layers), init)


def vision_transformer(
    *,
    image: Image = CIFAR,
    patch: int = 4,
    features: int = 64,
    heads: int = 4,
    hidden: int = 128,
    blocks: int = 2,
    classes: int = 10,
    init: Init = Init.GLOROT_NORMAL,
) -> Network:
    """Return a vision transformer (Dosovitskiy et al. 2021): patches as tokens, blocks of attention and a perceptron.

    Each half of a block normalises first and is added to what it was given; then LayerNorm, the mean over tokens, the
    classes. The paper has a class token, which the mean takes the place of, as in Zhai et al. 2022. Layers are named
    ``patches``, ``block1.attention.query``, ..., ``block1.fc1``, ``block1.fc2``, ..., ``output``.

    Args:
        image: What an input is: channels, height and width.
        patch: The side of a patch in pixels; a rest at the edge is left out.
        features: The length of a token.
        heads: The heads of each attention, which share the features.
        hidden: Hidden units of each block's perceptron.
        blocks: The number of blocks.
        classes: The number of classes.
        init: The distribution of initial weights.

    Returns:
        The network.

    Raises:
        DesignError: Where heads cannot share the features evenly, or an image is smaller than a patch.

    >>> vision_transformer(image=Image(1, 8, 8), patch=2).weights
    66432
    """
    places = (image.height // patch) * (image.width // patch)
    layers: list[Layer] = [
        image,
        Conv("patches", image.channels, features, kernel=patch, stride=patch, padding=0),
        Tokens("tokens", places, features),
    ]
    layers += _blocks(blocks, features, heads, hidden, causal=False)
    layers += [LayerNorm("norm", features), AveragePool(), Linear("output", features, classes)]
    return Network(tuple(layers), init)


def lstm_net(
    tokens: int, *, places: int, features: int = 32, hidden: int = 96, layers: int = 1, dropout: float = 0.0
) -> Network:
    """Return a language model of LSTMs (Zaremba et al. 2014): an embedding, `layers` of them, and the tokens again.

    Layers are named ``embedding``, ``lstm1.input``, ``lstm1.hidden``, ..., ``output``. With `dropout`, what each LSTM
    takes and what the last one gives is dropped at that rate. Each starts as torch's like of it does, the output too.

    Args:
        tokens: How many different tokens there are.
        places: The tokens of an input.
        features: The length of a token's vector.
        hidden: The outputs of each LSTM.
        layers: The number of LSTMs.
        dropout: The share of values dropped; 0 for no such layers.

    Returns:
        The network.

    Raises:
        DesignError: For a dropout rate outside [0, 1), and no LSTM at all.

    >>> lstm_net(33_278, places=50, features=650, hidden=650, layers=2).weights
    50021400
    """
    if layers < 1:
        raise DesignError(f"lstm_net() of {layers} LSTMs. Next: layers=1 or more")
    drop = (Dropout(dropout),) if dropout else ()
    made: list[Layer] = [Embedding("embedding", tokens, features, places)]
    for number in range(1, layers + 1):
        made += [*drop, LSTM(f"lstm{number}", features if number == 1 else hidden, hidden)]
    made += [*drop, Linear("output", hidden, tokens)]
    return Network(tuple(made), Init.TORCH_DEFAULT)


def text_transformer(
    tokens: int, *, places: int, features: int = 64, heads: int = 4, hidden: int = 128, blocks: int = 2
) -> Network:
    """Return a language model of attention: as `vision_transformer`, with an embedding, and no look at later tokens.

    Layers are named ``embedding``, ``block1.attention.query``, ..., ``block1.fc1``, ``block1.fc2``, ..., ``output``.
    Each starts as torch's like of it does.

    Args:
        tokens: How many different tokens there are.
        places: The tokens of an input.
        features: The length of a token's vector.
        heads: The heads of each attention, which share the features.
        hidden: Hidden units of each block's perceptron.
        blocks: The number of blocks.

    Returns:
        The network.

    Raises:
        DesignError: Where heads cannot share the features evenly.

    >>> text_transformer(62, places=32).weights
    73472
    """
    layers: list[Layer] = [
        Embedding("embedding", tokens, features, places),
        Positions("positions", places, features),
        *_blocks(blocks, features, heads, hidden, causal=True),
        LayerNorm("norm", features),
        Linear("output", features, tokens),
    ]
    return Network(tuple(layers), Init.TORCH_DEFAULT)


def _blocks(blocks: int, features: int, heads: int, hidden: int, *, causal: bool) -> Iterator[Layer]:
    """Yield the halves of a transformer's blocks: attention, and a perceptron of each token by itself."""
    for name in (f"block{number}" for number in range(1, blocks + 1)):
        attention = Attention(f"{name}.attention", features, heads, causal)
        perceptron = (Linear(f"{name}.fc1", features, hidden), Gelu(), Linear(f"{name}.fc2", hidden, features))
        yield Residual((LayerNorm(f"{name}.norm1", features), attention))
        yield Residual((LayerNorm(f"{name}.norm2", features), *perceptron))

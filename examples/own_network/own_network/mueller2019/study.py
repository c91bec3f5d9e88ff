"""A torch module as a network: two convolutions along a signal, and a linear layer."""

from torch import nn

from harness import MNIST1D, Adam, Evaluation, Network, Recipe, evaluate, fewer, mlp, network, train


@network("mueller2019/signals")
def signals(inputs: tuple[int, ...], channels: int = 8) -> nn.Module:
    """Every second place of a convolution over five goes on; torch's own layers, in torch's own words."""
    long = inputs[1]
    for _ in range(2):
        long = (long - 5) // 2 + 1
    return nn.Sequential(
        nn.Conv1d(inputs[0], channels, 5, stride=2),
        nn.ReLU(),
        nn.Conv1d(channels, 2 * channels, 5, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(2 * channels * long, 10),
    )


SIGNALS = fewer(MNIST1D, 1000)
NET = signals(inputs=(1, 40))
LINEAR = mlp(40, 10)
RECIPE = Recipe(optimiser=Adam(5e-3), steps=400, batch=50, validate_every=400)


def answers(net: Network, recipe: Recipe) -> Evaluation:
    """Return what the trained net answers of the test set, and how far its confidence is from its accuracy."""
    return evaluate(net, SIGNALS, weights=train(net, SIGNALS, recipe).at("end"), also=("calibration_error",))

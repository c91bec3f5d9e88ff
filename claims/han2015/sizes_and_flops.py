"""How much smaller AlexNet and VGG-16 become (Tables 4 and 5), by the definitions in torchvision."""

from fractions import Fraction

from harness import Design, Scale, Source, claim, counted, exact, printed

PERCENT = {  # of its weights that a layer keeps, input to output
    "alexnet": (84, 38, 35, 37, 37, 9, 9, 25),
    "vgg16": (58, 22, 34, 36, 53, 24, 42, 32, 27, 34, 35, 29, 36, 4, 4, 23),
}


@claim(
    "han2015/sizes-and-flops",
    statement="Pruning leaves a ninth of AlexNet's weights, a 13th of VGG-16's, and a third of AlexNet's products.",
    source=Source(
        version="arXiv 1506.02626", place="abstract; Tables 4 and 5", published="9x, 13x; about 3x less work"
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        "torchvision's AlexNet has one tower; the paper's is Caffe's, whose convolutions are grouped.",
        "Computation is counted by weights; the paper also leaves out products with activations that are zero.",
        """The layers' percentages are those of Tables 4 and 5, read in a transcription and checked by the totals that
        they allow; the heading of Table 5 has 12 times fewer weights where abstract and text have 13.""",
    ),
)
def sizes_and_flops(scale: Scale) -> Design:
    """Counted when results are collected: torchvision is not imported before."""
    return Design(
        exact=(
            printed("AlexNet, parameters", lambda: _all("alexnet", "weights", "biases"), "61M"),
            printed("VGG-16, parameters", lambda: _all("vgg16", "weights", "biases"), "138M"),
            exact("AlexNet, multiply-adds", lambda: _all("alexnet", "multiply_adds"), expected=714_188_480),
            exact("VGG-16, multiply-adds", lambda: _all("vgg16", "multiply_adds"), expected=15_470_264_320),
            printed("AlexNet, fewer weights", lambda: _fewer("alexnet", "weights"), "9x"),
            printed("VGG-16, fewer weights", lambda: _fewer("vgg16", "weights"), "13x"),
            exact("AlexNet can keep 6.7M", lambda: _can_keep("alexnet", "6.7"), expected="yes"),
            exact("VGG-16 can keep 10.3M", lambda: _can_keep("vgg16", "10.3"), expected="yes"),
            printed("AlexNet, fewer multiply-adds", lambda: _fewer("alexnet", "multiply_adds"), "3x"),
        )
    )


def _all(model: str, *what: str) -> int:
    return sum(getattr(layer, each) for layer in counted(model) for each in what)


def _left(model: str, what: str, off: Fraction = Fraction(0)) -> Fraction:
    layers = zip(counted(model), PERCENT[model], strict=True)
    return sum((getattr(layer, what) * (percent + off) / 100 for layer, percent in layers), Fraction(0))


def _fewer(model: str, what: str) -> Fraction:
    return _all(model, what) / _left(model, what)


def _can_keep(model: str, millions: str) -> str:
    least, most = (_left(model, "weights", Fraction(off, 2)) / 10**6 for off in (-1, 1))
    return "yes" if least <= Fraction(millions) <= most else "no"

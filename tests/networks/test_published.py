"""Published networks are counted exactly, without memory for them, and figures are compared as they are printed."""

import subprocess
import sys
from fractions import Fraction

import pytest
import torch
import torchvision
from torch.utils.flop_counter import FlopCounterMode

from harness.design._claim import Scale
from harness.design._exact import printed
from harness.errors import DesignError
from harness.networks import _published as counts
from harness.networks._published import counted
from tests.project import catalogue


@pytest.mark.parametrize(
    ("model", "layers", "parameters", "multiply_adds"),
    [("alexnet", 8, 61_100_840, 714_188_480), ("vgg16", 16, 138_357_544, 15_470_264_320)],
)
def test_published_networks_have_their_known_counts(model, layers, parameters, multiply_adds):
    """Layers, parameters and multiply-adds as torchvision documents them, the latter as torch counts operations."""
    found = counted(model)
    assert len(found) == layers
    assert sum(layer.weights + layer.biases for layer in found) == parameters
    assert sum(layer.multiply_adds for layer in found) == multiply_adds
    with torch.device("meta"), FlopCounterMode(display=False) as flops:
        getattr(torchvision.models, model)().eval()(torch.empty(1, *counts.IMAGE))
    assert flops.get_total_flops() == 2 * multiply_adds


def test_the_first_and_last_layers_are_in_order():
    """AlexNet's first convolution is computed at 55 x 55 places, a linear layer's weights are used once."""
    first, *_, last = counted("alexnet")
    assert (first.weights, first.biases, first.multiply_adds) == (23_232, 64, 23_232 * 55**2)
    assert (last.weights, last.biases, last.multiply_adds) == (4_096_000, 1_000, 4_096_000)


def test_other_models_are_refused():
    """They might have parameters elsewhere than in convolutions and linear layers."""
    with pytest.raises(DesignError, match=r"no counts of 'vgg19'; did you mean vgg16"):
        counted("vgg19")


def test_the_exact_claims_of_papers_hold_but_for_conv_6():
    """Every printed size and density is what the described networks give, but for the two that contradict Figure 2."""
    ids = ("frankle2019/ladder-exact", "frankle2019/sizes-exact", "han2015/sizes-and-flops")
    found = {
        (id, e.name): (e.value, e.expected) for id in ids for e in catalogue().claims[id].design(Scale.MICRO).exact
    }
    assert len(found) == 13 + 9 + 9
    assert {name: pair for (_, name), pair in found.items() if pair[0] != pair[1]} == {
        "Conv-6": ("2.3M", "1.7M"),
        "Conv-6 after 7 rounds": ("26.6%", "26.4%"),
    }


def test_importing_it_is_quick():
    """Neither torch nor torchvision is loaded until something is counted."""
    code = "import sys, harness; assert harness.counted and not {'torch', 'torchvision'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("value", "figure", "text"),
    [
        (266_200, "266K", "266K"),
        (4_300_992, "4.3M", "4.3M"),
        (2_261_184, "1.7M", "2.3M"),
        (2_250_000, "1.7M", "2.3M"),  # halves upwards
        (2_249_999, "1.7M", "2.2M"),
        (20_018_880, "20.0M", "20.0M"),
        (Fraction(1, 8), "12%", "13%"),
        (Fraction(1, 8), "12.5%", "12.5%"),
        (Fraction(7, 1000), "7.0%", "0.7%"),
        (Fraction(893, 100), "9x", "9x"),
        (41, "40", "41"),
        (999_999, "1.0M", "1.0M"),
    ],
)
def test_a_value_is_compared_as_the_figure_is_printed(value, figure, text):
    """In the figure's unit, with as many decimals, halves upwards; whether it is given or computed on demand."""
    assert printed("n", value, figure).value == text
    later = printed("n", lambda: value, figure)
    assert (later.value, later.expected, later.name) == (text, figure, "n")


def test_nothing_is_computed_before_it_is_asked_for():
    """A design with a quantity that is expensive or needs torch is built without it."""
    later = printed("n", lambda: 1 / 0, "1")
    with pytest.raises(ZeroDivisionError):
        _ = later.value
    with pytest.raises(DesignError, match=r"exact 'n': 0\.5 is a float"):
        _ = printed("n", lambda: 0.5, "1").value


@pytest.mark.parametrize("figure", ["1,000", "4.3 M", "about 9", "-1", "4.3G"])
def test_a_figure_that_cannot_be_read_is_refused(figure):
    """Digits, decimals and one unit; the message says which units there are."""
    with pytest.raises(DesignError, match=r"figure .* of 'n'.*K, M, % or x"):
        printed("n", 1, figure)

"""What each kernel does, and which way it is done on a device: by Triton on a GPU, else by torch.

Tensors are named by shape: R members, S steps, B examples, I inputs, O outputs, C classes, P flat parameters, W words
of 32 mask bits, G groups of members that share their learning rates, A ages of an optimiser, in updates, N images. The
last axis of each has a stride of 1; of x, z, biases and what is of a feature the others may have any, else tensors are
contiguous. Every kernel writes in place and reads nothing on the host, so that a CUDA graph can capture it, and sums in
an order that is always the same.

BatchNorm's activations are x_RBF, or images x_RBCP of P places and channels C, which then are the features F. All of
one call have the same strides. Each may be bfloat16: arithmetic and moments are float32 all the
same. No gradient is taken through the moments that come out.
"""

from __future__ import annotations

import os
import warnings
from functools import cache
from importlib.util import find_spec
from typing import Protocol

import torch
from torch import Tensor

from harness.kernels import _twins

OUT_OF_MEMORY = (  # the driver, as when a graph is made of a step; cuBLAS and cuDNN, also when they cannot begin
    "out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_NOT_INITIALIZED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_NOT_INITIALIZED",
)
WAYS = ("", "torch")  # that HARNESS_KERNELS may say


class Kernels(Protocol):
    """The kernels of one way: `_twins` in torch, which is the reference, and `_programs` in Triton."""

    def gather(
        self,
        x_RBI: Tensor,
        source_NI: Tensor,
        images_RSB: Tensor,
        at_1: Tensor,
        by_N: Tensor,
        off_I: Tensor,
        over_I: Tensor,
    ) -> None:
        """Put the images of step `at_1` into `x_RBI`: (pixel / its image's `by` - `off`) / `over`."""

    def rectify(self, z_RBO: Tensor, bias_RO: Tensor | None) -> None:
        """Add the bias to `z_RBO`, then set to zero what is below it; no number stays none."""

    def rectify_back(self, dx_RBO: Tensor, x_RBO: Tensor, dbias_RO: Tensor | None) -> None:
        """Set gradients to zero where `rectify` gave `x_RBO` zero, and put their sums over examples into `dbias_RO`."""

    def cross_entropy(
        self,
        z_RBC: Tensor,
        bias_RC: Tensor | None,
        answers_RSB: Tensor,
        at_1: Tensor,
        dbias_RC: Tensor | None,
        loss_R: Tensor,
    ) -> None:
        """Put each member's mean cross-entropy at step `at_1` into `loss_R`, and its gradient in place of the logits.

        The bias is added to the logits first; the gradient's sum over examples is that of the bias.
        """

    def adam(
        self,
        rows_RP: Tensor,
        gradient_RP: Tensor,
        bits_RW: Tensor,
        rates_SG: Tensor,
        at_1: Tensor,
        group: int,
        mean_RP: Tensor,
        square_RP: Tensor,
        age: Tensor,
        corrections_A2: Tensor,
        *,
        beta1: float,
        beta2: float,
        eps: float,
        decay: float,
    ) -> None:
        """Make one update of Adam, of those whose mask bit is 1, at the rate of the group at step `at_1`.

        `age` counts the updates before this one; `corrections_A2` has for each age 1 - beta1^t, and the root of 1 -
        beta2^t, with t = age + 1. Parameters are first shrunk by `decay` times the rate (AdamW). Of a mask bit of 0
        the gradient counts as zero, whatever it is.
        """

    def sgd(
        self,
        rows_RP: Tensor,
        gradient_RP: Tensor,
        bits_RW: Tensor,
        rates_SG: Tensor,
        at_1: Tensor,
        group: int,
        momentum_RP: Tensor | None,
        *,
        momentum: float,
        decay: float,
        nesterov: bool,
    ) -> None:
        """Make one update of SGD with weight decay in the gradient; masks and rates are as in `adam`."""

    def normalise(
        self,
        x_RBF: Tensor,
        scale_RF: Tensor,
        shift_RF: Tensor,
        added_RBF: Tensor | None,
        y_RBF: Tensor,
        mean_RF: Tensor,
        rstd_RF: Tensor,
        *,
        eps: float,
        rectified: bool,
        given: bool,
    ) -> None:
        """Put into `y_RBF` BatchNorm of `x_RBF` by the batch's own moments, plus `added_RBF`, rectified if so asked.

        The moments are put beside: means, and one over the standard deviations, of the variance plus `eps`. Where they
        are `given` they are read instead. No number stays none.
        """

    def normalise_back(
        self,
        dy_RBF: Tensor,
        x_RBF: Tensor,
        scale_RF: Tensor,
        shift_RF: Tensor,
        y_RBF: Tensor | None,
        mean_RF: Tensor,
        rstd_RF: Tensor,
        dx_RBF: Tensor,
        dscale_RF: Tensor,
        dshift_RF: Tensor,
        dadded_RBF: Tensor | None,
        *,
        rectified: bool,
    ) -> None:
        """Put the gradients of what `normalise` was given in place, where `dy_RBF` is that of what it gave.

        Where something was added, `y_RBF` says what was rectified. Where nothing was, that is computed again.
        """


def kernels_for(device: torch.device) -> Kernels:
    """Return the kernels to be used on a device."""
    if not compiles(device):
        return _twins
    from harness.kernels import _programs

    return _programs


@cache
def compiles(device: torch.device) -> bool:
    """Whether Triton makes programs for this device: there is a GPU, Triton, and the C compiler that it calls.

    One small launch is tried. Warns where it fails, but for want of memory: that raises, and is asked again. With
    ``HARNESS_KERNELS=torch`` in the environment none is made: all is then left to torch's own operators, to compare the
    two. Raises ValueError where it says anything else.
    """
    if device.type != "cuda":
        return False
    if (way := os.environ.get("HARNESS_KERNELS", "")) not in WAYS:
        raise ValueError(f"HARNESS_KERNELS={way} in the environment. Next: HARNESS_KERNELS=torch, or nothing")
    if way == "torch" or find_spec("triton") is None:
        return False
    from harness.kernels import _programs

    try:
        _programs.rectify(torch.zeros(1, 1, 1, device=device), None)
    except Exception as error:  # of whatever kind: each part of Triton that can fail has its own
        if out_of_memory(error):
            raise
        warnings.warn(f"no kernels are made by Triton here, where steps are slower without: {error}", stacklevel=2)
        return False
    return True


def out_of_memory(error: Exception) -> bool:
    """Whether it says, in the words of whichever library found it, that a GPU's memory is out."""
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in OUT_OF_MEMORY)


def triton_version(device: torch.device) -> str:
    """Return the version of Triton that makes a device's kernels, or ``none``."""
    if not compiles(device):
        return "none"
    from harness.kernels import _programs

    return _programs.VERSION

"""From images as they are stored to a network's inputs: crops, mirroring and scaling, on the device.

Every operation is on one image at a time, and is exact or rounds once: an input does not depend on what is beside it.

Tensors are named by shape: N images, I pixels of an image (channels, then rows, then columns), C channels, H height,
W width.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from harness.data import PAD, SETS, Scaling, Task


def cropped(pixels_NI: Tensor, crop_N: Tensor, task: Task) -> Tensor:
    """Return each image cropped out of its padding of `PAD` black pixels and, for odd numbers, mirrored.

    The number's other part is where the crop starts: row by row, ``2 * PAD + 1`` places a row.
    """
    channels, height, width = task.shape
    device = pixels_NI.device
    place_N, mirrored_N = crop_N.long() // 2, crop_N.long() % 2
    top_N, left_N = place_N // (2 * PAD + 1), place_N % (2 * PAD + 1)
    row_NH = top_N[:, None] + torch.arange(height, device=device)
    column_W = torch.arange(width, device=device)
    column_NW = left_N[:, None] + torch.where(mirrored_N[:, None] == 1, width - 1 - column_W, column_W)
    pixel_NHW = row_NH[:, :, None] * (width + 2 * PAD) + column_NW[:, None, :]
    padded = functional.pad(pixels_NI.view(-1, channels, height, width), (PAD, PAD, PAD, PAD))
    taken_NCI = pixel_NHW.view(len(pixels_NI), 1, -1).expand(-1, channels, -1)
    return padded.flatten(2).gather(2, taken_NCI).flatten(1)


def scaled(pixels_NI: Tensor, task: Task) -> Tensor:
    """Return the images as float32, scaled as the task says; bytes are values 0 to 255, floats 0 to 1.

    What is scaled by a replicate's own training examples is left to `Feed`.
    """
    if task.scaling is Scaling.L2:
        return pixels_NI.float() / _lengths(pixels_NI)
    unit_NI = pixels_NI if pixels_NI.dtype == torch.float32 else pixels_NI.float().div_(255)
    if task.scaling is not Scaling.STANDARDISED:
        return unit_NI
    mean_C1, sd_C1 = _moments(task.source, pixels_NI.device)
    return ((unit_NI.view(len(unit_NI), len(mean_C1), -1) - mean_C1) / sd_C1).flatten(1)


def scales(pixels_NI: Tensor, task: Task) -> tuple[Tensor, Tensor, Tensor]:
    """Return by_N, off_I and over_I, with which `scaled` is (pixel / by - off) / over: of bytes to the bit."""
    images, inputs = pixels_NI.shape
    device = pixels_NI.device
    off_I, over_I = torch.zeros(inputs, device=device), torch.ones(inputs, device=device)
    if task.scaling is Scaling.L2:  # few images at a time, whose float64 are eight times their bytes
        each = [_lengths(pixels_NI[first : first + 1024]) for first in range(0, images, 1024)]
        return torch.cat(each)[:, 0], off_I, over_I
    if task.scaling is Scaling.STANDARDISED:
        mean_C1, sd_C1 = _moments(task.source, device)
        off_I, over_I = (each[:, 0].repeat_interleave(inputs // len(each)) for each in (mean_C1, sd_C1))
    by = 1.0 if pixels_NI.dtype == torch.float32 else 255.0
    return torch.full((images,), by, device=device), off_I, over_I


def _lengths(pixels_NI: Tensor) -> Tensor:
    """Return each image's length, shape (N, 1): of bytes, sums of squares are integers, exact in any order."""
    length_N1 = pixels_NI.double().square_().sum(1, keepdim=True).sqrt_()
    return length_N1.float().clamp_min_(torch.finfo(torch.float32).tiny)


@cache
def _moments(source: str, device: torch.device) -> tuple[Tensor, Tensor]:
    moments = SETS[source].moments
    return torch.tensor(moments.mean, device=device)[:, None], torch.tensor(moments.sd, device=device)[:, None]

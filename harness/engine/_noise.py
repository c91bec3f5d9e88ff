"""Random bits on the device, by counter: for noise too bulky to be drawn on the host, such as dropout's.

A bit is a function of (replicate, stream, draw), step, layer and place, and of nothing else, by the mixing function of
SplitMix64 (Steele, Lea & Flood, Fast splittable pseudorandom number generators, OOPSLA 2014): integers that wrap, so
they are the same on any device and for any packing.

Tensors are named by shape: R members, N values of a member, W words.
"""

from __future__ import annotations

import torch
from torch import Tensor


def _signed(word: int) -> int:
    return word - 2**64 if word >= 2**63 else word


GOLDEN = _signed(0x9E3779B97F4A7C15)  # the odd number nearest 2**64 over the golden ratio
FIRST, SECOND = _signed(0xBF58476D1CE4E5B9), _signed(0x94D049BB133111EB)


class Noise:
    """The noise of one update: members' `keys_R` and the absolute `step`, both int64, say what it is."""

    def __init__(self, keys_R: Tensor, step: Tensor) -> None:
        self._state_R = mixed(keys_R + step * GOLDEN)
        self._layers = 0

    def of(self, member: int) -> Noise:
        """Return the noise of one member alone, as far as layers have asked by now."""
        alone = Noise(self._state_R[:0], self._state_R[:0])
        alone._state_R, alone._layers = self._state_R[member : member + 1], self._layers
        return alone

    def after(self, other: Noise) -> None:
        """Go on behind the layers that have asked the other one, which is of a member."""
        self._layers = other._layers

    def words(self, values: int) -> Tensor:
        """Return random int64 words, shape (R, values); layers are told apart as by `dropped`."""
        self._layers += 1
        place_N = torch.arange(values, device=self._state_R.device) * GOLDEN
        return mixed(mixed(self._state_R + _signed(self._layers * GOLDEN % 2**64))[:, None] + place_N)

    def dropped(self, x: Tensor, rate: float) -> Tensor:
        """Return `x`, members first, with each value zero with probability `rate` and the others over 1 - rate.

        Layers are told apart by the order in which they ask. A word of 64 bits decides on four values.
        """
        self._layers += 1
        values = x[0].numel()
        place_W = torch.arange(-(-values // 4), device=x.device) * GOLDEN
        word_RW = mixed(mixed(self._state_R + _signed(self._layers * GOLDEN % 2**64))[:, None] + place_W)
        uniform_RN = word_RW.view(torch.int16)[:, :values]  # -32768 to 32767
        kept_RN = (uniform_RN >= round(rate * 2**16) - 2**15).to(x.dtype).mul_(1 / (1 - rate))
        return x * kept_RN.view(x.shape)


def mixed(word: Tensor) -> Tensor:
    """Return SplitMix64's mixing of int64 words."""
    word = (word ^ _shifted(word, 30)) * FIRST
    word = (word ^ _shifted(word, 27)) * SECOND
    return word ^ _shifted(word, 31)


def _shifted(word: Tensor, by: int) -> Tensor:
    """Return words shifted right with zeros coming in."""
    return torch.bitwise_and(word >> by, 2 ** (64 - by) - 1)

"""A step by hand with Triton's kernels: a program that writes what comes of it, for Triton's interpreter."""

import sys
from unittest import mock

import torch

from harness.engine import _by_hand as by_hand
from harness.engine import _updates as updates
from harness.kernels import _programs
from tests.engine.test_by_hand import INTERPRETED, one_step, trained

if __name__ == "__main__":
    with (
        mock.patch.multiple(by_hand, kernels_for=lambda device: _programs),
        mock.patch.object(updates, "stands_in", by_hand.simple),
    ):
        torch.save({name: trained(one_step(name))[:2] for name in INTERPRETED}, sys.argv[1])

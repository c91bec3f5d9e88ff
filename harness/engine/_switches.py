"""Switches on hidden units, trained with the weights: Smallify (Leclerc et al. 2018).

Tensors are named by shape: R members, P flat parameters, H hidden units of all layers, O those of a layer.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from harness.engine._stack import Stack, learner
from harness.expression import Bits, Switches, of_units
from harness.networks import ALIGN, BatchNorm, Linear
from harness.population import Arrays, Population


@learner(Switches)
class SwitchStack(Stack):
    """Weights and, behind them in the flat parameters, the switches of hidden units.

    The forward pass sees the weights and biases of a layer, or the scales and shifts of the BatchNorm after it,
    multiplied by its units' switches, and gradients are taken of these products.
    """

    def __init__(self, population: Population, device: torch.device) -> None:
        super().__init__(population, device)
        learn = population.program.learn
        assert isinstance(learn, Switches)
        self._learn = learn
        self._units = {name: tensor.shape[1] for name, tensor in self.network.hidden().items()}
        self._switched = {name: layer for layer, names in self._tensors().items() for name in names}
        units = sum(self._units.values())
        aligned = -(-units // ALIGN) * ALIGN  # so that each member's row begins where it would alone
        ones_RH = torch.ones(len(self.learned_RP), aligned, device=device)
        self._prunable_1P = torch.cat([self._prunable_1P, torch.zeros_like(ones_RH[:1])], 1)
        learned_RP = torch.cat([self.learned_RP, ones_RH], 1)
        self._learn_these(learned_RP, torch.cat([self.mask_RP, ones_RH], 1))
        assert self.learned_RP.grad is not None
        place = slice(self.network.flat_size, self.network.flat_size + units)
        self._switch_RH, self._switch_grad_RH = self.learned_RP[:, place], self.learned_RP.grad[:, place]
        self._alive_RH, self._mean_RH = self.mask_RP[:, place], torch.ones_like(ones_RH[:, :units])
        self._variance_RH = torch.zeros_like(self._mean_RH)

    def _tensors(self) -> dict[str, list[str]]:
        """Return what of the network gives a hidden layer's outputs, all that a switch multiplies."""
        tensors: dict[str, list[str]] = {}
        layer = ""
        for each in self.network.layers:
            if isinstance(each, Linear) and each.name in self._units:
                layer = each.name
                tensors[layer] = [f"{layer}.weight", f"{layer}.bias"] if each.bias else [f"{layer}.weight"]
            elif isinstance(each, BatchNorm):
                tensors[layer] = [f"{each.name}.scale", f"{each.name}.shift"]
        return tensors

    def _of_layers(self, value_RH: Tensor) -> dict[str, Tensor]:
        """Return each hidden layer's part of numbers a unit, shape (R, O)."""
        return dict(zip(self._units, torch.split(value_RH, list(self._units.values()), 1), strict=True))

    def leaves(self) -> dict[str, Tensor]:
        """Return the parameters as their units' switches leave them."""
        switches = self._of_layers(self._switch_RH)
        leaves = {}
        for name, leaf in self._leaves.items():
            layer = self._switched.get(name)
            value = leaf.detach() if layer is None else leaf.detach() * _beside(switches[layer], leaf)
            leaves[name] = value.requires_grad_()
        return leaves

    def put_gradients(self, gradients: dict[str, Tensor]) -> None:
        """Take the gradients of the products over to parameters and switches, and add the penalty's to these."""
        switches, found = self._of_layers(self._switch_RH), dict[str, Tensor]()
        for name, gradient in gradients.items():
            layer = self._switched.get(name)
            if layer is None:
                torch.mul(gradient, self._mask[name], out=self._grad[name])
                continue
            product = gradient * self._leaves[name].detach()
            part_RO = product if product.dim() == 2 else product.sum(1)
            found[layer] = found[layer] + part_RO if layer in found else part_RO
            torch.mul(gradient * _beside(switches[layer], gradient), self._mask[name], out=self._grad[name])
        data_RH = torch.cat([found[layer] for layer in self._units], 1)
        self._switch_grad_RH.copy_((data_RH + self._learn.penalty * self._switch_RH.sign()) * self._alive_RH)

    def after_step(self) -> None:
        """Follow the switches' signs, and remove for good the units whose sign varies too much."""
        keep, sign_RH = self._learn.momentum, self._switch_RH.sign()
        away_RH = (sign_RH - self._mean_RH).square_()
        self._variance_RH.add_(away_RH, alpha=1 - keep).mul_(keep)
        self._mean_RH.mul_(keep).add_(sign_RH, alpha=1 - keep)
        self._alive_RH.mul_((self._variance_RH <= self._learn.threshold).float())
        self._switch_RH.mul_(self._alive_RH)

    def kept(self) -> Tensor:
        """Return the parameters as their switches leave them, with which the network gives the same without any."""
        return self.flat(self.leaves())

    def put_back(self, kept_RP: Tensor, mask_RP: Tensor) -> None:
        """Take these parameters, with the switches as they are at first."""
        self.learned_RP[:, : self.network.flat_size].copy_(kept_RP)

    def masks(self) -> Sequence[Bits]:
        """Return the masks without the weights into and out of removed units."""
        masks = []
        for r, mask in enumerate((self.mask_RP[:, : self.network.flat_size] > 0).cpu().numpy()):
            alive = {name: part_RO[r].cpu().numpy() > 0 for name, part_RO in self._of_layers(self._alive_RH).items()}
            masks.append(mask & of_units(self.network, alive))
        return masks

    def state(self) -> Arrays:
        """Return which units are there, and the moments of their switches' signs."""
        held = {"alive": self._alive_RH, "mean": self._mean_RH, "variance": self._variance_RH}
        return {name: value_RH.cpu().numpy().copy() for name, value_RH in held.items()}

    def restore_state(self, state: Arrays) -> None:
        """Go on from these."""
        for name, value_RH in (("alive", self._alive_RH), ("mean", self._mean_RH), ("variance", self._variance_RH)):
            value_RH.copy_(torch.from_numpy(state[name]))


def _beside(switch_RO: Tensor, parameter: Tensor) -> Tensor:
    """Return a layer's switches as they multiply a parameter, R1O for weights (R, I, O), RO for vectors."""
    return switch_RO if parameter.dim() == 2 else switch_RO[:, None]

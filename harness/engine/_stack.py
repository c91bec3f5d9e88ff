"""The stacked parameters of a population: what is learned, what masks removed, what a forward pass sees.

What a training learns is a class of stack: it says what the network sees and with which parameters, what is minimised,
how that is differentiated, what becomes of the gradients, what else changes with a step, what of it a checkpoint holds,
and which masks come of it. The first class is the ordinary one.

Tensors are named by shape: R members, P flat parameters, N weights of a layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from harness.engine._nn import forward
from harness.engine._noise import Noise
from harness.errors import DesignError, RunError
from harness.expression import (
    Bits,
    Learn,
    largest,
    ones,
    prunable_bits,
)
from harness.population import Arrays, Population


class Stack:
    """The stacked parameters of a population, trained under fixed masks.

    A removed weight is zero from the first step on: it starts at zero and its gradient is zeroed, so momentum, Adam's
    moments and weight decay keep it there.
    """

    def __init__(self, population: Population, device: torch.device) -> None:
        network, members = population.program.network, population.members
        self.network = network
        self.device = device
        every = ones(network)
        mask_RP = np.stack([every if m.mask is None else m.mask for m in members]).astype(np.float32)
        start_RP = np.where(mask_RP > 0, np.stack([m.start for m in members]), np.float32(0))
        self._prunable_1P = torch.from_numpy(prunable_bits(network)[None].astype(np.float32)).to(device)
        self._learn_these(torch.from_numpy(start_RP).to(device), torch.from_numpy(mask_RP).to(device))
        recipe = population.program.recipe
        self._loss = cross_entropy if recipe is None else LOSSES[recipe.loss]
        self._smoothing = 0.0 if recipe is None else recipe.smoothing

    def _learn_these(self, learned_RP: Tensor, mask_RP: Tensor) -> None:
        """Let these be what is learned, a network's parameters first, and which of it is there."""
        self.learned_RP, self.mask_RP = learned_RP, mask_RP
        self.learned_RP.grad = torch.zeros_like(self.learned_RP)
        self._mask, self._grad = self.views(self.mask_RP), self.views(self.learned_RP.grad)
        self._leaves = {name: view.detach().requires_grad_() for name, view in self.views(self.learned_RP).items()}

    def views(self, flat_RP: Tensor) -> dict[str, Tensor]:
        """Return each parameter tensor's view of `flat_RP`, shape (R, *shape), by name."""
        return {t.name: flat_RP[:, t.slice].view(-1, *t.shape) for t in self.network.tensors()}

    def flat(self, params: Mapping[str, Tensor]) -> Tensor:
        """Return a network's parameters by name as flat ones, shape (R, P)."""
        flat_RP = torch.zeros_like(self.learned_RP[:, : self.network.flat_size])
        for name, view in self.views(flat_RP).items():
            view.copy_(params[name].detach())
        return flat_RP

    def leaves(self) -> dict[str, Tensor]:
        """Return the parameters of a forward pass, the tensors with respect to which gradients are taken."""
        return dict(self._leaves)

    def seen(self, inputs_RBI: Tensor) -> Tensor:
        """Return what the network sees of a batch's inputs; shape (R, B, I)."""
        return inputs_RBI

    def forward(self, leaves: dict[str, Tensor], inputs_RBI: Tensor, noise: Noise | None, step_1: Tensor) -> Tensor:
        """Return the logits that an update from a step on is made from; shape (R, B, C)."""
        return forward(self.network, leaves, inputs_RBI, noise=noise)

    def objective(self, logits_RBC: Tensor, answers_RB: Tensor) -> Tensor:
        """Return what each member minimises: its mean loss over the batch; shape (R,)."""
        if self._smoothing:
            return cross_entropy(logits_RBC, answers_RB, self._smoothing).mean(1)
        return self.loss(logits_RBC, answers_RB).mean(1)

    def loss(self, logits_RBC: Tensor, answers_RB: Tensor) -> Tensor:
        """Return each example's loss as the recipe measures it, without smoothing; shape (R, B)."""
        return self._loss(logits_RBC, answers_RB)

    def gradients(self, loss_R: Tensor, leaves: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the gradients of the leaves.

        Of the sum over members of each one's objective: every member sees the gradient that it would see alone.
        """
        return dict(zip(leaves, torch.autograd.grad(loss_R.sum(), list(leaves.values())), strict=True))

    def changes(self, step: int) -> bool:
        """Whether something else than the weights changes in the update from `step` on, and takes its place."""
        return False

    def change(self, gradients: dict[str, Tensor], step_1: Tensor) -> None:
        """Change it by the batch's gradients; `step_1` is the step on the device, which may not be read there.

        What an optimiser has of weights that are masked afterwards is forgotten.
        """

    def prepare(self, step: int) -> None:
        """Put in place what the change of the update from `step` on reads, on the host."""

    def after_step(self) -> None:
        """Change what follows from an update, after the optimiser's step."""

    def settled(self, step: int) -> bool:
        """Whether a network after so many updates has the density that it has in the end: else it is no early stop."""
        return True

    def state(self) -> Arrays:
        """Return what else than the learned parameters changes, by name, for a checkpoint."""
        return {}

    def restore_state(self, state: Arrays) -> None:
        """Put back in place what `state` returned."""

    def moving(self) -> list[Tensor]:
        """Return all that makes up the networks and moves: what an early stop keeps, members first."""
        return [self.learned_RP]

    def kept(self) -> Tensor:
        """Return what is kept of the members at a step, from which others may start; shape (R, P)."""
        return self.learned_RP

    def put_back(self, kept_RP: Tensor, mask_RP: Tensor) -> None:
        """Let members be as what `kept` gave in the end, with the masks of then; shapes (R, P)."""
        self.learned_RP.copy_(kept_RP)

    def masks(self) -> Sequence[Bits] | None:
        """Return the masks that members have learned by now; None where none is learned."""
        return None

    def put_gradients(self, gradients: dict[str, Tensor]) -> None:
        """Take the gradients of the leaves over to the flat gradient, zero where a weight was removed."""
        for name, gradient in gradients.items():
            torch.mul(gradient, self._mask[name], out=self._grad[name])

    def penalise(self, l1: float, l2: float) -> None:
        """Add the gradients of l1 |w| and l2 w^2 / 2 of every prunable weight; a removed one is zero and stays so."""
        assert self.learned_RP.grad is not None
        if l2:
            self.learned_RP.grad.addcmul_(self.learned_RP, self._prunable_1P, value=l2)
        if l1:
            self.learned_RP.grad.addcmul_(self.learned_RP.sign(), self._prunable_1P, value=l1)

    def clip(self, norm: float) -> None:
        """Shorten each member's gradient to `norm` where it is longer, as torch's clip_grad_norm_ does."""
        assert self.learned_RP.grad is not None
        lengths_R1 = _sums(self.learned_RP.grad.square()).sqrt()
        self.learned_RP.grad.mul_((norm / (lengths_R1 + 1e-6)).clamp(max=1.0))

    def played(self) -> Tensor | None:
        """Return each member's mean return, where it learns by playing, shape (R,): else it is measured on examples."""
        return None

    def finite(self) -> Tensor:
        """Return for each member whether all its learned parameters are finite; shape (R,)."""
        return torch.isfinite(self.learned_RP).all(1)


class MaskStack(Stack):
    """Weights under masks that change: a checkpoint holds them, and what they are in the end is what was learned."""

    def state(self) -> Arrays:
        """Return the masks so far."""
        return {"mask": self.mask_RP.cpu().numpy().copy()}

    def restore_state(self, state: Arrays) -> None:
        """Go on from these masks."""
        self.mask_RP.copy_(torch.from_numpy(state["mask"]))

    def masks(self) -> Sequence[Bits]:
        """Return the masks as they are."""
        return [mask.copy() for mask in self.mask_RP.bool().cpu().numpy()]


def cross_entropy(logits_RBC: Tensor, answers_RB: Tensor, smoothing: float = 0.0) -> Tensor:
    """Return each example's cross-entropy in nats, shape (R, B)."""
    logits, answers = logits_RBC.flatten(0, 1), answers_RB.flatten()
    flat = functional.cross_entropy(logits, answers, reduction="none", label_smoothing=smoothing)
    return flat.view(answers_RB.shape)


def squared(logits_RBC: Tensor, answers_RB: Tensor) -> Tensor:
    """Return each example's squared error of its answer's one-hot code, the mean over classes; shape (R, B)."""
    classes_C = torch.arange(logits_RBC.shape[2], device=logits_RBC.device)  # one_hot would ask the device
    return (logits_RBC - (answers_RB[..., None] == classes_C).to(logits_RBC.dtype)).square().mean(2)


def _sums(values_RP: Tensor) -> Tensor:
    """Return each row's sum, shape (R, 1), by blocks: in an order that neither other rows nor threads change."""
    while values_RP.shape[1] > 1:
        padded_RP = functional.pad(values_RP, (0, -values_RP.shape[1] % BLOCK))
        values_RP = padded_RP.view(len(values_RP), -1, BLOCK).sum(2)
    return values_RP


S = TypeVar("S", bound=Stack)
BLOCK = 256  # summed at a time
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"cross-entropy": cross_entropy, "squared": squared}

STACKS: dict[type[Learn], type[Stack]] = {}


def learner(kind: type[Learn]) -> Callable[[type[S]], type[S]]:
    """Register the decorated class of stack as how the engine learns what a class of `Learn` describes.

    The description is a frozen dataclass without torch, which is in a training's key: ``train(..., learn=Binary())``.
    The stack says with which parameters the network is seen and what becomes of their gradients. Its methods work on
    all members at once, and nothing in them may depend on how many there are: then a member packed with others equals
    the same member alone. In a folder of claims the file with the stack imports torch, a second or two at each command.

    Args:
        kind: A subclass of `harness.expression.Learn`.

    Returns:
        A decorator of a subclass of `Stack` or `MaskStack`, made of a population and a device.

    Raises:
        DesignError: Another class is registered for it.

    Example:
        >>> from dataclasses import dataclass
        >>> from harness.expression import kept_in
        >>> @dataclass(frozen=True)
        ... class Binary(Learn):  # signs are used, weights are learned (Courbariaux et al. 2015)
        ...     words, moves_weights, learns_mask = "weights, used by their signs", True, False
        ...     def kept_in(self, network, mask, layers):
        ...         return kept_in(mask, network, layers)
        ...     def under(self, network, recipe, mask):
        ...         return self
        >>> @learner(Binary)
        ... class BinaryStack(Stack):
        ...     def leaves(self):
        ...         leaves = super().leaves()
        ...         for tensor in self.network.prunable().values():
        ...             signs = leaves[tensor.name].detach().sign() * tensor.fans[0] ** -0.5
        ...             leaves[tensor.name] = signs.requires_grad_()  # whose gradients go straight to the weights
        ...         return leaves
        ...     def kept(self):
        ...         return self.flat(self.leaves())
        >>> del STACKS[Binary]
    """

    def register(stack: type[S]) -> type[S]:
        other = STACKS.get(kind, stack)
        if (other.__module__, other.__qualname__) != (stack.__module__, stack.__qualname__):
            raise DesignError(
                f"{kind.__name__} is learned by two classes, {other.__module__}.{other.__qualname__} and "
                f"{stack.__module__}.{stack.__qualname__}. Next: keep one, or give the other a description of its own"
            )
        STACKS[kind] = stack
        return stack

    return register


def stacked(population: Population, device: torch.device) -> Stack:
    """Return the stack of a population on `device`, as its program learns. Raises RunError where nothing says how."""
    learn = population.program.learn
    if learn is None:
        return Stack(population, device)
    if type(learn) not in STACKS:
        raise RunError(
            f"nothing here says how {type(learn).__name__} is learned. Next: @learner({type(learn).__name__}) over a "
            "class of stack, in a file of the folder of claims or a module that such a file imports"
        )
    return STACKS[type(learn)](population, device)


def numbers(mask: Tensor) -> Tensor:
    """Return a mask as numbers 0 and 1, by way of bytes: torch converts those ten times as fast as bits."""
    return mask.view(torch.uint8).float()


def top(score_RN: Tensor, count: int | Tensor, among_RN: Tensor | None = None) -> Tensor:
    """Return the masks of the `count` largest of each row, `among` some or all; shape (R, N), dtype bool.

    The count is one for all rows or one a row, shape (R,); on a GPU it is not read. Ties go to the lower index, and
    what is no number is less than any.
    """
    return (_top_by_rows if score_RN.device.type == "cpu" else _top_unasked)(score_RN, count, among_RN)


def _top_by_rows(score_RN: Tensor, count: int | Tensor, among_RN: Tensor | None) -> Tensor:
    """Return what `top` does, row by row: each stays in the cache."""
    chosen_RN = torch.ones(score_RN.shape, dtype=torch.bool) if among_RN is None else among_RN.clone()
    counts = torch.as_tensor(count).expand(len(score_RN)).tolist()
    for score_N, chosen_N, wanted in zip(score_RN.detach().numpy(), chosen_RN.numpy(), counts, strict=True):
        chosen_N[:] = largest(score_N, chosen_N, min(wanted, int(chosen_N.sum())))
    return chosen_RN


def _nth_largest(score_RN: Tensor, n: int) -> Tensor:
    """Return each row's n-th largest, shape (R, 1), by `topk` from its nearer end: `kthvalue` has one block a row."""
    from_below = score_RN.shape[1] - n + 1
    if n <= from_below:
        return torch.topk(score_RN, n, dim=1, sorted=False).values.amin(1, keepdim=True)
    return torch.topk(score_RN, from_below, dim=1, largest=False, sorted=False).values.amax(1, keepdim=True)


def _top_unasked(score_RN: Tensor, count: int | Tensor, among_RN: Tensor | None) -> Tensor:
    """Return what `top` does, without asking the device whether there are ties, or how many are wanted."""
    lowest = torch.finfo(score_RN.dtype).min
    score_RN = score_RN.nan_to_num(nan=lowest, posinf=torch.inf, neginf=lowest)
    if among_RN is not None:
        score_RN = score_RN.masked_fill_(~among_RN, -torch.inf)
    if isinstance(count, int):
        threshold_R1 = _nth_largest(score_RN, count)
    else:
        count = count.expand(len(score_RN))[:, None]
        ordered_RN = score_RN.sort(dim=1, descending=True).values
        threshold_R1 = ordered_RN.gather(1, (count - 1).clamp(min=0))
    mask_RN, equal_RN = score_RN > threshold_R1, score_RN == threshold_R1
    wanted_R1 = count - mask_RN.sum(1, keepdim=True)  # of those that equal the threshold, the first ones
    mask_RN |= equal_RN & (equal_RN.cumsum(1, dtype=torch.int32) <= wanted_R1)
    return mask_RN if among_RN is None else mask_RN & among_RN

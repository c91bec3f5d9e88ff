"""One update by hand: gradients written out, for networks of linear layers with ReLU between them, on a GPU.

Autograd takes some forty operators for what is seventeen launches here (`tests/engine/launches.csv`), most of them too
short for a GPU to be busy. Where this stands in, it does what `Updates` does with a stack and torch's optimiser, and
leaves behind what they would: parameters, the optimiser's state under torch's names, losses. A removed weight stays
zero, here even where its gradient is no number.

Activations lie in buffers whose rows start at multiples of 128 bytes, as matrix products like them. Tensors are named
by shape: R members, P flat parameters, S steps, B examples, I inputs of a layer, O outputs, C classes, G groups of
members that share their learning rates, A ages of the optimiser, in updates.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from harness.engine._feed import Batches, Feed
from harness.engine._stack import Stack
from harness.kernels import compiles, kernels_for, packed
from harness.networks import SGD, Adam, AdamW, Linear, Network, Recipe, Relu
from harness.population import Population

ROW = 32  # floats: 128 bytes


def stands_in(population: Population, stack: Stack, feed: Feed) -> bool:
    """Whether a population's updates are made by hand: it is simple enough, and on a GPU for which Triton compiles.

    On any other device autograd stays, and gives the bits that it always gave.
    """
    return simple(population, stack, feed) and compiles(stack.device)


def simple(population: Population, stack: Stack, feed: Feed) -> bool:
    """Whether an update by hand is the same mathematics: nothing is asked for that is not written out here."""
    program = population.program
    recipe, task = program.recipe, program.task
    return (
        type(stack) is Stack
        and recipe is not None
        and program.teacher is None
        and _is_perceptron(program.network)
        and _is_plain(recipe)
        and (task.images, task.answered) == (1, ())
        and feed.of_pixels
    )


def _is_perceptron(network: Network) -> bool:
    """Whether linear layers and ReLU take turns, from a linear layer to a linear layer."""
    kinds = [type(layer) for layer in network.layers]
    return len(kinds) % 2 == 1 and kinds == list(itertools.islice(itertools.cycle((Linear, Relu)), len(kinds)))


def _is_plain(recipe: Recipe) -> bool:
    """Whether nothing comes between the mean cross-entropy, its gradient and an optimiser written out here."""
    extra = (recipe.smoothing, recipe.l1, recipe.l2, recipe.clip, recipe.distil)
    return (
        recipe.loss == "cross-entropy"
        and not any(extra)
        and recipe.numerics in ("float32", "tf32")
        and type(recipe.optimiser) in (Adam, AdamW, SGD)
    )


class ByHand:
    """Makes a population's updates in place, each a call: nothing in it waits for the device or reads the host."""

    def __init__(
        self,
        population: Population,
        stack: Stack,
        feed: Feed,
        optimiser: torch.optim.Optimizer,
        *,
        batches: Batches,
        rates_SG: Tensor,
        at_1: Tensor,
        loss_R: Tensor,
    ) -> None:
        program, recipe = population.program, population.program.recipe
        assert recipe is not None
        assert isinstance(recipe.optimiser, Adam | SGD)
        assert stack.learned_RP.grad is not None
        self._kernels, self._settings = kernels_for(stack.device), recipe.optimiser
        self._images_RSB, self._answers_RSB = batches.images[..., 0], batches.answers
        self._at_1, self._loss_R = at_1, loss_R
        self._source_NI, self._pixel_scales = feed.source_NI, feed.pixel_scales()
        weights, gradients = stack.views(stack.learned_RP), stack.views(stack.learned_RP.grad)
        self._layers = [layer for layer in program.network.layers if isinstance(layer, Linear)]
        self._w_RIO = [weights[f"{layer.name}.weight"] for layer in self._layers]
        self._dw_RIO = [gradients[f"{layer.name}.weight"] for layer in self._layers]
        self._bias_RO = [weights.get(f"{layer.name}.bias") for layer in self._layers]
        self._dbias_RO = [gradients.get(f"{layer.name}.bias") for layer in self._layers]
        widths = [self._layers[0].inputs, *(layer.outputs for layer in self._layers)]
        shape = (len(population.members), recipe.batch)
        self._x_RBI = [_buffer(stack.learned_RP, (*shape, width)) for width in widths]  # the last ones are logits
        self._dx_RBI = [_buffer(stack.learned_RP, (*shape, width)) for width in widths[1:-1]]
        rows = [group["params"][0] for group in optimiser.param_groups]
        self._states = [_state(optimiser, rows_RP, self._settings) for rows_RP in rows]
        ends = itertools.accumulate(map(len, rows), initial=0)
        masks = [stack.mask_RP[first:last] for first, last in itertools.pairwise(ends)]
        self._moved = [
            (rows_RP, rows_RP.grad, packed(mask_RP), rates_SG, at_1, group)
            for group, (rows_RP, mask_RP) in enumerate(zip(rows, masks, strict=True))
        ]
        if isinstance(self._settings, Adam):
            updates = population.last_step - program.first_step
            self._corrections_A2 = _corrections(self._settings, updates).to(stack.learned_RP)

    def __call__(self) -> None:
        """Make one update and count it."""
        self._forward()
        self._backward()
        for moved, state in zip(self._moved, self._states, strict=True):
            self._move(moved, state)
        self._at_1 += 1

    def _forward(self) -> None:
        """Put the losses in place, and every layer's activations; of the logits their gradients."""
        kernels = self._kernels
        kernels.gather(self._x_RBI[0], self._source_NI, self._images_RSB, self._at_1, *self._pixel_scales)
        for i, w_RIO in enumerate(self._w_RIO):
            if i:
                kernels.rectify(self._x_RBI[i], self._bias_RO[i - 1])
            torch.bmm(self._x_RBI[i], w_RIO, out=self._x_RBI[i + 1])
        kernels.cross_entropy(
            self._x_RBI[-1], self._bias_RO[-1], self._answers_RSB, self._at_1, self._dbias_RO[-1], self._loss_R
        )

    def _backward(self) -> None:
        """Put the gradients of all parameters in place, from the last layer to the first."""
        dy_RBO = self._x_RBI[-1]
        for i in reversed(range(len(self._layers))):
            torch.bmm(self._x_RBI[i].transpose(1, 2), dy_RBO, out=self._dw_RIO[i])
            if i:
                dx_RBI = self._dx_RBI[i - 1]
                torch.bmm(dy_RBO, self._w_RIO[i].transpose(1, 2), out=dx_RBI)
                self._kernels.rectify_back(dx_RBI, self._x_RBI[i], self._dbias_RO[i - 1])
                dy_RBO = dx_RBI

    def _move(self, moved: tuple[Tensor, Tensor, Tensor, Tensor, Tensor, int], state: dict[str, Tensor]) -> None:
        """Let the optimiser move a group's parameters."""
        settings = self._settings
        if isinstance(settings, Adam):
            self._kernels.adam(
                *moved,
                state["exp_avg"],
                state["exp_avg_sq"],
                state["step"],
                self._corrections_A2,
                beta1=settings.beta1,
                beta2=settings.beta2,
                eps=settings.eps,
                decay=settings.weight_decay if isinstance(settings, AdamW) else 0.0,
            )
            state["step"] += 1
        else:
            self._kernels.sgd(
                *moved,
                state.get("momentum_buffer"),
                momentum=settings.momentum,
                decay=settings.weight_decay,
                nesterov=settings.nesterov,
            )


def _state(optimiser: torch.optim.Optimizer, rows_RP: Tensor, settings: Adam | SGD) -> dict[str, Tensor]:
    """Return what torch's optimiser has of a group's parameters: of a checkpoint, or else as it begins."""
    state: dict[str, Tensor] = optimiser.state[rows_RP]
    if state:
        return state
    if isinstance(settings, Adam):
        state["step"] = torch.zeros((), device=rows_RP.device)
        state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(rows_RP), torch.zeros_like(rows_RP)
    elif settings.momentum:
        state["momentum_buffer"] = torch.zeros_like(rows_RP)
    return state


def _buffer(like: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Return zeros whose rows lie at multiples of `ROW` values."""
    wide = torch.zeros((*shape[:2], -(-shape[2] // ROW) * ROW), dtype=like.dtype, device=like.device)
    return wide[..., : shape[2]]


def _corrections(adam: Adam, updates: int) -> Tensor:
    """Return what makes Adam's means ones of all gradients so far (Kingma & Ba 2015, section 3), shape (A, 2).

    For each age of the optimiser that is 1 - beta1^t and the root of 1 - beta2^t, t = age + 1. Made ahead, in float64:
    a kernel would have to take the power of a float32, of which 1 leaves few digits.
    """
    t_A = torch.arange(1, updates + 1, dtype=torch.float64)
    return torch.stack((1 - adam.beta1**t_A, (1 - adam.beta2**t_A).sqrt()), 1)

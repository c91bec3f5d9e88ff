"""Long short-term memory for many members at once.

On a CPU torch's own takes one member after the other: its kernel is fused, and what it makes of a member cannot depend
on the others. Elsewhere it is a loop over time of products of all members, forward and backward by hand: autograd's
would add up the gradients of weights step by step; here they are one product over all steps.

Tensors are named by shape: R members, B examples, T tokens, I inputs, H outputs, G gates times outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from harness.networks import LSTM

How = Literal["loop", "together"]
RECURRENCE: dict[str, How] = {"cpu": "loop", "cuda": "together"}  # by device type; see `recurrent`

through_sigmoid = torch.ops.aten.sigmoid_backward.grad_input
through_tanh = torch.ops.aten.tanh_backward.grad_input


class Recurrence(torch.autograd.Function):
    """What an LSTM gives at each token, its state zero before the first.

    Gates are those for what is taken in, remembered and let out; they stand in torch's order, the candidate third.
    """

    @staticmethod
    def forward(ctx: Any, x_RBTI: Tensor, input_RIG: Tensor, hidden_RHG: Tensor, bias_RG: Tensor) -> Tensor:
        """Return outputs, shape (R, B, T, H)."""
        members, batch, tokens, inputs = x_RBTI.shape
        outputs = hidden_RHG.shape[1]
        x_RTBI = x_RBTI.new_ones(members, tokens, batch, inputs + 1)  # the last one is for the biases
        x_RTBI[..., :inputs] = x_RBTI.transpose(1, 2)
        gates_RTBG = torch.matmul(x_RTBI.flatten(1, 2), _with_bias(input_RIG, bias_RG)).view(members, tokens, batch, -1)
        state_RTBH = x_RBTI.new_empty(members, tokens, batch, outputs)
        shown_RTBH, given_RTBH = torch.empty_like(state_RTBH), torch.empty_like(state_RTBH)
        gates, states, shown, given = (whole.unbind(1) for whole in (gates_RTBG, state_RTBH, shown_RTBH, given_RTBH))
        for t in range(tokens):
            if t:
                gates[t].baddbmm_(given[t - 1], hidden_RHG)
            taken, remembered, candidate, let_out = torch.split(gates[t], outputs, 2)
            gates[t][..., : 2 * outputs].sigmoid_()
            candidate.tanh_()
            let_out.sigmoid_()
            torch.mul(taken, candidate, out=states[t])
            if t:
                states[t].addcmul_(remembered, states[t - 1])
            torch.tanh(states[t], out=shown[t])
            torch.mul(let_out, shown[t], out=given[t])
        ctx.save_for_backward(x_RTBI, input_RIG, hidden_RHG, gates_RTBG, state_RTBH, shown_RTBH, given_RTBH)
        return given_RTBH.transpose(1, 2)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of inputs, weights from inputs and from outputs before, and biases."""
        x_RTBI, input_RIG, hidden_RHG, gates_RTBG, state_RTBH, shown_RTBH, given_RTBH = ctx.saved_tensors
        members, tokens, batch, outputs = given_RTBH.shape
        wanted_RTBH = gradients[0].transpose(1, 2).clone(memory_format=torch.contiguous_format)
        by_gates_RTBG = torch.empty_like(gates_RTBG)
        back_RGH = hidden_RHG.transpose(1, 2).contiguous()  # products with a transposed one take twice the time
        by_state_RBH = state_RTBH.new_zeros(members, batch, outputs)
        product_RBH, through_RBH = torch.empty_like(by_state_RBH), torch.empty_like(by_state_RBH)
        gates, by_gates, states, shown, wanted = (
            whole.unbind(1) for whole in (gates_RTBG, by_gates_RTBG, state_RTBH, shown_RTBH, wanted_RTBH)
        )
        for t in reversed(range(tokens)):
            taken, remembered, candidate, let_out = torch.split(gates[t], outputs, 2)
            by_taken, by_remembered, by_candidate, by_let_out = torch.split(by_gates[t], outputs, 2)
            if t < tokens - 1:
                wanted[t].baddbmm_(by_gates[t + 1], back_RGH)
            through_sigmoid(torch.mul(wanted[t], shown[t], out=product_RBH), let_out, grad_input=by_let_out)
            through_tanh(torch.mul(wanted[t], let_out, out=product_RBH), shown[t], grad_input=through_RBH)
            by_state_RBH += through_RBH
            through_sigmoid(torch.mul(by_state_RBH, candidate, out=product_RBH), taken, grad_input=by_taken)
            through_tanh(torch.mul(by_state_RBH, taken, out=product_RBH), candidate, grad_input=by_candidate)
            if t:
                through_sigmoid(
                    torch.mul(by_state_RBH, states[t - 1], out=product_RBH), remembered, grad_input=by_remembered
                )
                by_state_RBH *= remembered
            else:
                by_remembered.zero_()  # there was nothing to remember
        by_gates_RNG = by_gates_RTBG.flatten(1, 2)
        by_input_RIG = torch.bmm(x_RTBI.flatten(1, 2).transpose(1, 2), by_gates_RNG)
        before_RHN = given_RTBH[:, :-1].flatten(1, 2).transpose(1, 2)
        by_hidden_RHG = torch.bmm(before_RHN, by_gates_RNG[:, batch:])
        by_x_RBTI = None
        if ctx.needs_input_grad[0]:
            by_x_RNI = torch.bmm(by_gates_RNG, input_RIG.transpose(1, 2).contiguous())
            by_x_RBTI = by_x_RNI.view(members, tokens, batch, -1).transpose(1, 2)
        return by_x_RBTI, by_input_RIG[:, :-1], by_hidden_RHG, by_input_RIG[:, -1]


def _with_bias(weights_RIG: Tensor, bias_RG: Tensor) -> Tensor:
    return torch.cat([weights_RIG, bias_RG.unsqueeze(1)], 1)


def recurrent(params: Mapping[str, Tensor], layer: LSTM, x_RBTI: Tensor) -> Tensor:
    """Return what the layer gives at each token; shape (R, B, T, H). It is computed in float32 under autocast too.

    ``loop`` calls torch once a member, ``together`` is `Recurrence`. They differ by rounding only.
    """
    if torch.is_autocast_enabled(x_RBTI.device.type):
        with torch.autocast(x_RBTI.device.type, enabled=False):
            return recurrent(params, layer, x_RBTI.float())
    input_RIG, hidden_RHG, bias_RG = (
        params[f"{layer.name}.{part}"] for part in ("input.weight", "hidden.weight", "input.bias")
    )
    if RECURRENCE[x_RBTI.device.type] == "together":
        given_RBTH: Tensor = Recurrence.apply(x_RBTI, input_RIG, hidden_RHG, bias_RG)
        return given_RBTH
    zeros_1BH = x_RBTI.new_zeros(1, x_RBTI.shape[1], layer.outputs)
    no_bias_G = zeros_1BH.new_zeros(4 * layer.outputs)
    weights = (whole.transpose(1, 2).contiguous() for whole in (input_RIG, hidden_RHG))  # as torch has them
    given = [
        torch.lstm(
            x_BTI,
            (zeros_1BH, zeros_1BH),
            (input_GI, hidden_GH, bias_G, no_bias_G),
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=False,
            batch_first=True,
        )[0]
        for x_BTI, input_GI, hidden_GH, bias_G in zip(x_RBTI, *weights, bias_RG, strict=True)
    ]
    return torch.stack(given)

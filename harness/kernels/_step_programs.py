"""A step by hand in Triton: batches, linear layers' biases and ReLU, the loss, and the optimiser.

What each does is said in `Kernels`, and what tensors are named by.
"""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from harness.kernels import _launching
from harness.kernels._launching import BLOCK, TILE, apart


def gather(
    x_RBI: Tensor, source_NI: Tensor, images_RSB: Tensor, at_1: Tensor, by_N: Tensor, off_I: Tensor, over_I: Tensor
) -> None:
    """See `Kernels.gather`."""
    assert images_RSB.is_contiguous()
    assert source_NI.is_contiguous()
    members, batch, inputs = x_RBI.shape
    steps = images_RSB.shape[1]
    _launching.launch(
        _gather, (members * batch, triton.cdiv(inputs, BLOCK)),
        x_RBI, source_NI, images_RSB, at_1, by_N, off_I, over_I,
        steps, batch, inputs, x_RBI.stride(0), x_RBI.stride(1),
        BLOCK=BLOCK,
    )  # fmt: skip


@triton.jit
def _gather(
    x, source, images, at, by, off, over, steps, batch, inputs, x_member, x_row,
    BLOCK: tl.constexpr,
):  # fmt: skip
    r, b = (tl.program_id(0) // batch).to(tl.int64), tl.program_id(0) % batch
    image = tl.load(images + (r * steps + tl.load(at)) * batch + b).to(tl.int64)
    i = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    there = i < inputs
    pixel = tl.load(source + image * inputs + i, mask=there, other=0).to(tl.float32)
    unit = tl.div_rn(pixel, tl.load(by + image)) - tl.load(off + i, mask=there, other=0)
    tl.store(x + r * x_member + b * x_row + i, tl.div_rn(unit, tl.load(over + i, mask=there, other=1)), mask=there)


def rectify(z_RBO: Tensor, bias_RO: Tensor | None) -> None:
    """See `Kernels.rectify`."""
    members, batch, outputs = z_RBO.shape
    block = min(BLOCK, triton.next_power_of_2(outputs))
    _launching.launch(
        _rectify, (members * batch, triton.cdiv(outputs, block)),
        z_RBO, z_RBO if bias_RO is None else bias_RO,
        batch, outputs, z_RBO.stride(0), z_RBO.stride(1), apart(bias_RO),
        BIAS=bias_RO is not None, BLOCK=block,
    )  # fmt: skip


@triton.jit
def _rectify(z, bias, batch, outputs, z_member, z_row, bias_member, BIAS: tl.constexpr, BLOCK: tl.constexpr):
    r, b = (tl.program_id(0) // batch).to(tl.int64), tl.program_id(0) % batch
    o = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    there = o < outputs
    places = z + r * z_member + b * z_row + o
    value = tl.load(places, mask=there)
    if BIAS:
        value += tl.load(bias + r * bias_member + o, mask=there)
    tl.store(places, tl.where(value < 0, 0.0, value), mask=there)  # what is no number is not below zero, and stays


def rectify_back(dx_RBO: Tensor, x_RBO: Tensor, dbias_RO: Tensor | None) -> None:
    """See `Kernels.rectify_back`."""
    members, batch, outputs = dx_RBO.shape
    _launching.launch(
        _rectify_back, (members, triton.cdiv(outputs, TILE)),
        dx_RBO, x_RBO, dx_RBO if dbias_RO is None else dbias_RO, batch, outputs,
        dx_RBO.stride(0), dx_RBO.stride(1), x_RBO.stride(0), x_RBO.stride(1), apart(dbias_RO),
        BIAS=dbias_RO is not None, TILE=TILE,
    )  # fmt: skip


@triton.jit
def _rectify_back(
    dx, x, dbias, batch, outputs, dx_member, dx_row, x_member, x_row, dbias_member,
    BIAS: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    r = tl.program_id(0).to(tl.int64)
    o = tl.program_id(1) * TILE + tl.arange(0, TILE)
    total = tl.zeros((TILE, TILE), tl.float32)
    for first in range(0, batch, TILE):
        b = first + tl.arange(0, TILE)
        there = (b < batch)[:, None] & (o < outputs)[None, :]
        value = tl.load(x + r * x_member + b[:, None] * x_row + o[None, :], mask=there, other=0)
        places = dx + r * dx_member + b[:, None] * dx_row + o[None, :]
        gradient = tl.where(value <= 0, 0.0, tl.load(places, mask=there, other=0))
        tl.store(places, gradient, mask=there)
        total += gradient
    if BIAS:
        tl.store(dbias + r * dbias_member + o, tl.sum(total, 0), mask=o < outputs)


def cross_entropy(
    z_RBC: Tensor, bias_RC: Tensor | None, answers_RSB: Tensor, at_1: Tensor, dbias_RC: Tensor | None, loss_R: Tensor
) -> None:
    """See `Kernels.cross_entropy`."""
    assert answers_RSB.is_contiguous()
    members, batch, classes = z_RBC.shape
    block = triton.next_power_of_2(classes)
    _launching.launch(
        _cross_entropy, (members,),
        z_RBC, z_RBC if bias_RC is None else bias_RC, answers_RSB, at_1,
        z_RBC if dbias_RC is None else dbias_RC, loss_R,
        answers_RSB.shape[1], batch, classes, z_RBC.stride(0), z_RBC.stride(1), apart(bias_RC), apart(dbias_RC),
        BIAS=bias_RC is not None, ROWS=max(1, BLOCK // block), CLASSES=block,
    )  # fmt: skip


@triton.jit
def _cross_entropy(
    z, bias, answers, at, dbias, loss, steps, batch, classes, z_member, z_row, bias_member, dbias_member,
    BIAS: tl.constexpr, ROWS: tl.constexpr, CLASSES: tl.constexpr,
):  # fmt: skip
    r = tl.program_id(0).to(tl.int64)
    c = tl.arange(0, CLASSES)
    answers += (r * steps + tl.load(at)) * batch
    added = tl.zeros((CLASSES,), tl.float32)
    if BIAS:
        added += tl.load(bias + r * bias_member + c, mask=c < classes, other=0)
    losses = tl.zeros((ROWS,), tl.float32)
    total = tl.zeros((ROWS, CLASSES), tl.float32)
    count = batch * 1.0
    for first in range(0, batch, ROWS):
        b = first + tl.arange(0, ROWS)
        there = (b < batch)[:, None] & (c < classes)[None, :]
        places = z + r * z_member + b[:, None] * z_row + c[None, :]
        logit = tl.load(places, mask=there, other=0) + added[None, :]
        logit = tl.where((c < classes)[None, :], logit, float("-inf"))
        logit -= tl.max(logit, 1)[:, None]
        share = tl.exp(logit)
        shares = tl.sum(share, 1)
        right = c[None, :] == tl.load(answers + b, mask=b < batch, other=0).to(tl.int32)[:, None]
        losses += tl.where(b < batch, tl.log(shares) - tl.sum(tl.where(right, logit, 0.0), 1), 0.0)
        gradient = tl.div_rn(tl.div_rn(share, shares[:, None]) - tl.where(right, 1.0, 0.0), count)
        gradient = tl.where(there, gradient, 0.0)
        tl.store(places, gradient, mask=there)
        total += gradient
    tl.store(loss + r, tl.div_rn(tl.sum(losses, 0), count))
    if BIAS:
        tl.store(dbias + r * dbias_member + c, tl.sum(total, 0), mask=c < classes)


def adam(
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
    """See `Kernels.adam`."""
    assert all(each.is_contiguous() for each in (rows_RP, gradient_RP, mean_RP, square_RP, bits_RW, rates_SG))
    count = rows_RP.numel()
    _launching.launch(
        _adam, (triton.cdiv(count, BLOCK),),
        rows_RP, gradient_RP, mean_RP, square_RP, bits_RW, rates_SG, at_1, age, corrections_A2,
        count, rates_SG.shape[1], group,
        BETA1=beta1, REST1=1 - beta1, BETA2=beta2, REST2=1 - beta2, EPS=eps, DECAY=decay, BLOCK=BLOCK,
    )  # fmt: skip


@triton.jit
def _adam(
    rows, gradients, means, squares, bits, rates, at, age, corrections, count, groups, group,
    BETA1: tl.constexpr, REST1: tl.constexpr, BETA2: tl.constexpr, REST2: tl.constexpr,
    EPS: tl.constexpr, DECAY: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    p = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = p < count
    rate = tl.load(rates + tl.load(at) * groups + group)
    correction = corrections + 2 * tl.load(age).to(tl.int64)
    gradient = _kept(gradients, bits, p, there)
    value = tl.load(rows + p, mask=there)
    if DECAY != 0:
        value -= value * (rate * DECAY)
    mean = BETA1 * tl.load(means + p, mask=there) + REST1 * gradient
    square = BETA2 * tl.load(squares + p, mask=there) + REST2 * (gradient * gradient)
    tl.store(means + p, mean, mask=there)
    tl.store(squares + p, square, mask=there)
    size = tl.div_rn(rate, tl.load(correction))
    root = tl.div_rn(tl.sqrt_rn(square), tl.load(correction + 1)) + EPS
    tl.store(rows + p, value - tl.div_rn(size * mean, root), mask=there)


def sgd(
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
    """See `Kernels.sgd`."""
    assert all(each.is_contiguous() for each in (rows_RP, gradient_RP, bits_RW, rates_SG))
    count = rows_RP.numel()
    _launching.launch(
        _sgd, (triton.cdiv(count, BLOCK),),
        rows_RP, gradient_RP, rows_RP if momentum_RP is None else momentum_RP, bits_RW, rates_SG, at_1,
        count, rates_SG.shape[1], group,
        MOMENTUM=momentum, DECAY=decay, NESTEROV=nesterov, BLOCK=BLOCK,
    )  # fmt: skip


@triton.jit
def _sgd(
    rows, gradients, momenta, bits, rates, at, count, groups, group,
    MOMENTUM: tl.constexpr, DECAY: tl.constexpr, NESTEROV: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    p = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = p < count
    rate = tl.load(rates + tl.load(at) * groups + group)
    direction = _kept(gradients, bits, p, there)
    value = tl.load(rows + p, mask=there)
    if DECAY != 0:
        direction += DECAY * value
    if MOMENTUM != 0:
        momentum = MOMENTUM * tl.load(momenta + p, mask=there) + direction
        tl.store(momenta + p, momentum, mask=there)
        direction = direction + MOMENTUM * momentum if NESTEROV else momentum
    tl.store(rows + p, value - rate * direction, mask=there)


@triton.jit
def _kept(gradients, bits, p, there):
    """Return the gradients of what the mask has, zero for the others; a word has 32 of its bits, the first lowest."""
    word = tl.load(bits + p // 32, mask=there, other=0)
    kept = ((word >> (p % 32).to(tl.int32)) & 1) != 0
    return tl.where(kept, tl.load(gradients + p, mask=there, other=0), 0.0)

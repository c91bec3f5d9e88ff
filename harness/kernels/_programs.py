"""The kernels in Triton, for a GPU.

What each does is said in `Kernels`, and what tensors are named by. A program, one block of a grid, that sums over a
member's examples takes all of them: so no sum depends on which program comes first.

Division and root round as torch's do; Triton's own `/` and `sqrt` of float32 are up to two units in the last place off.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl
from torch import Tensor

VERSION: str = triton.__version__
BLOCK = 1024  # values a program has
TILE = 32  # examples and outputs that a sum over examples takes at a time
NORMALISED = 8192  # values of a feature, or of TILE features, that a program of BatchNorm takes at a time
PER_THREAD = 16  # of them
OPTIONS = {"enable_fp_fusion": False}  # a product and a sum round one after the other, as torch's do


def _launch(program: Any, grid: tuple[int, ...], *given: Any, **constants: Any) -> None:
    """Launch a program on torch's current stream: compiled at its first launch, so that a capture comes later.

    Programs step through a tensor's last axis one value at a time, wherever the strides would lead.
    """
    assert all(each.stride(-1) == 1 for each in given if isinstance(each, Tensor) and each.dim())
    program[grid](*given, **constants, **OPTIONS)


def gather(
    x_RBI: Tensor, source_NI: Tensor, images_RSB: Tensor, at_1: Tensor, by_N: Tensor, off_I: Tensor, over_I: Tensor
) -> None:
    """See `Kernels.gather`."""
    assert images_RSB.is_contiguous()
    assert source_NI.is_contiguous()
    members, batch, inputs = x_RBI.shape
    steps = images_RSB.shape[1]
    _launch(
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
    _launch(
        _rectify, (members * batch, triton.cdiv(outputs, block)),
        z_RBO, z_RBO if bias_RO is None else bias_RO,
        batch, outputs, z_RBO.stride(0), z_RBO.stride(1), _member(bias_RO),
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
    _launch(
        _rectify_back, (members, triton.cdiv(outputs, TILE)),
        dx_RBO, x_RBO, dx_RBO if dbias_RO is None else dbias_RO, batch, outputs,
        dx_RBO.stride(0), dx_RBO.stride(1), x_RBO.stride(0), x_RBO.stride(1), _member(dbias_RO),
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
    _launch(
        _cross_entropy, (members,),
        z_RBC, z_RBC if bias_RC is None else bias_RC, answers_RSB, at_1,
        z_RBC if dbias_RC is None else dbias_RC, loss_R,
        answers_RSB.shape[1], batch, classes, z_RBC.stride(0), z_RBC.stride(1), _member(bias_RC), _member(dbias_RC),
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
        gradient = (tl.div_rn(share, shares[:, None]) - tl.where(right, 1.0, 0.0)) / batch
        gradient = tl.where(there, gradient, 0.0)
        tl.store(places, gradient, mask=there)
        total += gradient
    tl.store(loss + r, tl.sum(losses, 0) / batch)
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
    _launch(
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
    _launch(
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


def normalise(
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
    """See `Kernels.normalise`."""
    grid, shape, constants = _tiles(x_RBF)
    _launch(
        _normalise, grid,
        x_RBF, scale_RF, shift_RF, x_RBF if added_RBF is None else added_RBF, y_RBF, mean_RF, rstd_RF,
        *shape, _member(scale_RF), _member(shift_RF),
        EPS=eps, ADDED=added_RBF is not None, RECTIFIED=rectified, GIVEN=given, **constants,
    )  # fmt: skip


@triton.jit
def _normalise(
    x, scale, shift, added, y, mean, rstd,
    batch, features, columns, tiles, x_member, x_row, x_group, x_column, scale_member, shift_member,
    EPS: tl.constexpr, ADDED: tl.constexpr, RECTIFIED: tl.constexpr, GIVEN: tl.constexpr,
    IMAGES: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    r, f, first, columns = _features(features, columns, x_member, x_group, IMAGES, COLUMNS)
    if GIVEN:
        centre = tl.load(mean + r * features + f, mask=f < features, other=0)
        over = tl.load(rstd + r * features + f, mask=f < features, other=0)
    else:
        count = (batch * columns if IMAGES else batch) * 1.0
        total = tl.zeros((ROWS, COLUMNS), tl.float32)
        for i in range(tiles):
            at, there = _tile(i, first, batch, columns, x_row, x_column, ROWS, COLUMNS)
            total += tl.load(x + at, mask=there, other=0).to(tl.float32)
        centre = tl.div_rn(_shared(total, IMAGES, COLUMNS), count)
        total = tl.zeros((ROWS, COLUMNS), tl.float32)
        for i in range(tiles):
            at, there = _tile(i, first, batch, columns, x_row, x_column, ROWS, COLUMNS)
            off = tl.where(there, tl.load(x + at, mask=there, other=0).to(tl.float32) - centre[None, :], 0.0)
            total += off * off
        over = tl.div_rn(1.0, tl.sqrt_rn(tl.div_rn(_shared(total, IMAGES, COLUMNS), count) + EPS))
        tl.store(mean + r * features + f, centre, mask=f < features)
        tl.store(rstd + r * features + f, over, mask=f < features)
    by = tl.load(scale + r * scale_member + f, mask=f < features, other=0)
    plus = tl.load(shift + r * shift_member + f, mask=f < features, other=0)
    for i in range(tiles):
        at, there = _tile(i, first, batch, columns, x_row, x_column, ROWS, COLUMNS)
        unit = (tl.load(x + at, mask=there, other=0).to(tl.float32) - centre[None, :]) * over[None, :]
        value = plus[None, :] + unit * by[None, :]
        if ADDED:
            value += tl.load(added + at, mask=there, other=0).to(tl.float32)
        if RECTIFIED:
            value = tl.where(value < 0, 0.0, value)  # what is no number is not below zero, and stays
        tl.store(y + at, value, mask=there)


def normalise_back(
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
    """See `Kernels.normalise_back`."""
    grid, shape, constants = _tiles(x_RBF)
    _launch(
        _normalise_back, grid,
        dy_RBF, x_RBF, scale_RF, shift_RF, x_RBF if y_RBF is None else y_RBF, mean_RF, rstd_RF,
        dx_RBF, dscale_RF, dshift_RF, dx_RBF if dadded_RBF is None else dadded_RBF,
        *shape, _member(scale_RF), _member(shift_RF),
        ADDED=dadded_RBF is not None, RECTIFIED=rectified, **constants,
    )  # fmt: skip


@triton.jit
def _normalise_back(
    dy, x, scale, shift, y, mean, rstd, dx, dscale, dshift, dadded,
    batch, features, columns, tiles, x_member, x_row, x_group, x_column, scale_member, shift_member,
    ADDED: tl.constexpr, RECTIFIED: tl.constexpr,
    IMAGES: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    r, f, first, columns = _features(features, columns, x_member, x_group, IMAGES, COLUMNS)
    count = (batch * columns if IMAGES else batch) * 1.0
    centre = tl.load(mean + r * features + f, mask=f < features, other=0)
    over = tl.load(rstd + r * features + f, mask=f < features, other=0)
    by = tl.load(scale + r * scale_member + f, mask=f < features, other=0)
    plus = tl.load(shift + r * shift_member + f, mask=f < features, other=0)
    plain = tl.zeros((ROWS, COLUMNS), tl.float32)
    weighted = tl.zeros((ROWS, COLUMNS), tl.float32)
    for i in range(tiles):
        at, there = _tile(i, first, batch, columns, x_row, x_column, ROWS, COLUMNS)
        unit = (tl.load(x + at, mask=there, other=0).to(tl.float32) - centre[None, :]) * over[None, :]
        gradient = _gradient(dy, y, at, there, unit, by, plus, ADDED, RECTIFIED)
        plain += tl.where(there, gradient, 0.0)
        weighted += tl.where(there, gradient * unit, 0.0)
    dplus, dby = _shared(plain, IMAGES, COLUMNS), _shared(weighted, IMAGES, COLUMNS)
    tl.store(dshift + r * features + f, dplus, mask=f < features)
    tl.store(dscale + r * features + f, dby, mask=f < features)
    each, along = tl.div_rn(dplus, count), tl.div_rn(dby, count)
    for i in range(tiles):
        at, there = _tile(i, first, batch, columns, x_row, x_column, ROWS, COLUMNS)
        unit = (tl.load(x + at, mask=there, other=0).to(tl.float32) - centre[None, :]) * over[None, :]
        gradient = _gradient(dy, y, at, there, unit, by, plus, ADDED, RECTIFIED)
        if ADDED:
            tl.store(dadded + at, gradient, mask=there)
        change = gradient - unit * along[None, :] - each[None, :]
        tl.store(dx + at, change * (by * over)[None, :], mask=there)


@triton.jit
def _gradient(dy, y, at, there, unit, by, plus, ADDED: tl.constexpr, RECTIFIED: tl.constexpr):
    """Return the gradient of what was rectified: that of the output, zero where the output was set to zero."""
    gradient = tl.load(dy + at, mask=there, other=0).to(tl.float32)
    if RECTIFIED:
        value = plus[None, :] + unit * by[None, :]  # the same operations as ahead, and so the same sign
        if ADDED:
            value = tl.load(y + at, mask=there, other=0).to(tl.float32)
        gradient = tl.where(value <= 0, 0.0, gradient)
    return gradient


@triton.jit
def _features(features, columns, x_member, x_group, IMAGES: tl.constexpr, COLUMNS: tl.constexpr):
    """Return this program's member, the feature of each column, where its values begin, and how many columns it has.

    Columns are the places of one channel, or some of the features.
    """
    r, group = tl.program_id(0).to(tl.int64), tl.program_id(1).to(tl.int64)
    f = group + tl.zeros((COLUMNS,), tl.int64) if IMAGES else group * COLUMNS + tl.arange(0, COLUMNS)
    return r, f, r * x_member + group * x_group, columns if IMAGES else tl.minimum(features - group * COLUMNS, COLUMNS)


@triton.jit
def _tile(i, first, batch, columns, x_row, x_column, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """Return where the values of tile `i` are, a row an example, and which of them are there."""
    across = tl.cdiv(columns, COLUMNS)
    b = (i // across * ROWS + tl.arange(0, ROWS)).to(tl.int64)
    c = (i % across * COLUMNS + tl.arange(0, COLUMNS)).to(tl.int64)
    return first + b[:, None] * x_row + c[None, :] * x_column, (b < batch)[:, None] & (c < columns)[None, :]


@triton.jit
def _shared(total, IMAGES: tl.constexpr, COLUMNS: tl.constexpr):
    """Return the sum of each column's feature, which in images is that of all columns."""
    sums = tl.sum(total, 0)
    return tl.zeros((COLUMNS,), tl.float32) + tl.sum(sums, 0) if IMAGES else sums


def _tiles(x_RBF: Tensor) -> tuple[tuple[int, int], tuple[int, ...], dict[str, Any]]:
    """Return the grid of a program of BatchNorm, what it is told of its activations, and its constants."""
    members, batch, features = x_RBF.shape[:3]
    images = x_RBF.dim() == 4
    columns = x_RBF.shape[3] if images else features
    wide = min(triton.next_power_of_2(columns), BLOCK if images else TILE)
    rows = min(triton.next_power_of_2(batch), NORMALISED // wide)
    groups = features if images else triton.cdiv(features, wide)
    tiles = triton.cdiv(batch, rows) * (triton.cdiv(columns, wide) if images else 1)
    strides = x_RBF.stride() if images else (*x_RBF.stride()[:2], wide * x_RBF.stride(2), x_RBF.stride(2))
    warps = min(max(rows * wide // (32 * PER_THREAD), 1), 16)
    constants = {"IMAGES": images, "ROWS": rows, "COLUMNS": wide, "num_warps": warps}
    return (members, groups), (batch, features, columns, tiles, *strides), constants


def _member(row_RX: Tensor | None) -> int:
    """Return how far the rows of two members are apart."""
    return 0 if row_RX is None else row_RX.stride(0)

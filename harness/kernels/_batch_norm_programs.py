"""BatchNorm in Triton, with what is added after it and its ReLU, ahead and back.

What each does is said in `Kernels`, and what tensors are named by. Where members and features are too few to keep a GPU
busy, the rows of a feature are shared out among sections: a program of each sums what is its own, and then a second
launch adds these sums up, in their order, before it uses them.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from harness.kernels import _launching
from harness.kernels._launching import BLOCK, TILE, apart

NORMALISED = 8192  # values of a feature, or of TILE features, that a program takes at a time
PER_THREAD = 16  # of them
PROGRAMS = 256  # that keep a GPU busy
SECTIONS = 64  # at most


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
    parts_2RSF = x_RBF
    if grid[2] > 1 and not given:
        parts_2RSF = _parts(x_RBF, grid)
        _launching.launch(_moments_of_sections, grid, x_RBF, parts_2RSF, *shape, **constants)
    _launching.launch(
        _normalise, grid,
        x_RBF, scale_RF, shift_RF, x_RBF if added_RBF is None else added_RBF, y_RBF, mean_RF, rstd_RF, parts_2RSF,
        *shape, apart(scale_RF), apart(shift_RF),
        EPS=eps, ADDED=added_RBF is not None, RECTIFIED=rectified, GIVEN=given, **constants,
    )  # fmt: skip


@triton.jit
def _moments_of_sections(
    x, parts, batch, features, columns, tiles, section, x_member, x_row, x_group,
    SECTIONS: tl.constexpr, IMAGES: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    r, f, first, columns = _features(features, columns, x_member, x_group, IMAGES, COLUMNS)
    begin, end = _section(tiles, section, columns, ROWS, COLUMNS)
    count = _rows(tl.program_id(2), batch, section) * (columns if IMAGES else 1) * 1.0
    centre, squares = _moments(x, count, begin, end, first, batch, columns, x_row, IMAGES, ROWS, COLUMNS)
    _put(parts, centre, squares, r, f, features)


@triton.jit
def _moments(x, count, begin, end, first, batch, columns, x_row, IMAGES: tl.constexpr, ROWS: tl.constexpr,
             COLUMNS: tl.constexpr):  # fmt: skip
    """Return the mean of `count` values in some tiles, and the sum of squares of what they are off it."""
    total = tl.zeros((ROWS, COLUMNS), tl.float32)
    for i in range(begin, end):
        at, there = _tile(i, first, batch, columns, x_row, ROWS, COLUMNS)
        total += tl.load(x + at, mask=there, other=0).to(tl.float32)
    centre = tl.div_rn(_shared(total, IMAGES, COLUMNS), count)
    total = tl.zeros((ROWS, COLUMNS), tl.float32)
    for i in range(begin, end):
        at, there = _tile(i, first, batch, columns, x_row, ROWS, COLUMNS)
        off = tl.where(there, tl.load(x + at, mask=there, other=0).to(tl.float32) - centre[None, :], 0.0)
        total += off * off
    return centre, _shared(total, IMAGES, COLUMNS)


@triton.jit
def _normalise(
    x, scale, shift, added, y, mean, rstd, parts,
    batch, features, columns, tiles, section, x_member, x_row, x_group, scale_member, shift_member,
    EPS: tl.constexpr, ADDED: tl.constexpr, RECTIFIED: tl.constexpr, GIVEN: tl.constexpr,
    SECTIONS: tl.constexpr, IMAGES: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    r, f, first, columns = _features(features, columns, x_member, x_group, IMAGES, COLUMNS)
    begin, end = _section(tiles, section, columns, ROWS, COLUMNS)
    if GIVEN:
        centre, over = _both(mean, rstd, r, f, features, features, features)
    else:
        count = (batch * columns if IMAGES else batch) * 1.0
        if SECTIONS == 1:
            centre, squares = _moments(x, count, begin, end, first, batch, columns, x_row, IMAGES, ROWS, COLUMNS)
        else:
            centres, squares_of = _parts_of(parts, r, f, features, SECTIONS, COLUMNS)
            counts = (_rows(tl.arange(0, SECTIONS), batch, section) * (columns if IMAGES else 1) * 1.0)[:, None]
            centre = tl.div_rn(tl.sum(centres * counts, 0), count)
            off = centres - centre[None, :]
            squares = tl.sum(squares_of + off * off * counts, 0)
        over = tl.div_rn(1.0, tl.sqrt_rn(tl.div_rn(squares, count) + EPS))
        if tl.program_id(2) == 0:
            tl.store(mean + r * features + f, centre, mask=f < features)
            tl.store(rstd + r * features + f, over, mask=f < features)
    by, plus = _both(scale, shift, r, f, features, scale_member, shift_member)
    for i in range(begin, end):
        at, there = _tile(i, first, batch, columns, x_row, ROWS, COLUMNS)
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
    constants |= {"ADDED": dadded_RBF is not None, "RECTIFIED": rectified}
    given = dy_RBF, x_RBF, scale_RF, shift_RF, x_RBF if y_RBF is None else y_RBF, mean_RF, rstd_RF
    shape = *shape, apart(scale_RF), apart(shift_RF)
    parts_2RSF = x_RBF
    if grid[2] > 1:
        parts_2RSF = _parts(x_RBF, grid)
        _launching.launch(_sums_of_sections, grid, *given, parts_2RSF, *shape, **constants)
    _launching.launch(
        _normalise_back, grid,
        *given, parts_2RSF, dx_RBF, dscale_RF, dshift_RF, dx_RBF if dadded_RBF is None else dadded_RBF,
        *shape, **constants,
    )  # fmt: skip


@triton.jit
def _sums_of_sections(
    dy, x, scale, shift, y, mean, rstd, parts,
    batch, features, columns, tiles, section, x_member, x_row, x_group, scale_member, shift_member,
    ADDED: tl.constexpr, RECTIFIED: tl.constexpr,
    SECTIONS: tl.constexpr, IMAGES: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    r, f, first, columns = _features(features, columns, x_member, x_group, IMAGES, COLUMNS)
    begin, end = _section(tiles, section, columns, ROWS, COLUMNS)
    centre, over = _both(mean, rstd, r, f, features, features, features)
    by, plus = _both(scale, shift, r, f, features, scale_member, shift_member)
    dplus, dby = _sums(dy, x, y, begin, end, first, batch, columns, x_row, centre, over, by, plus,
                       ADDED, RECTIFIED, IMAGES, ROWS, COLUMNS)  # fmt: skip
    _put(parts, dplus, dby, r, f, features)


@triton.jit
def _sums(dy, x, y, begin, end, first, batch, columns, x_row, centre, over, by, plus,
          ADDED: tl.constexpr, RECTIFIED: tl.constexpr,
          IMAGES: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr):  # fmt: skip
    """Return the sum of gradients in some tiles, and that of gradients times normalised activations."""
    plain = tl.zeros((ROWS, COLUMNS), tl.float32)
    weighted = tl.zeros((ROWS, COLUMNS), tl.float32)
    for i in range(begin, end):
        at, there = _tile(i, first, batch, columns, x_row, ROWS, COLUMNS)
        unit = (tl.load(x + at, mask=there, other=0).to(tl.float32) - centre[None, :]) * over[None, :]
        gradient = _gradient(dy, y, at, there, unit, by, plus, ADDED, RECTIFIED)
        plain += tl.where(there, gradient, 0.0)
        weighted += tl.where(there, gradient * unit, 0.0)
    return _shared(plain, IMAGES, COLUMNS), _shared(weighted, IMAGES, COLUMNS)


@triton.jit
def _normalise_back(
    dy, x, scale, shift, y, mean, rstd, parts, dx, dscale, dshift, dadded,
    batch, features, columns, tiles, section, x_member, x_row, x_group, scale_member, shift_member,
    ADDED: tl.constexpr, RECTIFIED: tl.constexpr,
    SECTIONS: tl.constexpr, IMAGES: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    r, f, first, columns = _features(features, columns, x_member, x_group, IMAGES, COLUMNS)
    begin, end = _section(tiles, section, columns, ROWS, COLUMNS)
    count = (batch * columns if IMAGES else batch) * 1.0
    centre, over = _both(mean, rstd, r, f, features, features, features)
    by, plus = _both(scale, shift, r, f, features, scale_member, shift_member)
    if SECTIONS == 1:
        dplus, dby = _sums(dy, x, y, begin, end, first, batch, columns, x_row, centre, over, by, plus,
                           ADDED, RECTIFIED, IMAGES, ROWS, COLUMNS)  # fmt: skip
    else:
        plain, weighted = _parts_of(parts, r, f, features, SECTIONS, COLUMNS)
        dplus, dby = tl.sum(plain, 0), tl.sum(weighted, 0)
    if tl.program_id(2) == 0:
        tl.store(dshift + r * features + f, dplus, mask=f < features)
        tl.store(dscale + r * features + f, dby, mask=f < features)
    each, along = tl.div_rn(dplus, count), tl.div_rn(dby, count)
    for i in range(begin, end):
        at, there = _tile(i, first, batch, columns, x_row, ROWS, COLUMNS)
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
def _both(one, other, r, f, features, one_member, other_member):
    """Return a member's values of these features in two arrays, whose rows are so far apart."""
    there = f < features
    return tl.load(one + r * one_member + f, mask=there, other=0), tl.load(
        other + r * other_member + f, mask=there, other=0
    )


@triton.jit
def _section(tiles, section, columns, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """Return the first tile of this program's section of so many rows, and the one behind its last."""
    each = section // ROWS * tl.cdiv(columns, COLUMNS)
    begin = tl.program_id(2) * each
    return begin, tl.minimum(begin + each, tiles)


@triton.jit
def _rows(sections, batch, section):
    """Return how many rows sections of so many have: the last one fewer, those behind it none."""
    return tl.maximum(tl.minimum(batch - sections * section, section), 0)


@triton.jit
def _put(parts, one, other, r, f, features):
    """Put two sums of this program's section where `_parts_of` finds them."""
    at = (r * tl.num_programs(2) + tl.program_id(2)) * features + f
    tl.store(parts + at, one, mask=f < features)
    tl.store(parts + tl.num_programs(0) * tl.num_programs(2) * features + at, other, mask=f < features)


@triton.jit
def _parts_of(parts, r, f, features, SECTIONS: tl.constexpr, COLUMNS: tl.constexpr):
    """Return two sums of each section, a row a section."""
    s = tl.arange(0, SECTIONS).to(tl.int64)
    at = (r * tl.num_programs(2) + s)[:, None] * features + f[None, :]
    there = (s < tl.num_programs(2))[:, None] & (f < features)[None, :]
    behind = tl.num_programs(0) * tl.num_programs(2) * features
    return tl.load(parts + at, mask=there, other=0), tl.load(parts + behind + at, mask=there, other=0)


@triton.jit
def _tile(i, first, batch, columns, x_row, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """Return where the values of tile `i` are, a row an example, and which of them are there."""
    across = tl.cdiv(columns, COLUMNS)
    b = (i // across * ROWS + tl.arange(0, ROWS)).to(tl.int64)
    c = (i % across * COLUMNS + tl.arange(0, COLUMNS)).to(tl.int64)
    return first + b[:, None] * x_row + c[None, :], (b < batch)[:, None] & (c < columns)[None, :]


@triton.jit
def _shared(total, IMAGES: tl.constexpr, COLUMNS: tl.constexpr):
    """Return the sum of each column's feature, which in images is that of all columns."""
    sums = tl.sum(total, 0)
    return tl.zeros((COLUMNS,), tl.float32) + tl.sum(sums, 0) if IMAGES else sums


def _parts(x_RBF: Tensor, grid: tuple[int, int, int]) -> Tensor:
    """Return room for two sums of each member, section and feature."""
    return torch.empty(2, grid[0], grid[2], x_RBF.shape[2], device=x_RBF.device)


def _tiles(x_RBF: Tensor) -> tuple[tuple[int, int, int], tuple[int, ...], dict[str, Any]]:
    """Return the grid of a program of BatchNorm, what it is told of its activations, and its constants."""
    members, batch, features = x_RBF.shape[:3]
    images = x_RBF.dim() == 4
    columns = x_RBF.shape[3] if images else features
    wide = min(triton.next_power_of_2(columns), BLOCK if images else TILE)
    rows = min(triton.next_power_of_2(batch), NORMALISED // wide)
    groups = features if images else triton.cdiv(features, wide)
    high = triton.cdiv(batch, rows)
    each = triton.cdiv(high, min(triton.cdiv(PROGRAMS, members * groups), SECTIONS))  # tiles, one above the other
    sections = triton.cdiv(high, each)
    tiles = high * (triton.cdiv(columns, wide) if images else 1)
    strides = (*x_RBF.stride()[:2], x_RBF.stride(2) if images else wide)
    warps = min(max(rows * wide // (32 * PER_THREAD), 1), 16)
    constants = {"IMAGES": images, "ROWS": rows, "COLUMNS": wide, "num_warps": warps}
    constants["SECTIONS"] = triton.next_power_of_2(sections)
    return (members, groups, sections), (batch, features, columns, tiles, each * rows, *strides), constants

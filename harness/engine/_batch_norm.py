"""BatchNorm by the batch's own moments (Ioffe & Szegedy 2015), on a GPU together with the addition and ReLU behind it.

Tensors are named by shape: R members, B examples, F features; of images C channels, H height, W width, P = H W places.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from harness.kernels import compiles, kernels_for

BATCH_NORM_EPS = 1e-5  # torch's default
LAST, FIRST = (0, 1, 3, 4, 2), (0, 1, 4, 2, 3)  # axes of x_RBCHW in the order RBHWC, and of that in the first order

Moments = tuple[Tensor, Tensor]  # mean_R1F, one over the standard deviation_R1F; of images mean_R1C11, ...


def fuses(x: Tensor) -> bool:
    """Whether what is behind BatchNorm of such activations is computed with it: on a GPU for which Triton compiles.

    float64 is left to torch, as gradients of it are differentiated again.
    """
    return x.dtype != torch.float64 and compiles(x.device)


def normalised(
    x: Tensor, scale_RF: Tensor, shift_RF: Tensor, *, added: Tensor | None = None, rectified: bool = False
) -> tuple[Tensor, Moments]:
    """Return BatchNorm of x_RBF or x_RBCHW, plus what is added, rectified if so asked; and the batch's moments.

    It is computed in float32 at least: moments of bfloat16 lose too much. Fused, activations in bfloat16 give such
    again, which take half the time to read; else they give float32.
    """
    if fuses(x):
        other = None if added is None else _flat(added, x)
        y, mean_RF, rstd_RF = Fused.apply(_flat(x, x), scale_RF, shift_RF, other, rectified)
        return _as_before(y, x), (wide(mean_RF, x), wide(rstd_RF, x))
    y, *moments_R1F = Normalise.apply(_exact(x), wide(scale_RF, x), wide(shift_RF, x))
    return _followed(y, added, rectified=rectified), (moments_R1F[0], moments_R1F[1])


def applied(
    x: Tensor,
    moments_R1F: Moments,
    scale_RF: Tensor,
    shift_RF: Tensor,
    *,
    added: Tensor | None = None,
    rectified: bool = False,
) -> Tensor:
    """Return BatchNorm by moments that are given, as evaluation does, plus what is added, rectified if so asked."""
    mean_R1F, rstd_R1F = moments_R1F
    if fuses(x) and not torch.is_grad_enabled():  # the kernel backward is that by the batch's own moments
        y = torch.empty_like(_flat(x, x))
        flat, other = _laid_as(y, _flat(x, x)), None if added is None else _laid_as(y, _flat(added, x))
        mean_RF, rstd_RF = (each_R1F.reshape(scale_RF.shape).contiguous() for each_R1F in moments_R1F)
        kernels_for(x.device).normalise(
            flat, scale_RF, shift_RF, other, y, mean_RF, rstd_RF, eps=BATCH_NORM_EPS, rectified=rectified, given=True
        )
        return _as_before(y, x)
    y = torch.addcmul(wide(shift_RF, x), _exact(x) - mean_R1F, rstd_R1F * wide(scale_RF, x))
    return _followed(y, added, rectified=rectified)


def _followed(y: Tensor, added: Tensor | None, *, rectified: bool) -> Tensor:
    """Return what comes of normalised activations where each operation is torch's own."""
    y = y if added is None else y + added
    return torch.relu(y) if rectified else y


def _flat(x: Tensor, like: Tensor) -> Tensor:
    """Return x_RBF as it is; of images the places of a channel as one axis, or as rows where channels lie last."""
    if x.dim() == 3:
        return x
    return x.permute(*LAST).flatten(1, 3) if channels_last(like) else x.flatten(3)


def _as_before(flat: Tensor, x: Tensor) -> Tensor:
    """Return what `_flat` made flat in the shape of x."""
    if x.dim() == 5 and channels_last(x):
        return flat.view(*(x.shape[axis] for axis in LAST)).permute(*FIRST)
    return flat.view(x.shape)


def channels_last(x_RBCHW: Tensor) -> bool:
    """Whether a member's images lie in memory with the channels of a place side by side."""
    return not x_RBCHW.is_contiguous() and x_RBCHW.permute(*LAST).is_contiguous()


def _exact(x: Tensor) -> Tensor:
    """Return activations in float32 where they have fewer digits."""
    return x.to(_exact_type(x))


def _exact_type(x: Tensor) -> torch.dtype:
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def wide(each_RF: Tensor, x: Tensor) -> Tensor:
    """Return a value per feature with an axis for all that shares it: each_R1F, of images each_R1C11."""
    return each_RF[:, None] if x.dim() == 3 else each_RF[:, None, :, None, None]


class Normalise(torch.autograd.Function):
    """BatchNorm in torch's operations, forward and backward in as few passes as it takes.

    Autograd over the plain formula makes about three times as many passes over the activations, which cost more than
    the matrix products at these widths. Activations are x_RBF, or images x_RBCHW with moments and parameters R1C11.
    """

    @staticmethod
    def forward(ctx: Any, x_RBF: Tensor, scale_R1F: Tensor, shift_R1F: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the normalised activations, their mean, and one over their standard deviation."""
        over = _over(x_RBF)
        mean_R1F = x_RBF.mean(over, keepdim=True)
        unit_RBF = x_RBF - mean_R1F
        rstd_R1F = torch.rsqrt(unit_RBF.square().mean(over, keepdim=True) + BATCH_NORM_EPS)
        unit_RBF *= rstd_R1F
        ctx.save_for_backward(unit_RBF, rstd_R1F, scale_R1F)
        ctx.mark_non_differentiable(mean_R1F, rstd_R1F)
        ctx.set_materialize_grads(False)  # zeros for the moments, which nobody reads
        return torch.addcmul(shift_R1F, unit_RBF, scale_R1F), mean_R1F, rstd_R1F

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients of activations, scale and shift."""
        unit_RBF, rstd_R1F, scale_R1F = ctx.saved_tensors
        dy_RBF = gradients[0]
        over = _over(dy_RBF)
        dshift_R1F = dy_RBF.sum(over, keepdim=True)
        dscale_R1F = (dy_RBF * unit_RBF).sum(over, keepdim=True)
        batch = dy_RBF.numel() // dshift_R1F.numel()  # values that share a mean
        dx_RBF = torch.addcmul(dy_RBF, unit_RBF, dscale_R1F, value=-1 / batch)
        dx_RBF -= dshift_R1F / batch
        dx_RBF *= scale_R1F * rstd_R1F
        return dx_RBF, dscale_R1F, dshift_R1F


def _over(x: Tensor) -> tuple[int, ...]:
    """Return the axes that share a member's feature: the batch, of images the places too."""
    return (1,) if x.dim() == 3 else (1, 3, 4)


class Fused(torch.autograd.Function):
    """BatchNorm, an addition and ReLU as one kernel forward and one backward; of x_RBF, or of images x_RBCP.

    It keeps its input as that came. What ReLU set to zero is computed again, or seen in the output where something was
    added. All activations get the strides of the input, which are those that a convolution gave it: for a grouped one
    examples lie before members.
    """

    @staticmethod
    def forward(
        ctx: Any, x_RBF: Tensor, scale_RF: Tensor, shift_RF: Tensor, added_RBF: Tensor | None, rectified: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return what comes of it, and the means and one over the standard deviations_RF, in float32 at least."""
        y_RBF = torch.empty_like(x_RBF)
        x_RBF = _laid_as(y_RBF, x_RBF)  # itself but where it has gaps or overlaps
        mean_RF = torch.empty(scale_RF.shape, dtype=_exact_type(x_RBF), device=x_RBF.device)
        rstd_RF = torch.empty_like(mean_RF)
        other_RBF = None if added_RBF is None else _laid_as(x_RBF, added_RBF)
        kernels_for(x_RBF.device).normalise(
            x_RBF, scale_RF, shift_RF, other_RBF, y_RBF, mean_RF, rstd_RF,
            eps=BATCH_NORM_EPS, rectified=rectified, given=False,
        )  # fmt: skip
        seen_RBF = None if added_RBF is None else y_RBF
        ctx.save_for_backward(x_RBF, scale_RF, shift_RF, seen_RBF, mean_RF, rstd_RF)
        ctx.rectified, ctx.added = rectified, None if added_RBF is None else added_RBF.dtype
        ctx.mark_non_differentiable(mean_RF, rstd_RF)
        ctx.set_materialize_grads(False)  # zeros for the moments, which nobody reads
        return y_RBF, mean_RF, rstd_RF

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of activations, scale, shift, and of what was added."""
        x_RBF, scale_RF, shift_RF, seen_RBF, mean_RF, rstd_RF = ctx.saved_tensors
        dy_RBF = _laid_as(x_RBF, gradients[0])
        dx_RBF = torch.empty_like(x_RBF)
        dscale_RF, dshift_RF = torch.empty_like(mean_RF), torch.empty_like(mean_RF)
        dadded_RBF = None if ctx.added is None else torch.empty_like(x_RBF, dtype=ctx.added)
        kernels_for(x_RBF.device).normalise_back(
            dy_RBF, x_RBF, scale_RF, shift_RF, seen_RBF, mean_RF, rstd_RF,
            dx_RBF, dscale_RF, dshift_RF, dadded_RBF,
            rectified=ctx.rectified,
        )  # fmt: skip
        return dx_RBF, dscale_RF, dshift_RF, dadded_RBF, None


def _laid_as(like: Tensor, x: Tensor) -> Tensor:
    """Return activations with the strides of others of their shape: themselves where they have them."""
    strides = zip(x.shape, x.stride(), like.stride(), strict=True)
    if all(size == 1 or own == other for size, own, other in strides):
        return x
    return torch.empty_like(like, dtype=x.dtype).copy_(x)

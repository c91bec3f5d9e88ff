"""The kernels in torch: the reference of those in Triton, and what is used where there is no Triton.

What each does is said in `Kernels`, and what tensors are named by.
"""

from __future__ import annotations

import torch
from torch import Tensor

WORD = 32  # mask bits


def packed(mask_RP: Tensor) -> Tensor:
    """Return a mask of zeros and ones as bits, the first lowest; shape (R, W), dtype int32, for P = 32 W."""
    bits_RWb = mask_RP.view(len(mask_RP), -1, WORD).long() << torch.arange(WORD, device=mask_RP.device)
    words_RW = bits_RWb.sum(2)
    return torch.where(words_RW < 2 ** (WORD - 1), words_RW, words_RW - 2**WORD).int()


def _unpacked(bits_RW: Tensor) -> Tensor:
    bits_RWb = bits_RW[..., None] >> torch.arange(WORD, dtype=torch.int32, device=bits_RW.device)
    return (bits_RWb & 1).bool().flatten(1)


def gather(
    x_RBI: Tensor, source_NI: Tensor, images_RSB: Tensor, at_1: Tensor, by_N: Tensor, off_I: Tensor, over_I: Tensor
) -> None:
    """See `Kernels.gather`."""
    images_RB = images_RSB.index_select(1, at_1)[:, 0]
    pixels_RBI = source_NI.index_select(0, images_RB.flatten()).view(x_RBI.shape).float()
    by_RB1 = by_N.index_select(0, images_RB.flatten()).view(*images_RB.shape, 1)
    x_RBI.copy_((pixels_RBI / by_RB1 - off_I) / over_I)


def rectify(z_RBO: Tensor, bias_RO: Tensor | None) -> None:
    """See `Kernels.rectify`."""
    if bias_RO is not None:
        z_RBO += bias_RO[:, None]
    z_RBO.relu_()


def rectify_back(dx_RBO: Tensor, x_RBO: Tensor, dbias_RO: Tensor | None) -> None:
    """See `Kernels.rectify_back`."""
    dx_RBO.masked_fill_(x_RBO <= 0, 0)
    if dbias_RO is not None:
        dbias_RO.copy_(dx_RBO.sum(1))


def cross_entropy(
    z_RBC: Tensor, bias_RC: Tensor | None, answers_RSB: Tensor, at_1: Tensor, dbias_RC: Tensor | None, loss_R: Tensor
) -> None:
    """See `Kernels.cross_entropy`."""
    answers_RB1 = answers_RSB.index_select(1, at_1)[:, 0, :, None].long()
    if bias_RC is not None:
        z_RBC += bias_RC[:, None]
    log_RBC = z_RBC.log_softmax(2)
    loss_R.copy_(-log_RBC.gather(2, answers_RB1)[..., 0].mean(1))
    classes_C = torch.arange(z_RBC.shape[2], device=z_RBC.device)
    z_RBC.copy_((log_RBC.exp() - (classes_C == answers_RB1).to(z_RBC.dtype)) / z_RBC.shape[1])
    if dbias_RC is not None:
        dbias_RC.copy_(z_RBC.sum(1))


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
    rate = rates_SG.index_select(0, at_1)[0, group]
    correction_2 = corrections_A2.index_select(0, age.long().view(1))[0]
    gradient_RP = gradient_RP.masked_fill(~_unpacked(bits_RW), 0)
    if decay:
        rows_RP -= rows_RP * (rate * decay)
    mean_RP.mul_(beta1).add_(gradient_RP, alpha=1 - beta1)
    square_RP.mul_(beta2).add_(gradient_RP * gradient_RP, alpha=1 - beta2)
    rows_RP -= rate / correction_2[0] * mean_RP / (square_RP.sqrt() / correction_2[1] + eps)


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
    rate = rates_SG.index_select(0, at_1)[0, group]
    direction_RP = gradient_RP.masked_fill(~_unpacked(bits_RW), 0)
    if decay:
        direction_RP = direction_RP + decay * rows_RP
    if momentum_RP is not None:
        momentum_RP.mul_(momentum).add_(direction_RP)
        direction_RP = direction_RP + momentum * momentum_RP if nesterov else momentum_RP
    rows_RP -= rate * direction_RP


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
    x_RBF, over, scale_R1F = x_RBF.to(mean_RF.dtype), _over(x_RBF), _wide(scale_RF, x_RBF)
    if given:
        unit_RBF, scale_R1F = x_RBF - _wide(mean_RF, x_RBF), _wide(rstd_RF, x_RBF) * scale_R1F
    else:
        mean_R1F = x_RBF.mean(over, keepdim=True)
        unit_RBF = x_RBF - mean_R1F
        rstd_R1F = torch.rsqrt(unit_RBF.square().mean(over, keepdim=True) + eps)
        unit_RBF *= rstd_R1F
        mean_RF.copy_(mean_R1F.view_as(mean_RF))
        rstd_RF.copy_(rstd_R1F.view_as(rstd_RF))
    out_RBF = torch.addcmul(_wide(shift_RF, x_RBF), unit_RBF, scale_R1F)
    if added_RBF is not None:
        out_RBF = out_RBF + added_RBF
    y_RBF.copy_(torch.relu(out_RBF) if rectified else out_RBF)


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
    dy_RBF, over = dy_RBF.to(mean_RF.dtype), _over(x_RBF)
    scale_R1F, rstd_R1F = _wide(scale_RF, x_RBF), _wide(rstd_RF, x_RBF)
    unit_RBF = (x_RBF.to(mean_RF.dtype) - _wide(mean_RF, x_RBF)) * rstd_R1F
    if rectified:
        out_RBF = torch.addcmul(_wide(shift_RF, x_RBF), unit_RBF, scale_R1F) if y_RBF is None else y_RBF
        dy_RBF = dy_RBF.masked_fill(out_RBF <= 0, 0)
    dshift_R1F = dy_RBF.sum(over, keepdim=True)
    dscale_R1F = (dy_RBF * unit_RBF).sum(over, keepdim=True)
    batch = dy_RBF.numel() // dshift_R1F.numel()  # values that share a mean
    change_RBF = torch.addcmul(dy_RBF, unit_RBF, dscale_R1F, value=-1 / batch)
    change_RBF -= dshift_R1F / batch
    dx_RBF.copy_(change_RBF * (scale_R1F * rstd_R1F))
    dscale_RF.copy_(dscale_R1F.view_as(dscale_RF))
    dshift_RF.copy_(dshift_R1F.view_as(dshift_RF))
    if dadded_RBF is not None:
        dadded_RBF.copy_(dy_RBF)


def _over(x_RBF: Tensor) -> tuple[int, ...]:
    """Return the axes that share a member's feature: the batch, of images the places too."""
    return (1,) if x_RBF.dim() == 3 else (1, 3)


def _wide(each_RF: Tensor, x_RBF: Tensor) -> Tensor:
    """Return a value per feature with an axis for each that shares it."""
    return each_RF[:, None] if x_RBF.dim() == 3 else each_RF[:, None, :, None]

"""Population layers: one forward pass of many members at once.

Tensors are stacked with replicas first and named by shape:
R members, B examples, I inputs, O outputs, F features; images: C channels, H height, W width, K kernel side;
T tokens, D features of a head.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import cache, partial
from typing import Literal, assert_never

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from harness.engine._batch_norm import FIRST, LAST, Moments, applied, fuses, normalised
from harness.engine._looped import called
from harness.engine._machine import coarse_convolutions
from harness.engine._noise import Noise
from harness.engine._recurrent import recurrent
from harness.networks import (
    LSTM,
    Attention,
    AveragePool,
    BatchNorm,
    Conv,
    Dropout,
    Embedding,
    Flatten,
    Gelu,
    Image,
    Layer,
    LayerNorm,
    Linear,
    MaxPool,
    Module,
    Network,
    Positions,
    Relu,
    Residual,
    Tokens,
)

Way = Literal["loop", "grouped", "unfold", "streams", "channels last"]
How = Way | Literal["by size"]
CONVOLUTION: dict[str, How] = {"cpu": "loop", "cuda": "by size"}  # by device type; see `convolve`
GROUPED = 2**29  # multiply-adds of a layer with a member's batch up to which a grouped convolution is the faster one
VECTOR = 64  # values; a multiple of what a processor computes at once, unrolled
STREAMS = 8  # on which ``streams`` spreads a population's members


def convolve(
    x_RBCHW: Tensor,
    w_ROCKK: Tensor,
    how: How,
    *,
    bias_RO: Tensor | None = None,
    stride: int = 1,
    padding: int = 0,
) -> Tensor:
    """Return each member's convolution of its own images with its own weights, shape (R, B, O, H', W').

    ``loop`` calls torch once a member: on a CPU the only way that is both fast and exact for any packing.
    ``grouped`` is one grouped convolution, whose backward pass is not exact there; ``unfold`` is one `bmm` over
    patches, exact but three to seven times slower; ``streams`` is the loop on parallel streams of a GPU, which without
    gradients is the loop: a pass of an evaluation keeps a GPU busy by itself, and in a graph the memory that was on two
    streams would not be used again. ``channels last`` is ``streams`` with the channels of a place side by side; what it
    returns lies so. They differ by rounding only. ``by size`` is what was measured to be fastest; see `_by_size`.
    """
    members, batch, channels = x_RBCHW.shape[:3]
    outputs, kernel = w_ROCKK.shape[1], w_ROCKK.shape[3]
    height, width = ((side + 2 * padding - kernel) // stride + 1 for side in x_RBCHW.shape[3:])
    operations = batch * channels * outputs * kernel**2 * height * width
    way = _by_size(operations, x_RBCHW.device) if how == "by size" else how
    match way:
        case "loop" | "streams" | "channels last":
            last = way == "channels last"
            images, weights = (_each(stack, last=last) for stack in (x_RBCHW, w_ROCKK))
            biases = [None] * members if bias_RO is None else bias_RO.unbind()
            each = zip(images, weights, biases, strict=True)
            calls = [partial(functional.conv2d, x, w, b, stride, padding) for x, w, b in each]
            beside = way != "loop" and x_RBCHW.device.type != "cpu" and torch.is_grad_enabled()
            made = _on_streams(calls, x_RBCHW.device) if beside else [call() for call in calls]
            if not last:
                return torch.stack(made)
            return torch.stack([y_BOHW.permute(0, 2, 3, 1) for y_BOHW in made]).permute(*FIRST)
        case "grouped":
            x_BGHW = x_RBCHW.transpose(0, 1).reshape(batch, members * channels, *x_RBCHW.shape[3:])
            bias_G = None if bias_RO is None else bias_RO.flatten()
            y_BGHW = functional.conv2d(x_BGHW, w_ROCKK.flatten(0, 1), bias_G, stride, padding, groups=members)
            return y_BGHW.view(batch, members, outputs, *y_BGHW.shape[2:]).transpose(0, 1)
        case "unfold":
            patches = functional.unfold(x_RBCHW.flatten(0, 1), kernel, padding=padding, stride=stride)
            x_RIP = patches.view(members, batch, *patches.shape[1:]).transpose(1, 2).flatten(2)
            y_ROP = torch.bmm(w_ROCKK.flatten(2), x_RIP)
            if bias_RO is not None:
                y_ROP = y_ROP + bias_RO.unsqueeze(2)
            return y_ROP.view(members, outputs, batch, height, width).transpose(1, 2)
        case _:
            assert_never(way)


def _by_size(operations: int, device: torch.device) -> Way:
    """Return how a GPU convolves a member's batch fastest, of so many multiply-adds, in training.

    An H100 and an H200 measured whole nets. Grouped is 1.5 times as fast as streams for ResNet-20, whose layers have .3
    billion multiply-adds, and streams are 1.15 to 1.25 times as fast for Conv-2 and Conv-6, whose second layer has 2.3
    billion. Of plain modules on streams, channels last made 1.15 and 1.22 times the steps for these two in TF32, and
    fewer for ResNet-20; in bfloat16 they made 2.4 times those of a grouped ResNet-20.
    """
    coarse, small = coarse_convolutions(device), operations <= GROUPED
    if coarse == "bfloat16" or (coarse and not small):
        return "channels last"
    return "grouped" if small else "streams"


def _each(stack_RXCHW: Tensor, *, last: bool) -> list[Tensor]:
    """Return each member's images or filters, with channels last in memory if so asked: themselves if they lie so."""
    if not last:
        return list(stack_RXCHW.unbind())
    if torch.is_autocast_enabled(stack_RXCHW.device.type):  # which would do this once a member
        stack_RXCHW = stack_RXCHW.to(torch.get_autocast_dtype(stack_RXCHW.device.type))
    return [each_XHWC.permute(0, 3, 1, 2) for each_XHWC in stack_RXCHW.permute(*LAST).contiguous().unbind()]


def _on_streams(calls: Sequence[Callable[[], Tensor]], device: torch.device) -> list[Tensor]:
    """Return what the calls return, each made on one of a few streams beside the current one."""
    main, beside = torch.cuda.current_stream(device), _streams(device)
    results = []
    for stream in beside:
        stream.wait_stream(main)
    for call, stream in zip(calls, itertools.cycle(beside)):
        with torch.cuda.stream(stream):
            results.append(call())
    for stream in beside:
        main.wait_stream(stream)
    for result in results:
        result.record_stream(main)  # so that its memory is not given away while the main stream reads it
    return results


@cache
def _streams(device: torch.device) -> tuple[torch.cuda.Stream, ...]:
    # torch leaves its streams untyped
    return tuple(torch.cuda.Stream(device) for _ in range(STREAMS))  # type: ignore[no-untyped-call]


def forward(
    network: Network,
    params: Mapping[str, Tensor],
    x_RBI: Tensor,
    *,
    moments: Sequence[Moments] | None = None,
    collect: list[Moments] | None = None,
    noise: Noise | None = None,
) -> Tensor:
    """Return logits_RBO of all members for their own inputs; of tokens one after the other, an answer at each.

    Where there is an answer at each token, an example gives as many rows of logits as it has tokens.

    `params` maps a tensor's name to its stack (R, *shape). BatchNorm normalises by the batch's own moments, appended
    to `collect` if given, or by `moments` (one pair a BatchNorm layer, in order), as evaluation does. Values are
    dropped where there is `noise`, as in training.
    """
    given = None if moments is None else iter(moments)
    logits_RBO = _through(network.layers, params, x_RBI, given, collect, noise)
    if logits_RBO.dim() == 4:
        logits_RBO = logits_RBO.flatten(1, 2)
    return logits_RBO if logits_RBO.dtype == torch.float64 else logits_RBO.float()


def _through(
    layers: Sequence[Layer],
    params: Mapping[str, Tensor],
    x: Tensor,
    given: Iterator[Moments] | None,
    collect: list[Moments] | None,
    noise: Noise | None,
) -> Tensor:
    """Return what `layers` make of activations x_RBI, x_RBCHW or x_RBTF."""
    for layer, rectified in _steps(layers, fused=fuses(x)):
        match layer:
            case Linear():
                x = _linear(params, layer.name, x, bias=layer.bias)
            case Conv():
                x = convolve(
                    x,
                    params[f"{layer.name}.weight"],
                    CONVOLUTION[x.device.type],
                    bias_RO=params[f"{layer.name}.bias"] if layer.bias else None,
                    stride=layer.stride,
                    padding=layer.padding,
                )
            case BatchNorm():
                x = _batch_norm(params, layer.name, x, given, collect, rectified=rectified)
            case LayerNorm():
                x = _layer_norm(params, layer.name, x)
            case Relu():
                x = torch.relu(x)
            case Gelu():
                x = _gelu(x)
            case Attention():
                x = _attention(params, layer, x)
            case Tokens():
                x = _placed(params, layer.name, x.flatten(3).transpose(2, 3))
            case Positions():
                x = _placed(params, layer.name, x)
            case Embedding():
                x = _embedded(params[f"{layer.name}.weight"], x)
            case LSTM():
                x = recurrent(params, layer, x)
            case Module():
                x = called(layer, params, x, noise)
            case Dropout():
                x = x if noise is None else noise.dropped(x, layer.rate)
            case Image():
                x = x.reshape(*x.shape[:2], layer.channels, layer.height, layer.width)
            case Flatten():
                x = x.flatten(2)
            case MaxPool():
                pooled = functional.max_pool2d(x.flatten(0, 1), layer.size)
                x = pooled.view(*x.shape[:2], *pooled.shape[1:])
            case AveragePool():
                x = x.mean(2) if x.dim() == 4 else x.mean((3, 4))
            case Residual(body=(*first, BatchNorm(name=name))) if rectified:
                h = _through(first, params, x, given, collect, noise)
                beside = partial(_through, layer.shortcut, params, x, given, collect, noise)
                x = _batch_norm(params, name, h, given, collect, beside=beside, rectified=True)
            case Residual():
                body = _through(layer.body, params, x, given, collect, noise)
                x = body + _through(layer.shortcut, params, x, given, collect, noise)
            case _:
                raise TypeError(f"no forward pass of {layer}")
    return x


def _steps(layers: Sequence[Layer], *, fused: bool) -> Iterator[tuple[Layer, bool]]:
    """Yield each layer, and whether the ReLU behind it belongs to it: where `fused`, to what ends with BatchNorm."""
    pairs = itertools.pairwise((*layers, None))
    for layer, behind in pairs:
        assert layer is not None
        rectified = fused and isinstance(behind, Relu) and _ends_with_batch_norm(layer)
        yield layer, rectified
        if rectified:
            next(pairs)


def _ends_with_batch_norm(layer: Layer) -> bool:
    """Whether it is BatchNorm, or a residual block whose body ends with it."""
    last = layer.body[-1:] if isinstance(layer, Residual) else (layer,)
    return any(isinstance(each, BatchNorm) for each in last)


def _batch_norm(
    params: Mapping[str, Tensor],
    name: str,
    x: Tensor,
    given: Iterator[Moments] | None,
    collect: list[Moments] | None,
    *,
    beside: Callable[[], Tensor] | None = None,
    rectified: bool = False,
) -> Tensor:
    """Return BatchNorm of x_RBF or x_RBCHW, plus what is computed `beside` it, rectified if so asked.

    Moments are given and collected in the order of the layers: before those of what is beside.
    """
    moments, place = None if given is None else next(given), len(collect or ())
    scale_RF, shift_RF = params[f"{name}.scale"], params[f"{name}.shift"]
    added = None if beside is None else beside()
    if moments is not None:
        return applied(x, moments, scale_RF, shift_RF, added=added, rectified=rectified)
    y, moments = normalised(x, scale_RF, shift_RF, added=added, rectified=rectified)
    if collect is not None:
        collect.insert(place, moments)
    return y


def _linear(params: Mapping[str, Tensor], name: str, x: Tensor, *, bias: bool = True) -> Tensor:
    """Return what a fully connected layer makes of x_RBI, or of each token of x_RBTI.

    A product with one input or one output is another kind for one member than for several, on a CPU, and differs in the
    last place: members of such layers go through one by one.
    """
    w_RIO, x_RNI = params[f"{name}.weight"], x.flatten(1, -2)
    given = (x_RNI, w_RIO, params[f"{name}.bias"].unsqueeze(1)) if bias else (x_RNI, w_RIO)
    if x.device.type == "cpu" and 1 in w_RIO.shape[1:]:
        each = zip(*(torch.split(tensor, 1) for tensor in given), strict=True)
        return torch.cat([_product(*tensors) for tensors in each]).view(*x.shape[:-1], -1)
    return _product(*given).view(*x.shape[:-1], -1)


def _product(x_RNI: Tensor, w_RIO: Tensor, bias_R1O: Tensor | None = None) -> Tensor:
    return torch.bmm(x_RNI, w_RIO) if bias_R1O is None else torch.baddbmm(bias_R1O, x_RNI, w_RIO)


def _embedded(rows_RVF: Tensor, tokens_RBT: Tensor) -> Tensor:
    """Return the row of each token, its member's own."""
    first_R11 = torch.arange(len(rows_RVF), device=rows_RVF.device)[:, None, None] * rows_RVF.shape[1]
    return functional.embedding(tokens_RBT.long() + first_R11, rows_RVF.flatten(0, 1))


def _placed(params: Mapping[str, Tensor], name: str, x_RBTF: Tensor) -> Tensor:
    """Return tokens with the vectors of their places added."""
    positions_R1I = params[f"{name}.positions"].flatten(1).unsqueeze(1)
    return (x_RBTF.flatten(2) + positions_R1I).view(x_RBTF.shape)


def _layer_norm(params: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    """Return x_RBF or x_RBTF normalised over its features; tokens share scale and shift as a batch does."""
    unit_RNF = functional.layer_norm(x, x.shape[-1:]).flatten(1, -2)
    scale_R1F, shift_R1F = (params[f"{name}.{part}"].unsqueeze(1) for part in ("scale", "shift"))
    return torch.addcmul(shift_R1F, unit_RNF, scale_R1F).view(x.shape)


def _gelu(x: Tensor) -> Tensor:
    """Return GELU of all values.

    torch computes the last few of a tensor one by one and the others as vectors, which differ in the last place. So
    that a member's place does not matter, members whose values are no whole number of vectors go through one by one.
    """
    if x.device.type != "cpu" or x[0].numel() % VECTOR == 0:
        return functional.gelu(x)
    return torch.stack([functional.gelu(x_BF) for x_BF in x.unbind()])


def _attention(params: Mapping[str, Tensor], layer: Attention, x_RBTF: Tensor) -> Tensor:
    """Return what attention makes of tokens, each member's examples and heads by themselves.

    On a GPU torch's fused kernels add up gradients in an order that may differ from run to run, and are not used.
    """
    members, batch, tokens, features = x_RBTF.shape

    def split(part: str) -> Tensor:
        y_RBTF = _linear(params, f"{layer.name}.{part}", x_RBTF)
        return y_RBTF.view(members * batch, tokens, layer.heads, features // layer.heads).transpose(1, 2)

    query, key, value = (split(part) for part in ("query", "key", "value"))
    with nullcontext() if x_RBTF.device.type == "cpu" else sdpa_kernel(SDPBackend.MATH):
        mixed_NHTD = functional.scaled_dot_product_attention(query, key, value, is_causal=layer.causal)
    return _linear(params, f"{layer.name}.output", mixed_NHTD.transpose(1, 2).reshape(x_RBTF.shape))

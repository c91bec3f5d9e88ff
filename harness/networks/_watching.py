"""One forward pass of a torch module, watched: what it computes, and that it does nothing that a layer may not do.

It may neither draw, nor wait for values, nor remember anything, nor let an example's outputs depend on others.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from harness.errors import DesignError
from harness.networks._layers import Shape
from harness.networks._modules import Builder

BATCH = 2  # examples that are looked at together
MORE = 9  # and of more as many, in which a module may do what it does not in two
OF_TORCH = ("_parameters", "_buffers", "_modules")  # attributes that hold tensors by name
AGAIN = ("_flat_weights", "_flat_weight_refs")  # and, of recurrent layers, parameters once more
ROUNDING = 1e-5  # by how much a batch may give otherwise than its examples one by one, in shares of the largest value


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch leaves it untyped
    """What a forward pass does: sizes, multiply-adds by the parameter that has part, and what it may not do."""

    def __init__(self, parameters: dict[str, Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # as the class
        self._names = {_storage(tensor): name for name, tensor in parameters.items()}
        self.products: Counter[str] = Counter()
        self.sizes: list[int] = []
        self.random = self.asks = ""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Say that torch's compiler need not be told: loading it for that takes seconds, and nothing is compiled."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do it, and note what it was."""
        out = func(*args, **(kwargs or {}))
        given = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
        if torch.Tag.nondeterministic_seeded in func.tags:
            self.random = func.overloadpacket.__name__
        if {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape} & set(func.tags):
            by_number = func.overloadpacket is torch.ops.aten.index and not any(map(_of_bits, tree_leaves(args[1])))
            self.asks = self.asks if by_number else func.overloadpacket.__name__
        if count := flop_registry.get(func.overloadpacket):
            counted = count(*args, **(kwargs or {}), out_val=out) // 2
            self.products.update(
                {self._names[place]: counted for each in given if (place := _storage(each)) in self._names}
            )
        before = {_storage(each) for each in given}
        made = [each for each in tree_leaves(out) if isinstance(each, Tensor)]
        self.sizes += [each.numel() // BATCH for each in made if _storage(each) not in before]
        return out


def _of_bits(index: Any) -> bool:
    """Whether how many places an index takes depends on its values."""
    return isinstance(index, Tensor) and index.dtype in (torch.bool, torch.uint8)


def _storage(tensor: Tensor) -> int:
    """Return what views of one tensor share."""
    return int(tensor.untyped_storage()._cdata)


def watched(
    builder: Builder, module: nn.Module, buffers: dict[str, Tensor], inputs: int | Shape
) -> tuple[Watch, Shape]:
    """Return what a forward pass does, and the shape that it gives for one example."""
    drawn = torch.Generator().manual_seed(0)
    parameters: dict[str, Tensor] = {
        name: _drawn(each.shape, drawn).requires_grad_() for name, each in module.named_parameters()
    }
    shape = (BATCH, *(inputs if isinstance(inputs, tuple) else (inputs,)))
    watch, examples = Watch(parameters), torch.randn(shape, generator=drawn).requires_grad_()
    forward = partial(_forward, builder, module, parameters | buffers)
    out = forward(examples, watch)
    if watch.asks:
        raise error_of(
            builder,
            f"reads values in its forward pass ({watch.asks}), which a step on a GPU may not wait for",
            "let what it computes depend on shapes alone, and choose by torch.where",
        )
    if watch.random:
        raise error_of(
            builder,
            f"draws at random in its forward pass ({watch.random}), which would differ with the packing",
            "use nn.Dropout as a module of its own, whose draws the harness makes, and dropout=0 in torch's attention",
        )
    if not isinstance(out, Tensor) or out.dim() < 2 or len(out) != BATCH or not out.is_floating_point():
        given = f"shape {tuple(out.shape)}" if isinstance(out, Tensor) else f"a {type(out).__name__}"
        raise error_of(builder, f"gives {given} for a batch of shape {shape}", "return a row of logits an example")
    first = (out[0] * torch.randn(out[0].shape, generator=drawn)).sum()
    with telling(
        builder, "has no gradients", "let it change nothing in place that it has computed with, its input neither"
    ):
        other, *found = torch.autograd.grad(first, [examples, *parameters.values()], allow_unused=True)
    with torch.no_grad():
        if not _alike(forward(examples), out, 0.0):
            raise error_of(
                builder,
                "gives something else for the same batch the second time",
                "let it draw and remember nothing; nn.Dropout as a module of its own draws by the harness's streams",
            )
        one_by_one = torch.cat([forward(each[None]) for each in examples])
        among_more = forward(torch.cat([examples, torch.randn(MORE, *shape[1:], generator=drawn)]))[:BATCH]
    alone = _alike(one_by_one, out, ROUNDING) and _alike(among_more, out, ROUNDING)
    if (other is not None and other[1].any()) or not alone:
        raise error_of(
            builder,
            "mixes the examples of a batch: what it gives for one depends on the others",
            "take them one by one; torch's attention and recurrent layers want batch_first=True",
        )
    if unused := [name for name, gradient in zip(parameters, found, strict=True) if gradient is None]:
        raise error_of(builder, f"leaves {unused[0]} out of its forward pass", "use it, or build it without")
    return watch, tuple(out.shape[1:])


def _drawn(shape: torch.Size, drawn: torch.Generator) -> Tensor:
    """Return values at random, of a size at which a layer gives what is about as large as what it is given."""
    return torch.randn(shape, generator=drawn) / math.sqrt(shape[1:].numel())


def _forward(
    builder: Builder, module: nn.Module, tensors: dict[str, Tensor], examples: Tensor, watch: Watch | None = None
) -> Any:
    """Return what a module gives for a batch. Raises DesignError where it fails, or changes itself."""
    given, before = dict(tensors), _state(module)
    were = {name: (tensor._version, tensor.detach().clone()) for name, tensor in tensors.items()}
    copied = examples.clone()  # which may be changed in place
    what = f"fails on a batch of shape {tuple(examples.shape)}"
    # Fused kernels hide their products: attention's, and those of oneDNN's recurrent layers
    with (
        telling(builder, what, "correct inputs= or the module, whose constants have to be buffers"),
        watch or nullcontext(),
        sdpa_kernel(SDPBackend.MATH),
        _without_onednn(),
    ):
        out = functional_call(module, given, (copied,))  # which keeps in `given` what the module has in the end
    changed = [
        name
        for name, (version, values) in were.items()
        if given[name] is not tensors[name] or tensors[name]._version != version or not _alike(given[name], values, 0.0)
    ]
    after = _state(module)
    changed += [name for name in {**before, **after} if before.get(name, _state) != after.get(name, _state)]
    if changed:
        raise error_of(
            builder,
            f"changes its {changed[0]} in its forward pass, which members would hand on to each other",
            "let buffers be constants, and what is learned parameters; a forward pass keeps nothing on the module",
        )
    return out


def _alike(one: Any, other: Tensor, rounding: float) -> bool:
    """Whether two tensors are the same, but for `rounding` in shares of the largest value."""
    if not isinstance(one, Tensor) or one.shape != other.shape:
        return False
    one, other = one.detach().double(), other.detach().double()
    finite = other[other.isfinite()].abs()
    most = rounding * float(finite.max()) if finite.numel() else 0.0
    return torch.allclose(one, other, rtol=0.0, atol=most, equal_nan=True)


class _Same:
    """An object that equals itself alone, and tensors until they are changed."""

    def __init__(self, value: Any) -> None:
        self.value, self.version = value, value._version if isinstance(value, Tensor) else 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value and self.version == other.version

    __hash__ = None  # type: ignore[assignment] # it is compared alone


def _state(module: nn.Module) -> dict[str, Any]:
    """Return what a module and those inside have besides tensors, by name, to be compared later."""
    return {
        f"{path}.{name}" if path else name: [*value] if name in OF_TORCH else _seen(value)
        for path, each in module.named_modules()
        for name, value in vars(each).items()
        if name not in AGAIN
    }


def _seen(value: Any) -> Any:
    """Return what equals the same of a value later, as long as it was not changed."""
    if isinstance(value, dict):
        return [(key, _seen(each)) for key, each in value.items()]
    if isinstance(value, list | tuple):
        return [type(value), *map(_seen, value)]
    if isinstance(value, np.ndarray):
        return [value.dtype, value.shape, value.tobytes()]
    if isinstance(value, set):
        return frozenset(value)
    return value if isinstance(value, bool | int | float | complex | str | bytes) else _Same(value)


@contextmanager
def _without_onednn() -> Iterator[None]:
    # torch leaves its flags untyped
    before = torch.backends.mkldnn.set_flags(False)[0]  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        torch.backends.mkldnn.set_flags(before)  # type: ignore[no-untyped-call] # as before


@contextmanager
def telling(builder: Builder, what: str, then: str) -> Iterator[None]:
    """Turn what a stranger's module dies of into an error that says what it did, and what to do."""
    try:
        yield
    except DesignError:
        raise
    except Exception as error:  # whatever that is
        raise error_of(builder, f"{what}: {' '.join(str(error).split()).rstrip('.')}", then) from error


def error_of(builder: Builder, what: str, then: str) -> DesignError:
    """Return an error of a module, with what to do."""
    return DesignError(f"network {builder.name!r} {what}. Next: {then}")

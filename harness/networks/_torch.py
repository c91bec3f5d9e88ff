"""What a torch module is made of: tensors, shapes and operations, found by one forward pass of two examples.

torch is imported here, and this module when a network of one's own is made, and not before. The module is built on
torch's meta device, where nothing is drawn; on that device it is not run, as torch loads its compiler for that.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache, partial
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
from harness.networks._layers import Dropout, Parameter, Shape
from harness.networks._modules import Builder
from harness.networks._network import layer_of

BATCH = 2  # examples that are looked at together
MORE = 9  # and of more as many, in which a module may do what it does not in two
OUTPUTS_FIRST = (nn.Linear, nn.MultiheadAttention, nn.RNNBase, nn.RNNCellBase)  # of their weights of two dimensions

OF_TORCH = ("_parameters", "_buffers", "_modules")  # attributes that hold tensors by name
AGAIN = ("_flat_weights", "_flat_weight_refs")  # and, of recurrent layers, parameters once more
ROUNDING = 1e-5  # by how much a batch may give otherwise than its examples one by one, in shares of the largest value

Arguments = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Facts:
    """What is known of a module for one example: its parameters, what it gives, and what it computes.

    `products` are multiply-adds of weights that may be pruned, `sizes` the values that each operation gives, `scales`
    the weights of normalisations, `unknown` the parameters of modules that are not torch's, and `otherwise` those that
    torch starts by another rule than ``Init.TORCH_DEFAULT``, each with what it is of.
    """

    parameters: tuple[Parameter, ...]
    gives: Shape
    products: tuple[tuple[str, int], ...]
    sizes: tuple[int, ...]
    dropouts: tuple[float, ...]
    scales: frozenset[str]
    unknown: frozenset[str]
    otherwise: tuple[tuple[str, str], ...]


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch leaves it untyped
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


@cache
def facts(builder: Builder, arguments: Arguments) -> Facts:
    """Return what is known of the module that is built so. Raises DesignError for one that does not fit."""
    module = built(builder, arguments, "meta")
    owners = dict(_owners(module))
    _check_parameters(builder, module)
    dropouts = tuple(Dropout(each.p).rate for each in module.modules() if type(each) is nn.Dropout and each.p)
    replace_dropout(module, lambda rate: nn.Identity())
    buffers = _buffers(builder, arguments, module)
    watch, gives = _watched(builder, module, buffers, dict(arguments)["inputs"])
    parameters = tuple(_described(builder, name, owner, tensor) for name, (owner, tensor) in owners.items())
    if not any(each.prunable for each in parameters):
        raise _error(builder, "has no weight that may be pruned", "give it one, or say so by prunable=")
    return Facts(
        parameters,
        gives,
        tuple((each.name, watch.products[each.name] // BATCH) for each in parameters if each.prunable),
        tuple(watch.sizes),
        dropouts,
        frozenset(name for name, (owner, _) in owners.items() if _normalises(owner) and name.endswith("weight")),
        frozenset(name for name, (owner, tensor) in owners.items() if _unknown(name, owner, tensor)),
        tuple(_otherwise(owners, {layer_of(each.name) for each in parameters if each.prunable})),
    )


def built(builder: Builder, arguments: Arguments, device: str) -> nn.Module:
    """Return a module as its function builds it on `device`; torch's generator is as before afterwards.

    Raises DesignError where that fails, and for what is no module.
    """
    try:
        with torch.random.fork_rng(devices=[]), torch.device(device):
            module = builder.function(**dict(arguments))
    except DesignError:
        raise
    except Exception as error:  # whatever a stranger's module dies of
        raise _error(
            builder,
            f"could not be built on torch's device {device!r}: {_told(error)}",
            "correct its function; it may read no tensor's values, and needs no initialisation",
        ) from error
    if not isinstance(module, nn.Module):
        raise _error(builder, f"is of type {type(module).__name__}", "let its function return a torch.nn.Module")
    return module.train()


def replace_dropout(module: nn.Module, by: Any) -> None:
    """Put in place of each nn.Dropout inside what `by` makes of its rate."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Dropout:
                setattr(parent, name, by(child.p) if child.p else nn.Identity())


def _owners(module: nn.Module) -> Iterator[tuple[str, tuple[nn.Module, Tensor]]]:
    """Yield each parameter by name, with the module that has it."""
    for path, each in module.named_modules():
        for name, tensor in each.named_parameters(recurse=False):
            yield f"{path}.{name}" if path else name, (each, tensor)


def _check_parameters(builder: Builder, module: nn.Module) -> None:
    """Raise DesignError for parameters that are shared, frozen or of another type, and for running statistics."""
    for path, each in module.named_modules():
        batch = isinstance(each, nn.modules.batchnorm._BatchNorm)
        if batch or (isinstance(each, nn.modules.batchnorm._NormBase) and each.track_running_stats):
            raise _error(
                builder,
                f"has {type(each).__name__} at {path or 'its root'}, whose statistics are no parameters and are "
                "changed by the forward pass",
                "use nn.GroupNorm or nn.LayerNorm in the module, or BatchNorm among the layers of a Network",
            )
    names: dict[int, str] = {}
    for name, tensor in module.named_parameters(remove_duplicate=False):
        if nn.parameter.is_lazy(tensor):
            raise _error(builder, f"has a lazy parameter {name}", "give the layer its inputs")
        if id(tensor) in names:
            raise _error(
                builder,
                f"shares one parameter as {names[id(tensor)]} and {name}",
                "give each layer its own, as a mask removes a weight in one place",
            )
        if tensor.dtype != torch.float32 or not tensor.requires_grad:
            how = "is not trained" if not tensor.requires_grad else f"is {tensor.dtype}"
            raise _error(builder, f"has a parameter {name} that {how}", "make it float32 and trained, or a buffer")
        names[id(tensor)] = name


def _watched(
    builder: Builder, module: nn.Module, buffers: dict[str, Tensor], inputs: int | Shape
) -> tuple[_Watch, Shape]:
    """Return what a forward pass does, and the shape that it gives for one example."""
    drawn = torch.Generator().manual_seed(0)
    parameters: dict[str, Tensor] = {
        name: _drawn(each.shape, drawn).requires_grad_() for name, each in module.named_parameters()
    }
    shape = (BATCH, *(inputs if isinstance(inputs, tuple) else (inputs,)))
    watch, examples = _Watch(parameters), torch.randn(shape, generator=drawn).requires_grad_()
    forward = partial(_forward, builder, module, parameters | buffers)
    out = forward(examples, watch)
    if watch.asks:
        raise _error(
            builder,
            f"reads values in its forward pass ({watch.asks}), which a step on a GPU may not wait for",
            "let what it computes depend on shapes alone, and choose by torch.where",
        )
    if watch.random:
        raise _error(
            builder,
            f"draws at random in its forward pass ({watch.random}), which would differ with the packing",
            "use nn.Dropout as a module of its own, whose draws the harness makes, and dropout=0 in torch's attention",
        )
    if not isinstance(out, Tensor) or out.dim() < 2 or len(out) != BATCH or not out.is_floating_point():
        told = f"shape {tuple(out.shape)}" if isinstance(out, Tensor) else f"a {type(out).__name__}"
        raise _error(builder, f"gives {told} for a batch of shape {shape}", "return a row of logits an example")
    first = (out[0] * torch.randn(out[0].shape, generator=drawn)).sum()
    try:
        other, *found = torch.autograd.grad(first, [examples, *parameters.values()], allow_unused=True)
    except Exception as error:  # whatever a stranger's module dies of
        raise _error(
            builder,
            f"has no gradients: {_told(error)}",
            "let it change nothing in place that it has computed with, its input neither",
        ) from error
    with torch.no_grad():
        if not _alike(forward(examples), out, 0.0):
            raise _error(
                builder,
                "gives something else for the same batch the second time",
                "let it draw and remember nothing; nn.Dropout as a module of its own draws by the harness's streams",
            )
        one_by_one = torch.cat([forward(each[None]) for each in examples])
        among_more = forward(torch.cat([examples, torch.randn(MORE, *shape[1:], generator=drawn)]))[:BATCH]
    alone = _alike(one_by_one, out, ROUNDING) and _alike(among_more, out, ROUNDING)
    if (other is not None and other[1].any()) or not alone:
        raise _error(
            builder,
            "mixes the examples of a batch: what it gives for one depends on the others",
            "take them one by one; torch's attention and recurrent layers want batch_first=True",
        )
    if unused := [name for name, gradient in zip(parameters, found, strict=True) if gradient is None]:
        raise _error(builder, f"leaves {unused[0]} out of its forward pass", "use it, or build it without")
    return watch, tuple(out.shape[1:])


def _drawn(shape: torch.Size, drawn: torch.Generator) -> Tensor:
    """Return values at random, of a size at which a layer gives what is about as large as what it is given."""
    return torch.randn(shape, generator=drawn) / math.sqrt(shape[1:].numel())


def _forward(
    builder: Builder, module: nn.Module, tensors: dict[str, Tensor], examples: Tensor, watch: _Watch | None = None
) -> Any:
    """Return what a module gives for a batch. Raises DesignError where it fails, or changes itself."""
    given, before = dict(tensors), _state(module)
    were = {name: (tensor._version, tensor.detach().clone()) for name, tensor in tensors.items()}
    copied = examples.clone()  # which may be changed in place
    try:
        # Fused kernels hide their products: attention's, and those of oneDNN's recurrent layers
        with watch or nullcontext(), sdpa_kernel(SDPBackend.MATH), _without_onednn():
            out = functional_call(module, given, (copied,))  # which keeps in `given` what the module has in the end
    except Exception as error:  # whatever a stranger's module dies of
        raise _error(
            builder,
            f"fails on a batch of shape {tuple(examples.shape)}: {_told(error)}",
            "correct inputs= or the module, whose constants have to be buffers",
        ) from error
    changed = [
        name
        for name, (version, values) in were.items()
        if given[name] is not tensors[name] or tensors[name]._version != version or not _alike(given[name], values, 0.0)
    ]
    after = _state(module)
    changed += [name for name in {**before, **after} if before.get(name, _state) != after.get(name, _state)]
    if changed:
        raise _error(
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


def _buffers(builder: Builder, arguments: Arguments, module: nn.Module) -> dict[str, Tensor]:
    """Return a module's constants by name. Raises DesignError where its function builds others, or another module."""
    here = [(name, each.shape) for name, each in module.named_parameters()]
    there = [(name, each.shape) for name, each in built(builder, arguments, "meta").named_parameters()]
    if here != there:
        raise _error(builder, "has other parameters each time it is built", "let arguments alone say what is built")
    if not any(True for _ in module.buffers()):
        return {}
    twice = []
    for seed in range(2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            twice.append(dict(built(builder, arguments, "cpu").named_buffers()))
    if drawn := [name for name, one in twice[0].items() if not torch.equal(one, twice[1][name])]:
        raise _error(
            builder, f"draws its buffer {drawn[0]} at random", "make it a constant, or a parameter with initial="
        )
    return twice[0]


@contextmanager
def _without_onednn() -> Iterator[None]:
    # torch leaves its flags untyped
    before = torch.backends.mkldnn.set_flags(False)[0]  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        torch.backends.mkldnn.set_flags(before)  # type: ignore[no-untyped-call]


def _described(builder: Builder, name: str, owner: nn.Module, tensor: Tensor) -> Parameter:
    """Return a parameter as it lies in the flat parameters. Raises DesignError where a vector is to be pruned."""
    shape = tuple(tensor.shape)
    prunable = len(shape) > 1 and "weight" in name.rpartition(".")[2] and _of_torch(owner) and not _normalises(owner)
    if builder.prunable is not None:
        prunable = bool(builder.prunable(name, shape))
    if prunable and len(shape) < 2:
        raise _error(
            builder, f"has {name} of shape {shape}, which prunable= names", "prune weights of two or more dimensions"
        )
    turned = len(shape) == 2 and isinstance(owner, OUTPUTS_FIRST)
    transposed = len(shape) > 2 and isinstance(owner, nn.modules.conv._ConvTransposeNd)
    return Parameter(name, shape[::-1] if turned else shape, prunable, turned, transposed)


def _unknown(name: str, owner: nn.Module, tensor: Tensor) -> bool:
    """Whether nothing says what a parameter starts from: no layer of torch's has it, or it is no bias and no scale."""
    return not _of_torch(owner) or (tensor.dim() < 2 and "bias" not in name and not _normalises(owner))


def _otherwise(owners: dict[str, tuple[nn.Module, Tensor]], prunable: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the parameters that torch starts by another rule than `Init.TORCH_DEFAULT` says, with what they are of.

    That is the rule of linear layers and convolutions; a bias takes its range from weights of its layer that may be
    pruned, and is 0 without them.
    """
    for name, (owner, tensor) in owners.items():
        of_rule = isinstance(owner, nn.Linear | nn.modules.conv._ConvNd)
        of_rule = of_rule and not isinstance(owner, nn.modules.linear.NonDynamicallyQuantizableLinear)  # attention's
        alone = tensor.dim() < 2 and layer_of(name) not in prunable
        if not _normalises(owner) and (alone or not of_rule):
            yield name, type(owner).__name__


def _of_torch(owner: nn.Module) -> bool:
    """Whether a module is one of torch's layers, or made from one; containers have no parameters of their own."""
    kinds = type(owner).__mro__[: type(owner).__mro__.index(nn.Module)]
    return any(
        kind.__module__.startswith("torch.nn.modules.") and kind.__module__ != "torch.nn.modules.container"
        for kind in kinds
    )


def _normalises(owner: nn.Module) -> bool:
    return isinstance(owner, nn.LayerNorm | nn.GroupNorm | nn.RMSNorm | nn.modules.batchnorm._NormBase)


def _told(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _error(builder: Builder, what: str, then: str) -> DesignError:
    return DesignError(f"network {builder.name!r} {what}. Next: {then}")

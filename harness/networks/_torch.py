"""What a torch module is made of: tensors, shapes and operations.

torch is imported here, and this module when a network of one's own is made, and not before. The module is built on
torch's meta device, where nothing is drawn; on that device it is not run, as torch loads its compiler for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from harness.networks._layers import Dropout, Parameter, Shape
from harness.networks._modules import Builder
from harness.networks._network import layer_of
from harness.networks._watching import BATCH, error_of, telling, watched

OUTPUTS_FIRST = (nn.Linear, nn.MultiheadAttention, nn.RNNBase, nn.RNNCellBase)  # of their weights of two dimensions

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


@cache
def facts(builder: Builder, arguments: Arguments) -> Facts:
    """Return what is known of the module that is built so. Raises DesignError for one that does not fit."""
    module = built(builder, arguments, "meta")
    owners = dict(_owners(module))
    _check_parameters(builder, module)
    dropouts = tuple(Dropout(each.p).rate for each in module.modules() if type(each) is nn.Dropout and each.p)
    replace_dropout(module, lambda rate: nn.Identity())
    buffers = _buffers(builder, arguments, module)
    watch, gives = watched(builder, module, buffers, dict(arguments)["inputs"])
    parameters = tuple(_described(builder, name, owner, tensor) for name, (owner, tensor) in owners.items())
    if not any(each.prunable for each in parameters):
        raise error_of(builder, "has no weight that may be pruned", "give it one, or say so by prunable=")
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
    what = f"could not be built on torch's device {device!r}"
    then = "correct its function; it may read no tensor's values, and needs no initialisation"
    with telling(builder, what, then), torch.random.fork_rng(devices=[]), torch.device(device):
        module = builder.function(**dict(arguments))
    if not isinstance(module, nn.Module):
        raise error_of(builder, f"is of type {type(module).__name__}", "let its function return a torch.nn.Module")
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
            raise error_of(
                builder,
                f"has {type(each).__name__} at {path or 'its root'}, whose statistics are no parameters and are "
                "changed by the forward pass",
                "use nn.GroupNorm or nn.LayerNorm in the module, or BatchNorm among the layers of a Network",
            )
    names: dict[int, str] = {}
    for name, tensor in module.named_parameters(remove_duplicate=False):
        if nn.parameter.is_lazy(tensor):
            raise error_of(builder, f"has a lazy parameter {name}", "give the layer its inputs")
        if id(tensor) in names:
            raise error_of(
                builder,
                f"shares one parameter as {names[id(tensor)]} and {name}",
                "give each layer its own, as a mask removes a weight in one place",
            )
        if tensor.dtype != torch.float32 or not tensor.requires_grad:
            how = "is not trained" if not tensor.requires_grad else f"is {tensor.dtype}"
            raise error_of(builder, f"has a parameter {name} that {how}", "make it float32 and trained, or a buffer")
        names[id(tensor)] = name


def _buffers(builder: Builder, arguments: Arguments, module: nn.Module) -> dict[str, Tensor]:
    """Return a module's constants by name. Raises DesignError where its function builds others, or another module."""
    here = [(name, each.shape) for name, each in module.named_parameters()]
    there = [(name, each.shape) for name, each in built(builder, arguments, "meta").named_parameters()]
    if here != there:
        raise error_of(builder, "has other parameters each time it is built", "let arguments alone say what is built")
    if not any(True for _ in module.buffers()):
        return {}
    twice = []
    for seed in range(2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            twice.append(dict(built(builder, arguments, "cpu").named_buffers()))
    if drawn := [name for name, one in twice[0].items() if not torch.equal(one, twice[1][name])]:
        raise error_of(
            builder, f"draws its buffer {drawn[0]} at random", "make it a constant, or a parameter with initial="
        )
    return twice[0]


def _described(builder: Builder, name: str, owner: nn.Module, tensor: Tensor) -> Parameter:
    """Return a parameter as it lies in the flat parameters. Raises DesignError where a vector is to be pruned."""
    shape = tuple(tensor.shape)
    prunable = len(shape) > 1 and "weight" in name.rpartition(".")[2] and _of_torch(owner) and not _normalises(owner)
    if builder.prunable is not None:
        prunable = bool(builder.prunable(name, shape))
    if prunable and len(shape) < 2:
        raise error_of(
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

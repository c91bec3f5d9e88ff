"""What a claim's trainings cost, and how large its networks are, in words: pure functions of results and designs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.design import Claim, Design, Scale
from harness.expression import Measured, density, kept, kept_if_known, lineage
from harness.networks import Network
from harness.population import (
    Program,
    evaluation_flops,
    hundredths,
    kept_multiply_adds,
    parameter_count,
    training_flops,
)
from harness.verdict import Cost, Results

PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"))


@dataclass(frozen=True)
class Size:
    """A network as it stands and at the sparsest density that a part reads: exact counts, by structure.

    `multiply_adds` are those of one input; None where only training tells.
    """

    what: str
    weights: int
    parameters: int
    multiply_adds: int | None


def cost_in_words(results: Results, claim: Claim, scale: Scale) -> str:
    """Return what a claim cost, in a sentence: trainings, steps, time, device-hours, operations and their rate.

    Results from before a quantity was kept do without it, or have it counted from the design they were made with.
    """
    cost = results.claims[claim.id].cost
    if cost.training_flops is None and not results.meta.quick and not results.meta.variant:
        cost = _with_operations(cost, results, claim, scale)
    seconds = cost.worker_s
    hours = [f"{s / 3600:.2g} device-hours, {where}" for where, s in _devices(results, claim, seconds).items()]
    time = f"{seconds:.0f} s of one worker"
    told = [
        f"{cost.trainings} trainings ({cost.shared} shared with other claims)",
        f"{cost.member_steps:,} member-steps",
        f"{time} ({'; '.join(hours)})" if hours else time,
    ]
    training, evaluation = cost.training_flops, cost.evaluation_flops
    if training is None or evaluation is None or not seconds:
        return f"{', '.join(told)}."
    rate = f"{si((training + evaluation) / seconds)}FLOP/s"
    if cost.ceiling_flop is not None:
        share = hundredths((training + evaluation) / cost.ceiling_flop)
        rate += f", {share:.0f} % of what matrix products reach there"
    return f"{', '.join(told)}. {si(training)}FLOP of training and {si(evaluation)}FLOP of evaluation: {rate}."


def _with_operations(cost: Cost, results: Results, claim: Claim, scale: Scale) -> Cost:
    """Return a cost with the operations of the claim's design, if that is the one the results were made with."""
    known = results.claims[claim.id]
    if known.digest != claim.digest(scale):
        return cost
    programs = [Program.of(node) for node in lineage(claim.design(scale).nodes)]
    replicates = len(known.replicates)
    return replace(
        cost,
        training_flops=replicates * sum(training_flops(program) for program in programs),
        evaluation_flops=replicates * sum(evaluation_flops(program) for program in programs),
    )


def _devices(results: Results, claim: Claim, seconds: float) -> Mapping[str, float]:
    """Return the seconds by device; for results from before they were kept, where all records are of one device."""
    cost = results.claims[claim.id].cost
    if cost.devices is not None:
        return cost.devices
    names = set(results.frame.loc[results.frame["claim"] == claim.id, "record"])
    devices = {record.occupied for name, record in results.meta.records.items() if name in names}
    return {devices.pop(): seconds} if len(devices) == 1 else {}


def si(value: float) -> str:
    """Return a number with three significant digits and its SI prefix: ``1.23 T``, ``99 ``."""
    for scale, prefix in PREFIXES:
        if value >= 0.9995 * scale:  # prints as 1 and not as 1e+03
            return f"{value / scale:.3g} {prefix}"
    return f"{value:.3g} "


def network_sizes(design: Design) -> Sequence[Size]:
    """Return each network of a design, dense and at the sparsest density that a deciding part reads of it."""
    read: dict[Network, list[Measured]] = {}
    for part in design.parts:
        for arm in part.reads:
            for nodes in design.read(arm, part).values():
                for node in nodes:
                    read.setdefault(node.network, []).extend([node] if kept_if_known(node) is not None else [])
    told = []
    for network, measured in read.items():
        every = sum(tensor.size for tensor in network.tensors())
        told.append(Size(f"{network.label}, dense", network.weights, every, network.multiply_adds()))
        sparsest = min(measured, key=density, default=None)
        if sparsest is not None and density(sparsest) < 1:
            what = f"at {hundredths(float(density(sparsest))):.3g} % kept"
            left = kept_multiply_adds(sparsest)
            told.append(Size(what, kept(sparsest), parameter_count(sparsest), left))
    return told

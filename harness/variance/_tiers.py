"""The seed-variance check: does training still give what it gave? Same bits, same mean over seeds, same spread.

Tier 0 asks whether random draws, masks and keys are the baseline's; 1a whether a training done twice gives the same
bits; 1b whether its first losses are the committed ones, on any machine; 2 and 3 whether fresh replicates have the
baseline's mean and spread. Only 2 and 3 can be red by chance; both are confirmed on further fresh replicates.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from harness import data
from harness.data import Augment
from harness.errors import RunError
from harness.expression import Fresh, Scope, Training, lineage, ones, prune_by_magnitude
from harness.networks import initial_scores, initial_values
from harness.stats import GATE_FRESH, location, location_power, spread, spread_power
from harness.store import digest
from harness.streams import STREAMS, Replicate, generator
from harness.variance._baselines import Baseline, Trajectory
from harness.variance._retrained import TRACE_EVERY, Losses, Retrained

IDENTITY = 10  # baseline replicates whose draws are committed
FIRST_STEPS = 20  # updates whose losses are committed
FIRST_REPLICATES = 9  # replicates of those
WEIGHTS = 2  # baseline replicates whose end weights are committed, by machine
MASK = "mask of"
IMPOSSIBLE = "a draw is no longer possible"
LADDER = (Fraction(1, 2), Fraction(1, 5), Fraction(1, 33))  # densities at which masks are checked
LEAST_TOLERANCE = 1e-5  # relative; float32 sums in another order move a loss by some 1e-7
JOLTS = 4  # times the rounding noise is looked for when a baseline is accepted
ROOM = 10  # times the noise that the tolerance is set to, where the signal leaves room for it
FASTER = 1.05  # the learning rate that the first losses must tell from the recipe's


class Tier(StrEnum):
    """What is compared."""

    IDENTITY = "0 identity"
    REPEAT = "1a repeat"
    TRAJECTORY = "1b trajectory"
    LOCATION = "2 location"
    SPREAD = "3 spread"


class Status(StrEnum):
    """What came of a comparison; `WARNING` never fails the check."""

    GREEN = "green"
    WARNING = "warning"
    RED = "red"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One tier's result for one recipe: the figures it used, and the next command where there is one."""

    tier: Tier
    recipe: str
    status: Status
    figures: str
    next: str = ""


# Tier 0


def drawn(node: Training, replicate: Replicate) -> dict[str, str]:
    """Return digests of what is drawn for a training and its ancestors: raw streams, splits, batches, weights, masks.

    Raises ValueError when a stream that they name is gone.
    """
    found = {f"stream {s}": _digest(generator(replicate, s).bit_generator.random_raw(64)) for s in STREAMS}
    pools = data.pools(replicate, node.task)
    found |= {f"split {name}": _digest(pool) for name, pool in pools.items()}
    for each in lineage([node]):
        assert isinstance(each, Training)
        first, draw = each.first_step, each.draw("order")
        batches = data.batches(
            each.task, replicate, draw, size=each.recipe.batch, first=first, last=first + FIRST_STEPS
        )
        place = _places(list(data.pools(replicate, each.task).values()))
        found[f"batches of order {draw} from step {first}"] = _digest(place[batches.images])
        if each.task.augment is not Augment.NONE:
            crop, size = each.draw("augment"), each.recipe.batch
            crops = data.crops(each.task, replicate, crop, size=size, first=first, last=first + FIRST_STEPS)
            found[f"crops {crop} from step {first}"] = _digest(crops)
        if each.learn is not None:
            found["scores"] = digest(initial_scores(each.network, replicate, "scores", each.draw("scores")))
        if isinstance(each.start, Fresh):
            weights = initial_values(each.network, replicate, each.start.stream, each.start.draw)
            found[f"weights {each.start.stream} {each.start.draw}"] = digest(weights)
            for keep, scope in _masks():
                bits = prune_by_magnitude(each.network, weights, ones(each.network), keep, scope)
                found[f"{MASK} {keep} by {scope}"] = digest(bits)
    return found


def _places(pools: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return for each source image its place in its replicate's own split."""
    order = np.concatenate(pools)
    places = np.full(order.max() + 1, -1)
    places[order] = np.arange(len(order))
    return places


def _digest(numbers: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> str:
    return hashlib.sha256(np.ascontiguousarray(numbers).tobytes()).hexdigest()[:16]


def _masks() -> list[tuple[Fraction, Scope]]:
    return [(keep, scope) for keep in LADDER for scope in (Scope.LAYER, Scope.GLOBAL)]


def identity(name: str, node: Training, baseline: Baseline, fresh: Sequence[Replicate]) -> Finding:
    """Compare draws, mask counts and the recipe's key with the baseline's; exact on any machine."""
    try:
        again = {i: drawn(node, Replicate(baseline.suite_seed, int(i))) for i in baseline.drawn}
        others = {str(r.index): drawn(node, r) for r in fresh}
    except ValueError as error:
        return Finding(Tier.IDENTITY, name, Status.RED, f"{IMPOSSIBLE}: {error}", _accepting(name))
    faults = []
    if node.key != baseline.key:
        faults.append(f"the recipe's key is {node.key[:12]}, accepted was {baseline.key[:12]}")
    changed = [
        f"{what} of replicate {i} (now {again[i].get(what, 'gone')}, accepted {was})"
        for i, before in baseline.drawn.items()
        for what, was in before.items()
        if again[i].get(what) != was
    ]
    if changed:
        more = f" and {len(changed) - 1} more draws" if len(changed) > 1 else ""
        faults.append(f"not as accepted: {changed[0]}{more}")
    for what in next(iter(again.values())):
        if what.startswith(MASK):
            continue  # follows from the weights, and where all are of one size it is the same for every replicate
        seen: dict[str, str] = {}
        for i, found in {**again, **others}.items():
            if found[what] in seen:
                faults.append(f"{what} of replicate {i} is that of replicate {seen[found[what]]}")
            seen[found[what]] = i
    faults += _wrong_counts(node, Replicate(baseline.suite_seed, 0))
    if faults:
        return Finding(Tier.IDENTITY, name, Status.RED, "; ".join(faults[:4]), _accepting(name))
    draws = len(next(iter(again.values())))
    figures = (
        f"key {node.key[:12]}; {draws} draws of {len(again)} replicates as accepted, unique over "
        f"{len({**again, **others})}; {len(_masks())} masks with exact counts"
    )
    return Finding(Tier.IDENTITY, name, Status.GREEN, figures)


def _wrong_counts(node: Training, replicate: Replicate) -> list[str]:
    """Masks that keep another number of weights than round-half-up of the fraction, by integers of our own."""
    network = node.network
    weights = initial_values(network, replicate, "init", 0)
    faults = []
    for keep, scope in _masks():
        bits = prune_by_magnitude(network, weights, ones(network), keep, scope)
        counts = {name: int(bits[tensor.slice].sum()) for name, tensor in network.prunable().items()}
        sizes = {name: tensor.size for name, tensor in network.prunable().items()}
        if scope is Scope.GLOBAL:
            counts, sizes = ({"all layers": sum(each.values())} for each in (counts, sizes))
        for layer, count in counts.items():
            expected = (2 * sizes[layer] * keep.numerator + keep.denominator) // (2 * keep.denominator)
            if count != expected:
                faults.append(f"a mask of {keep} by {scope} keeps {count} weights of {layer}, not {expected}")
    return faults


# Tier 1


def repeat(name: str, one: Retrained, two: Retrained) -> Finding:
    """Compare two computations of a training, and of its ancestors, bit for bit."""
    steps = one.nodes[name].recipe.steps
    parting = one.difference(name, two)
    if parting is None:
        figures = (
            f"{len(one.replicates)} replicates twice: losses of every {TRACE_EVERY}th of {steps} steps and end weights "
            "equal"
        )
        return Finding(Tier.REPEAT, name, Status.GREEN, figures)
    of = "" if parting.node.key == one.nodes[name].key else f" of an ancestor ({parting.node.key[:8]})"
    where = f"replicate {parting.replicate.index}{of}"
    if parting.losses is not None:
        a, b = parting.losses
        told = f"{where}: the loss of step {parting.step} is {a!r} and then {b!r}"
    else:
        told = f"{where}: traced losses are equal, end weights are not"
    figures = f"{told}; packed {' and then '.join(parting.packing)}; {settings(one)}"
    return Finding(Tier.REPEAT, name, Status.RED, figures, "harness doctor, and look for what is not deterministic")


def settings(fresh: Retrained) -> str:
    """Return the settings in force that can change a last digit, in words."""
    provenance = fresh.provenance()
    told = {**(provenance.settings or {}), **provenance.versions}
    return ", ".join(f"{name} {value}" for name, value in told.items())


def machine(fresh: Retrained) -> str:
    """Return what must be equal for end weights to be compared: processor or GPU, its instructions, torch, CUDA."""
    known = fresh.provenance()
    on_cpu, in_force = known.device == "cpu", known.settings or {}
    device = known.processor if on_cpu else known.device
    instructions = f", {in_force['vector instructions']} {known.instructions}" * on_cpu
    return f"{device}{instructions}, torch {known.versions['torch']}, CUDA {known.versions['cuda']}"


def deviation(losses: Losses, committed: Losses) -> Losses:
    """Return the relative difference of losses at each step, the median over replicates; shape (steps,).

    The median, because a rectifier at its kink or a score at its threshold throws single replicates off by rounding
    alone, while a fault of the arithmetic moves all of them.
    """
    return np.asarray(np.median(np.abs(losses - committed) / np.abs(committed), axis=0))


def trajectory(name: str, losses: Losses | None, retrained: Retrained, baseline: Baseline) -> Finding:
    """Compare first losses (replicates, steps) with the committed ones within the recipe's tolerance, on any machine.

    End weights are compared too where weights of this very machine were accepted. A training that starts from another
    one has no losses to compare: rounding in its ancestor is past all tolerance by then.
    """
    told = []
    if baseline.trajectory is not None and losses is not None:
        fault, figures = _first_losses(losses, baseline.trajectory)
        if fault:
            return Finding(Tier.TRAJECTORY, name, Status.RED, figures, _accepting(name))
        told.append(figures)
    here = machine(retrained)
    accepted = baseline.weights.get(here, {})
    for i, was in accepted.items():
        now = retrained.weights(name, Replicate(baseline.suite_seed, int(i)))
        if now != was:
            told.append(f"end weights of replicate {i} are {now}, accepted on this same machine were {was}")
            told.append(settings(retrained))
            return Finding(Tier.TRAJECTORY, name, Status.RED, "; ".join(told), _accepting(name))
    if accepted:
        told.append(f"end weights of {len(accepted)} replicates as accepted on this machine")
    elif not told:
        figures = f"starts from another training, and no weights were accepted on this machine ({here})"
        return Finding(Tier.TRAJECTORY, name, Status.SKIPPED, figures)
    return Finding(Tier.TRAJECTORY, name, Status.GREEN, "; ".join(told))


def _first_losses(losses: Losses, accepted: Trajectory) -> tuple[bool, str]:
    committed = np.array(list(accepted.losses.values()))
    apart = deviation(losses[:, : accepted.steps], committed)
    bound = f"within {accepted.tolerance:.1e} (rounding {accepted.noise:.0e}, a rate 5 % higher {accepted.signal:.0e})"
    beyond = ~(apart <= accepted.tolerance)  # nan is beyond
    if not beyond.any():
        most = apart.max()
        return False, f"{accepted.steps} losses of {len(committed)} replicates differ by at most {most:.1e}, {bound}"
    first = int(np.argmax(beyond))
    return True, (
        f"losses leave the committed ones at step {first + 1} by {apart[first]:.1e} of their value, at most by "
        f"{apart.max():.1e}; accepted {bound}"
    )


def faster(node: Training) -> Training:
    """Return the training at a learning rate 5 % higher."""
    return replace(node, recipe=node.recipe.with_lr(node.recipe.optimiser.lr * FASTER))


def calibrate(committed: Losses, jolts: Sequence[Losses], at_faster: Losses) -> tuple[int, float, float, float]:
    """Return the steps to compare, the tolerance, and the noise and signal it was set between.

    Noise is the largest deviation up to a step that rounding made; signal the one of a learning rate `FASTER`. They are
    read at the step where they lie furthest apart, and the tolerance is `ROOM` times the noise, at least
    `LEAST_TOLERANCE`, but no nearer to the signal than to the noise. Raises RunError where they cannot be told apart.
    """
    noise = np.maximum.accumulate(np.max([deviation(jolted, committed) for jolted in jolts], axis=0))
    signal = deviation(at_faster, committed)
    steps = int(np.argmax(signal / np.maximum(noise, LEAST_TOLERANCE / ROOM))) + 1
    low, high = float(noise[steps - 1]), float(signal[steps - 1])
    tolerance = max(LEAST_TOLERANCE, min(ROOM * low, float(np.sqrt(low * high))))
    if not 2 * tolerance <= high:
        raise RunError(
            f"the first {FIRST_STEPS} losses cannot tell a learning rate 5 % higher ({high:.1e}) from rounding "
            f"({low:.1e}). Next: watch a steadier training of this recipe"
        )
    return steps, tolerance, low, high


# Tiers 2 and 3


def distribution(name: str, baseline: Baseline, fresh: Sequence[float], *, margin_pp: float) -> list[Finding]:
    """Compare the mean and the spread of fresh test accuracies (percent) with the baseline's."""
    values = list(baseline.values.values())
    at, wide = location(values, fresh, margin=margin_pp), spread(values, fresh)
    reach = location_power(shift=2 * wide.baseline_sd, sd=wide.baseline_sd, m=at.m, n=at.n, looks=1) if at.n > 1 else 0
    figures = (
        f"fresh {at.fresh_mean:.2f} (n {at.n}), baseline {at.baseline_mean:.2f} (n {at.m}): {at.difference:+.2f} pp, "
        f"accepted {at.low:+.2f} to {at.high:+.2f} or within {at.margin:.2f}, p {at.p:.2g}; "
        f"power to see 2 sd {reach:.2f}"
    )
    status = Status.RED if at.red else Status.GREEN
    found = [Finding(Tier.LOCATION, name, status, figures, _accepting(name) if at.red else "")]
    power, confirmed_power = (spread_power(m=wide.m, n=wide.n, looks=looks) for looks in (1, 2))
    figures = (
        f"sd {wide.fresh_sd:.2f} (n {wide.n}) against {wide.baseline_sd:.2f} (n {wide.m}) pp: F {wide.f:.2f}, p "
        f"{wide.p_f:.2g}; Brown-Forsythe {wide.bf:.2f}, p {wide.p_bf:.2g}; power to see a doubled sd {power:.2f}, "
        f"confirmed {confirmed_power:.2f}"
    )
    status = Status.RED if wide.red else Status.WARNING if wide.rejected else Status.GREEN
    if not wide.gates:
        figures += "; only warns: too few values to gate"
    gating = f"harness variance {name} --replicates {GATE_FRESH}, which can be red"
    next = {Status.RED: _accepting(name), Status.WARNING: gating}.get(status, "")
    found.append(Finding(Tier.SPREAD, name, status, figures, next))
    return found


def confirmed(first: Finding, again: Finding) -> Finding:
    """Return the finding of both looks: red only where the second, on further fresh replicates, is red too."""
    both = f"{first.figures}. Confirmation: {again.figures}"
    if again.status is Status.RED:
        return replace(first, figures=both)
    return replace(first, status=Status.WARNING, figures=f"{both}: not confirmed", next="")


def accepted_losses(
    replicates: Sequence[Replicate], losses: Losses, calibrated: tuple[int, float, float, float]
) -> Trajectory:
    """Return what a baseline keeps of the first losses of a recipe."""
    steps, tolerance, noise, signal = calibrated
    kept = {str(r.index): [float(x) for x in row[:steps]] for r, row in zip(replicates, losses, strict=True)}
    return Trajectory(steps=steps, losses=kept, tolerance=tolerance, noise=noise, signal=signal)


def _accepting(name: str) -> str:
    return f'find the change, or, if it is meant: harness variance {name} --accept --reason "..."'

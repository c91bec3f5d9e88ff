"""A trained network out again: weights, mask and start of one replicate of one arm, for torch without the harness."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness import __version__
from harness.design import Axis, Design, check_design, metric
from harness.errors import ResultsError, UsageError, nearest
from harness.expression import Training, describe, ones
from harness.population import unit_name
from harness.streams import Replicate
from harness.workflow._planning import Planned, Request, request_of
from harness.workflow._running import compute
from harness.workflow._session import Session, require_data

if TYPE_CHECKING:
    from harness.compute import Progress
    from harness.engine import Plain

NEAR = Fraction(1, 20)  # of a density: so far from it may be what is read off a page, or meant before rounding
ROUNDED = 0.01  # of the test examples: so many may be answered otherwise where products are rounded otherwise
ARRAYS = {"weights": "state", "mask": "mask", "start": "start"}  # files, and what of the plain module they hold
STATE = "state_dict.pt"
ALONE = Axis("point", log=False)  # along which the one net lies that is exported


@dataclass(frozen=True)
class Exported:
    """The files in `folder`, and whether the exported module is the trained network.

    It answers `right` of `of` test examples as they should be, by the stored row `stored`; of a policy, which has no
    examples, that is the mean return. `retrained` says that the
    weights had to be trained again, to the accuracies that the results have; `known` is what is written into the files.
    """

    folder: Path
    files: tuple[Path, ...]
    right: int
    of: int
    stored: float
    known: dict[str, str]
    retrained: bool = False

    @property
    def told(self) -> str:
        """How the exported module compares with what is stored, in words."""
        if self.known["diverged"] == "true":
            return "the training diverged: the module's answers are no better than chance"
        if not self.of:
            return f"the module is the policy; when training ended its mean return was {self.stored:.1f}"
        same = "as" if self.right == round(self.stored * self.of) else f"and not {round(self.stored * self.of):,} as"
        again = "trained again to the accuracies of the results; " if self.retrained else ""
        return f"{again}the module answers {self.right:,} of {self.of:,} test examples right, {same} the training did"


def export(
    session: Session,
    claim: str | None = None,
    *,
    arm: str,
    replicate: int,
    density: Fraction | float | str | None = None,
    draw: int | None = None,
    out: Path | str | None = None,
    progress: Progress | None = None,
) -> Exported:
    """Write weights, mask and start of a trained network, as safetensors and as a `state_dict` of plain torch layers.

    ``state_dict.pt`` loads into `harness.engine.plain_module` of the network, and into an `nn.Sequential` of the same
    layers. What the store no longer has is trained again. A net with other accuracies than in the results is refused.

    Args:
        session: What `open_session` returned.
        claim: Id of the claim; needed only where the session has several.
        arm: The arm.
        replicate: The replicate, as it is numbered in the results.
        density: The density, where the arm has several.
        draw: Which of several trainings at the density, from 0.
        out: The folder that is written; by default one below ``exported/`` in the project.
        progress: What is called as populations begin, advance and end; nothing is shown by default.

    Returns:
        The files, and how the module's answers compare with those of the training.

    Raises:
        UsageError: For an arm, density or replicate that is not there, an arm that trains nothing, and what was never
            computed.
        ResultsError: For a training that has other accuracies than in the results, as on another kind of machine, and
            for a module that answers otherwise than the training.
        DataError, StoreError, RunError, InterruptedRunError: As `run` does.

    Example:
        >>> export(session, arm="largest", replicate=0).files[0].name  # doctest: +SKIP
        'weights.safetensors'
    """
    from harness.compute import Limit
    from harness.engine import as_plain
    from harness.store import Store

    chosen = session.claim(claim)
    check_design(chosen, session.scale)
    request = request_of(chosen, session)
    node = _node(chosen.id, request.design, arm, density, draw)
    at = _replicate(request, replicate)
    require_data(session, {node.task.source})
    made = Planned.of([_only(request, arm, node, at)], Store(session.store), session.device)
    plan, unit = made.plan, made.plan.units[unit_name(node, at)]
    reported, retrained = _reported(session, node, at), bool(plan.reasons()[unit.name])
    if retrained and not reported:
        raise UsageError(
            f"replicate {replicate} of {chosen.id} is not computed: neither the store {session.store} nor the results "
            f"in {session.out} have it. Next: harness run {chosen.id}{session.elsewhere}"
        )
    if retrained:
        compute(made, session, Limit(), progress)
    entry = plan.store.entries[unit.name]
    rows = {row.metric: row.value for row in plan.store.rows(entry)}
    _check_reported(chosen.id, at, rows, reported)
    size, population = node.network.flat_size, plan.pack([unit])
    kept = plan.store.array(entry, "mask", size) if "mask" in entry.outs else population.members[0].mask
    mask = ones(node.network) if kept is None else kept.astype(np.bool_)
    plain = as_plain(population, plan.store.array(entry, "end", size).astype(np.float32), mask)
    measured = "mean_return" if node.task.is_played else "test_accuracy"
    accuracy = rows[measured]
    known = {
        "claim": chosen.id,
        "version": str(chosen.version),
        "scale": str(session.scale),
        "arm": arm,
        "density": f"{float(_density(request.design, arm, node)):.8g}",
        "replicate": str(at.index),
        "suite_seed": str(at.suite_seed),
        "key": node.key,
        "commit": plan.store.provenance(entry).git,
        "computed_on": plan.store.provenance(entry).device,
        measured: f"{accuracy:.17g}",
        "diverged": str(entry.diverged).lower(),
        "network": json.dumps(describe(node)["network"]),
        "layers": json.dumps(dict(plain.layers)),
        "module": plain.module,
        "harness": __version__,
    }
    if not entry.diverged and abs(plain.right - accuracy * plain.of) > max(1.0, ROUNDED * plain.of):
        raise ResultsError(
            f"{node!r}: as plain layers it answers {plain.right} of {plain.of} test examples right, and the training "
            f"{accuracy * plain.of:.0f}: it is another net. Next: raise version= of "
            "the arm's network or way to learn if its code has changed since; else report this, with both"
        )
    folder = Path(out) if out is not None else session.root / "exported" / _name(chosen.id, known)
    return Exported(folder, _write(folder, plain, known), plain.right, plain.of, accuracy, known, retrained)


def _node(claim: str, design: Design, arm: str, density: Fraction | float | str | None, draw: int | None) -> Training:
    """Return the training that is meant. Raises UsageError where there is none or where several could be."""
    if arm not in design.points:
        raise UsageError(
            f"{claim} has no arm {arm!r}{nearest(arm, design.points)} Arms: {', '.join(design.points) or 'none'}. "
            "Next: correct --arm"
        )
    points = design.points[arm]
    told = ", ".join(f"{float(each):.4g}" for each in points)
    if density is None and len(points) > 1:
        raise UsageError(f"arm {arm!r} of {claim} has {len(points)} densities: {told}. Next: --density, one of them")
    given = next(iter(points)) if density is None else _number(density)
    closest = min(points, key=lambda each: abs(each - given))
    if abs(closest - given) > NEAR * closest:
        raise UsageError(f"arm {arm!r} of {claim} has no density {density}: it has {told}. Next: one of them")
    nodes = points[closest]
    if draw is None and len(nodes) > 1:
        raise UsageError(f"arm {arm!r} of {claim} has {len(nodes)} trainings there. Next: --draw 0 to {len(nodes) - 1}")
    if not 0 <= (draw or 0) < len(nodes):
        raise UsageError(f"arm {arm!r} of {claim} has no draw {draw} there. Next: --draw 0 to {len(nodes) - 1}")
    node = nodes[draw or 0]
    if not isinstance(node, Training):
        arms = [name for name, each in design.points.items() for n in each.values() if isinstance(n[0], Training)]
        raise UsageError(
            f"arm {arm!r} of {claim} trains nothing: it measures. Next: an arm that does, "
            f"of {', '.join(dict.fromkeys(arms)) or 'another claim'}"
        )
    return node


def _number(density: Fraction | float | str) -> Fraction:
    try:
        return Fraction(density)
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"{density!r} is no density. Next: a fraction kept, as 0.05 or 1/20") from None


def _replicate(request: Request, index: int) -> Replicate:
    found = [each for each in request.replicates if each.index == index]
    if not found:
        first, last = request.replicates[0].index, request.replicates[-1].index
        raise UsageError(
            f"{request.claim.id} has no replicate {index}: they are {first} to {last}. Next: --replicate {first}"
        )
    return found[0]


def _only(request: Request, arm: str, node: Training, at: Replicate) -> Request:
    point = _density(
        request.design, arm, node
    )  # of an axis: how many weights are kept may be known of the trained only
    return Request(request.claim, Design(arms={arm: {point: node}}, axis=ALONE), (at,), request.digest)


def _check_reported(id: str, at: Replicate, made: Mapping[str, float], reported: Mapping[str, float]) -> None:
    """Raise ResultsError where results have other accuracies of a training than it has here."""
    for name, value in reported.items():
        found = made.get(name, math.nan) / (100 if metric(name).counts else 1)  # a hundredth of what has a unit
        if found != value:
            raise ResultsError(
                f"{name} of replicate {at.index} is {found} as trained here, and {value} in the results: "
                "another net, as another kind of machine gives. Next: export where those were computed, or "
                f"harness run {id}, for results of what is trained here"
            )


def _reported(session: Session, node: Training, at: Replicate) -> dict[str, float]:
    """Return the accuracies that results have of a training; none where it is in none of them."""
    from harness.verdict import read_results

    for folder in dict.fromkeys((session.out, session.committed)):
        file = folder / "results.parquet"
        if not file.is_file():
            continue
        frame = read_results(file).frame
        mine = (frame["key"] == node.key) & (frame["replicate"] == at.index) & (frame["suite_seed"] == at.suite_seed)
        rows = frame[mine & frame["metric"].isin(["test_accuracy", "early_stop_accuracy", "mean_return"])]
        if len(rows):
            return dict(zip(rows["metric"].astype(str), rows["value"].astype(float), strict=True))
    return {}


def _density(design: Design, arm: str, node: Training) -> Fraction:
    """Return the density at which an arm has a training."""
    return next(density for density, nodes in design.points[arm].items() if node in nodes)


def _name(claim: str, known: dict[str, str]) -> str:
    """Return a folder's name: claim, arm, density and replicate."""
    arm = re.sub(r"[^A-Za-z0-9.]+", "-", known["arm"]).strip("-")
    return f"{claim.replace('/', '-')}/{arm}-{float(known['density']):.3g}-{known['replicate']}"


def _write(folder: Path, plain: Plain, known: dict[str, str]) -> tuple[Path, ...]:
    from safetensors.numpy import save_file

    from harness.engine import save_state

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, what in ARRAYS.items():
            save_file(getattr(plain, what), folder / f"{file}.safetensors", metadata=known)
        save_state(plain.state, folder / STATE)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}. Next: give another --out") from error
    return (*(folder / f"{file}.safetensors" for file in ARRAYS), folder / STATE)

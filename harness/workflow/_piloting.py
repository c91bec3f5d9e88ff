"""What a pilot measured, as lines of its log."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.design import Pilot, Scale
from harness.expression import Measured
from harness.population import Program
from harness.verdict import Results
from harness.workflow._planning import Request


def summarise_pilot(request: Request, results: Results, *, scale: Scale, date: str, git: str) -> list[Pilot]:
    """Return the log lines of one claim: every arm at every density, and every part's paired difference."""
    claim, design = request.claim, request.design
    lines = []

    def line(what: str, task: str, recipe: str, values: NDArray[np.float64], key: str) -> None:
        sd = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
        lines.append(
            Pilot(
                date, git, scale, claim.id, claim.version, task, recipe, what, len(values),
                round(float(values.mean()), 3), round(sd, 3), key,
            )
        )  # fmt: skip

    for arm, points in design.points.items():
        table = results.values(claim.id, arm, metric=design.metric_of(arm))
        if table.empty:
            continue  # an arm that no part reads, of which the first part's metric is not known
        for density, nodes in points.items():
            node = nodes[0]
            values = table[float(density)].to_numpy()
            line(f"{arm} at {float(density):.4%} kept", node.task.name, _how(node), values, node.key)
    for part in design.compared():
        line(part.name, part.task, "", results.differences(claim.id, part), "")
    return lines


def _how(node: Measured) -> str:
    return Program.of(node).label.partition(": ")[2]

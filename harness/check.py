"""What is wrong with a design, found before compute is spent."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from harness.catalogue import Claim, Design, Scale
from harness.errors import DesignError, nearest
from harness.expression import Fresh, LearnedMask, Measured, Prune, RandomMask, Snapshot
from harness.hypothesis import Part

FEWEST_REPLICATES = 5  # below, every verdict is inconclusive


def check(claim: Claim, scale: Scale) -> None:
    """Raise DesignError when the claim's design at `scale` cannot give a verdict or compares unlike arms."""
    design = claim.design(scale)
    if design.replicates < FEWEST_REPLICATES:
        raise DesignError(
            f"{claim.id}: {design.replicates} replicates cannot decide anything, at least {FEWEST_REPLICATES} are "
            "needed. Next: raise replicates= in the claim's design"
        )
    if not design.parts:
        raise DesignError(f"{claim.id}: a design without parts asserts nothing. Next: give it parts=")
    for part in design.compared():
        _check_part(claim.id, design, part)


def _check_part(id: str, design: Design, part: Part) -> None:
    for arm in (part.arm, part.reference, *part.floors):
        if arm not in design.arms:
            known = nearest(arm, design.arms)
            raise DesignError(f"{id}, part {part.name!r}: no arm {arm!r}{known} Next: correct the part, or add the arm")
        if not design.read(arm, part):
            raise DesignError(
                f"{id}, part {part.name!r}: arm {arm!r} has no density in its band; it has "
                f"{_percent(design.points[arm])}. Next: move the band, or prune to it"
            )
    arms, references = design.read(part.arm, part), design.read(part.reference, part)
    if len(references) > 1 and arms.keys() != references.keys():
        raise DesignError(
            f"{id}, part {part.name!r}: {part.arm!r} and {part.reference!r} are not at the same densities: "
            f"{_percent(arms)} against {_percent(references)}. Next: prune both by the same fractions"
        )
    for density, nodes in arms.items():
        against = references.get(density) or next(iter(references.values()))
        for node in nodes:
            for reference in against:
                if node.key == reference.key:
                    raise DesignError(
                        f"{id}, part {part.name!r}: {part.arm!r} and {part.reference!r} are the same training at "
                        f"{float(density):.2%} kept, so nothing is compared. Next: correct the arms in the study"
                    )
                if outside := [f for f in sorted(set(differences(node, reference))) if not _covered(f, design)]:
                    raise DesignError(
                        f"{id}, part {part.name!r}, at {float(density):.2%} kept: {part.arm!r} and "
                        f"{part.reference!r} differ in {', '.join(outside)}, which is not in the contrast "
                        f"({', '.join(design.contrast)}). Next: share it between the arms, or declare it"
                    )


def _percent(points: dict[Any, Any]) -> str:
    return ", ".join(f"{float(d):.2%}" for d in points)


def _covered(field: str, design: Design) -> bool:
    return any(field == declared or field.startswith(f"{declared}.") for declared in design.contrast)


def differences(a: Measured, b: Measured) -> Iterator[str]:
    """Yield the dotted names of the fields in which two nodes differ: ``mask``, ``recipe.optimiser.lr``."""
    if type(a) is not type(b):
        yield "training"
        return
    yield from _differences(a, b, "")


def _differences(a: Any, b: Any, path: str) -> Iterator[str]:
    if a == b:
        return
    name = path.rstrip(".")
    whole = isinstance(a, Fresh | Snapshot | Prune | RandomMask | LearnedMask)
    if name == "streams":
        one, other = dict(a), dict(b)
        yield from (f"streams.{s}" for s in sorted({*one, *other}) if one.get(s, 0) != other.get(s, 0))
    elif whole or type(a) is not type(b) or not dataclasses.is_dataclass(a):
        yield name
    else:
        for f in dataclasses.fields(a):
            yield from _differences(getattr(a, f.name), getattr(b, f.name), f"{path}{f.name}.")

"""The same design under other settings: shortened for a quick run, or with every recipe changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from harness.design._claim import Claim, Design, Scale
from harness.errors import UsageError, nearest
from harness.expression import Node, Snapshot, Training, consumed, lineage, rebuilt
from harness.networks import Recipe


@dataclass(frozen=True)
class Variant:
    """Another setting under which every training of a design can be repeated."""

    words: str
    change: Callable[[Recipe], Recipe]


VARIANTS = {
    "half-rate": Variant("learning rate halved", lambda recipe: recipe.with_lr(recipe.optimiser.lr / 2)),
    "double-rate": Variant("learning rate doubled", lambda recipe: recipe.with_lr(recipe.optimiser.lr * 2)),
    "bfloat16": Variant(
        "bfloat16 autocast, float32 master weights", lambda recipe: replace(recipe, numerics="bfloat16")
    ),
    "jolt": Variant(
        "every weight moved by one unit in the last place at the start", lambda recipe: replace(recipe, jolt=1)
    ),
}


def design_of(claim: Claim, scale: Scale, variant: str = "") -> Design:
    """Return the claim's design, or what its deciding parts read of it under a variant.

    Raises UsageError for an unknown variant, with the nearest known ones.
    """
    if not variant:
        return claim.design(scale)
    if variant not in VARIANTS:
        raise UsageError(f"unknown variant {variant!r}{nearest(variant, VARIANTS)} Variants: {', '.join(VARIANTS)}")
    return rewrite(only_read(claim.design(scale)), recipe=VARIANTS[variant].change)


def only_read(design: Design) -> Design:
    """Return the design with those points of its arms that the deciding parts read, floors included."""
    read: dict[str, set[Fraction]] = {}
    for part in design.parts:
        for arm in part.reads:
            read.setdefault(arm, set()).update(design.read(arm, part))
    kept = {
        name: {point: nodes for point, nodes in points.items() if point in read[name]}
        for name, points in design.points.items()
        if name in read
    }
    return replace(design.with_points(kept), beside=(), panels={})


def shorten(design: Design, *, by: int = 40) -> Design:
    """Return the design with every training cut to a fraction of its steps: machinery only, for ``--quick``."""
    nodes = lineage(design.nodes)
    trainings = [node for node in nodes if isinstance(node, Training)]
    moments = {n.recipe.steps for n in trainings} | {n.first_step for n in trainings}
    moments |= {
        taken.step for n in nodes for taken in consumed(n) if isinstance(taken, Snapshot) and taken.step != "end"
    }
    moments |= {moment for node in trainings if node.learn is not None for moment in node.learn.moments}
    short = {0: 0}
    for moment in sorted(moments - {0}):  # no two moments become one
        short[moment] = max(short[max(short)] + 1, moment // by)
    return rewrite(
        design,
        recipe=lambda recipe: replace(recipe, steps=short[recipe.steps], validate_every=1000),
        moment=short.__getitem__,
    )


def rewrite(
    design: Design, *, recipe: Callable[[Recipe], Recipe], moment: Callable[[int], int] = lambda step: step
) -> Design:
    """Return the design with `recipe` applied to every training's recipe and `moment` to every step that is named."""
    made: dict[str, Node] = {}
    return design.with_points(
        {
            name: {
                point: tuple(rebuilt(node, made, recipe=recipe, moment=moment) for node in nodes)
                for point, nodes in points.items()
            }
            for name, points in design.points.items()
        }
    )

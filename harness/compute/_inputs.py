"""What a member is made from: what trainings have stored for a replicate, and the masks that follow from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from harness.expression import Bits, Mask, Measured, Taken, consumed
from harness.population import Member, Program, jolted, unit_name
from harness.store import Store
from harness.streams import Replicate

Made = dict[tuple[Any, ...], Bits]


@dataclass(frozen=True)
class Inputs:
    """What is stored for one replicate; `made` holds the masks made so far, of any replicate."""

    store: Store
    replicate: Replicate
    made: Made = field(default_factory=dict)

    def digest(self, taken: Taken) -> str:
        """Return the digest of what is stored now of `taken`."""
        return self.store.entries[unit_name(taken.training, self.replicate)].outs[taken.slot]

    def array(self, taken: Taken) -> NDArray[Any]:
        """Return what is stored now of `taken`, shape (flat_size,)."""
        entry = self.store.entries[unit_name(taken.training, self.replicate)]
        return self.store.array(entry, taken.slot, taken.training.network.flat_size)

    def bits(self, mask: Mask) -> Bits:
        """Return the bits of `mask`, shape (flat_size,): made once of what is stored now."""
        made_from = tuple(self.digest(taken) for taken in consumed(mask))
        cached = (mask.key, self.replicate, made_from)
        if cached not in self.made:
            self.made[cached] = mask.bits(self)
        return self.made[cached]

    def member(self, node: Measured) -> Member:
        """Return what a worker is given for `node`."""
        network, recipe = node.network, Program.of(node).recipe
        member = Member(
            unit=unit_name(node, self.replicate),
            replicate=self.replicate,
            order_draw=node.draw("order"),
            augment_draw=node.draw("augment"),
            dropout_draw=node.draw("dropout"),
            mask_draw=node.draw("mask"),
            start=node.begins.values(self, network),
            end=None if node.ends is None else node.ends.values(self, node.asked.teacher or network),
            mask=None if node.removes is None else self.bits(node.removes),
            scores=node.scores(self.replicate),
            ins=tuple((taken.name, self.digest(taken)) for taken in consumed(node)),
            recipe=recipe,
        )
        return jolted(recipe.jolt)(member) if recipe is not None and recipe.jolt else member

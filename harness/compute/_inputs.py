"""What a member is made from: what trainings have stored for a replicate, and the masks that follow from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from harness.expression import Bits, Flat, Mask, Measured, Start, Taken, consumed
from harness.population import Member, Population, Program, jolted, unit_name
from harness.store import Store
from harness.streams import Replicate

STARTS_BYTES = 2**28  # of starts that are kept, of which the arms of a claim share most


@dataclass
class Made:
    """Masks made so far, and the starts made lately, of any replicate, by what they are made from."""

    masks: dict[tuple[Any, ...], Bits] = field(default_factory=dict)
    starts: dict[tuple[Any, ...], Flat] = field(default_factory=dict)

    def start(self, of: tuple[Any, ...], make: Callable[[], Flat]) -> Flat:
        """Return a start that is kept, or make it: those that were asked for longest ago go where room is short."""
        kept = self.starts.pop(of, None)
        self.starts[of] = make() if kept is None else kept
        while len(self.starts) > 1 and sum(each.nbytes for each in self.starts.values()) > STARTS_BYTES:
            del self.starts[next(iter(self.starts))]
        return self.starts[of]


@dataclass(frozen=True)
class Inputs:
    """What is stored for one replicate, and what was made of it and of others so far."""

    store: Store
    replicate: Replicate
    made: Made = field(default_factory=Made)

    def digest(self, taken: Taken) -> str:
        """Return the digest of what is stored now of `taken`."""
        return self.store.entries[unit_name(taken.training, self.replicate)].outs[taken.slot]

    def array(self, taken: Taken) -> NDArray[Any]:
        """Return what is stored now of `taken`, shape (flat_size,)."""
        entry = self.store.entries[unit_name(taken.training, self.replicate)]
        return self.store.array(entry, taken.slot, taken.training.network.flat_size)

    def bits(self, mask: Mask) -> Bits:
        """Return the bits of `mask`, shape (flat_size,): made once of what is stored now."""
        cached = (mask.key, self.replicate, self._made_from(mask))
        if cached not in self.made.masks:
            self.made.masks[cached] = mask.bits(self)
        return self.made.masks[cached]

    def _made_from(self, made: Mask | Start) -> tuple[str, ...]:
        """Return the digests of what is stored now of what a mask or a start is made from, or is itself."""
        return tuple(self.digest(taken) for taken in ((made,) if isinstance(made, Taken) else consumed(made)))

    def start(self, node: Measured) -> Flat:
        """Return the flat parameters that `node` begins with, shape (flat_size,): drawn, or made of what is stored."""
        of = (node.begins.key, node.network, self.replicate, self._made_from(node.begins))
        return self.made.start(of, lambda: node.begins.values(self, node.network))

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
            start=self.start(node),
            end=None if node.ends is None else node.ends.values(self, node.asked.teacher or network),
            mask=None if node.removes is None else self.bits(node.removes),
            scores=node.scores(self.replicate),
            ins=tuple((taken.name, self.digest(taken)) for taken in consumed(node)),
            recipe=recipe,
        )
        return jolted(recipe.jolt)(member) if recipe is not None and recipe.jolt else member


def emptied(population: Population) -> str:
    """Say which layers masks leave without a weight, and in how many members; empty where none does.

    What counts masks measures just that, and is let be.
    """
    program = population.program
    if program.recipe is None and not program.measurement.passes:
        return ""
    masks = [member.mask for member in population.members if member.mask is not None]
    tensors = program.network.prunable().items() if masks else ()
    counts = {name: sum(not mask[tensor.slice].any() for mask in masks) for name, tensor in tensors}
    told = [f"{name} of {count} of {len(population.members)} nets" for name, count in counts.items() if count]
    if not told:
        return ""
    return (
        f"  {program.label}: the mask keeps no weight in {', '.join(told)}: unless a shortcut leads round "
        "it, the input is not seen. Next: raise keep=, or measure the mask with structure()"
    )

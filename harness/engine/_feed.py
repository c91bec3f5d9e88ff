"""The task's images on the device, and each member's batches and held-out examples as indices into them.

Tensors are named by shape: R members, S steps, B examples, K images an input, I inputs, N images.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness import data
from harness.data import Augment, Scaling
from harness.engine._pixels import cropped, scaled, scales
from harness.population import Member, Population
from harness.streams import Replicate


class Batches(NamedTuple):
    """All members' batches of some steps: `images` (R, S, B, K), `answers` (R, S, B), one a token of a text.

    `crops`, shape (R, S, B, K), says how each image is shown; it is None where they are shown as they are.
    """

    images: Tensor
    answers: Tensor
    crops: Tensor | None = None


class Feed:
    """One population's data on `device`: images as they are stored, one copy for all members and populations."""

    def __init__(self, population: Population, device: torch.device) -> None:
        self.population = population
        self.device = device
        self.task = population.program.task
        self.source_NI = _source(self.task.source, device)
        plain = self.task.scaling not in (Scaling.L2, Scaling.STANDARDISED)
        self._as_stored = self.task.reads_tokens or (self.source_NI.dtype == torch.float32 and plain)
        self._scales = _scales(population, device)
        self._places = _places(population, device)
        self._held_out: dict[str, tuple[Tensor, Tensor]] = {}
        self._orders: dict[tuple[Replicate, int], data.Order] = {}

    def inputs(self, images_RBK: Tensor, crops_RBK: Tensor | None = None) -> Tensor:
        """Return the inputs made of the images at these indices, cropped where that is asked for; shape (R, B, I)."""
        pixels_NI = self.source_NI.index_select(0, images_RBK.flatten())
        if crops_RBK is not None:
            pixels_NI = cropped(pixels_NI, crops_RBK.flatten(), self.task)
        if not self._as_stored:
            pixels_NI = scaled(pixels_NI, self.task)
        pixels_RBI = pixels_NI.view(*images_RBK.shape[:2], -1)
        if self._scales is not None:
            pixels_RBI = (pixels_RBI - self._scales[0]) / self._scales[1]
        if self._places is not None:
            pixels_RBI = pixels_RBI.gather(2, self._places.expand(-1, pixels_RBI.shape[1], -1))
        return pixels_RBI

    @property
    def of_pixels(self) -> bool:
        """Whether an input is an image's pixels in their places, each scaled by its image and its channel alone."""
        apart = self._scales is None and self._places is None and self.task.augment is Augment.NONE
        return apart and not self.task.reads_tokens

    def pixel_scales(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return what is done `of_pixels` of all images: as `scales` says, shapes (N,), (I,) and (I,)."""
        return scales(self.source_NI, self.task)

    def room(self, steps: int, device: torch.device, *, pinned: bool = False) -> Batches:
        """Return room for the batches of so many steps; `pinned` is memory that a GPU copies from while it computes."""
        recipe, task = self.population.program.recipe, self.task
        assert recipe is not None
        shape = (len(self.population.members), steps, recipe.batch)
        make = partial(torch.zeros, device=device, pin_memory=pinned)
        images = make((*shape, task.images), dtype=torch.int32)
        answers = make((*shape, *task.answered), dtype=getattr(torch, data.answer_type(task).__name__))
        cropped = task.augment is not Augment.NONE
        return Batches(images, answers, make((*shape, task.images), dtype=torch.uint8) if cropped else None)

    def draw(self, room: Batches, first: int, last: int) -> None:
        """Put all members' batches of steps `first` to `last - 1` into `room`, which is on the host.

        What is drawn is drawn once for the arms of one replicate, which share it.
        """
        size, count = room.images.shape[2], last - first
        self._write(partial(self._drawn, size, first, last), _order, room[:2], count)
        if room.crops is not None:
            draw = partial(data.crops, self.task, size=size, first=first, last=last)
            self._write(lambda each: (draw(*each),), _augment, (room.crops,), count)

    def _drawn(self, size: int, first: int, last: int, each: tuple[Replicate, int]) -> tuple[NDArray[Any], ...]:
        if each not in self._orders:
            self._orders[each] = data.Order(self.task, *each, size=size)
        drawn = self._orders[each].batches(first, last)
        return drawn.images, drawn.answers

    def _write(
        self,
        draw: Callable[[tuple[Replicate, int]], tuple[NDArray[Any], ...]],
        of: Callable[[Member], tuple[Replicate, int]],
        places: Sequence[Tensor],
        count: int,
    ) -> None:
        sharing: dict[tuple[Replicate, int], list[int]] = {}
        for r, member in enumerate(self.population.members):
            sharing.setdefault(of(member), []).append(r)
        for each, rows in sharing.items():
            for place, drawn in zip(places, draw(each), strict=True):
                for r in rows:
                    place[r, :count].numpy()[...] = drawn

    def batches(self, first: int, last: int) -> Batches:
        """Return all members' batches of steps `first` to `last - 1`, on the host."""
        made = self.room(last - first, torch.device("cpu"))
        self.draw(made, first, last)
        return made

    def held_out(self, split: str) -> tuple[Tensor, Tensor]:
        """Return images (R, B, K) and answers (R, B) of a split of examples, on the device.

        ``train``, ``validation`` and ``test`` are what accuracy is measured on, ``calibration`` is for BatchNorm.
        """
        if split not in self._held_out:
            make = {"calibration": data.calibration, "train": data.trained_on}.get(
                split, partial(data.held_out, split=split)
            )
            each = [make(self.task, m.replicate) for m in self.population.members]
            images = torch.from_numpy(np.stack([e.images for e in each])).to(self.device)
            answers = torch.from_numpy(np.stack([e.answers for e in each])).to(self.device)
            self._held_out[split] = (images, answers)
        return self._held_out[split]


def _scales(population: Population, device: torch.device) -> tuple[Tensor, Tensor] | None:
    """Return what is taken off each member's inputs and by what they are divided, both (R, 1, I)."""
    task = population.program.task
    each = [scales for m in population.members if (scales := data.column_scales(task, m.replicate)) is not None]
    if not each:
        return None
    off_R1I, by_R1I = (torch.from_numpy(np.stack(arrays)[:, None]).to(device) for arrays in zip(*each, strict=True))
    return off_R1I, by_R1I


def _places(population: Population, device: torch.device) -> Tensor | None:
    """Return which value each place of a member's inputs shows, (R, 1, I)."""
    task = population.program.task
    each = [places for m in population.members if (places := data.places(task, m.replicate)) is not None]
    return torch.from_numpy(np.stack(each)[:, None]).to(device) if each else None


def _order(member: Member) -> tuple[Replicate, int]:
    return member.replicate, member.order_draw


def _augment(member: Member) -> tuple[Replicate, int]:
    return member.replicate, member.augment_draw


def _source(name: str, device: torch.device) -> Tensor:
    return _copied(name, device) if device.type != "cpu" else torch.from_numpy(data.source(name)[0])


@cache
def _copied(name: str, device: torch.device) -> Tensor:
    return torch.from_numpy(data.source(name)[0]).to(device)

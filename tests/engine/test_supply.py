"""Batches that are drawn ahead: those of each chunk in their turn."""

from dataclasses import replace

import pytest
import torch

from harness.data._tasks import DIGIT_DIFFERENCE, DIGITS, Augment
from harness.engine._feed import Feed
from harness.engine._supply import Supply
from harness.networks._network import mlp
from harness.networks._recipe import SGD, Recipe
from harness.population._population import Program
from tests.members import population

CHUNKS = [(3, 4), (7, 5), (12, 5), (17, 2), (19, 1)]


@pytest.mark.parametrize("task", [DIGITS, DIGIT_DIFFERENCE, replace(DIGITS, augment=Augment.CROP_FLIP)])
@pytest.mark.parametrize("ahead", [0, 1, 2, 3])
def test_each_chunk_has_its_batches(task, ahead):
    """Drawn where they are read, or ahead in buffers that are used again: the batches of these steps, all of them."""
    net = mlp(task.inputs, 5, 10)
    feed = Feed(
        population(Program(net, task, Recipe(optimiser=SGD(0.1), steps=20, batch=60)), range(3)), torch.device("cpu")
    )
    supply = Supply(feed, 5, ahead=ahead)
    places = [None if place is None else place.data_ptr() for place in supply.now]
    seen = []
    for first, count in supply.chunks(CHUNKS):
        seen.append((first, count))
        for now, drawn in zip(supply.now, feed.batches(first, first + count), strict=True):
            assert (now is None) == (drawn is None)
            assert now is None or torch.equal(now[:, :count], drawn)
    assert seen == CHUNKS
    assert [None if place is None else place.data_ptr() for place in supply.now] == places


def test_a_buffer_is_drawn_into_once_it_has_been_copied(monkeypatch):
    """Of each buffer on the way to a GPU: its copy to the device is waited for, it is drawn into, it is copied."""
    net, told = mlp(64, 5, 10), []
    made = population(Program(net, DIGITS, Recipe(optimiser=SGD(0.1), steps=20, batch=60)), range(2))
    feed = Feed(made, torch.device("cpu"))
    supply = Supply(feed, 5, ahead=2)
    for number, host in enumerate(supply._ahead):

        class Copied:
            def synchronize(self, number=number):
                told.append((number, "waited for"))

            def record(self, number=number):
                told.append((number, "copied"))

        host._copied = Copied()
    number_of = {id(host._batches): number for number, host in enumerate(supply._ahead)}
    draw = feed.draw
    monkeypatch.setattr(
        feed, "draw", lambda room, *steps: (told.append((number_of[id(room)], "drawn")), draw(room, *steps))
    )
    assert list(supply.chunks(CHUNKS)) == CHUNKS
    for number, times in ((0, 3), (1, 2)):
        assert [what for of, what in told if of == number] == ["waited for", "drawn", "copied"] * times


def test_arms_of_one_replicate_share_what_is_drawn():
    """Members of one replicate and order see the same images, which are drawn once; others see others."""
    made = population(Program(mlp(64, 5, 10), DIGITS, Recipe(optimiser=SGD(0.1), steps=20, batch=60)), [0, 1])
    first, second = made.members
    shared = replace(made, members=(first, second, first, replace(first, order_draw=1)))
    feed = Feed(shared, torch.device("cpu"))
    drawn = feed.batches(0, 7)
    assert torch.equal(drawn.images[0], drawn.images[2])
    assert not any(torch.equal(drawn.images[0], drawn.images[r]) for r in (1, 3))
    alone = Feed(replace(made, members=(second,)), torch.device("cpu")).batches(0, 7)
    assert torch.equal(alone.images[0], drawn.images[1])
    assert torch.equal(alone.answers[0], drawn.answers[1])

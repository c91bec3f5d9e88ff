"""Dataclasses to and from JSON: what is written, what is left out, what may be missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import ClassVar

import pytest

from harness.as_json import as_json, from_json


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, kw_only=True)
class Leaf:
    STORED_AS: ClassVar[Mapping[str, str]] = {"length": "length_cm"}

    length: float | None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Long(Leaf):
    colour: Colour


@dataclass(frozen=True, kw_only=True)
class Tree:
    leaves: tuple[Leaf, ...]
    by_name: Mapping[str, Long]
    best: Leaf | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


TREE = Tree(
    leaves=(Leaf(length=1.5), Leaf(length=None, note="torn")), by_name={"a": Long(length=2.0, colour=Colour.RED)}
)
PLAIN = {
    "leaves": [{"length_cm": 1.5}, {"length_cm": None, "note": "torn"}],
    "by_name": {"a": {"length_cm": 2.0, "colour": "red"}},
}


def test_fields_stand_under_their_stored_names_without_defaults():
    """A field with a default is left out where it has it; one without is written even as null."""
    assert as_json(TREE) == PLAIN
    more = replace(TREE, best=Leaf(length=3.0), counts={"x": 1})
    assert as_json(more) == PLAIN | {"best": {"length_cm": 3.0}, "counts": {"x": 1}}


def test_what_is_written_is_read_again():
    """Nested classes, enumerations and tuples come back as they were."""
    for tree in (TREE, replace(TREE, best=Leaf(length=3.0), counts={"x": 1})):
        again = from_json(Tree, as_json(tree))
        assert again == tree
        assert again.by_name["a"].colour is Colour.RED


def test_what_an_older_file_lacks_has_its_default_and_what_is_not_known_is_left_out():
    """Files from before a field, or with one more, can be read."""
    assert from_json(Leaf, {"length_cm": 1.0, "width_cm": 2.0}) == Leaf(length=1.0)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({"note": "no length"}, KeyError),
        ([1.0], TypeError),
        ({"length_cm": 1.0, "colour": "green"}, ValueError),
    ],
)
def test_what_is_no_such_value_is_refused(content, error):
    """A missing field, something else than an object, an unknown word."""
    with pytest.raises(error):
        from_json(Long, content)

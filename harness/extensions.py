"""What can be added from outside, found by name: criteria, data sets, metrics, kinds of comparison, executors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from harness.errors import DesignError, nearest

T = TypeVar("T")


class Extensions(Mapping[str, T]):
    """Things of one sort by name; `what` says of which sort in errors.

    A thing has a version, which is part of its full name from the second one on: ``movement``, then ``movement@2``. The
    full name is what keys hash, so what is stored under an earlier version stays apart. Either name finds it.

    >>> colours = Extensions[str]("colour")
    >>> colours.add("red", "#f00", version=2)
    >>> colours["red"], colours.full("red")
    ('#f00', 'red@2')
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._things: dict[str, T] = {}
        self._full: dict[str, str] = {}

    def add(self, name: str, thing: T, *, version: int = 1) -> None:
        """Add a thing, or replace it by itself where its module is loaded again.

        Raises DesignError where another thing has the name.
        """
        full = name if version == 1 else f"{name}@{version}"
        if name in self._full and _origin(self[name]) != _origin(thing):
            raise DesignError(
                f"two {self._what}s are called {name!r}: {_origin(self[name])} and {_origin(thing)}. Next: rename one"
            )
        if name in self._full:
            self.remove(name)
        self._full[name] = full
        self._things[full] = thing

    def remove(self, name: str) -> None:
        """Take out what has this name."""
        del self._things[self._full.pop(name.partition("@")[0])]

    def full(self, name: str) -> str:
        """Return the full name of what `name` finds. Raises DesignError, with the nearest names, for nothing."""
        full = self._full.get(name, name)
        if full not in self._things:
            known = ", ".join(self._things)
            raise DesignError(f"unknown {self._what} {name!r}{nearest(name, self._things)} Known: {known}")
        return full

    def __getitem__(self, name: str) -> T:
        return self._things[self.full(name)]

    def __contains__(self, name: object) -> bool:
        return name in self._things or name in self._full

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def __len__(self) -> int:
        return len(self._things)


def _origin(thing: object) -> str:
    """Return where a thing comes from: as it says itself, or where it is defined, or else what it is."""
    if origin := getattr(thing, "origin", ""):
        return str(origin)
    name = getattr(thing, "__qualname__", "")
    return f"{thing.__module__}.{name}" if name else repr(thing)

"""What can be added from outside, found by name: criteria, data sets, metrics, kinds of comparison, executors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from harness.errors import DesignError, nearest

T = TypeVar("T")


class Extensions(Mapping[str, T]):
    """Things of one sort by name; `what` says of which sort in errors.

    A thing has a version, which is part of its full name from the second one on: ``movement``, then ``movement@2``. The
    full name is what keys and locks hash, so that what is stored under an earlier version stays apart.

    >>> colours = Extensions[str]("colour")
    >>> colours.add("red", "#f00", version=2)
    >>> colours["red"], colours.full("red")
    ('#f00', 'red@2')
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._things: dict[str, T] = {}

    def add(self, name: str, thing: T, *, version: int = 1) -> None:
        """Add a thing, or replace it by itself, as where its module is loaded again.

        Raises DesignError where another thing has the name and version.
        """
        full = name if version == 1 else f"{name}@{version}"
        other = self._things.get(full, thing)
        if other != thing and _origin(other) != _origin(thing):
            raise DesignError(
                f"{full!r} is twice a {self._what}: {_origin(other)} and {_origin(thing)}. "
                "Next: give one another name or version"
            )
        self._things[full] = thing

    def remove(self, name: str) -> None:
        """Take out what has this full name."""
        del self._things[name]

    def full(self, name: str) -> str:
        """Return the full name of what `name` finds: itself, or the latest version where that is not the first.

        Raises DesignError, with the nearest names, for nothing.
        """
        if name in self._things:
            return name
        later = [full for full in self._things if full.startswith(f"{name}@")]
        if not later:
            raise DesignError(
                f"unknown {self._what} {name!r}{nearest(name, self._things)} Known: {', '.join(self._things)}. "
                "Next: correct the name, or import the module that registers it"
            )
        return max(later, key=lambda full: int(full.partition("@")[2]))

    def __getitem__(self, name: str) -> T:
        return self._things[self.full(name)]

    def __contains__(self, name: object) -> bool:
        return name in self._things or any(full.startswith(f"{name}@") for full in self._things)

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

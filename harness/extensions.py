"""What can be added from outside, found by name: criteria, data sets, metrics, kinds of comparison, executors.

An installed package adds what it has by an entry point: a module that registers it when it is imported.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from harness.errors import DesignError, HarnessError, nearest

T = TypeVar("T")

GROUP = "ticket_harness.extensions"  # of entry points
NAMES = "names"  # metadata of a node's field: the registry whose things it names, one or a tuple


@dataclass(frozen=True)
class Plugin:
    """A module that an installed package adds by an entry point; `fault` says why it cannot be imported, if so."""

    module: str
    package: str
    fault: str = ""

    @property
    def told(self) -> str:
        """The fault in words, with the next step."""
        return f"{self.module} of the package {self.package} cannot be imported: {self.fault}. Next: {self.next}"

    @property
    def next(self) -> str:
        """What to do about a fault."""
        return f"mend or upgrade {self.package}, or python -m pip uninstall {self.package}"


_PLUGINS: dict[str, Plugin] = {}


def load_plugins() -> tuple[Plugin, ...]:
    """Import what installed packages add by entry points of the group ``ticket_harness.extensions``.

    One that cannot be imported is left out and stops nobody: whoever asks for what it would have registered is told.
    """
    _PLUGINS.clear()
    for point in entry_points(group=GROUP):
        package = "" if point.dist is None else point.dist.name
        _PLUGINS[f"{package} {point.value}"] = Plugin(point.value, package, _fault(point))
    return tuple(_PLUGINS.values())


def _fault(point: EntryPoint) -> str:
    try:
        point.load()
    except Exception as error:  # whatever a stranger's module dies of
        return in_words(error)
    return ""


def in_words(error: Exception) -> str:
    """Return what a stranger's module died of, without the next step that it names to its own users."""
    return f"{type(error).__name__}: {error}".partition(" Next: ")[0].rstrip(".")


@contextmanager
def called(what: str, function: object, *, next: str, error: type[HarnessError]) -> Iterator[None]:
    """Turn what a function of a project's own dies of into an `error` that names `what`, the place and the next step.

    The place is the deepest one in the function's own file. Errors of the harness stay as they are.
    """
    try:
        yield
    except HarnessError:
        raise
    except Exception as fault:  # whatever a stranger's function dies of
        frames = traceback.extract_tb(fault.__traceback__)
        mine = [frame for frame in frames if frame.filename == _code_of(function)[0]] or frames
        raise error(
            f"{what} failed: {in_words(fault)}, at {mine[-1].filename}:{mine[-1].lineno}. Next: {next}"
        ) from fault


def defined_at(function: object) -> str:
    """Return the file and line of a function, ``FILE:LINE``; its name where it has none."""
    file, line = _code_of(function)
    return f"{file}:{line}" if file else _origin(function)


def _code_of(function: object) -> tuple[str, int]:
    code = getattr(inspect.unwrap(function) if callable(function) else function, "__code__", None)
    return (code.co_filename, code.co_firstlineno) if code is not None else ("", 0)


class Extensions(Mapping[str, T]):
    """Things of one sort by full name; `what` says of which sort in errors.

    A thing has a version, which is part of its full name from the second one on: ``movement``, then ``movement@2``. The
    full name is what keys and locks hash, so that what is stored under an earlier version stays apart: it finds exactly
    that version. Whoever writes a claim gives the plain name, and means the latest.

    >>> colours = Extensions[str]("colour")
    >>> colours.add("red", "#f00", version=2)
    >>> colours.latest("red"), colours["red@2"]
    ('red@2', '#f00')
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._things: dict[str, T] = {}

    def add(self, name: str, thing: T, *, version: int = 1) -> None:
        """Add a thing, or replace it by itself, as where its module is loaded again.

        Raises DesignError where another thing has the name and version, and for a name that is none.
        """
        self.check_name(name, version)
        full = name if version == 1 else f"{name}@{version}"
        other = self._things.get(full, thing)
        if other != thing and _file(_origin(other)) != _file(_origin(thing)):
            raise DesignError(
                f"{full!r} is twice a {self.what}: {_origin(other)} and {_origin(thing)}. "
                "Next: give one another name or version"
            )
        self._things[full] = thing

    def check_name(self, name: str, version: int = 1) -> None:
        """Raise DesignError for what cannot be a name or a version."""
        if not name or "@" in name or version < 1:
            raise DesignError(
                f"a {self.what} {name!r}, version {version}. Next: give it a name without @, and a version from 1 on"
            )

    def remove(self, name: str) -> None:
        """Take out what has this full name."""
        del self._things[name]

    def functions(self, name: str) -> list[Any]:
        """Return the functions that a thing is, or has as fields; none of what is not there."""
        thing = self._things.get(name)
        fields = [getattr(thing, each.name) for each in dataclasses.fields(thing)] if is_dataclass(thing) else [thing]
        return [each for each in fields if callable(each)]

    def latest(self, name: str) -> str:
        """Return the full name of the latest version of what is called `name`; of a full name, and of nothing, itself.

        Raises DesignError for a version that is not there.
        """
        if "@" in name:
            self[name]
            return name
        return max((full for full in self._things if full.partition("@")[0] == name), key=_version, default=name)

    def __getitem__(self, name: str) -> T:
        if name not in self._things:
            others = [full for full in self._things if full.partition("@")[0] == name.partition("@")[0]]
            there = f", of which {', '.join(others)} is registered." if others else nearest(name, self._things)
            raise DesignError(
                f"unknown {self.what} {name!r}{there} Known: {', '.join(self._things)}. "
                + "".join(f"{plugin.told.partition(' Next: ')[0]} " for plugin in _PLUGINS.values() if plugin.fault)
                + "Next: correct the name, or import the module that registers it"
            )
        return self._things[name]

    def __contains__(self, name: object) -> bool:
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def __len__(self) -> int:
        return len(self._things)


def _version(full: str) -> int:
    return int(full.partition("@")[2] or 1)


def _origin(thing: object) -> str:
    """Return where a thing comes from: as it says itself, or where it is defined, or else what it is."""
    if origin := getattr(thing, "origin", ""):
        return str(origin)
    name = getattr(thing, "__qualname__", "")
    return f"{thing.__module__}.{name}" if name else repr(thing)


def _file(origin: str) -> str:
    """Return an origin with the file of its module for its name: a folder of claims may be loaded under two names."""
    module = origin
    while module and module not in sys.modules:
        module = module.rpartition(".")[0]
    file = getattr(sys.modules.get(module), "__file__", None)
    return f"{file}{origin[len(module) :]}" if file else origin

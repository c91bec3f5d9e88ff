"""The key of a node: a hash of the fields that are not at their defaults, other nodes by their keys."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from enum import Enum
from fractions import Fraction
from functools import cache
from typing import Any

PLAIN = {bool, int, float, str, type(None)}  # a hash holds them as they are


class Keyed:
    """A node hashes and compares by its key, made once when the node is: a chain of rounds stays cheap to compare."""

    key: str

    def __post_init__(self) -> None:
        text = json.dumps(describe(self), sort_keys=True, separators=(",", ":"))
        object.__setattr__(self, "key", hashlib.sha256(text.encode()).hexdigest()[:32])

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:  # not the fields: a chain of rounds mentions each round twice
        return f"<{type(self).__name__} {self.key[:8]}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Keyed) and self.key == other.key


def describe(node: Keyed) -> dict[str, Any]:
    """Return what a node's key hashes: its fields, other nodes by their keys; for provenance and ``why``.

    Also the version of a class that states one, from 2 on.
    """
    return _fields(node)


def _fields(value: Any) -> dict[str, Any]:
    described: dict[str, Any] = {"is": type(value).__name__}
    cls: Any = type(value)  # to mypy a type is not always hashable
    for name, default in _names_and_defaults(cls):
        given = getattr(value, name)
        if default is dataclasses.MISSING or given != default:
            described[name] = _canonical(given)
    version = getattr(cls, "version", 1)  # of a class that has no field of this name
    if "version" not in dict(_names_and_defaults(cls)) and isinstance(version, int) and version > 1:
        described["version"] = version
    return described


@cache
def _names_and_defaults(cls: Any) -> tuple[tuple[str, Any], ...]:
    return tuple((f.name, f.default) for f in dataclasses.fields(cls))


def _canonical(value: Any) -> Any:
    if type(value) in PLAIN:
        return value
    if isinstance(value, Keyed):
        return {"key": value.key}
    if dataclasses.is_dataclass(value):
        return _fields(value)
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_canonical(item) for item in value]
    return value

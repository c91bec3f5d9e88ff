"""Frozen dataclasses to and from what JSON holds, field by field: files are read and written through this alone.

A field without a default is always written. One with a default is left out where it has that value: a field that is
added later leaves files as they were, and files from before it can still be read. A class whose files have other names
for its fields lists them in `STORED_AS`.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def as_json(value: object) -> Any:
    """Return a value as JSON would hold it: dataclasses as dictionaries, tuples as lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.stored: as_json(getattr(value, field.name))
            for field in _fields(type(value))
            if field.required or getattr(value, field.name) != field.default()
        }
    if isinstance(value, Mapping):
        return {name: as_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    return value


def from_json(cls: type[T], content: Any) -> T:
    """Return the instance of dataclass `cls` that `content`, a dictionary from JSON, describes.

    What the content lacks has its default, and what the class does not know is left out. Raises KeyError for a field
    without a default that is missing, TypeError or ValueError for what is no such value.
    """
    if not isinstance(content, Mapping):
        raise TypeError(f"expected a {cls.__name__}, got {type(content).__name__}")
    of: Any = cls  # to mypy a type is not always hashable
    given = {
        field.name: _value(field.type, content[field.stored])
        for field in _fields(of)
        if field.required or field.stored in content
    }
    return cls(**given)


@dataclasses.dataclass(frozen=True)
class _Field:
    """A field of a dataclass, its type, and its name in files."""

    name: str
    type: Any
    stored: str
    of: dataclasses.Field[Any]

    @property
    def required(self) -> bool:
        return self.of.default is dataclasses.MISSING and self.of.default_factory is dataclasses.MISSING

    def default(self) -> object:
        made = self.of.default_factory
        return self.of.default if made is dataclasses.MISSING else made()


@cache
def _fields(cls: Any) -> tuple[_Field, ...]:
    return tuple(_each_field(cls))


def _each_field(cls: Any) -> Iterator[_Field]:
    hints = typing.get_type_hints(cls)
    stored: Mapping[str, str] = getattr(cls, "STORED_AS", {})
    for field in dataclasses.fields(cls):
        yield _Field(field.name, hints[field.name], stored.get(field.name, field.name), field)


def _value(of: Any, content: Any) -> Any:
    """Return what stands in a file as a value of type `of`; numbers, text and None as they are."""
    if content is None:
        return None
    origin, arguments = typing.get_origin(of), typing.get_args(of)
    if origin in (typing.Union, types.UnionType):
        kinds = [each for each in arguments if each is not type(None)]
        return _value(kinds[0], content) if len(kinds) == 1 else content
    if origin is tuple:
        return tuple(_value(arguments[0], each) for each in content)
    if origin is Mapping:
        return {name: _value(arguments[1], each) for name, each in content.items()}
    if dataclasses.is_dataclass(of) and isinstance(of, type):
        return from_json(of, content)
    return of(content) if isinstance(of, type) and issubclass(of, Enum) else content

"""Which code computes: digests of the rooms that make numbers and of a project's own code, which every record keeps."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from harness.expression import Learn, Measured, Taken
from harness.extensions import NAMES
from harness.sources import bare, is_own, source_digest

HERE = Path(__file__).parents[1]
MAKES_NUMBERS = ("streams.py", "data", "networks", "expression", "kernels", "engine")


@cache
def code_digest() -> str:
    """Return a digest of the code that makes numbers, 12 hexadecimal digits.

    Comments, docstrings and layout are left out: they change nothing. Code of a project's own is not in it.
    """
    hashed = hashlib.sha256()
    for name in MAKES_NUMBERS:
        for path in sorted((HERE / name).rglob("*.py")) if (HERE / name).is_dir() else [HERE / name]:
            hashed.update(
                f"{path.relative_to(HERE).as_posix()}\n{bare(ast.parse(path.read_text(encoding='utf-8')))}\n".encode()
            )
    return hashed.hexdigest()[:12]


def own_code(node: Measured) -> Mapping[str, str]:
    """Return by name the digest of each thing of a project's own that computes `node`, of what it takes from others.

    These are registered functions, such as a network's or a criterion's, and classes of nodes and of ways to learn.
    What has no source to be read is left out.
    """
    found: dict[str, str] = {}
    for name, things in (*_within(node), *_measured(node)):
        digests = [source_digest(thing) for thing in things if is_own(thing)]
        if digests and all(digests):
            found[name] = " ".join(digests)
    return found


def _within(value: Any) -> Iterator[tuple[str, list[Any]]]:
    """Yield the name and the code of whatever `value` names and is made of, but for what a training has stored."""
    if isinstance(value, tuple):
        for each in value:
            yield from _within(each)
    if not dataclasses.is_dataclass(value) or isinstance(value, Taken):
        return
    kind = type(value)
    yield f"class {kind.__name__!r}", [kind, *_stack(kind)]
    for field in dataclasses.fields(value):
        given = getattr(value, field.name)
        registry = field.metadata.get(NAMES)
        if registry is None:
            yield from _within(given)
            continue
        for name in given if isinstance(given, tuple) else (given,):
            yield f"{registry.what} {name!r}", registry.functions(name)


def _stack(kind: type) -> list[Any]:
    """Return the class by which the engine learns what is described by a class of a project's own."""
    if not issubclass(kind, Learn) or not is_own(kind):
        return []
    from harness.engine import STACKS  # with torch, which the file with the stack has imported

    return [STACKS[kind]] if kind in STACKS else []


def _measured(node: Measured) -> Iterator[tuple[str, list[Any]]]:
    """Yield the function of a measurement that names its module, where that was imported here."""
    asked = node.asked.measurement.name
    module, _, function = asked.partition(":")
    if function:
        yield f"measurement {asked!r}", [getattr(sys.modules.get(module), function, None)]


def provenance(root: Path, kind: str) -> dict[str, str]:
    """Return what the process that stores records says of a run: git's revision of `root`, the device, the code."""
    return {"git": git_revision(root), "kind": kind, "code": code_digest()}


def git_revision(root: Path) -> str:
    """Return the commit checked out, with ``-dirty`` where tracked sources differ from it, or ``unknown``."""
    try:
        described: str = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return described

"""Digests of source: of what code says, without comments, docstrings and layout, which change nothing."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from types import FunctionType, ModuleType
from typing import Any

CONSTANTS = (bool, int, float, str, tuple)
HARNESS = "harness"


def bare(tree: ast.Module) -> str:
    """Return a module without comments, docstrings and layout."""
    for node in _documented(tree):
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def _documented(tree: ast.Module) -> Iterator[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def is_own(thing: object) -> bool:
    """Whether a function or class is a project's own: not of the harness, whose code has a digest as a whole."""
    module = getattr(thing, "__module__", None)
    return isinstance(module, str) and _package(module) not in (HARNESS, "builtins")


@cache
def source_digest(thing: Any) -> str:
    """Return a digest of a function's or class's code, 12 hexadecimal digits; empty where there is no source to read.

    Functions, classes and constants of the same package that it names are in it too, and those that these name. The
    decorator that registers it is not: what it says is no code, or is in keys.
    """
    hashed, seen, rest = hashlib.sha256(), {id(thing)}, [thing]
    for each in rest:
        tree = _tree(each)
        if tree is None and each is thing:
            return ""
        if tree is None:
            continue
        if each is thing and isinstance(tree.body[0], ast.FunctionDef):
            del tree.body[0].decorator_list[:1]
        hashed.update(f"{bare(tree)}\n".encode())
        for name, value in _named(tree, each):
            if isinstance(value, CONSTANTS):
                hashed.update(f"{name} = {value!r}\n".encode())
            elif id(value) not in seen and _is_code(value) and _package(value.__module__) == _package(each.__module__):
                seen.add(id(value))
                rest.append(value)
    return hashed.hexdigest()[:12]


def _is_code(value: Any) -> bool:
    return isinstance(value, FunctionType | type) and isinstance(value.__module__, str)


def _package(module: str) -> str:
    return module.partition(".")[0]


def _tree(thing: Any) -> ast.Module | None:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(thing)))
    except (OSError, TypeError, SyntaxError):  # written in a notebook, in C, or a lambda amid a call
        return None


def _named(tree: ast.Module, thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield what code names that its module, or a function around it, has: in the order in which it does."""
    known = dict(vars(sys.modules[thing.__module__])) if thing.__module__ in sys.modules else {}
    if isinstance(function := inspect.unwrap(thing), FunctionType):
        known = {**function.__globals__, **inspect.getclosurevars(function).nonlocals}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in known:
            yield node.id, known[node.id]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = known.get(node.value.id)
            if isinstance(module, ModuleType) and _package(module.__name__) == _package(thing.__module__):
                yield node.attr, getattr(module, node.attr, None)

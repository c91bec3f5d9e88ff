"""Which code computes: a digest of the rooms that make numbers, which every record keeps."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

HERE = Path(__file__).parents[1]
MAKES_NUMBERS = ("streams.py", "data", "networks", "expression", "engine")


@cache
def code_digest() -> str:
    """Return a digest of the code that makes numbers, 12 hexadecimal digits.

    Comments, docstrings and layout are left out: they change nothing. Code of a project's own is not in it.
    """
    hashed = hashlib.sha256()
    for name in MAKES_NUMBERS:
        for path in sorted((HERE / name).rglob("*.py")) if (HERE / name).is_dir() else [HERE / name]:
            hashed.update(f"{path.relative_to(HERE).as_posix()}\n{_bare(path.read_text(encoding='utf-8'))}\n".encode())
    return hashed.hexdigest()[:12]


def _bare(source: str) -> str:
    """Return a module without comments, docstrings and layout."""
    tree = ast.parse(source)
    for node in _documented(tree):
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def _documented(tree: ast.Module) -> Iterator[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node

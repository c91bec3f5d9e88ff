"""Copying into a store what another one has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.store import Merged


def merge(a: Path | str, b: Path | str, *, into: Path | str | None = None) -> tuple[Merged, ...]:
    """Copy what store `b` has and store `a` has not, from another machine for example.

    Args:
        a: The store that records are copied into.
        b: The store they are copied from.
        into: Leave `a` as it is, and copy both into this store.

    Returns:
        What was copied from each source, what was there already, and the conflicts: units on which the stores disagree,
        which stay as they were.

    Raises:
        UsageError: Where there is no store to copy from, or both are one.
        StoreError: For a store that cannot be written.

    Example:
        >>> merge(".harness/store", "/mnt/gpu/store")[0].conflicts  # doctest: +SKIP
        []
    """
    from harness.store import merge_into

    sources = [b] if into is None else [a, b]
    return tuple(merge_into(Path(source), Path(a if into is None else into)) for source in sources)

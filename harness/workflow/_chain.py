"""What the registry holds, round by round, and whether history only ever appended to it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.design import Locked, Registry, Round, Scale, closed_seeds
from harness.workflow._places import find_place


@dataclass(frozen=True)
class Chain:
    """The rounds of a registry, what each paper's family in them is judged at, and how git's history was checked.

    `levels` has (paper, scale, claims, level) of each round, exact claims left out. `history` says in words what was
    checked, or why not; `cut` names the first commit whose registry does not go on from that of its first parent.
    `attempts` says of each entry what it is to those before it.
    """

    rounds: tuple[Round, ...]
    levels: tuple[tuple[tuple[str, str, int, float], ...], ...]
    history: str
    cut: str = ""
    attempts: Mapping[Locked, str] = field(default_factory=dict)


def chain(root: Path | str | None = None, claims: Path | str | None = None) -> Chain:
    """Return the registry's rounds and check that every commit's registry extends that of its first parent.

    Args:
        root: The project's folder.
        claims: Where the claims are, as for `open_session`.

    Returns:
        The rounds, their families' levels, and what git's history says.

    Raises:
        LockError: For a registry whose lines do not follow each other.

    Example:
        >>> chain().rounds[0].number
        0
    """
    registry = Registry(find_place(claims, root).locks / "registry.lock")
    levels = []
    for each in registry.rounds:
        at = sorted({(entry.paper, Scale(entry.scale)) for entry in each.entries})
        families = {(paper, scale): registry.family(paper, scale, each.number) for paper, scale in at}
        levels.append(
            tuple(
                (paper, str(scale), len(ids), registry.alpha(paper, scale, each.number))
                for (paper, scale), ids in families.items()
                if ids
            )
        )
    history, cut = _history(registry.path)
    told = {entry: registry.attempt(entry) for entry in registry.entries}
    return Chain(tuple(registry.rounds), tuple(levels), history, cut, told)


def chain_cut(path: Path) -> str:
    """Return the first commit at which the history of the registry `path` is broken; empty where none is known."""
    return _history(path)[1]


def _history(path: Path) -> tuple[str, str]:
    """Say whether each version of a file that git has extends the one before it, on the line of first parents.

    And whether every round of any other commit is there still, by its seed: a merge may put a line of commits aside.
    """
    try:
        if _git(path, "rev-parse", "--is-shallow-repository").strip() == "true":
            return "unchecked: this clone has not the whole history. Next: git fetch --unshallow", ""
        commits = _git(path, "log", "--first-parent", "--reverse", "--format=%H", "--", path.name).split()
        versions = [(commit[:12], _shown(path, commit)) for commit in commits]
        every = _git(path, "log", "--full-history", "--reverse", "--format=%H", "--", path.name).split()
        others = [(commit[:12], _shown(path, commit)) for commit in every if commit not in commits]
    except (OSError, subprocess.CalledProcessError):
        return f"unchecked: there is no history of it in git. Next: git add {path.name}, and commit it", ""
    now = path.read_text(encoding="utf-8") if path.is_file() else ""
    before = ""
    for commit, text in (*versions, ("what lies there now", now)):
        if not text.startswith(before):
            return f"broken: {commit} does not go on from the commit before it", commit
        before = text
    here = closed_seeds(now)
    for commit, text in others:
        if gone := closed_seeds(text) - here:
            return f"broken: {len(gone)} rounds of {commit}, a commit merged here, are gone", commit
    return f"each of {len(commits)} commits to it goes on from its first parent", ""


def _shown(path: Path, commit: str) -> str:
    """Return a file as it is in a commit; nothing where the commit has removed it."""
    try:
        return _git(path, "show", f"{commit}:./{path.name}")
    except subprocess.CalledProcessError:
        return ""


def _git(path: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=path.parent, capture_output=True, text=True, encoding="utf-8", check=True
    ).stdout

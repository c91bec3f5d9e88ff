"""The files that a paper of one's own begins with: a package, one claim that runs, and the next commands."""

from __future__ import annotations

import importlib.util
import keyword
import re
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError
from harness.workflow._places import BESIDE

KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
CLAIM = "largest_beat_random.py"


@dataclass(frozen=True)
class Begun:
    """The files that were written, and the option with which commands find the claims from here."""

    paper: str
    files: tuple[Path, ...]
    option: str


def begin(paper: str, *, folder: Path | str = BESIDE, package: bool = False) -> Begun:
    """Write a template of a paper's claims: its package, one claim that runs as it stands, and the next commands.

    Args:
        paper: The paper's key, which names its folder: letters, digits and underscores.
        folder: The folder of claims that the paper's folder is made in.
        package: Whether `folder` is to be a package that pip installs; its ``pyproject.toml`` is written beside it.

    Returns:
        What was written.

    Raises:
        UsageError: For a key that cannot name a folder of Python modules, with one that can; for what is there already;
            and for a folder that cannot be a package.

    Example:
        >>> begin("doe2026", folder="mine").option  # doctest: +SKIP
        ' --claims mine'
    """
    if KEY.fullmatch(paper) is None or keyword.iskeyword(paper):
        raise UsageError(
            f"{paper!r} cannot be the key of a paper, which names a folder of Python modules: a letter, then up to 63 "
            f"letters, digits and underscores. Next: harness new {_possible(paper)}"
        )
    claims = Path(folder)
    texts = {
        claims / paper / "__init__.py": "paper.py.j2",
        claims / paper / CLAIM: "claim.py.j2",
        claims / paper / "README.md": "readme.md.j2",
    }
    if package:
        _check_package(claims)
        texts[claims.parent / "pyproject.toml"] = "pyproject.toml.j2"
    for there in (claims / paper, *texts):
        if there.exists():
            raise UsageError(f"{there} is there already, and nothing is overwritten. Next: {_instead(there, paper)}")
    files = _write(claims, texts, key=paper, package=claims.name if package else "")
    return Begun(paper, files, "" if claims == Path(BESIDE) else f" --claims {claims}")


def _write(claims: Path, texts: dict[Path, str], *, key: str, package: str) -> tuple[Path, ...]:
    """Write a file of each template; the folder of claims is a package too. Raises UsageError where that cannot be."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("harness.workflow"),
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    option = "" if claims.name == BESIDE else f" --claims {claims.name}"
    results = f"lie beside `{claims.name}/`" if claims.name == BESIDE else "lie there too"
    try:
        for path, template in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            text = made.get_template(template).render(
                key=key, option=option, package=package, folder=claims.name, results=results
            )
            path.write_text(text, encoding="utf-8")
        root = claims / "__init__.py"
        if not root.exists():
            root.write_text('"""Claims of papers, a folder of each."""\n', encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{claims} cannot be written: {error.strerror}. Next: give another --folder") from error
    return tuple(texts)


def _possible(paper: str) -> str:
    """Return a key that is possible, as much like the one that was given as can be.

    >>> _possible("1803.03635 v2"), _possible("Zhou-2019"), _possible("class")
    ('paper1803_03635_v2', 'Zhou_2019', 'class_')
    """
    key = re.sub(r"[^A-Za-z0-9]+", "_", paper).strip("_")[:50] or "doe2026"
    key = key if key[0].isalpha() else f"paper{key}"
    return f"{key}_" if keyword.iskeyword(key) else key


def _instead(there: Path, paper: str) -> str:
    if there.name == "pyproject.toml":
        return f"leave out --package, as {there} makes one already"
    return f"write a further claim in {there}, or begin another paper: harness new {paper}_2"


def _check_package(claims: Path) -> None:
    """Raise UsageError where a folder's name would be no package, or hide another one."""
    name, next_ = claims.name, f"Next: --folder {claims.parent / 'doe_claims'} --package"
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UsageError(f"{name!r} cannot be the name of a package: letters, digits and underscores. {next_}")
    if name == BESIDE:
        raise UsageError(f"a package called {name!r} would be one of many, and each hides the others. {next_}")
    found = importlib.util.find_spec(name)
    if found is not None and found.origin and Path(found.origin).parent.resolve() != claims.resolve():
        raise UsageError(f"there is another package called {name!r}, at {found.origin}. {next_}")

"""The catalogue: what the files of a folder of claims register, found by name.

A folder of claims is a package, one folder per paper and one file per claim. It is loaded under a private name, so that
it may be called anything and shadows nothing; its modules import each other relatively. One that is installed as a
package is loaded under its own name.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.machinery
import importlib.util
import pkgutil
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from harness.design._claim import Arm, Claim, Design, Paper, Scale, Source
from harness.design._from_paper import Published
from harness.errors import DesignError, HarnessError, UsageError, nearest
from harness.expression import Training
from harness.extensions import in_words, load_plugins
from harness.stats import Outcome


@dataclass(frozen=True)
class Watched:
    """A training that the seed-variance check retrains, and the scales it is watched at."""

    build: Callable[[Scale], Training]
    scales: tuple[Scale, ...]


@dataclass(frozen=True)
class Catalogue:
    """Papers by key, claims by id, and watched trainings by name, as the files in `folder` register them.

    The registry lies there too, or in the folder `locks` as soon as there is one.
    """

    folder: Path
    papers: dict[str, Paper] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    watched: dict[str, Watched] = field(default_factory=dict)
    locks: Path | None = None

    @classmethod
    def load(cls, folder: Path, package: str = "", locks: Path | None = None) -> Catalogue:
        """Return what all modules in the folder of claims `folder` register, loaded afresh; plugins are loaded before.

        `package` is the name under which Python finds the folder, if it is installed. Raises UsageError where there is
        no such folder, DesignError for two claims of one id, a folder of modules that is no package, and a file that
        imports what is not there or fails otherwise.
        """
        if not folder.is_dir():
            raise UsageError(
                f"no folder of claims at {folder}. Next: run in the project's folder, give --root or --claims, or "
                "begin one with harness new PAPER"
            )
        load_plugins()
        catalogue = cls(folder.resolve(), locks=locks)
        with catalogue.collecting():
            try:
                _import_all(catalogue.folder, package)
            except ImportError as error:
                raise DesignError(_not_found(catalogue.folder, error)) from error
            except HarnessError:
                raise
            except Exception as error:  # whatever the code of a file of claims dies of
                raise DesignError(_broken(catalogue.folder, error)) from error
        return catalogue

    @contextmanager
    def collecting(self) -> Iterator[Catalogue]:
        """Register here what `paper`, `claim` and `watch` make meanwhile."""
        before = _COLLECTING.set(self)
        try:
            yield self
        finally:
            _COLLECTING.reset(before)

    @property
    def registry_file(self) -> Path:
        """The file in which claims are locked."""
        apart = None if self.locks is None else self.locks / REGISTRY
        return apart if apart is not None and apart.is_file() else self.folder / REGISTRY

    def select(self, names: Sequence[str], scale: Scale) -> list[Claim]:
        """Return the claims with these ids, or of these papers, that have a design at `scale`; all for no names.

        Raises UsageError for an unknown name, with the nearest known ones, and for a claim without that scale.
        """
        if not names:
            return [claim for _, claim in sorted(self.claims.items()) if scale in claim.predicted]
        chosen: dict[str, Claim] = {}
        for name in (name.rstrip("/") for name in names):
            found = {id: claim for id, claim in sorted(self.claims.items()) if name in (id, claim.paper)}
            if not found:
                known = nearest(name, [*self.claims, *self.papers])
                raise UsageError(f"unknown claim or paper {name!r}{known} Next: harness list")
            if name in self.claims:
                self.claims[name].design(scale)
            chosen |= {id: claim for id, claim in found.items() if scale in claim.predicted}
        return list(chosen.values())

    def select_watched(self, names: Sequence[str], scale: Scale) -> dict[str, Training]:
        """Return the watched trainings with these names, or of these papers; all for no names.

        Raises UsageError for an unknown name, with the nearest known ones, and where none is watched at `scale`.
        """
        wanted = {name.rstrip("/") for name in names}
        for name in names:
            if not any(name.rstrip("/") in (other, other.split("/")[0]) for other in self.watched):
                known = ", ".join(sorted(self.watched))
                raise UsageError(f"nothing watched is called {name!r}{nearest(name, self.watched)} Watched: {known}")
        chosen = {
            name: each.build(scale)
            for name, each in sorted(self.watched.items())
            if scale in each.scales and (not wanted or wanted & {name, name.split("/")[0]})
        }
        if not chosen:
            raise UsageError(f"nothing of that is watched at scale {scale}. Next: harness variance, at scale micro")
        return chosen


REGISTRY = "registry.lock"
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}/[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_COLLECTING: ContextVar[Catalogue | None] = ContextVar("_COLLECTING", default=None)


def _import_all(folder: Path, package: str) -> None:
    """Import every module below `folder`, whatever was imported from there before: as `package`, or privately."""
    name = package or f"_claims_{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"
    for known in [known for known in sys.modules if known == name or known.startswith(f"{name}.")]:
        del sys.modules[known]
    importlib.invalidate_caches()
    if package:
        importlib.import_module(package)
    else:
        _import_privately(folder, name)
    for below in sorted(path for path in folder.rglob("*") if path.is_dir() and next(path.glob("*.py"), None)):
        if not (below / "__init__.py").is_file():
            raise DesignError(
                f"{below} has no __init__.py, so that nothing finds its claims. Next: touch {below / '__init__.py'}"
            )
    for module in pkgutil.walk_packages([str(folder)], f"{name}."):
        importlib.import_module(module.name)


def _broken(folder: Path, error: Exception) -> str:
    """Say in which file of a folder of claims, and at which line, what is wrong with it."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(folder)
    ]
    file, line = (frames[-1].filename, frames[-1].lineno) if frames else (str(folder), None)
    if isinstance(error, SyntaxError) and error.filename:
        file, line = error.filename, error.lineno
    return (
        f"{file}{f':{line}' if line else ''}: {in_words(error)}. Next: correct the file, or move it out of {folder} "
        "for as long: every command reads all files of the folder"
    )


def _not_found(folder: Path, error: ImportError) -> str:
    """Say which file of a folder of claims imports what Python does not find: a module, or a name in one."""
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    file = next((file for file in reversed(files) if Path(file).is_relative_to(folder)), str(folder))
    if not isinstance(error, ModuleNotFoundError):
        there = getattr(sys.modules.get(error.name or ""), "__all__", ())
        wanted = re.search(r"import name '(\w+)'", error.msg)
        known = nearest(wanted[1], there) if wanted else "."
        return f"{file}: {error.msg}{known} Next: correct the import"
    return (
        f"{file} imports {error.name!r}, which Python does not find. Next: import what is in the folder of claims "
        "relatively (from . import study), or python -m pip install what is missing"
    )


def _import_privately(folder: Path, name: str) -> None:
    """Import the folder itself as a package called `name`; it needs no ``__init__.py``."""
    file = folder / "__init__.py"
    if file.is_file():
        spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=[str(folder)])
    else:
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
    assert spec is not None
    package = sys.modules[name] = importlib.util.module_from_spec(spec)
    if spec.loader is not None:
        spec.loader.exec_module(package)


def paper(**given: str) -> Paper:
    """Make a paper, and register it in the catalogue that is being loaded; its folder is named by its key.

    Args:
        **given: `key`, `authors`, `title`, `venue` and `arxiv`, all of them text.

    Returns:
        The paper.

    Raises:
        DesignError: Another paper of the folder that is loaded has this arXiv number.

    >>> paper(key="example2026", authors="A. Author", title="On Tickets", venue="none", arxiv="0000.00000").title
    'On Tickets'
    """
    made = Paper(**given)
    if catalogue := _COLLECTING.get():
        for other in catalogue.papers.values():
            if other.key != made.key and made.arxiv and other.arxiv == made.arxiv:
                raise DesignError(
                    f"papers {other.key} and {made.key} have one arXiv number, {made.arxiv}: all claims of a paper are "
                    "one family of tests. Next: give them one key"
                )
        catalogue.papers[made.key] = made
    return made


def claim(
    id: str,
    *,
    statement: str,
    source: Source,
    predicted: Mapping[str, str],
    version: int = 1,
    supersedes: Sequence[str] = (),
    deviations: Sequence[str] | Mapping[str, Sequence[str]] = (),
    pilot: Callable[[Scale], Mapping[str, Arm]] | None = None,
    printed: Sequence[Published] = (),
) -> Callable[[Callable[[Scale], Design]], Claim]:
    """Make a claim of the decorated function, which returns the design at a scale; register it where one is loaded.

    Args:
        id: ``paper/what-is-claimed``.
        statement: The sentence that is tested.
        source: Where the paper says so.
        predicted: The expected verdict at each scale that the claim has a design for: ``"reproduced"``, ``"refuted"``
            or ``"inconclusive"``.
        version: Raised by one when a locked claim is amended.
        supersedes: Ids of locked claims in whose place this one stands: renamed, split or merged, their attempts count.
        deviations: What differs from the paper, for all scales or by scale.
        pilot: A function that returns further arms at a scale for ``harness pilot``, such as a grid of learning rates.
        printed: What the paper prints of what is compared, drawn and told beside it; it may be added after the lock.

    Returns:
        A decorator, which turns the function into the claim.

    Raises:
        DesignError: Another function of the folder that is loaded has this id, or it is none.

    >>> @claim(
    ...     "example2026/magnitude-beats-random",
    ...     statement="The largest weights make a better ticket than weights at random.",
    ...     source=Source(version="an example", place="this page", published="none"),
    ...     predicted={"micro": "reproduced"},
    ... )
    ... def magnitude_beats_random(scale: Scale) -> Design: ...
    >>> magnitude_beats_random.paper
    'example2026'
    """
    if ID.fullmatch(id) is None:
        raise DesignError(
            f"a claim {id!r}: expected paper/what-is-claimed, in letters, digits and hyphens. Next: rename it"
        )

    def register(build: Callable[[Scale], Design]) -> Claim:
        made = Claim(
            id=id,
            statement=" ".join(statement.split()),
            source=source,
            predicted={Scale(scale): Outcome(outcome) for scale, outcome in predicted.items()},
            build=build,
            version=version,
            supersedes=tuple(supersedes),
            deviations={
                Scale(scale): tuple(" ".join(text.split()) for text in texts)
                for scale, texts in (
                    deviations if isinstance(deviations, Mapping) else dict.fromkeys(predicted, deviations)
                ).items()
            },
            pilot=pilot,
            printed=tuple(printed),
        )
        if catalogue := _COLLECTING.get():
            for other in catalogue.claims.values():
                if other.id.replace("/", "-") == id.replace("/", "-"):  # as their figures are called
                    places = " and ".join(each.build.__code__.co_filename for each in (other, made))
                    named = id if other.id == id else f"{other.id} and {id}, which have one figure"
                    raise DesignError(f"two claims are called {named}: in {places}. Next: rename one")
            catalogue.claims[id] = made
        return made

    return register


def watch(name: str, build: Callable[[Scale], Training], *, scales: Sequence[str] = (Scale.MICRO,)) -> None:
    """Let the seed-variance check watch a training.

    Args:
        name: What ``harness variance`` calls it, ``paper/what``.
        build: A function that returns the training at a scale.
        scales: Where it is watched.

    >>> watch("example2026/dense", lambda scale: train(network, task, recipe))
    """
    if catalogue := _COLLECTING.get():
        catalogue.watched[name] = Watched(build, tuple(Scale(scale) for scale in scales))

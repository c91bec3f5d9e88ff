"""Where claims are: in the working folder, in a folder elsewhere, or in an installed package.

Each place has a registry, reports, a log of pilots and a store of its own, so that locks and verdicts of one never mix
with those of another. A folder called ``claims`` has them beside it, any other folder in it. What cannot be written, or
lies among installed packages, has them in the working folder, under ``places/``.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import harness
from harness.design import Catalogue, closed_seeds
from harness.errors import LockError, UsageError, nearest
from harness.extensions import in_words

GROUP = "ticket_harness.claims"  # of entry points: the name that --claims takes, and the package
VARIABLE = "HARNESS_CLAIMS"
SHIPPED = Path(harness.__file__).parent / "_shipped"  # the claims that an installed harness brings along
SHIPPED_NAME = "shipped"  # by which they are called where a working folder has others
BESIDE = "claims"  # a folder of this name belongs to the project around it
REGISTRY = ("registry.lock", "locked.jsonl", "known_before.csv")


@dataclass(frozen=True)
class Place:
    """A folder of claims, and the folder `root` in which reports/, docs/pilots.csv and .harness/store lie.

    `name` is what ``--claims`` was given, empty for the working folder's claims; `package` is the name by which Python
    finds the folder, if it is installed. `apart` says that the registry is in `root` too, as the folder is not ours to
    write; `whole` that the reports in `root` are those of this place.
    """

    name: str
    folder: Path
    root: Path
    package: str = ""
    apart: bool = False
    whole: bool = True

    @property
    def locks(self) -> Path:
        """The folder with the registry: what an installed package brings counts until something is locked here."""
        return self.root if self.apart and (self.root / REGISTRY[0]).is_file() else self.folder

    @property
    def told(self) -> str:
        """Where everything is, in words."""
        registry = self.root if self.apart else self.folder
        return f"claims in {self.folder}, registry in {registry}; reports, pilots and store in {self.root}"

    def load(self) -> Catalogue:
        """Return what the files of the place register. Raises LockError for locks of the package that are not here."""
        theirs, ours = self.folder / REGISTRY[0], self.locks / REGISTRY[0]
        if self.locks != self.folder and theirs.is_file():
            missing = closed_seeds(theirs.read_text("utf-8")) - closed_seeds(ours.read_text("utf-8"))
            if missing:
                raise LockError(
                    f"{theirs} has {len(missing)} rounds that {ours} has not: the package was upgraded. "
                    f"Next: harness lock --rechain {theirs} --claims {self.name}"
                )
        return Catalogue.load(self.folder, self.package, self.root if self.apart else None)

    def own_registry(self) -> Path:
        """Return the registry that may be written: where it has to be apart, it begins as the package's own."""
        if self.apart and self.locks != self.root:
            self.root.mkdir(parents=True, exist_ok=True)
            for file in (self.folder / name for name in reversed(REGISTRY)):  # the registry last: it says all are there
                if file.is_file():
                    shutil.copy(file, self.root)
        return (self.root if self.apart else self.folder) / REGISTRY[0]


@dataclass(frozen=True)
class Installed:
    """Claims of an installed package: the name that ``--claims`` takes, the papers, or why they cannot be loaded."""

    name: str
    package: str
    papers: tuple[str, ...] = ()
    fault: str = ""

    @property
    def told(self) -> str:
        """What it is, in words."""
        if self.fault:
            return f"{self.name} of the package {self.package} cannot be loaded: {self.fault}"
        return f"{self.name} of the package {self.package}: {', '.join(self.papers) or 'no paper'}"

    @property
    def next(self) -> str:
        """What to do with it."""
        if self.fault:
            return f"mend or upgrade {self.package}, or python -m pip uninstall {self.package}"
        return f"harness list --claims {self.name}"


def places() -> tuple[Installed, ...]:
    """Return the places that installed packages offer, by entry points of the group ``ticket_harness.claims``.

    An installed harness has one itself, called ``shipped``.

    Returns:
        One of each name and package, with the keys of its papers; one that cannot be loaded says why, and stops nobody.

    Example:
        >>> [place.fault for place in places()]
        []
    """
    shipped = [_installed(SHIPPED_NAME, harness.__name__)] if SHIPPED.is_dir() else []
    return (*shipped, *(_installed(point.name, _distribution(point)) for point in _points()))


def _installed(name: str, package: str) -> Installed:
    try:
        return Installed(name, package, tuple(sorted(find_place(name).load().papers)))
    except Exception as error:  # whatever a stranger's files die of
        return Installed(name, package, fault=in_words(error))


def find_place(claims: Path | str | None = None, root: Path | str | None = None) -> Place:
    """Return the place of the claims in a folder, of an installed package by its name or that of its entry point.

    Without `claims` it is what HARNESS_CLAIMS names, else ``claims/`` in `root`, the working folder by default, else
    what an installed harness brings along. Raises UsageError where there is no such place, or there are two.
    """
    given = claims or os.environ.get(VARIABLE)
    if not given:
        return _here(root)
    name, folder = str(given), Path(given)
    if given == SHIPPED_NAME and SHIPPED.is_dir():
        return _shipped(root)
    if isinstance(given, Path) or os.sep in name:
        return _of_folder(folder, root)
    points = [point for point in _points() if point.name == name]
    if len(points) > 1:
        told = " and ".join(_distribution(point) for point in points)
        raise UsageError(f"two packages call their claims {name!r}: {told}. Next: uninstall one, or name its folder")
    if points:
        place = _of_package(points[0].value, name, root)
        if folder.is_dir() and folder.resolve() != place.folder:
            raise UsageError(
                f"{name} is the folder {folder.resolve()}, and the claims of {_distribution(points[0])}. "
                f"Next: --claims .{os.sep}{name} for the folder, or the command in another working folder"
            )
        return place
    return _of_folder(folder, root) if folder.is_dir() else _of_package(name, name, root)


def _points() -> list[EntryPoint]:
    """Return the entry points of claims, each name and package once."""
    found = {(point.name, point.value, _distribution(point)): point for point in entry_points(group=GROUP)}
    return [point for _, point in sorted(found.items())]


def _distribution(point: EntryPoint) -> str:
    return point.value if point.dist is None else point.dist.name


def _here(root: Path | str | None) -> Place:
    base = Path(root or "").resolve()
    if (base / BESIDE).is_dir() or not SHIPPED.is_dir():
        return Place("", base / BESIDE, base)
    return _shipped(root)


def _shipped(root: Path | str | None) -> Place:
    return Place(SHIPPED_NAME, SHIPPED, Path(root or "").resolve() / "places" / SHIPPED_NAME, apart=True)


def _of_folder(folder: Path, root: Path | str | None, name: str = "", package: str = "") -> Place:
    """Return the place of a folder of claims that is there."""
    where = folder.resolve()
    if not where.is_dir():
        raise UsageError(f"no folder of claims at {folder}. Next: harness list, or harness new PAPER --folder {folder}")
    told = name or str(folder)
    among_packages = {"site-packages", "dist-packages"} & set(where.parts)
    if among_packages or not os.access(where, os.W_OK):
        own = package or f"{where.name}-{hashlib.sha256(str(where).encode()).hexdigest()[:8]}"
        return Place(told, where, Path(root or "").resolve() / "places" / own, package, apart=True)
    if root is None:
        return Place(told, where, where.parent if where.name == BESIDE else where, package)
    base = Path(root).resolve()
    mine = base / BESIDE
    return Place(told, where, base, package, whole=where == mine or (not mine.is_dir() and where.is_relative_to(base)))


def _of_package(package: str, name: str, root: Path | str | None) -> Place:
    """Return the place of the claims in a package that Python finds."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    for folder in _folders(spec):
        return _of_folder(folder, root, name, package)
    known = nearest(name, [point.name for point in _points()])
    raise UsageError(
        f"no folder, and no installed package, of claims is called {name!r}{known} "
        f"Next: harness list, which names the places there are, or harness new PAPER --folder {name}"
    )


def _folders(spec: importlib.machinery.ModuleSpec | None) -> Iterator[Path]:
    for location in (spec.submodule_search_locations or ()) if spec is not None else ():
        if Path(location).is_dir():
            yield Path(location)

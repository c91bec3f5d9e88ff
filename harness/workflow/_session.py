"""What all functions work on: the project's folder, the chosen claims, the scale, the device, and where results go."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.design import Catalogue, Claim, Registry, Scale, check_design
from harness.errors import UsageError, nearest
from harness.workflow._places import Place, find_place, places

if TYPE_CHECKING:
    from harness.compute import Executor


@dataclass(frozen=True, kw_only=True)
class Session:
    """The project's folder, the chosen claims, the scale, and how they are computed; see `open_session`.

    `folder` is where results go if that was said, `everything` whether no claims were named, and `place` where the
    claims were found.
    """

    root: Path
    catalogue: Catalogue
    scale: Scale
    claims: tuple[Claim, ...]
    store: Path
    folder: Path | None = None
    everything: bool = False
    quick: bool = False
    replicates: int | None = None
    variant: str = ""
    device: str = "cpu"
    workers: int | None = None
    executor: str = "local"
    data_dir: Path | None = None
    download: bool = False
    place: Place | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to another process without claims, which are functions of files: these are loaded again there."""
        names = {each.name for each in fields(self)} - {"catalogue", "claims"}
        said = {name: getattr(self, name) for name in names}
        ids = tuple(claim.id for claim in self.claims)
        return _again, (self.catalogue.folder, self.catalogue.locks, ids, said)

    @property
    def registry(self) -> Registry:
        """The registry of locked claims, as it is in its file now: another session may lock meanwhile."""
        return Registry(self.catalogue.registry_file)

    @property
    def elsewhere(self) -> str:
        """What a command needs to find claims that are not the working folder's own, with a space before it."""
        return f" --claims {self.place.name}" if self.place is not None and self.place.name else ""

    @property
    def committed(self) -> Path:
        """The report of this scale that is under version control."""
        return self.root / "reports" / self.scale

    @property
    def pilots(self) -> Path:
        """The log of pilots."""
        return self.root / "docs" / "pilots.csv"

    @cached_property
    def out(self) -> Path:
        """Where results go: the folder that was given, else the report for a run that may replace it, else scratch.

        Only all claims of the place, on their locked replicates and usual device, replace the report. The results of
        a variant lie beside those of the same run without it, under ``variants/``.
        """
        if self.folder is not None:
            return self.folder
        whole = (
            self.everything and not self.quick and self.replicates is None and (self.place is None or self.place.whole)
        )
        report = self.committed if whole and self._usual_device() else self.root / "reports" / "scratch"
        return report / "variants" / self.variant if self.variant else report

    @property
    def is_rerun(self) -> bool:
        """Whether results are to lie beside the committed report, as the same replicates computed elsewhere."""
        if self.folder is None:
            return False
        from harness.verdict import ELSEWHERE

        return self.out.resolve().parent == (self.committed / ELSEWHERE).resolve()

    def _usual_device(self) -> bool:
        """Whether the committed report of this scale, if there is one, was computed on this kind of device."""
        from harness.verdict import read_results

        path = self.committed / "results.parquet"
        if not path.is_file():
            return True
        kinds = {record.kind for record in read_results(path).meta.records.values()}
        return kinds <= {self.device}

    @contextmanager
    def start_executor(self) -> Iterator[Executor]:
        """Start what populations are computed by, with the claims' extensions known there too.

        Raises UsageError where workers of this machine want a GPU that it has not; they start while that is found out.
        """
        from harness.compute import EXECUTORS

        making = EXECUTORS[EXECUTORS.latest(self.executor)]
        prepare = partial(Catalogue.load, self.catalogue.folder, "" if self.place is None else self.place.package)
        with making(device=self.device, workers=self.workers, prepare=prepare) as executor:
            if self.device == "cuda" and self.executor == "local" and not _has_gpu():
                raise UsageError("no CUDA device is available to torch. Next: harness doctor, or --device cpu")
            yield executor

    @contextmanager
    def executor_ahead(self) -> Iterator[Executor | None]:
        """Start what computes on a GPU before anything is planned, as its workers take seconds; on a CPU nothing."""
        if self.device == "cpu":
            yield None
        else:
            with self.start_executor() as executor:
                yield executor

    def claim(self, id: str | None = None) -> Claim:
        """Return the chosen claim with this id, or the only one. Raises UsageError where there is no such claim."""
        chosen = {claim.id: claim for claim in self.claims}
        if id is None and len(chosen) == 1:
            return self.claims[0]
        if id is None:
            raise UsageError(f"one of {len(chosen)} claims is to be named: {', '.join(chosen)}. Next: harness list")
        if id not in chosen:
            raise UsageError(f"the session has no claim {id!r}{nearest(id, chosen)} Next: harness list")
        return chosen[id]


def _again(folder: Path, locks: Path | None, ids: Sequence[str], said: Mapping[str, Any]) -> Session:
    catalogue = replace(_loaded(folder, "" if said["place"] is None else said["place"].package), locks=locks)
    return Session(catalogue=catalogue, claims=tuple(catalogue.claims[id] for id in ids), **said)


@cache
def _loaded(folder: Path, package: str) -> Catalogue:
    """Return what the files of a folder register, once a process."""
    return Catalogue.load(folder, package)


def open_session(
    names: str | Sequence[str] | None = None,
    *,
    scale: str = Scale.MICRO,
    root: Path | str | None = None,
    claims: Path | str | None = None,
    store: Path | str | None = None,
    out: Path | str | None = None,
    quick: bool = False,
    replicates: int | None = None,
    variant: str = "",
    device: str = "auto",
    workers: int | None = None,
    executor: str = "local",
    data_dir: Path | str | None = None,
    download: bool = False,
) -> Session:
    """Open a session on claims of a project; nothing is computed or written yet.

    Args:
        names: Ids of claims or papers, one or several; all claims that have a design at `scale` by default.
        scale: ``micro``, ``standard`` or ``paper``.
        root: The project's folder, which holds claims/, reports/ and docs/; by default that of the claims, which is the
            working folder where they are in its claims/.
        claims: A folder of claims, a package, or the name by which an installed package offers its claims. By default
            HARNESS_CLAIMS, else claims/ in the project, else those that the harness comes with.
        store: Where computed records are. By default HARNESS_STORE, else .harness/store in the project.
        out: The folder for results; by default see `Session.out`.
        quick: 2 replicates of a few steps: machinery only.
        replicates: Another number of replicates than the locked one; verdicts are exploratory then.
        variant: Other settings: ``half-rate``, ``double-rate``, ``bfloat16`` or ``jolt``.
        device: ``cpu``, ``cuda``, or ``auto``: CUDA if present.
        workers: Worker processes: on a CPU one a core, at most 8, by default; 4 that share a GPU.
        executor: By what populations are computed: a name in `harness.compute.EXECUTORS`.
        data_dir: Where data sets are looked for first.
        download: Whether to download data sets that are needed and not found.

    Returns:
        The session, for the other functions of `harness.workflow`.

    Raises:
        UsageError: For a scale, claim, paper, place or device that is not known, with the nearest known names.
        DesignError: For two claims of one id.

    Example:
        >>> session = open_session("frankle2019/iterative-beats-one-shot", quick=True)
        >>> [claim.paper for claim in session.claims]
        ['frankle2019']
    """
    device = pick_device(device)
    if replicates is not None and replicates < 1:
        raise UsageError(
            f"{replicates} replicates measure nothing. Next: --replicates 10, or none for the locked number"
        )
    if scale not in list(Scale):
        raise UsageError(
            f"unknown scale {scale!r}{nearest(scale, list(Scale))} Scales: {', '.join(Scale)}. Next: harness list"
        )
    place = find_place(claims, root)
    catalogue = place.load()
    named = [names] if isinstance(names, str) else list(names or [])
    chosen = _select(catalogue, named, Scale(scale))
    if not chosen:
        raise UsageError(f"no claim has a design at scale {scale}. Next: harness list")
    return Session(
        root=place.root,
        place=place,
        catalogue=catalogue,
        scale=Scale(scale),
        claims=tuple(chosen),
        store=store_folder(place.root, store),
        folder=None if out is None else Path(out),
        everything=not named,
        quick=quick,
        replicates=replicates,
        variant=variant,
        device=device,
        workers=workers,
        executor=executor,
        data_dir=None if data_dir is None else Path(data_dir),
        download=download,
    )


def _select(catalogue: Catalogue, names: Sequence[str], scale: Scale) -> list[Claim]:
    """Return the named claims. Raises UsageError for a name that is not known here, and says where it is known."""
    try:
        return catalogue.select(names, scale)
    except UsageError as error:
        papers = {name.partition("/")[0] for name in names} - catalogue.papers.keys()
        for other in places() if papers else ():
            if papers & set(other.papers):
                raise UsageError(f"{str(error).partition(' Next:')[0]} Next: --claims {other.name}") from None
        raise


def store_folder(root: Path, given: Path | str | None = None) -> Path:
    """Return the store: as it was given, else HARNESS_STORE, else in the project's folder."""
    return Path(given or os.environ.get("HARNESS_STORE") or root / ".harness" / "store")


def pick_device(wanted: str) -> str:
    """Return ``cpu`` or ``cuda`` for ``auto``, ``cpu`` or ``cuda``; torch is imported only where there may be a GPU.

    What is named is not looked for: a run may be planned here that is computed elsewhere.
    """
    if wanted not in ("auto", "cpu", "cuda"):
        raise UsageError(f"unknown device {wanted!r}; devices are auto, cpu and cuda")
    if wanted != "auto":
        return wanted
    driver = shutil.which("nvidia-smi") or Path("/dev/nvidiactl").exists() or Path("/proc/driver/nvidia").exists()
    return "cuda" if driver and _has_gpu() else "cpu"


def _has_gpu() -> bool:
    from harness.engine import gpu_name

    return bool(gpu_name())


def check_claims(session: Session, claims: Iterable[Claim]) -> None:
    """Check these claims' designs, once the data are found that this has to read.

    Raises DesignError where a design cannot decide or compares unlike arms, DataError where such data are missing.
    """
    from harness.data import needs_images
    from harness.expression import lineage

    for claim in claims:
        tasks = {node.task for node in lineage(claim.design(session.scale).nodes)}
        require_data(session, {task.source for task in tasks if needs_images(task)})
        check_design(claim, session.scale)


def require_data(session: Session, sources: Collection[str]) -> None:
    """Find these data sets, or download them where the session says so. Raises DataError where one is missing."""
    from harness.data import look_in, require_sets

    look_in(session.data_dir)
    require_sets(sources, download=session.download)

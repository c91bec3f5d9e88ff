"""A claim: a sentence of a paper, and its design at each scale."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from harness.design._axis import DENSITY, Axis
from harness.design._exact import Exact
from harness.design._metrics import metric
from harness.design._parts import Part
from harness.errors import DesignError, UsageError
from harness.expression import Measured, density, measures
from harness.stats import Decision, Kind, Outcome, Reading
from harness.streams import SUITE_SEED

if TYPE_CHECKING:
    from harness.design._from_paper import Published

HASHED_AS = {"bound": "bound_pp", "published": "published_pp"}  # what locks call a part's fields: these names stay

CONTROLS = "controls"  # the folder of claims that are about the protocol and not about a paper


class Scale(StrEnum):
    """How much is spent on a claim.

    >>> Scale("micro") is Scale.MICRO
    True
    """

    MICRO = "micro"  # embedded data, two CPU cores, minutes
    STANDARD = "standard"  # real data, shortened, one GPU or a patient CPU
    PAPER = "paper"  # the paper's own settings


@dataclass(frozen=True, kw_only=True)
class Paper:
    """A paper whose claims are encoded; `key` is the folder of its claims."""

    key: str
    authors: str
    title: str
    venue: str
    arxiv: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a claim stands: version and place in the paper, and the figure published there, if it is known.

    Args:
        version: Which version of the paper: ``"arXiv v5"``, ``"ICLR 2019"``.
        place: Section, figure or table.
        published: The figure printed there, in words, or ``"none"``.

    >>> Source(version="ICLR 2019", place="Figure 4", published="none").place
    'Figure 4'
    """

    version: str
    place: str
    published: str


Arm = (
    Sequence[Measured]
    | Measured
    | Mapping[int, Sequence[Measured] | Measured]
    | Mapping[Fraction, Sequence[Measured] | Measured]
)
Points = Mapping[Fraction, tuple[Measured, ...]]


@dataclass(frozen=True, kw_only=True)
class Design:
    """A claim at one scale: what is measured, and what is asserted of it.

    `arms` maps a name to the trainings (or evaluations) of one condition; their densities follow from their masks,
    and several at one density are re-draws, averaged before any test. Along another `axis` an arm has its trainings
    by point, ``{40: node, 80: node}``; one with a single point is compared with every point of another arm. `parts`
    decide together; `beside` are printed with their own result and decide nothing. `contrast` names the fields in
    which the arms of a part may differ, as in ``("mask", "recipe.optimiser.lr")``; `plan` refuses any other
    difference. `panels` groups arms in the figure, by title; without it the arms of a task share one.

    An exact claim has `exact` instead, and neither arms nor parts nor replicates: nothing is trained or tested.

    Args:
        arms: By name: a node, one per density, or several per density.
        parts: What has to hold, all of it.
        contrast: The fields in which compared arms may differ.
        replicates: How many seed bundles decide.
        decision: `Decision.T`, or `Decision.SIGN_FLIP` where pilots collapse now and then.
        beside: Parts that decide nothing.
        panels: Names of arms by title.
        exact: Quantities instead of arms.
        axis: What tells the points of arms apart, where it is not density.

    Raises:
        DesignError: For arms along another axis than the design's, for a point that is not exact, and for a band of
            densities that are no fractions.

    >>> from fractions import Fraction
    >>> from harness import DIGITS, evaluate, mlp, random_mask
    >>> net = mlp(64, 30, 10)
    >>> nodes = [evaluate(net, DIGITS, mask=random_mask(net, keep=Fraction(1, n))) for n in (2, 4)]
    >>> list(Design(arms={"random": nodes}).points["random"])
    [Fraction(1, 2), Fraction(1, 4)]
    """

    arms: Mapping[str, Arm] = field(default_factory=dict)
    parts: Sequence[Part] = ()
    contrast: Sequence[str] = ()
    replicates: int = 10
    decision: Decision = Decision.T
    beside: Sequence[Part] = ()
    panels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    exact: Sequence[Exact] = ()
    axis: Axis = DENSITY
    claim: str = field(default="", init=False, compare=False, repr=False)  # whose it is, for errors

    def __post_init__(self) -> None:
        if self.exact:
            object.__setattr__(self, "replicates", 0)
        for name, arm in self.arms.items():
            _check_arm(name, arm, self.axis)
        for parts in ("parts", "beside"):  # which are read along the design's axis
            along = tuple(
                part if part.axis == self.axis else replace(part, axis=self.axis) for part in getattr(self, parts)
            )
            object.__setattr__(self, parts, along)
        for part in self.compared():
            if part.band is not None and self.axis.is_density and not part.band.is_of_densities:
                raise DesignError(
                    f"part {part.name!r}: band {part.band.low} to {part.band.high}: densities are fractions kept, "
                    "0 < low <= high <= 1. Next: correct the band in the claim's file, or give the design its axis="
                )

    @cached_property
    def points(self) -> dict[str, Points]:
        """Return for each arm its nodes by exact density, densest first, or by point in the order of the axis."""
        return {name: self._points_of(name) for name in self.arms}

    def _points_of(self, name: str) -> Points:
        try:
            return _by_point(self.arms[name], self.axis)
        except DesignError as error:  # of a mask's density, which knows of no arm
            raise DesignError(f"{f'{self.claim}, ' if self.claim else ''}arm {name!r}: {error}") from error

    def with_points(self, points: Mapping[str, Points]) -> Design:
        """Return the design with other arms, given as `points` gives them."""
        if not self.axis.is_density:
            return replace(self, arms=dict(points))
        return replace(
            self, arms={name: tuple(node for nodes in of.values() for node in nodes) for name, of in points.items()}
        )

    @property
    def nodes(self) -> tuple[Measured, ...]:
        """All nodes of all arms, arm after arm, in the order of the axis."""
        return tuple(node for points in self.points.values() for nodes in points.values() for node in nodes)

    def read(self, arm: str, part: Part) -> Points:
        """Return the points of `arm` that `part` reads: those in its band, or the arm's only point."""
        points = self.points[arm]
        if part.band is None or len(points) == 1:
            return points
        return {d: nodes for d, nodes in points.items() if d in part.band}

    def compared(self) -> list[Part]:
        """Return the parts that decide, then those beside."""
        return [*self.parts, *self.beside]

    def metric_of(self, arm: str) -> str:
        """The metric in which `arm` is shown: of parts that read it, else of all, the first one that it measures."""
        nodes = [node for drawn in self.points[arm].values() for node in drawn]
        read = [part.metric for part in self.compared() if arm in part.reads]
        shown = [*read, self.metric, *(part.metric for part in self.compared()), "test_accuracy"]
        return next((each for each in shown if all(measures(node, metric(each).source) for node in nodes)), shown[0])

    @property
    def metric(self) -> str:
        """The stored metric in which arms are shown: that of the first part."""
        return self.parts[0].metric if self.parts else "test_accuracy"


def _check_arm(name: str, arm: Arm, axis: Axis) -> None:
    """Raise DesignError for an arm that does not lie along the axis of its design."""
    if isinstance(arm, Mapping) and axis.is_density:
        raise DesignError(
            f"arm {name!r} has points of its own ({', '.join(map(str, arm))}), and its design has no axis but density, "
            "which follows from masks. Next: axis=Axis('width'), or what the points are, and every arm by such points"
        )
    if not isinstance(arm, Mapping) and not axis.is_density:
        raise DesignError(
            f"arm {name!r} lies along density, and the axis of its design is {axis.name}: the arms of a design have "
            "one axis. Next: give the arm by point, as {40: node}; with one point it is compared with every other"
        )
    if isinstance(arm, Mapping):
        if not arm:
            raise DesignError(f"arm {name!r} has no point. Next: give it one, as {{40: node}}")
        for point in arm:
            axis.check(name, point)


def _by_point(arm: Arm, axis: Axis) -> Points:
    grouped: defaultdict[Fraction, list[Measured]] = defaultdict(list)
    if isinstance(arm, Mapping):
        for point, given in arm.items():
            grouped[Fraction(point)] += [given] if isinstance(given, Measured) else given
    else:
        for node in [arm] if isinstance(arm, Measured) else arm:
            grouped[density(node)].append(node)
    return {point: tuple(grouped[point]) for point in axis.ordered(grouped)}


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One testable sentence of a paper. `version` rises when a locked claim is amended.

    `supersedes` names locked claims in whose place it stands, renamed, split or merged: their attempts are its own.
    `printed` is what the paper prints of what is compared; it decides nothing and no lock hashes it.
    """

    id: str
    statement: str
    source: Source
    predicted: Mapping[Scale, Outcome]
    build: Callable[[Scale], Design]
    version: int = 1
    supersedes: tuple[str, ...] = ()
    deviations: Mapping[Scale, Sequence[str]] = field(default_factory=dict)
    pilot: Callable[[Scale], Mapping[str, Arm]] | None = None
    printed: Sequence[Published] = ()
    _designs: dict[Scale, Design] = field(default_factory=dict, compare=False)

    @property
    def paper(self) -> str:
        """Key of the paper, the first part of the id."""
        return self.id.split("/")[0]

    def design(self, scale: Scale) -> Design:
        """Return the design at `scale`, built once.

        Raises UsageError where the claim has none, DesignError where it cannot be built.
        """
        if scale not in self.predicted:
            raise UsageError(
                f"{self.id} has no design at scale {scale}; it has {', '.join(self.predicted)}. "
                f"Next: harness list --scale {next(iter(self.predicted))}"
            )
        if scale not in self._designs:
            try:
                self._designs[scale] = self.build(scale)
            except DesignError as error:  # of an expression, which knows of no claim
                raise DesignError(f"{self.id} at scale {scale}: {error}") from error
            object.__setattr__(self._designs[scale], "claim", self.id)
        return self._designs[scale]

    def locked_content(self, scale: Scale) -> dict[str, Any]:
        """Return everything an entry of the lock hashes: a changed learning rate is in the arms' keys."""
        design = self.design(scale)
        exact = {"exact": [{"name": e.name, "expected": str(e.expected)} for e in design.exact]} if design.exact else {}
        instead = {"supersedes": list(self.supersedes)} if self.supersedes else {}
        return {
            **exact,
            **instead,
            "statement": self.statement,
            "scale": scale,
            "replicates": design.replicates,
            "suite_seed": SUITE_SEED,
            "predicted": self.predicted[scale],
            "decision": design.decision,
            "hypothesis": [_plain(part) for part in design.parts],
            "beside": [_plain(part) for part in design.beside],
            "chance": {node.task.name: node.task.chance for node in design.nodes},
            "arms": {
                name: {str(d): sorted(node.key for node in nodes) for d, nodes in points.items()}
                for name, points in design.points.items()
            },
        }

    def digest(self, scale: Scale) -> str:
        """Return the SHA-256 of `locked_content`, 64 hexadecimal digits."""
        return sha256(json.dumps(self.locked_content(scale), sort_keys=True).encode()).hexdigest()


def _plain(part: Part) -> dict[str, Any]:
    """Return a part as locks hash it, without fields at their defaults: later fields leave locks valid."""
    given = {
        HASHED_AS.get(f.name, f.name): getattr(part, f.name) for f in fields(part) if getattr(part, f.name) != f.default
    }
    plain: dict[str, Any] = json.loads(json.dumps(given, default=_plain_value))
    return plain


def _plain_value(value: object) -> object:
    if isinstance(value, Kind | Reading):
        return str(value)  # its name is locked, and not its words
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)

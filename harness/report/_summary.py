"""A claim in one line, grouped by paper: what the report's first table and its overview figure show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from harness.design import CONTROLS, Catalogue, Locked, Paper, Registry, Scale
from harness.report._notation import anchor, interval
from harness.stats import Outcome
from harness.verdict import ClaimVerdict, EarlierVersion, PartVerdict, Verdicts


@dataclass(frozen=True, kw_only=True)
class Line:
    """A claim at one scale; `verdict` is None for one that is locked and has no stored results.

    Of a claim that was withdrawn it is the last one, told in short; such a claim has no section.
    """

    id: str
    scale: Scale
    predicted: str
    verdict: ClaimVerdict | EarlierVersion | None

    @property
    def name(self) -> str:
        """The id without the paper."""
        return self.id.partition("/")[2]

    @property
    def anchor(self) -> str:
        """Where the claim's section is; empty where it has none."""
        return anchor(self.id) if self._whole else ""

    @property
    def _whole(self) -> ClaimVerdict | None:
        """The verdict with all that was judged for it; None for what was withdrawn or not run."""
        return self.verdict if isinstance(self.verdict, ClaimVerdict) else None

    @property
    def outcome(self) -> Outcome:
        """What it came to."""
        return self.verdict.outcome if self.verdict else Outcome.NOT_RUN

    @property
    def confirmatory(self) -> bool:
        """Whether its verdict is on the locked replicates of the locked design."""
        return self.verdict is not None and (self._whole is None or self._whole.is_confirmatory)

    @property
    def verdict_text(self) -> str:
        """Its verdict in words, with the qualifier."""
        return self.verdict.in_words(self.scale) + self.withdrawn if self.verdict else str(Outcome.NOT_RUN)

    @property
    def withdrawn(self) -> str:
        """The words for a claim that no file defines any more; empty for others."""
        return ", withdrawn" if isinstance(self.verdict, EarlierVersion) else ""

    @property
    def came_out(self) -> bool | None:
        """Whether the prediction came out; None where that does not count."""
        return self.outcome == self.predicted if self.confirmatory else None

    @property
    def known_before(self) -> bool:
        """Whether its prediction was locked with an earlier result of the claim in hand."""
        return self.verdict is not None and (self.verdict.version > 1 or bool(self._whole and self._whole.earlier))

    @property
    def part(self) -> PartVerdict | None:
        """The part that decides, if the claim has parts with a result."""
        return self._whole.deciding if self._whole else None

    @property
    def effect(self) -> str:
        """Effect and interval of the part that decides."""
        told = self.verdict if isinstance(self.verdict, EarlierVersion) and self.verdict.mean is not None else self.part
        return interval(told) if told else "–"

    @property
    def n(self) -> str:
        """Replicates, or a dash where there are none."""
        return str(self.verdict.n) if self.verdict and self.verdict.n else "–"

    @property
    def rests_on(self) -> str:
        """What the verdict rests on, in a few words."""
        if isinstance(self.verdict, EarlierVersion):
            return f"{self.verdict.name or 'exact'}; no file defines it at this scale any more"
        return self.verdict.rests_on if self.verdict else "locked, no results here"


@dataclass(frozen=True, kw_only=True)
class Group:
    """The claims of a paper, or the controls; `paper` is None for a paper that no file registers any more."""

    key: str
    paper: Paper | None
    lines: Sequence[Line]

    @property
    def heading(self) -> str:
        """The heading under which their sections stand."""
        if self.key == CONTROLS:
            return "Controls"
        return f"{self.key} – {self.paper.title}" if self.paper else self.key

    @property
    def anchor(self) -> str:
        """Where that heading is."""
        return anchor(self.heading)

    @property
    def tally(self) -> str:
        """Its verdicts, counted."""
        return tally(self.lines)


def groups(verdicts: Verdicts, registry: Registry, catalogue: Catalogue) -> list[Group]:
    """Return the claims of a report by paper, papers and claims by name, the controls last.

    To the claims with a verdict come those that were withdrawn, and those that the same papers have locked at this
    scale and that were not run, but for those in whose place others were.
    """
    scale = verdicts.scale
    lines = {
        id: Line(id=id, scale=scale, predicted=verdict.predicted, verdict=verdict)
        for id, verdict in verdicts.claims.items()
    }
    for id, told in verdicts.withdrawn.items():
        lines[id] = Line(
            id=id, scale=scale, predicted=_predicted(told[-1], registry.versions(id, scale)), verdict=told[-1]
        )
    papers = {id.partition("/")[0] for id in lines}
    covered = {entry.claim for id in lines for entry in registry.lineage(id, scale)}
    for entry in registry.entries:
        if entry.scale == scale and entry.paper in papers and entry.claim not in covered:
            lines[entry.claim] = Line(id=entry.claim, scale=scale, predicted=entry.predicted, verdict=None)
    return [
        Group(
            key=key,
            paper=catalogue.papers.get(key),
            lines=[lines[id] for id in sorted(lines) if id.partition("/")[0] == key],
        )
        for key in sorted(papers, key=lambda key: (key == CONTROLS, key))
    ]


def _predicted(told: EarlierVersion, entries: Sequence[Locked]) -> str:
    """Return what was predicted of a verdict by its lock."""
    return next(each.predicted for each in entries if (each.version, each.round) == (told.version, told.round))


def of_papers(grouped: Sequence[Group]) -> list[Group]:
    """Return the groups that are about papers, without the controls."""
    return [group for group in grouped if group.key != CONTROLS]


def tally(lines: Sequence[Line], of: str = "") -> str:
    """Return how many claims, `of` what, came to what, exploratory ones apart: ``2 claims: 2 reproduced``."""
    counted = Counter(
        str(line.outcome) if line.confirmatory or line.outcome is Outcome.NOT_RUN else "exploratory" for line in lines
    )
    told = ", ".join(f"{counted[word]} {word}" for word in (*map(str, Outcome), "exploratory") if counted[word])
    return f"{len(lines)} claim{'s' if len(lines) != 1 else ''}{of}: {told or 'none'}"

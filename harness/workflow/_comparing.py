"""Two reports, or two baselines, side by side: effects, intervals, trainings, verdicts, versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.design import PERCENTAGE_POINTS, Claim, design_of
from harness.errors import UsageError
from harness.population import Provenance
from harness.stats import Interval, PartResult, decimals, mean_interval, welch_interval
from harness.verdict import Bias, ClaimVerdict, PartVerdict, Results, bias, compare_part, read_results
from harness.workflow._judging import judge_rows
from harness.workflow._session import Session

if TYPE_CHECKING:
    from harness.variance import Baseline


@dataclass(frozen=True)
class Line:
    """One effect or mean on both sides, and how far B lies from A, in their unit.

    The interval of the difference is paired where both sides have the same replicates, else Welch's.
    """

    what: str
    a: str
    b: str
    difference: float
    lower: float
    upper: float
    how: str
    unit: str = PERCENTAGE_POINTS


@dataclass(frozen=True)
class Differing:
    """Something other than an effect that is not the same on both sides, as a package's version."""

    what: str
    a: str
    b: str


@dataclass(frozen=True)
class Changed:
    """A claim whose verdict is another one, with both in words and the effect on which each rests.

    An effect is empty where nothing was compared.
    """

    claim: str
    a: str
    b: str
    a_effect: str
    b_effect: str


@dataclass(frozen=True)
class Comparison:
    """All effects or means, what else differs, the verdicts that changed, and how single trainings differ.

    `bias` is of the trainings that both reports computed, each by itself; None where there are no such ones.
    """

    lines: tuple[Line, ...]
    differs: tuple[Differing, ...]
    changed: tuple[Changed, ...] = ()
    bias: Bias | None = None


def compare(session: Session, a: Path | str, b: Path | str) -> Comparison:
    """Compare two reports or two baselines: effects, intervals, trainings, verdicts, versions. Needs no torch.

    Args:
        session: What `open_session` returned; the claims of its project are compared.
        a: A report's folder, its results.parquet, or a baseline's JSON file.
        b: What it is compared with.

    Returns:
        The effects on both sides with their difference, how trainings that both computed differ, what else differs, and
        the verdicts that changed.

    Raises:
        UsageError: For one of each, for reports of two scales, or for nothing in common.
        ResultsError: For what cannot be read.

    Example:
        >>> compare(open_session(), "reports/micro", "reports/micro").changed  # doctest: +SKIP
        ()
    """
    a, b = Path(a), Path(b)
    if a.suffix == b.suffix == ".json":
        from harness.variance import read_baseline

        return _baselines(read_baseline(a), read_baseline(b))
    if ".json" in (a.suffix, b.suffix):
        raise UsageError(f"{a} and {b}: one is a baseline, the other is not. Next: give two reports or two baselines")
    return _reports(_results(a), _results(b), session)


def _results(path: Path) -> Results:
    return read_results(path / "results.parquet" if path.is_dir() else path)


def _reports(a: Results, b: Results, session: Session) -> Comparison:
    scales = [side.meta.scale for side in (a, b)]
    if scales[0] != scales[1]:
        raise UsageError(f"reports at scale {scales[0]} and scale {scales[1]} measure other tasks. Next: harness list")
    one, other = (judge_rows(side, session).verdicts.claims for side in (a, b))
    shared = sorted(one.keys() & other.keys())
    if not shared:
        raise UsageError("the two reports have no claim in common. Next: harness list")
    lines: list[Line] = []
    changed = []
    for id in shared:
        lines += _effects(session.catalogue.claims[id], a, b)
        if one[id].outcome != other[id].outcome:
            before, after = (side[id].in_words(scales[0]) for side in (one, other))
            changed.append(Changed(id, before, after, _rests_on(one[id]), _rests_on(other[id])))
    differs = [
        *_differing(_kind_of_run(a), _kind_of_run(b)),
        *_differing(_provenance(a.meta.records.values()), _provenance(b.meta.records.values())),
        *(Differing(f"{id} only in", "A" if id in one else "B", "") for id in sorted(one.keys() ^ other.keys())),
    ]
    return Comparison(tuple(lines), tuple(differs), tuple(changed), bias(a, b))


def _rests_on(verdict: ClaimVerdict) -> str:
    """Return the comparison that decides with its effect and interval; empty where nothing was compared."""
    part = verdict.deciding
    if part is None or part.mean is None:
        return ""
    return f"{part.name} {_interval(part)} {part.unit}"


def _interval(part: PartResult | PartVerdict) -> str:
    to = decimals(part.unit)
    return f"{part.mean:+.{to}f} ({part.lower:+.{to}f} to {part.upper:+.{to}f})"


def _kind_of_run(side: Results) -> dict[str, str]:
    return {"variant": side.meta.variant or "as locked", "quick": "yes" if side.meta.quick else "no"}


def _effects(claim: Claim, a: Results, b: Results) -> list[Line]:
    """The parts of a claim that both sides have, by name."""
    id, scale = claim.id, a.meta.scale
    parts = [{p.name: p for p in design_of(claim, scale, side.meta.variant).parts} for side in (a, b)]
    lines = []
    for name in parts[0]:
        if name not in parts[1]:
            continue
        one, two = compare_part(a, id, parts[0][name]), compare_part(b, id, parts[1][name])
        x, y = a.differences(id, parts[0][name]), b.differences(id, parts[1][name])
        common = sorted(set(a.replicates(id)) & set(b.replicates(id)))
        if min(len(x), len(y)) < 2:
            raise UsageError(f"{id}: a side has one replicate, and no spread. Next: harness run {id} --replicates 2")
        paired = len(common) > 1 and a.meta.seed(id) == b.meta.seed(id)
        if paired:
            x, y = (values[[side.replicates(id).index(r) for r in common]] for side, values in ((a, x), (b, y)))
            difference, how = mean_interval(y - x), f"paired, n {len(common)}"
        else:
            difference, how = welch_interval(y, x), f"Welch, n {len(x)} and {len(y)}"
        line = _line(f"{id}: {name}", _effect(one), _effect(two), float(y.mean() - x.mean()), difference, how)
        lines.append(replace(line, unit=parts[0][name].unit))
    return lines


def _effect(part: PartResult) -> str:
    return f"{_interval(part)}, n {part.n}"


def _line(what: str, a: str, b: str, difference: float, interval: Interval, how: str) -> Line:
    return Line(what, a, b, difference, interval.lower, interval.upper, how)


def _baselines(a: Baseline, b: Baseline) -> Comparison:
    x, y = (np.array(list(side.values.values())) for side in (a, b))
    of = f"{a.recipe}: test accuracy" if a.recipe == b.recipe else f"{a.recipe} and {b.recipe}: test accuracy"
    told = [f"{v.mean():.2f}, sd {v.std(ddof=1):.2f}, n {len(v)}" for v in (x, y)]
    if a.suite_seed == b.suite_seed and a.values.keys() == b.values.keys():
        y_paired = np.array([b.values[r] for r in a.values])
        interval, how = mean_interval(y_paired - x), f"paired, n {len(x)}"
    else:
        interval, how = welch_interval(y, x), f"Welch, n {len(x)} and {len(y)}"
    named = [
        {"recipe": side.recipe, "scale": side.scale, "key": side.key, "accepted": side.accepted, "reason": side.reason}
        | _provenance([side.provenance])
        for side in (a, b)
    ]
    draws = sum(a.drawn.get(i, {}).get(what) != d for i, drawn in b.drawn.items() for what, d in drawn.items())
    differs = _differing(*named)
    if draws:
        differs.append(Differing("draws", "as in A", f"{draws} differ"))
    lines = [_line(of, told[0], told[1], float(y.mean() - x.mean()), interval, how)]
    return Comparison(tuple(lines), tuple(differs))


def _provenance(records: Iterable[Provenance]) -> dict[str, str]:
    """Where and with what rows were computed: every value that occurs, by name."""
    found: dict[str, set[str]] = {}
    for record in records:
        flat = {"device": record.device, "processor": record.processor, "git": record.git, "code": record.code}
        known = {name: value or "not recorded" for name, value in flat.items()}
        for name, value in {**known, **record.versions, **(record.settings or {})}.items():
            found.setdefault(name, set()).add(value)
    return {name: ", ".join(sorted(values)) for name, values in found.items()}


def _differing(a: Mapping[str, str], b: Mapping[str, str]) -> list[Differing]:
    names = dict.fromkeys([*a, *b])
    return [Differing(n, a.get(n, "–"), b.get(n, "–")) for n in names if a.get(n) != b.get(n)]

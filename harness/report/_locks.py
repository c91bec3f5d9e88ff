"""Every lock of a claim in words: what it was an attempt at, what it changed, its verdict, and all of them together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.design import Locked, Registry, Scale, changes, compares_alike
from harness.report._notation import interval, p_is
from harness.stats import Sample, heterogeneity, pooled
from harness.verdict import ClaimVerdict, EarlierVersion, MeanInterval


@dataclass(frozen=True)
class _Attempt:
    """A lock with the verdict on it, as far as there is one."""

    entry: Locked | None
    verdict: ClaimVerdict | EarlierVersion | None

    @property
    def effect(self) -> MeanInterval | None:
        """The effect of the part on which the verdict rests."""
        return self.verdict.deciding if isinstance(self.verdict, ClaimVerdict) else self.verdict

    @property
    def name(self) -> str:
        """That part's name."""
        part = self.verdict.deciding if isinstance(self.verdict, ClaimVerdict) else self.verdict
        return (part.name or "") if part else ""

    @property
    def sample(self) -> Sample | None:
        """The numbers behind the effect, as a sample; None without a spread."""
        effect = self.effect
        if effect is None or self.verdict is None or effect.mean is None or effect.lower is None or self.verdict.n < 2:
            return None
        return Sample.of_interval(effect.mean, effect.lower, self.verdict.n)


def locks(id: str, verdict: ClaimVerdict, registry: Registry, scale: Scale) -> list[str]:
    """Return each lock of a claim in words, the first first, and what those of one comparison come to together."""
    told = [*_attempts(id, verdict, registry, scale)]
    words = [_words(each, told[i - 1] if i else None, registry, scale) for i, each in enumerate(told)]
    return [*words, *_together(told, registry)]


def _attempts(id: str, verdict: ClaimVerdict, registry: Registry, scale: Scale) -> Iterator[_Attempt]:
    verdicts: dict[tuple[str, int, int], ClaimVerdict | EarlierVersion] = {
        (each.claim or id, each.version, each.round): each for each in verdict.earlier
    }
    if verdict.is_confirmatory:
        verdicts[id, verdict.version, verdict.round] = verdict
    for entry in registry.lineage(id, scale):
        yield _Attempt(entry, verdicts.pop((entry.claim, entry.version, entry.round), None))
    yield from (_Attempt(None, each) for each in verdicts.values())
    if not verdict.is_confirmatory:
        yield _Attempt(None, verdict)


def _words(attempt: _Attempt, before: _Attempt | None, registry: Registry, scale: Scale) -> str:
    entry, verdict = attempt.entry, attempt.verdict
    version = entry.version if entry is not None else verdict.version if verdict is not None else 0
    words = (
        f"version {version}, {_locked(entry, before, registry) if entry is not None else 'as it is now, not locked'}"
    )
    if verdict is None:
        return f"{words}: no verdict stored"
    return f"{words}: **{verdict.in_words(scale)}**{_effect(attempt)}"


def _locked(entry: Locked, before: _Attempt | None, registry: Registry) -> str:
    """Say when an entry was locked, as what, on which replicates, and what it changed."""
    last = entry.first_replicate + entry.replicates - 1
    block = f", replicates {entry.first_replicate} to {last}" if entry.replicates else ""
    as_what = f" in round {entry.round}" if entry.round else ""
    text = registry.text(entry)
    if before is None and text is not None and (others := registry.related(text, entry.round)):
        as_what += f" (related: {', '.join(others)} compared some of it in an earlier round)"
    if before is not None and before.entry is not None:
        name = f", in place of {before.entry.claim}" if before.entry.claim != entry.claim else ""
        as_what += f" ({registry.attempt(entry)}{_changed(before.entry, entry, registry)}{name})"
    return f"locked {entry.locked}{as_what}{block}, predicted {entry.predicted}"


def _changed(before: Locked, entry: Locked, registry: Registry) -> str:
    was, now = registry.text(before), registry.text(entry)
    told = changes(was, now) if was is not None and now is not None else []
    return f": {', '.join(told)}" if told else ""


def _effect(attempt: _Attempt) -> str:
    effect, verdict = attempt.effect, attempt.verdict
    if effect is None or verdict is None or effect.mean is None:
        return ""
    on = f"{attempt.name} " if attempt.name else ""
    return f", {on}{interval(effect)}, n = {verdict.n}"


def _together(told: list[_Attempt], registry: Registry) -> Iterator[str]:
    """Say what the latest lock and those before it that compare the same come to together, and whether they differ."""
    last = told[-1] if told else None
    text = registry.text(last.entry) if last is not None and last.entry is not None else None
    if last is None or last.sample is None or text is None:
        return
    alike = [each for each in told[:-1] if each.sample is not None and _alike(each, text, registry)]
    samples = [each.sample for each in (*alike, last) if each.sample is not None and each.name == last.name]
    if len(samples) < 2 or last.effect is None:
        return
    mean, p = pooled(samples), heterogeneity(samples)
    ends = mean.interval
    both = MeanInterval(mean=mean.mean, lower=ends.lower, upper=ends.upper, unit=last.effect.unit)
    yield (
        f"together {interval(both)}, n = {mean.n}, biased where a verdict led to the next lock; that their means are "
        f"one: p {p_is(p)} (Welch)"
    )


def _alike(attempt: _Attempt, text: object, registry: Registry) -> bool:
    other = registry.text(attempt.entry) if attempt.entry is not None else None
    return other is not None and isinstance(text, dict) and compares_alike(other, text)

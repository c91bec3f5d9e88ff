"""What an entry of the registry asserts, read from its text alone, and in what two entries differ.

The text is what was locked. So a verdict can be reached again when the claim's file has moved on, or is gone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from harness.as_json import as_json, from_json
from harness.design._axis import Axis
from harness.design._claim import HASHED_AS
from harness.design._parts import Band, Part
from harness.stats import KINDS, MEAN, READINGS, Decision, Kind

FIELDS = {stored: name for name, stored in HASHED_AS.items()}  # what texts call a part's fields, to what they are
COMPARED = (
    "decision",
    "chance",
    "exact",
)  # of two texts of one comparison these are the same, and what their parts read
READ = ("arm", "reference", "less", "floors")  # fields of a part that name arms
TOLD = ("label", "published_pp", "band")  # fields of a part that are told, or that say no more than what is read


@dataclass(frozen=True, kw_only=True)
class Asserted:
    """What a locked text asserts: the parts that decide, those beside, and the test that decides."""

    parts: tuple[Part, ...]
    beside: tuple[Part, ...]
    decision: Decision

    def compared(self) -> list[Part]:
        """Return the parts that decide, then those beside."""
        return [*self.parts, *self.beside]


def asserted(text: Mapping[str, Any]) -> Asserted:
    """Return what a locked text asserts. Raises DesignError for a kind that is not known, and not in the text."""
    kinds = text.get("kinds", {})
    return Asserted(
        parts=tuple(_part(each, kinds) for each in text["hypothesis"]),
        beside=tuple(_part(each, kinds) for each in text["beside"]),
        decision=Decision(text["decision"]),
    )


def _part(content: Mapping[str, Any], kinds: Mapping[str, Any]) -> Part:
    given = {FIELDS.get(name, name): value for name, value in content.items()}
    given["kind"] = _kind(given["kind"], kinds)
    if "band" in given:
        given["band"] = Band(**{end: Fraction(at) for end, at in given["band"].items()})
    given |= {name: tuple(given[name]) for name in ("floors", "less") if name in given}
    if "reading" in given:
        given["reading"] = READINGS[given["reading"]]
    if "axis" in given:
        given["axis"] = Axis(**given["axis"])
    return Part(**given)


def _kind(name: str, kinds: Mapping[str, Any]) -> Kind:
    """Return a kind as it was when a text was locked; its words, which decide nothing, are today's."""
    if name not in kinds:
        return KINDS[name]
    words = as_json(KINDS[name]) if name in KINDS else {"shown": name, "asserted": name, "drawn": name}
    return from_json(Kind, {**words, **kinds[name]})


def compares_alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether one text replicates the other: the same trainings, by key, and the same deciding parts, bounds and all.

    What arms and parts are called is no matter. What kinds and metrics are counts where both texts say it; those of
    round 0 do not.
    """
    meanings = [name for name in ("kinds", "metrics") if name in one and name in other]
    same = all(one.get(name) == other.get(name) for name in (*COMPARED, *meanings))
    arms = [sorted(json.dumps(points, sort_keys=True) for points in text["arms"].values()) for text in (one, other)]
    return same and arms[0] == arms[1] and _parts_by_key(one) == _parts_by_key(other)


def reads_alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether the deciding parts of two texts ask the same of the same trainings, by key, whatever bounds and floors.

    Or expect the same quantities. Such claims are one, under two names.
    """
    asked = [
        sorted((str(part["kind"]), *_compared(text, part)) for part in text["hypothesis"]) for text in (one, other)
    ]
    return asked[0] == asked[1] and one.get("exact") == other.get("exact")


def comparisons(text: Mapping[str, Any]) -> frozenset[tuple[str, ...]]:
    """Return what the deciding parts of a text compare, level by level: metric, and the keys on both sides."""
    found = set[tuple[str, ...]]()
    for part in text["hypothesis"]:
        one, other = (_keys(text["arms"], part, part[name]) for name in ("arm", "reference"))
        if len(one) == 1:
            one, other = other, one  # the curve, then what may be at one level
        metric = (part.get("metric", "test_accuracy"), part.get("reading", str(MEAN)))
        rest = _less(text, part)
        found |= {
            (*metric, *sorted((json.dumps(keys), json.dumps(other.get(level) or next(iter(other.values()))))), rest)
            for level, keys in one.items()
        }
    return frozenset(found)


def trainings(text: Mapping[str, Any]) -> set[str]:
    """Return the keys of all arms of a text."""
    return {key for points in text["arms"].values() for keys in points.values() for key in keys}


def _compared(text: Mapping[str, Any], part: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a part compares: metric, reading, and the keys on either side by level."""
    sides = [json.dumps(_keys(text["arms"], part, part[name]), sort_keys=True) for name in ("arm", "reference")]
    return (part.get("metric", "test_accuracy"), part.get("reading", str(MEAN)), *sides, _less(text, part))


def _less(text: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    return json.dumps([_keys(text["arms"], part, arm) for arm in part.get("less") or ()], sort_keys=True)


def _parts_by_key(text: Mapping[str, Any]) -> list[str]:
    """Return the deciding parts of a text with the keys that they read in the place of arms' names, in one order."""
    parts = []
    for part in text["hypothesis"]:
        floors = sorted(json.dumps(_keys(text["arms"], part, arm), sort_keys=True) for arm in part.get("floors") or ())
        rest = {name: of for name, of in part.items() if name not in (*TOLD, *READ)}
        parts.append(json.dumps([rest, _compared(text, part), floors], sort_keys=True))
    return sorted(parts)


def _keys(arms: Mapping[str, Mapping[str, Sequence[str]]], part: Mapping[str, Any], arm: str) -> dict[str, list[str]]:
    """Return by density the keys of those trainings of an arm that a part reads."""
    points, band = arms[arm], part.get("band")
    within = None if band is None or len(points) == 1 else Band(low=Fraction(band["low"]), high=Fraction(band["high"]))
    return {density: list(keys) for density, keys in points.items() if within is None or Fraction(density) in within}


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return in words in what a locked text differs from the one before it: what is now, and what was."""
    told = [
        f"{name} {after[name]}, was {before[name]}"
        for name in ("predicted", "decision")
        if _differ(name, before, after)
    ]
    if _differ("replicates", before, after):
        told.insert(0, f"{after['replicates']} replicates, were {before['replicates']}")
    if _differ("statement", before, after):
        told.append("another statement")
    for name, role in (("hypothesis", "part"), ("beside", "part beside")):
        told += _of_named(role, _by_name(before[name]), _by_name(after[name]))
    told += _of_arms(before["arms"], after["arms"])
    meant = [name for name in ("kinds", "metrics") if name in before and name in after]
    told += [f"other {name}" for name in ("exact", *meant) if _differ(name, before, after)]
    return told


def _differ(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return bool(before.get(name) != after.get(name))


def _by_name(parts: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {each.get("label") or f"{each['arm']} {each['kind']} {each['reference']}": each for each in parts}


def _of_named(role: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys((*before, *after)):
        if name not in after or name not in before:
            yield f"{role} {name!r} is {'new' if name in after else 'gone'}"
        elif before[name] != after[name]:
            fields = [
                field
                for field in dict.fromkeys((*before[name], *after[name]))
                if _differ(field, before[name], after[name])
            ]
            told = [f"{FIELDS.get(f, f)} {_said(after[name].get(f))}, was {_said(before[name].get(f))}" for f in fields]
            yield f"{role} {name!r}: {', '.join(told)}"


def _of_arms(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys((*before, *after)):
        if name not in after or name not in before:
            yield f"arm {name!r} is {'new' if name in after else 'gone'}"
        elif before[name] != after[name]:
            yield f"arm {name!r}: {'other densities' if set(before[name]) != set(after[name]) else 'other trainings'}"


def _said(value: Any) -> str:
    """Return a field of a part as it is told: a band by its ends, in percent kept."""
    if isinstance(value, Mapping):
        low, high = (f"{100 * float(Fraction(value[end])):.3g}" for end in ("low", "high"))
        return f"{low} % kept" if low == high else f"{low} to {high} % kept"
    return "none" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)

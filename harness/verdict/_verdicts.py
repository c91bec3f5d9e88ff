"""``verdicts.json``: reading, writing and comparing verdicts, without what it takes to reach them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from harness.design import CONTROLS, Scale
from harness.errors import ResultsError
from harness.stats import Decision, Outcome

FORMAT = 1

JudgedPart = Mapping[str, Any]  # as in verdicts.json

CONFIRMATORY = "confirmatory"  # locked before the run, and run as locked
EXPLORATORY = "exploratory"
QUICK = "quick"

EXACT = "exact"  # stands where other verdicts name the test that decided


def in_words(verdict: Mapping[str, Any], scale: str) -> str:
    """Return a verdict with its qualifier in plain words: ``reproduced (direction), analogue task``."""
    text = str(verdict["outcome"])
    if verdict["qualifier"]:
        text += f" ({verdict['qualifier']})"
    decided = verdict["outcome"] in (Outcome.REPRODUCED, Outcome.REFUTED)
    if decided and verdict.get("decision") == EXACT:
        text += ", exact"
    elif decided and scale == Scale.MICRO:
        text += ", analogue task"
    if verdict.get("for_this_test_set"):
        text += ", for this test set"
    if verdict["status"] == EXPLORATORY:
        text += ", exploratory"
    return text


def turned_claims(recorded: Mapping[str, Any], fresh: Mapping[str, Any]) -> list[str]:
    """Return the claims whose verdict went from reproduced to refuted or back; an amended claim is another claim."""
    decided = {Outcome.REPRODUCED, Outcome.REFUTED}
    return [
        id
        for id, verdict in fresh["claims"].items()
        if id in recorded["claims"]
        and verdict["version"] == recorded["claims"][id]["version"]
        and {verdict["outcome"], recorded["claims"][id]["outcome"]} == decided
    ]


def hits(verdicts: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many confirmatory verdicts on papers' claims were predicted, and how many there are."""
    papers = [v for id, v in verdicts["claims"].items() if not id.startswith(f"{CONTROLS}/")]
    confirmatory = [v for v in papers if v["status"] == CONFIRMATORY]
    return sum(v["outcome"] == v["predicted"] for v in confirmatory), len(confirmatory)


def verdicts_json(verdicts: Mapping[str, Any]) -> str:
    """Return the text of ``verdicts.json``."""
    return json.dumps(verdicts, indent=1, sort_keys=True) + "\n"


def read_verdicts(path: Path) -> dict[str, Any]:
    """Read ``verdicts.json``; raises ResultsError where it is missing or not ours."""
    try:
        verdicts: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        raise ResultsError(f"no verdicts at {path}. Next: harness judge") from None
    except ValueError as error:
        raise ResultsError(f"{path} cannot be read as verdicts: {error}. Next: harness judge") from error
    if verdicts.get("format") != FORMAT:
        raise ResultsError(f"{path} has format {verdicts.get('format')!r}; this harness reads format {FORMAT}")
    return verdicts


def verdicts_junit(verdicts: Mapping[str, Any], turned_claims: Sequence[str] = ()) -> str:
    """Return ``junit.xml``: one test case a claim, failed where its verdict turned or there was an error."""
    claims = verdicts["claims"]
    failed = [id for id in claims if id in turned_claims]
    errors = [id for id, v in claims.items() if v["outcome"] == Outcome.ERROR]
    undecided = [id for id, v in claims.items() if v["outcome"] in (Outcome.INCONCLUSIVE, Outcome.NOT_RUN)]
    suite = ElementTree.Element(
        "testsuite",
        name=f"claims at scale {verdicts['scale']}",
        tests=str(len(claims)),
        failures=str(len(failed)),
        errors=str(len(errors)),
        skipped=str(len(undecided)),
    )
    for id, verdict in claims.items():
        paper, _, name = id.partition("/")
        case = ElementTree.SubElement(suite, "testcase", classname=paper, name=name)
        text = in_words(verdict, verdicts["scale"])
        if id in failed:
            ElementTree.SubElement(case, "failure", message=f"the verdict turned: {text}")
        elif id in errors:
            ElementTree.SubElement(case, "error", message=verdict["cause"])
        elif id in undecided:
            ElementTree.SubElement(case, "skipped", message=f"{text}: {verdict['cause']}")
        ElementTree.SubElement(case, "system-out").text = text
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def deciding(verdict: Mapping[str, Any]) -> JudgedPart | None:
    """Return the part on which a verdict rests, by the deciding test's p.

    The part that refutes; else the one that is shown least, and where all are shown, null settings stand back.
    """
    parts: Sequence[JudgedPart] = verdict["parts"]
    if not parts:
        return None
    p = "flip" if verdict["decision"] == Decision.SIGN_FLIP else "p"
    if verdict["outcome"] == Outcome.REFUTED:
        return min(parts, key=lambda part: part[f"{p}_ref"])
    if verdict["outcome"] == Outcome.REPRODUCED:
        parts = [part for part in parts if not part["null_setting"]] or parts
    return max(parts, key=lambda part: part[f"{p}_rep"])


def rests_on(verdict: Mapping[str, Any]) -> str:
    """Return what a verdict rests on: the comparison that decides, or how many exact quantities are equal."""
    if verdict.get("exact"):
        equal = sum(each["equal"] for each in verdict["exact"])
        return f"{equal} of {len(verdict['exact'])} quantities equal"
    part = deciding(verdict)
    if part is None:
        return "nothing that could be judged"
    if len(verdict["parts"]) == 1:
        return str(part["name"])
    which = "refutes, " if verdict["outcome"] == Outcome.REFUTED else ""
    return f"{part['name']} ({which}1 of {len(verdict['parts'])} parts)"

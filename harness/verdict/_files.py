"""``verdicts.json`` and ``junit.xml``: verdicts read and written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from harness.as_json import as_json, from_json
from harness.errors import ResultsError
from harness.stats import Outcome
from harness.verdict._verdicts import Verdicts

FORMAT = 1


def verdicts_json(verdicts: Verdicts) -> str:
    """Return the text of ``verdicts.json``."""
    return json.dumps({"format": FORMAT, **as_json(verdicts)}, indent=1, sort_keys=True) + "\n"


def read_verdicts(path: Path) -> Verdicts:
    """Read ``verdicts.json``; raises ResultsError where it is missing or not ours."""
    try:
        content = json.loads(path.read_text())
        if content.get("format") != FORMAT:
            raise ResultsError(f"{path} has format {content.get('format')!r}; this harness reads format {FORMAT}")
        return from_json(Verdicts, content)
    except FileNotFoundError:
        raise ResultsError(f"no verdicts at {path}. Next: harness judge") from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ResultsError(f"{path} cannot be read as verdicts: {error}. Next: harness judge") from error


def verdicts_junit(verdicts: Verdicts, turned: Sequence[str] = ()) -> str:
    """Return ``junit.xml``: one test case a claim, failed where its verdict turned or there was an error."""
    claims = verdicts.claims
    failed = [id for id in claims if id in turned]
    errors = [id for id, v in claims.items() if v.outcome == Outcome.ERROR]
    undecided = [id for id, v in claims.items() if v.outcome in (Outcome.INCONCLUSIVE, Outcome.NOT_RUN)]
    suite = ElementTree.Element(
        "testsuite",
        name=f"claims at scale {verdicts.scale}",
        tests=str(len(claims)),
        failures=str(len(failed)),
        errors=str(len(errors)),
        skipped=str(len(undecided)),
    )
    for id, verdict in claims.items():
        paper, _, name = id.partition("/")
        case = ElementTree.SubElement(suite, "testcase", classname=paper, name=name)
        text = verdict.in_words(verdicts.scale)
        if id in failed:
            ElementTree.SubElement(case, "failure", message=f"the verdict turned: {text}")
        elif id in errors:
            ElementTree.SubElement(case, "error", message=verdict.cause)
        elif id in undecided:
            ElementTree.SubElement(case, "skipped", message=f"{text}: {verdict.cause}")
        ElementTree.SubElement(case, "system-out").text = text
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"

"""What the seed-variance check found, as ``junit.xml`` and as markdown for a step summary."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from harness.stats import FalseAlarm
from harness.variance._tiers import Finding, Status, Tier


def failed(findings: Sequence[Finding]) -> list[Finding]:
    """Return the red ones."""
    return [finding for finding in findings if finding.status is Status.RED]


def asks(alarm: FalseAlarm) -> dict[Tier, str]:
    """Return what each tier asks and how often it is red by chance, a recipe."""

    def rates(first: float, both: float) -> str:
        return f"false alarms {first:.1%} a recipe at a first look, {both:.3%} confirmed"

    return {
        Tier.IDENTITY: "random draws, masks' counts and keys are the baseline's; exact on any machine, no false alarms",
        Tier.REPEAT: "the same training twice in fresh processes, packed alike, gives the same bits; no false alarms",
        Tier.TRAJECTORY: "first losses are the committed ones within what rounding does, on any machine, and end "
        "weights where this machine's were accepted; no false alarms while rounding stays below the tolerance",
        Tier.LOCATION: "fresh replicates have the baseline's mean: pooled t, two-sided; "
        + rates(alarm.location_first, alarm.location_both),
        Tier.SPREAD: "fresh replicates have the baseline's spread: F ratio and Brown-Forsythe both; "
        + rates(alarm.spread_first, alarm.spread_both),
    }


def findings_markdown(findings: Sequence[Finding], heading: Sequence[str]) -> str:
    """Return the findings as markdown: what was run, then a table with every figure."""
    red = failed(findings)
    lines = [f"## Seed variance: {'red' if red else 'green'}", "", *heading, ""]
    lines += ["| tier | recipe | status | figures |", "| --- | --- | --- | --- |"]
    for finding in sorted(findings, key=lambda f: (f.status is not Status.RED, list(Tier).index(f.tier))):
        told = finding.figures + (f" **Next: {finding.next}**" if finding.next else "")
        lines.append(f"| {finding.tier} | {finding.recipe} | {finding.status} | {told.replace('|', '/')} |")
    return "\n".join(lines) + "\n"


def findings_junit(findings: Sequence[Finding]) -> str:
    """Return ``junit.xml``: a test case a tier and recipe."""
    skipped = sum(finding.status is Status.SKIPPED for finding in findings)
    suite = ElementTree.Element(
        "testsuite",
        name="seed variance",
        tests=str(len(findings)),
        failures=str(len(failed(findings))),
        skipped=str(skipped),
    )
    for finding in findings:
        case = ElementTree.SubElement(suite, "testcase", classname=f"tier {finding.tier}", name=finding.recipe)
        if finding.status is Status.RED:
            ElementTree.SubElement(case, "failure", message=f"{finding.figures}. Next: {finding.next}")
        elif finding.status is Status.SKIPPED:
            ElementTree.SubElement(case, "skipped", message=finding.figures)
        ElementTree.SubElement(case, "system-out").text = f"{finding.status}: {finding.figures}"
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"

"""What was computed twice, as tables and lines: the committed rows again, a jolted pass, two reports side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.cli.options import shown
from harness.cli.tables import show_verdicts, signed
from harness.stats import decimals

if TYPE_CHECKING:
    from harness.verdict import Bias, ClaimVerdict, Losses, Rerun, Spread
    from harness.workflow import Changed, Comparison, Verified


def show_verified(verified: Verified, root: Path, console: Console) -> None:
    """Print the verdicts beside the recorded ones, and in red in what they differ."""
    assert verified.judged is not None
    assert verified.report is not None
    show_verdicts(verified.judged, console, verified.recorded)
    console.print(f"wrote {shown(verified.report, root)}", highlight=False)
    for name in verified.other_bytes:
        console.print(
            f"[red]the committed rows give other bytes for {name}. Next: harness judge, harness report, git diff[/red]"
        )
    for id, why in verified.not_as_locked.items():
        console.print(
            f"[red]the committed rows of {id} are not those of its lock: {escape(why)}. Next: git checkout[/red]"
        )
    if verified.cut:
        console.print(f"[red]the registry's history is broken at {verified.cut}. Next: harness registry[/red]")
    if verified.without_rows:
        console.print(
            f"locked, and without rows in the committed report: {', '.join(verified.without_rows)}",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )
    if verified.amended:
        console.print(
            f"amended, locked again or withdrawn since they were run: {', '.join(verified.amended)}. So of the "
            "committed report only the verdicts on the other claims were compared, and not its text and figures",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )
    for each in verified.unexplained:
        console.print(f"[red]{each.claim} turned: recorded {each.was}, now {each.now}[/red]")
    if verified.rerun is not None and verified.rerun.claims:
        _show_rerun(verified.rerun, console)
    elif verified.rerun is not None:
        console.print(
            "no numbers were compared with committed ones: these are other claims, replicates or settings, or exact",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )
    _show_losses(verified.losses, console)


def _show_losses(found: Losses, console: Console) -> None:
    """Print the verdicts that were not given again with both effects, and in red what rounding does not explain."""
    for each in found.lost:
        what = "turned" if each.turned else "is lost"
        console.print(
            f"{each.claim} {what}: committed {_briefly(each.was, each.was)}, now {_briefly(each.now, each.was)}; "
            f"rounding alone does that in {each.chance:.2%} of runs",
            style="red" if each.unexplained else "yellow",
            highlight=False,
            soft_wrap=True,
        )
    if found.too_many:
        console.print(
            f"[red]{len(found.lost)} of {found.decided} decided verdicts are lost, where rounding explains "
            f"{found.most}. Next: harness variance[/red]"
        )
    if found.lost and found.by_this_run:
        console.print(
            f"how far rounding moves {', '.join(found.by_this_run)} is not known but from this run, which so excuses "
            "itself. Next: harness rounding",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )


def _briefly(verdict: ClaimVerdict, deciding: ClaimVerdict) -> str:
    """Return an outcome with the effect of the part on which the verdict `deciding` rests."""
    name = deciding.deciding.name if deciding.deciding else ""
    told = str(verdict.outcome)
    for part in (part for part in verdict.parts if part.name == name):
        mean, lower, upper = (signed(each, part.unit) for each in (part.mean, part.lower, part.upper))
        told += f" ({mean} {part.unit}, {lower} to {upper})"
    return told


def _show_rerun(found: Rerun, console: Console) -> None:
    """Print how rows compare with committed ones of the same replicates, and in red what they should not differ in."""
    claims = f"{len(found.claims)} claim{'s' if len(found.claims) != 1 else ''}"
    console.print(
        f"{found.equal:,} of {found.rows:,} numbers of {claims} on the committed replicates are the committed ones, "
        f"and what was computed is by its digest in {found.alike:,} of {found.replicates:,} replicates; "
        f"computed on this kind of machine both times: {len(found.machines)} of these claims",
        highlight=False,
        soft_wrap=True,
    )
    if found.code:
        console.print(f"the harness's code computed {found.code}", style="yellow", highlight=False)
    if found.equal < found.rows or found.alike < found.replicates:
        columns = ("claim", "mean of", "n", "now − committed", "sd", "by rounding", "visible from")
        table = Table(*columns, title="what moved")
        for each in found.shifts:
            to = decimals(each.unit)
            rounding = "–" if each.rounding is None else f"{each.rounding:.{to}f}"
            told = (f"{each.mean:+.{to}f} {each.unit}", f"{each.sd:.{to}f}", rounding, f"{each.visible:.{to}f}")
            table.add_row(each.claim, each.what, str(each.n), *told, style="red" if each.moved else "")
        console.print(table)
    for row in found.differing:
        console.print(f"[red]other numbers on the same kind of machine: {escape(row)}. Next: harness variance[/red]")
    for each in found.shifts:
        if each.wider:
            to = decimals(each.unit)
            console.print(
                f"{each.claim}, {escape(each.what)}: replicates moved apart with an sd of {each.sd:.{to}f} "
                f"{each.unit}, where rounding was measured to give {each.rounding:.{to}f}",
                style="yellow",
                highlight=False,
                soft_wrap=True,
            )
    for each in found.moved:
        to = decimals(each.unit)
        console.print(
            f"[red]{each.claim}, {escape(each.what)}, has moved by {each.mean:+.{to}f} {each.unit}, where chance "
            f"explains {each.limit:.{to}f}. Next: harness variance[/red]"
        )


def show_spreads(spreads: Sequence[Spread], console: Console) -> None:
    """Print how far rounding moves each number, over replicates."""
    table = Table("claim", "what", "n", "sd", title="moved by one unit in the last place of every weight")
    for each in spreads:
        table.add_row(each.claim, escape(each.what), str(each.n), f"{each.sd:.3f} {each.unit}")
    console.print(table)


def comparison_markdown(comparison: Comparison) -> str:
    """Return a comparison as markdown tables."""
    lines = ["| | A | B | B − A (95 % interval) | |", "| --- | --- | --- | --- | --- |"]
    for e in comparison.lines:
        to = decimals(e.unit)
        interval = f"{e.lower:+.{to}f} to {e.upper:+.{to}f}"
        lines.append(f"| {e.what} | {e.a} | {e.b} | {e.difference:+.{to}f} ({interval}) {e.unit} | {e.how} |")
    lines += ["", *_changed_markdown(comparison.changed)]
    if comparison.bias is not None:
        lines += ["", *_bias_markdown(comparison.bias)]
    if comparison.differs:
        lines += ["", "| differs | A | B |", "| --- | --- | --- |"]
        lines += [f"| {each.what} | {each.a} | {each.b} |" for each in comparison.differs]
    return "\n".join(lines) + "\n"


def _changed_markdown(changed: Sequence[Changed]) -> list[str]:
    if not changed:
        return ["Verdicts that changed: none."]
    lines = [
        "Verdicts that changed:",
        "",
        "| claim | A | B | rests on in A | rests on in B |",
        "| --- |" + " --- |" * 4,
    ]
    return lines + [
        f"| {each.claim} | {each.a} | {each.b} | {each.a_effect or '–'} | {each.b_effect or '–'} |" for each in changed
    ]


def _bias_markdown(found: Bias) -> list[str]:
    """Say what B minus A is in trainings that both computed: on average, and as a table by recipe."""
    lines = [
        f"{found.trainings:,} trainings and evaluations of {found.replicates} replicates were computed on both sides: "
        f"test accuracy B − A {found.mean:+.3f} pp ({found.lower:+.3f} to {found.upper:+.3f} over replicates).",
        "",
        "| recipe | n | mean of B − A, pp | sd of B − A, pp | over the sd between replicates | same accuracy |",
        "| ---" + " | ---:" * 5 + " |",
    ]
    return lines + [
        f"| {each.recipe} | {each.n:,} | {each.mean:+.3f} | {_or_dash(each.sd)} | {_or_dash(each.ratio)} | "
        f"{100 * each.equal:.1f} % |"
        for each in found.recipes
    ]


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"

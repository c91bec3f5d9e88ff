"""What functions of the workflow return, as tables and lines on a console."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.cli.options import shown
from harness.stats import ALPHA, MOST, decimals

if TYPE_CHECKING:
    from harness.design import Pilot, Round
    from harness.variance import Checked
    from harness.workflow import (
        Chain,
        Examined,
        Explained,
        Installed,
        Judged,
        Judgement,
        Left,
        Listed,
        PartPower,
        Session,
        ToLock,
        VarianceCheck,
        Work,
    )

MOST_REASONS = 20


def show_claims(listed: Sequence[Listed], scale: str, console: Console) -> None:
    """Print the claims, one a line."""
    table = Table("claim", "statement", "predicted", "recorded", title=f"claims at scale {scale}")
    for line in listed:
        table.add_row(line.claim, line.statement, line.predicted, line.recorded or "–")
    console.print(table)


def show_places(session: Session, others: Sequence[Installed], console: Console) -> None:
    """Print where the session's claims are, and which places of installed packages have others."""
    if session.place is not None:
        console.print(session.place.told, highlight=False, soft_wrap=True)
    for other in others:
        if session.place is not None and session.place.name == other.name:
            continue
        console.print(f"also here: {other.told}. Next: {other.next}", markup=False, highlight=False, soft_wrap=True)
        for paper in sorted(session.catalogue.papers.keys() & set(other.papers)):
            told = f"paper {paper} is in both places; each has its own claims, locks and verdicts of it"
            console.print(told, style="yellow", highlight=False, soft_wrap=True)


def show_work(work: Work, console: Console) -> None:
    """Print a plan: what each claim needs, the populations, whether the replicates can decide, and totals."""
    columns = ("claim", "needs", "stored", "shared", "due", "member-steps due", _time_of(work))
    table = Table(*columns, title="trainings and evaluations")
    for claim in work.claims:
        counts = (claim.needs, claim.stored, claim.shared, claim.due)
        table.add_row(claim.claim, *map(str, counts), f"{claim.member_steps:,}", f"{claim.core_s:.0f} s")
    console.print(table)
    if work.populations:
        _show_populations(work, console)
    if work.families:
        _show_power(work, console)
    for name, reason in work.unusable.items():
        console.print(f"record {name} is not usable: {reason}", style="yellow", markup=False)
    console.print(work.totals.told, highlight=False)
    if work.totals.warning:
        console.print(work.totals.warning, style="yellow", highlight=False, markup=False)


def _time_of(work: Work) -> str:
    return "core time" if work.totals.kind == "cpu" else "worker time"


def _show_populations(work: Work, console: Console) -> None:
    table = Table(
        "program",
        "members",
        "populations",
        _time_of(work),
        "memory each",
        title="populations due",
        caption="a population is computed as one, its members are a training of a replicate each; a member-step is one "
        "step of one of them",
    )
    for each in work.populations:
        table.add_row(
            each.program,
            str(each.members),
            f"at least {each.populations} of up to {each.size}",
            f"{each.core_s:.0f} s",
            f"{each.memory / 2**20:.0f} MiB",
        )
    console.print(table)


def _show_power(work: Work, console: Console) -> None:
    table = Table(
        "claim",
        "part",
        "n",
        "pilot sd (upper)",
        "power at its bound",
        "needs",
        "can decide",
        title="can the replicates decide?",
        caption=f"in Holm's families of {', '.join(_families(work))}",
    )
    for power in work.power:
        table.add_row(power.claim, power.part, str(power.n), *power_cells(power))
    console.print(table)
    console.print("each part needs an n of its own, and can decide if its effect is as large as in the pilots")


def _families(work: Work) -> list[str]:
    """The size of each family, by paper, with its level where that is not the first."""
    told = ((id.partition("/")[0], each.round, len(each.claims), each.alpha) for id, each in work.families.items())
    found = sorted(set(told))
    return [f"{paper} {size}" + (f" at level {alpha:g}" if alpha != ALPHA else "") for paper, _, size, alpha in found]


def power_cells(power: PartPower) -> tuple[str, str, str, str]:
    """Return a pilot's sd with its upper limit, the power that follows, the replicates needed, and the answer."""
    if power.sd is None:
        return "no pilot", "–", "–", power.answer
    if power.at_bound is None:
        told = "–"
    else:
        half = "" if power.planned is None else f" at 0, {power.planned:.2f} half way to the margin"
        told = f"{power.at_bound:.2f}{half}; at the pilots' effect {power.at_pilot:.2f}"
    to = decimals(power.unit)
    return f"{power.sd:.{to}f} ({power.upper:.{to}f})", told, str(power.needs or f"more than {MOST}"), power.answer


def show_left(left: Left, command: str, console: Console) -> None:
    """Print what a time limit left, and the command that goes on from there."""
    for claim in left.claims:
        console.print(f"  {claim.claim}: {claim.left} of {claim.of} left", highlight=False)
    console.print(
        f"{left.left} of {left.of} trainings and evaluations are left, about {left.seconds:.0f} s on {left.workers} "
        f"workers; the longest takes about {left.longest_s:.0f} s",
        highlight=False,
    )
    told = f". Next: {command}" if left.begun else "; nothing could begin within the limit. Next: a longer --time-limit"
    console.print(f"to be continued{told}", highlight=False, markup=False, soft_wrap=True)


def show_verdicts(judged: Judged, console: Console, recorded: Judged | None = None) -> None:
    """Print the verdicts, one claim a line, beside the recorded effects."""
    table = Table("claim", "verdict", "effect (95 % interval)", "recorded", "p", "n", "predicted")
    before = {} if recorded is None else {line.claim: line for line in recorded.lines}
    for line in judged.lines:
        table.add_row(
            line.claim,
            line.words + (f"\n{line.cause}" if line.cause else ""),
            effect(line),
            effect(before[line.claim]) if line.claim in before else "–",
            p_value(line.p),
            str(line.n),
            line.predicted,
        )
    console.print(table)
    for id, told in judged.verdicts.withdrawn.items():
        console.print(
            f"{id} is withdrawn, as no file defines it any more, or what supersedes it has no rows yet. "
            f"It was {told[-1].in_words(judged.verdicts.scale)}",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )


def effect(line: Judgement) -> str:
    """Return an effect with its 95 % interval: ``+3.55 pp (+2.52 to +4.58)``."""
    if line.effect is None:
        return "–"
    mean, lower, upper = (signed(value, line.unit) for value in (line.effect, line.lower, line.upper))
    return f"{mean} {line.unit} ({lower} to {upper})"


def signed(value: float | None, unit: str) -> str:
    """Return a number with its sign and the decimals of its unit, or a dash where there is none."""
    return "–" if value is None else f"{value:+.{decimals(unit)}f}".replace("-", "−")


def p_value(value: float | None) -> str:
    """Return a p-value as it is printed: two significant digits, never zero."""
    if value is None:
        return "–"
    return "< .0001" if value < 1e-4 else f"{value:.2g}"


def show_explained(explained: Explained, console: Console) -> None:
    """Print why a claim's trainings run again."""
    console.print(f"{explained.claim}: {explained.fault or 'as locked'}", highlight=False)
    if not explained.due:
        console.print("nothing is due: every training it needs is stored and its lineage holds")
    for reason, count in list(explained.due.items())[:MOST_REASONS]:
        console.print(f"{count} due: {reason}", highlight=False)
    for each in explained.closest:
        console.print(f"closest to {each.node!r} is a stored one with {each.differs}", highlight=False)
    if len(explained.due) > MOST_REASONS:
        console.print(f"and {len(explained.due) - MOST_REASONS} more reasons")
    if explained.warning:
        console.print(explained.warning, style="yellow", highlight=False, markup=False)


def show_pilots(pilots: Sequence[Pilot], console: Console) -> None:
    """Print the lines that a pilot added to its log."""
    table = Table("claim", "what", "n", "mean", "sd", title="pilots, in percent, percentage points or log points")
    for line in pilots:
        table.add_row(line.claim, line.what, str(line.n), f"{line.mean:.3f}", f"{line.sd:.3f}")
    console.print(table)


def show_examined(examined: Examined, console: Console) -> None:
    """Print what there is on this machine, faults in red."""
    table = Table("what", "found", show_header=False)
    for line in examined.lines:
        table.add_row(line.what, escape(line.found) if line.fine else f"[red]{escape(line.found)}[/red]")
    console.print(table)


def show_variance(check: VarianceCheck, root: Path, console: Console) -> None:
    """Print what the seed-variance check found, and where it was written."""
    _show_findings(check.checked, console)
    heading, found = check.checked.heading, check.checked.findings
    console.print(f"{heading[-1]} {len(check.red)} red of {len(found)} findings, in {shown(check.folder, root)}")


def _show_findings(checked: Checked, console: Console) -> None:
    """Print a table for each tier."""
    from harness.variance import Status, asks

    colours = {Status.GREEN: "green", Status.WARNING: "yellow", Status.RED: "bold red", Status.SKIPPED: "dim"}
    for tier, asked in asks(checked.alarm).items():
        table = Table("recipe", "", "figures", title=f"tier {tier}: {asked}", title_justify="left", expand=True)
        for finding in checked.findings:
            if finding.tier is tier:
                told = escape(finding.figures) + (f"\nNext: {escape(finding.next)}" if finding.next else "")
                colour = colours[finding.status]
                table.add_row(finding.recipe, f"[{colour}]{finding.status}[/{colour}]", told)
        if table.row_count:
            console.print(table, highlight=False)


def show_to_lock(planned: Sequence[ToLock], console: Console) -> None:
    """Print what is about to be locked: level, power and cost of each claim."""
    for each in planned:
        level = f"level {each.family.alpha:g} in a family of {len(each.family.claims)}"
        console.print(
            f"{each.claim} version {each.version}: round {each.family.round}, "
            + (f"{each.replicates} replicates, {level}" if each.replicates else "exact, outside the families")
            + f", predicted {each.predicted}; {each.trainings:,} trainings and evaluations, about {each.core_s:,.0f} s "
            "of a core",
            highlight=False,
            soft_wrap=True,
        )
        for power in each.power:
            spread, at_bound, needs, answer = power_cells(power)
            console.print(
                f"  {power.part}: pilot sd (upper) {spread}, power at the bound {at_bound}, replicates that this "
                f"part needs {needs}, decides at the pilots' effect: {answer}",
                highlight=False,
                soft_wrap=True,
                markup=False,
            )


def show_round(made: Round, console: Console) -> None:
    """Print what was just locked."""
    for entry in made.entries:
        console.print(
            f"locked {entry.claim} version {entry.version} at {entry.scale}, {entry.attempt}: {entry.replicates} "
            f"replicates, predicted {entry.predicted}",
            highlight=False,
            soft_wrap=True,
        )
    console.print(
        f"closed round {made.number}: suite seed {made.seed}, from {made.head[:12]}. Next: commit the registry and "
        "push it, so that its head is known before the run; then harness run",
        highlight=False,
        soft_wrap=True,
    )


def show_rounds(found: Chain, console: Console, only: Collection[int] | None = None) -> None:
    """Print the rounds of a registry, or `only` some of them, and how its history was checked."""
    for each, levels in zip(found.rounds, found.levels, strict=True):
        if not each.entries or (only is not None and each.number not in only):
            continue
        when = f"closed {each.closed}, " if each.closed else ""
        moved = f", moved here from {each.seed_of[:12]}" if each.seed_of else ""
        table = Table(title=f"round {each.number}: {when}suite seed {each.seed}, head {each.head[:12]}{moved}")
        for name in ("claim", "version", "scale", "locked", "attempt", "replicates", "pilot runs", "predicted"):
            table.add_column(name, overflow="fold")
        for entry in each.entries:
            block = f"{entry.first_replicate} to {entry.first_replicate + entry.replicates - 1}"
            table.add_row(
                entry.claim,
                str(entry.version),
                entry.scale,
                entry.locked,
                found.attempts[entry],
                block if entry.replicates else "none",
                str(entry.pilots),
                entry.predicted,
            )
        console.print(table)
        families = ", ".join(f"{paper} at {scale} {size} at {level:g}" for paper, scale, size, level in levels)
        console.print(f"families and levels: {families or 'none'}", highlight=False, soft_wrap=True)
    console.print(f"history: {found.history}", highlight=False, soft_wrap=True)

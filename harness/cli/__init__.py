"""The command ``harness``: hands what a user says to `harness.workflow` and shows what comes back; decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

import harness
from harness.cli import computing, looking, recording

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
store_app = typer.Typer(help="What has been computed, on this machine and others.", no_args_is_help=True)
app.add_typer(store_app, name="store")

COMMANDS: dict[str, Callable[..., None]] = {  # in the order of --help
    "list": looking.list_claims,
    "new": recording.new,
    "plan": looking.plan,
    "run": computing.run,
    "judge": recording.judge,
    "report": recording.report,
    "verify": computing.verify,
    "pilot": computing.pilot,
    "lock": recording.lock,
    "registry": recording.registry,
    "export": computing.export,
    "rounding": computing.rounding,
    "variance": computing.seed_variance,
    "diff": looking.diff,
    "why": looking.why,
    "doctor": looking.doctor,
}


def _tell_version(asked: bool) -> None:
    """Print the installed version and end."""
    if asked:
        typer.echo(f"ticket-harness {harness.__version__}")
        raise typer.Exit


@app.callback()
def begin(
    version: Annotated[
        bool, typer.Option("--version", help="Print the installed version.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Claims of pruning and lottery-ticket papers as executable experiments with statistical verdicts."""


for name, command in COMMANDS.items():
    app.command(name)(command)
store_app.command("merge")(recording.merge_stores)

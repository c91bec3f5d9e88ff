"""The command ``harness``: what a user says, turned into the modules that do it."""

from __future__ import annotations

from collections.abc import Callable

import typer

from harness.cli import reading, training

app = typer.Typer(
    help="Claims of pruning and lottery-ticket papers as executable experiments with statistical verdicts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
store_app = typer.Typer(help="What has been computed, on this machine and others.", no_args_is_help=True)
app.add_typer(store_app, name="store")

COMMANDS: dict[str, Callable[..., None]] = {  # in the order of --help
    "list": reading.list_claims,
    "plan": reading.plan,
    "run": training.run,
    "judge": reading.judge,
    "report": reading.report,
    "verify": training.verify,
    "pilot": training.pilot,
    "lock": reading.lock,
    "variance": training.seed_variance,
    "diff": reading.diff,
    "why": reading.why,
    "doctor": reading.doctor,
}
for name, command in COMMANDS.items():
    app.command(name)(command)
store_app.command("merge")(reading.merge_stores)

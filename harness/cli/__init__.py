"""The command ``harness``: hands what a user says to `harness.workflow` and shows what comes back; decides nothing."""

from __future__ import annotations

from collections.abc import Callable

import typer

from harness.cli import computing, looking, recording

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
for name, command in COMMANDS.items():
    app.command(name)(command)
store_app.command("merge")(recording.merge_stores)

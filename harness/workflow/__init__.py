"""What a user does, as functions on a session: plan, pilot, collect, compare, examine."""

from harness.workflow._collect import collect
from harness.workflow._diff import compare, comparison_markdown
from harness.workflow._doctor import examine
from harness.workflow._piloting import summarise_pilot
from harness.workflow._planning import (
    Planned,
    explain_plan,
    make_pilot_plan,
    make_plan,
    plan_seconds,
    show_left,
    show_plan,
)
from harness.workflow._session import Session, open_run, open_session, pick_device

__all__ = [
    "Planned",
    "Session",
    "collect",
    "compare",
    "comparison_markdown",
    "examine",
    "explain_plan",
    "make_pilot_plan",
    "make_plan",
    "open_run",
    "open_session",
    "pick_device",
    "plan_seconds",
    "show_left",
    "show_plan",
    "summarise_pilot",
]

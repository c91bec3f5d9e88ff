"""What a user does, as functions on a session: list, plan, run, judge, report and more; knows no command line.

Functions return frozen dataclasses and print nothing; importing this is quick, and each imports what it needs.
"""

from harness.workflow._beginning import Begun, begin
from harness.workflow._chain import Chain, chain
from harness.workflow._comparing import Changed, Comparison, Differing, Line, compare
from harness.workflow._deciding import PartPower
from harness.workflow._examining import Examined, Found, examine
from harness.workflow._explaining import Closest, Explained, explain
from harness.workflow._exporting import Exported, export
from harness.workflow._jolting import Rounded, measure_rounding
from harness.workflow._judging import Judged, Judgement, Turned, differences, judge
from harness.workflow._listing import Listed, list_claims
from harness.workflow._locking import ToLock, lock, rechain, to_lock
from harness.workflow._merging import merge
from harness.workflow._piloting import Piloted, pilot
from harness.workflow._places import Installed, Place, places
from harness.workflow._planning import ClaimWork, PopulationWork, Totals, Work, plan
from harness.workflow._reporting import report
from harness.workflow._running import ClaimLeft, Left, Ran, run
from harness.workflow._session import Session, open_session, require_data
from harness.workflow._variance import VarianceCheck, accept_baselines, check_variance
from harness.workflow._verifying import Verified, verify

__all__ = [
    "Begun",
    "Chain",
    "Changed",
    "ClaimLeft",
    "ClaimWork",
    "Closest",
    "Comparison",
    "Differing",
    "Examined",
    "Explained",
    "Exported",
    "Found",
    "Installed",
    "Judged",
    "Judgement",
    "Left",
    "Line",
    "Listed",
    "PartPower",
    "Piloted",
    "Place",
    "PopulationWork",
    "Ran",
    "Rounded",
    "Session",
    "ToLock",
    "Totals",
    "Turned",
    "VarianceCheck",
    "Verified",
    "Work",
    "accept_baselines",
    "begin",
    "chain",
    "check_variance",
    "compare",
    "differences",
    "examine",
    "explain",
    "export",
    "judge",
    "list_claims",
    "lock",
    "measure_rounding",
    "merge",
    "open_session",
    "pilot",
    "places",
    "plan",
    "rechain",
    "report",
    "require_data",
    "run",
    "to_lock",
    "verify",
]

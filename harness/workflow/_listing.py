"""The claims with what was predicted and what came out."""

from __future__ import annotations

from dataclasses import dataclass

from harness.workflow._judging import recorded
from harness.workflow._session import Session


@dataclass(frozen=True)
class Listed:
    """A claim: its statement, its predicted verdict, and the recorded one in words, empty where there is none."""

    claim: str
    statement: str
    predicted: str
    recorded: str


def list_claims(session: Session) -> tuple[Listed, ...]:
    """List the session's claims with their predicted and recorded verdicts; nothing heavy is imported.

    Args:
        session: What `open_session` returned.

    Returns:
        One line per claim, in the order of the session.

    Raises:
        ResultsError: For recorded verdicts that cannot be read.

    Example:
        >>> [line.predicted for line in list_claims(open_session("ramanujan2020"))]
        ['reproduced']
    """
    judged = recorded(session)
    words = {} if judged is None else {line.claim: line.words for line in judged.lines}
    return tuple(
        Listed(claim.id, claim.statement, claim.predicted[session.scale], words.get(claim.id, ""))
        for claim in session.claims
    )

"""What kinds of comparison there are, which test decides, and what may come of a claim."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """How two arms are compared; theta is the mean over replicates of `arm` minus `reference`."""

    BEATS = "beats"  # theta > 0, and at least as large as the task's smallest effect of interest
    MATCHES = "matches"  # theta > -margin
    EQUALS = "equals"  # |theta| < margin


class Decision(StrEnum):
    """The test that decides; the other one is computed beside it."""

    T = "t"
    SIGN_FLIP = "sign-flip"  # for claims whose pilots collapse now and then


class Outcome(StrEnum):
    """What a claim comes to."""

    REPRODUCED = "reproduced"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
    NOT_RUN = "not run"
    ERROR = "error"

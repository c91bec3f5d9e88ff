"""Verdicts of round 0 as they were printed, whose rows are gone: what they were is pinned, and no other is believed."""

from __future__ import annotations

import hashlib
import json

from harness.as_json import as_json
from harness.errors import ResultsError
from harness.verdict._verdicts import EarlierVersion

PRINTED = {  # digests of the nine verdicts of round 0, from the reports of this project that printed them
    "4ab66e65394f8010",  # frankle2019/dropout-complements
    "f330f32247436b5c",  # frankle2019/generalise-better
    "14a79bcef3f5bb0b",  # frankle2019/learn-faster
    "6302786bd74fd53c",  # frankle2019/speed-depends-on-size
    "be156008c54c5688",  # frankle2019/survivors-initialisation
    "5d8984115b23ee51",  # han2015/keep-beats-reinit
    "6e9b69d734a870d1",  # han2015/l1-before-l2-after
    "4aaa51fb9e6953f3",  # han2015/prune-retrain-free
    "549e16205c68783f",  # han2015/retrain-beats-no-retrain
}


def digest_of_printed(claim: str, told: EarlierVersion) -> str:
    """Return a digest of what was printed of a version of a claim, 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps([claim, as_json(told)], sort_keys=True).encode()).hexdigest()[:16]


def check_printed(claim: str, told: EarlierVersion) -> None:
    """Raise ResultsError for a verdict that no report of round 0 printed."""
    if digest_of_printed(claim, told) not in PRINTED:
        raise ResultsError(
            f"version {told.version} of {claim} is told to have been {told.outcome} with n = {told.n}, and no report "
            "printed that. Next: git checkout the rows"
        )

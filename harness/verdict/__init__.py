"""From rows to verdicts, a pure function of files: knows no torch, compute or store."""

from harness.verdict._bias import Bias, RecipeSpread, bias
from harness.verdict._earlier import (
    amended,
    earlier_rows,
    not_as_locked,
    read_earlier,
    unchanged,
    with_printed,
    write_earlier,
)
from harness.verdict._elsewhere import (
    ELSEWHERE,
    Elsewhere,
    LeftOut,
    Repeat,
    Repeated,
    judge_elsewhere,
    read_elsewhere,
    repeated,
)
from harness.verdict._files import read_verdicts, verdicts_json, verdicts_junit
from harness.verdict._judge import judge_results
from harness.verdict._losses import Losses, Lost, losses
from harness.verdict._metadata import ClaimRows, Cost, Metadata
from harness.verdict._overall import claims_of_papers, over_all_papers
from harness.verdict._reruns import Rerun, Shift, rerun
from harness.verdict._results import ALWAYS_KEPT, ResultRow, Results, digest_of, frame_of, read_results, write_results
from harness.verdict._robustness import AS_LOCKED, Effect, effects, read_variants
from harness.verdict._rounding import JOLTED, Spread, read_spreads, spreads, write_spreads
from harness.verdict._scoreboard import Scoreboard, pending, scoreboard
from harness.verdict._specifications import Specification, specifications
from harness.verdict._tested import compare_part
from harness.verdict._verdicts import (
    ClaimVerdict,
    EarlierVersion,
    ExactQuantity,
    FloorVerdict,
    MeanInterval,
    PartVerdict,
    Status,
    Verdicts,
)

__all__ = [
    "ALWAYS_KEPT",
    "AS_LOCKED",
    "ELSEWHERE",
    "JOLTED",
    "Bias",
    "ClaimRows",
    "ClaimVerdict",
    "Cost",
    "EarlierVersion",
    "Effect",
    "Elsewhere",
    "ExactQuantity",
    "FloorVerdict",
    "LeftOut",
    "Losses",
    "Lost",
    "MeanInterval",
    "Metadata",
    "PartVerdict",
    "RecipeSpread",
    "Repeat",
    "Repeated",
    "Rerun",
    "ResultRow",
    "Results",
    "Scoreboard",
    "Shift",
    "Specification",
    "Spread",
    "Status",
    "Verdicts",
    "amended",
    "bias",
    "claims_of_papers",
    "compare_part",
    "digest_of",
    "earlier_rows",
    "effects",
    "frame_of",
    "judge_elsewhere",
    "judge_results",
    "losses",
    "not_as_locked",
    "over_all_papers",
    "pending",
    "read_earlier",
    "read_elsewhere",
    "read_results",
    "read_spreads",
    "read_variants",
    "read_verdicts",
    "repeated",
    "rerun",
    "scoreboard",
    "specifications",
    "spreads",
    "unchanged",
    "verdicts_json",
    "verdicts_junit",
    "with_printed",
    "write_earlier",
    "write_results",
    "write_spreads",
]

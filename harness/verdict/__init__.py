"""From rows to verdicts: results read, judged, compared with earlier ones. A pure function of files."""

from harness.verdict._judge import compare_part, judge_results
from harness.verdict._results import (
    ALWAYS_KEPT,
    COLUMNS,
    CORRECT,
    RESULTS_FORMAT,
    Results,
    device_of,
    read_results,
    schema,
    write_results,
)
from harness.verdict._robustness import AS_LOCKED, Effect, effects, read_variants
from harness.verdict._verdicts import (
    CONFIRMATORY,
    JudgedPart,
    deciding,
    hits,
    in_words,
    read_verdicts,
    rests_on,
    turned_claims,
    verdicts_json,
    verdicts_junit,
)
from harness.verdict._versions import amended, carry_over, unchanged

__all__ = [
    "ALWAYS_KEPT",
    "AS_LOCKED",
    "COLUMNS",
    "CONFIRMATORY",
    "CORRECT",
    "RESULTS_FORMAT",
    "Effect",
    "JudgedPart",
    "Results",
    "amended",
    "carry_over",
    "compare_part",
    "deciding",
    "device_of",
    "effects",
    "hits",
    "in_words",
    "judge_results",
    "read_results",
    "read_variants",
    "read_verdicts",
    "rests_on",
    "schema",
    "turned_claims",
    "unchanged",
    "verdicts_json",
    "verdicts_junit",
    "write_results",
]

"""What a claim asserts, fixed before it runs: parts, catalogue, registry, pilots; knows no torch, compute or store."""

from harness.design._assertions import asserts, beats, equals, interaction, matches, no_gain, only_beyond, slope
from harness.design._attempts import Asserted, asserted, changes, compares_alike, reads_alike
from harness.design._axis import DENSITY, Axis
from harness.design._catalogue import Catalogue, Watched, claim, paper, watch
from harness.design._check import check_design
from harness.design._claim import CONTROLS, Arm, Claim, Design, Paper, Scale, Source
from harness.design._exact import Exact, exact, printed
from harness.design._from_paper import Published, printed_of
from harness.design._known import KnownBefore, known_of, read_known
from harness.design._lock import Registry, locked_text
from harness.design._metrics import METRICS, PERCENTAGE_POINTS, Metric, add_metric, metric
from harness.design._own_metrics import answer_metric, mask_metric
from harness.design._parts import Band, Part, percent_kept
from harness.design._pilots import Pilot, append_pilots, pilot_grid, pilot_runs, pilots_of, read_pilots
from harness.design._rounds import FIRST, Locked, Round, closed_seeds
from harness.design._text import check_words
from harness.design._variants import VARIANTS, design_of, only_read, shorten

__all__ = [
    "CONTROLS",
    "DENSITY",
    "FIRST",
    "METRICS",
    "PERCENTAGE_POINTS",
    "VARIANTS",
    "Arm",
    "Asserted",
    "Axis",
    "Band",
    "Catalogue",
    "Claim",
    "Design",
    "Exact",
    "KnownBefore",
    "Locked",
    "Metric",
    "Paper",
    "Part",
    "Pilot",
    "Published",
    "Registry",
    "Round",
    "Scale",
    "Source",
    "Watched",
    "add_metric",
    "answer_metric",
    "append_pilots",
    "asserted",
    "asserts",
    "beats",
    "changes",
    "check_design",
    "check_words",
    "claim",
    "closed_seeds",
    "compares_alike",
    "design_of",
    "equals",
    "exact",
    "interaction",
    "known_of",
    "locked_text",
    "mask_metric",
    "matches",
    "metric",
    "no_gain",
    "only_beyond",
    "only_read",
    "paper",
    "percent_kept",
    "pilot_grid",
    "pilot_runs",
    "pilots_of",
    "printed",
    "printed_of",
    "read_known",
    "read_pilots",
    "reads_alike",
    "shorten",
    "slope",
    "watch",
]

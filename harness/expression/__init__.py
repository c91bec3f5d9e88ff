"""The vocabulary in which claims are written: lazy nodes, and the keys under which their results are stored.

A node says what is computed, for every replicate at once; nothing is computed here. Its key is a hash of its fields and
of the keys of the nodes it mentions, so two claims that mention the same training share it. Fields at their defaults do
not enter the key: a later field with a neutral default leaves every stored result valid.
"""

from harness.expression.densities import density, kept, kept_in, layer_keep, unit_keep
from harness.expression.keys import describe
from harness.expression.measurements import between, evaluate, magnitudes, measures
from harness.expression.nodes import (
    Between,
    Evaluation,
    Fresh,
    Keep,
    LearnedMask,
    Magnitudes,
    Mask,
    Measured,
    Node,
    Prune,
    RandomMask,
    Resampled,
    Rule,
    Scope,
    Scores,
    ShuffledMask,
    Snapshot,
    Split,
    Start,
    Training,
    consumed,
    lineage,
    mask_of,
    network_of,
    parents,
    slot,
)
from harness.expression.pruning import prune, random_mask, shuffle
from harness.expression.trainings import fresh, resample, train

__all__ = [
    "Between",
    "Evaluation",
    "Fresh",
    "Keep",
    "LearnedMask",
    "Magnitudes",
    "Mask",
    "Measured",
    "Node",
    "Prune",
    "RandomMask",
    "Resampled",
    "Rule",
    "Scope",
    "Scores",
    "ShuffledMask",
    "Snapshot",
    "Split",
    "Start",
    "Training",
    "between",
    "consumed",
    "density",
    "describe",
    "evaluate",
    "fresh",
    "kept",
    "kept_in",
    "layer_keep",
    "lineage",
    "magnitudes",
    "mask_of",
    "measures",
    "network_of",
    "parents",
    "prune",
    "random_mask",
    "resample",
    "shuffle",
    "slot",
    "train",
    "unit_keep",
]

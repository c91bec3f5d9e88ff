"""What a part of a hypothesis may read of what was measured, its unit, and the bounds it is held to.

A share (an accuracy, a barrier) is compared in percentage points, against the task's smallest effect of interest and
margin. A quantity without an upper end (a step, a distance) is compared as its natural logarithm: a difference of .1
is a ratio of 1.105, or 10 log points, and such metrics have bounds of their own, fixed once like a task's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from harness.errors import DesignError, nearest
from harness.extensions import Extensions
from harness.population import Row

PERCENTAGE_POINTS = "pp"
LOG_POINTS = "log points"
RATIO = (10.0, 10.0)  # log points: a tenth more or less, for what has no task's bounds
STABLE = (2.0, 2.0)  # pp: a higher error barrier is instability (Frankle et al. 2020, section 2)
TENTH_OF_A_FIFTH = (2.0, 2.0)  # pp: of survivors near zero, of which there are a fifth if pruning does not look
OF_MASKS = (2.0, 2.0)  # pp: of weights, units or inputs, which no task says more of
OF_NETS = (5.0, 5.0)  # pp: one net in twenty
OF_CALIBRATION = (1.0, 1.0)  # pp of confidence
OF_ANSWERS = (0.5, 0.5)  # pp of test examples
OF_TOKENS = (2.0, 2.0)  # log points of perplexity, which are hundredths of a nat a token
REWARDS, SO_FAR, IN_REWARDS = "reward", "return_so_far", (10.0, 10.0)  # of 200 in CartPole, of 500 in Acrobot
NATS, BITS, ON_THE_WAY = "nats a token", "bits a token", "loss_so_far"
IN_NATS = (0.02, 0.02)
IN_BITS = (0.03, 0.03)  # much the same
PATH = "path_accuracy"  # between two copies


@dataclass(frozen=True)
class Metric:
    """A number a member, in `words`, made of the stored metric `stored`: its `of` value or step.

    With `log` it is that number's logarithm, in log points, and where that is `stored_log` the stored number itself;
    `all_right` makes it 1 where it is 1, else 0; `negated` turns what is better small into what is better large.
    `bounds` are smallest effect of interest and margin where they are not the task's. A count, or another quantity with
    a unit, has it as `counts`, of which one is `per` of what is stored; as everything is compared in a hundredfold, a
    hundredth of it is kept. What is `discrete` may be equal in all replicates, which is no mistake then. What is
    `of_text` is a text's, by the cross-entropy of its tokens. `series` is the stored metric, a value a step, that the
    number sums up: results keep all of it, and figures show it.

    Raises DesignError for fields that do not go together: each would be left out without a word.
    """

    name: str
    words: str
    stored: str = ""
    of: Literal["value", "step"] = "value"
    log: bool = False
    stored_log: bool = False
    all_right: bool = False
    negated: bool = False
    bounds: tuple[float, float] | None = None
    series: str = ""
    counts: str = ""
    per: float = 1.0
    discrete: bool = False
    of_text: bool = False

    def __post_init__(self) -> None:
        fault = ""
        if self.of not in ("value", "step"):
            fault = f"it is made of={self.of!r}, which is neither 'value' nor 'step'"
        elif self.of == "step" and not self.log:
            fault = "a step without log=True has no unit: percentage points are of shares"
        elif self.negated and (self.log or self.of == "step" or self.all_right):
            fault = "negated= goes with a value as it is: not with log=, all_right= or of='step'"
        elif self.all_right and (self.log or self.of == "step"):
            fault = "all_right= goes with a value as it is: not with log= or of='step'"
        elif self.bounds is not None and not all(bound > 0 for bound in self.bounds):
            fault = f"its bounds are {self.bounds}, and must be positive"
        elif self.counts and (self.bounds is None or self.log or self.all_right):
            fault = f"counts={self.counts!r} goes with bounds=, in that unit, and with a value as it is"
        elif self.per != 1 and not self.counts:
            fault = f"per={self.per} goes with counts="
        elif self.stored_log and not self.log:
            fault = "stored_log= goes with log="
        if fault:
            raise DesignError(f"metric {self.name!r}: {fault}. Next: correct the Metric")

    @property
    def unit(self) -> str:
        """The unit of the number in `hundredths`."""
        return self.counts or (LOG_POINTS if self.log else PERCENTAGE_POINTS)

    @property
    def is_accuracy(self) -> bool:
        """Whether it is drawn as an accuracy: near 1 small differences count."""
        return self.name.endswith("accuracy")

    @property
    def source(self) -> str:
        """Name of the stored metric that it is made of."""
        return self.stored or self.name

    def read(self, rows: Mapping[str, Row]) -> Row | None:
        """Return it from a member's last row of each stored metric, or None where they do not give it."""
        row = rows.get(self.source)
        if row is None:
            return None
        value = float(row.step) if self.of == "step" else -row.value if self.negated else row.value
        value /= 100 * self.per if self.counts else 1
        if self.stored_log:
            return replace(row, metric=self.name, value=value)
        if self.log and not value > 0:
            return None
        made = math.log(value) if self.log else float(value == 1) if self.all_right else value
        return replace(row, metric=self.name, value=made)


METRICS = Extensions[Metric]("metric")


def add_metric(metric: Metric, *, version: int = 1) -> None:
    """Let parts read a further metric by its name; raise `version` when what it means changes.

    Args:
        metric: What is read of the rows that a node stores, in what words and against which bounds.
        version: From 2 on it is part of the name that a lock hashes.

    Raises:
        DesignError: Another metric has this name.

    Example:
        >>> add_metric(Metric("always_right", "share of nets that answer all", stored="test_accuracy", all_right=True))
        >>> metric("always_right").unit
        'pp'
        >>> METRICS.remove("always_right")
    """
    name = metric.name if version == 1 else f"{metric.name}@{version}"
    METRICS.add(metric.name, replace(metric, name=name, stored=metric.source), version=version)


for each in (
    Metric("test_accuracy", "test accuracy"),
    Metric("early_stop_accuracy", "test accuracy at the early stop"),
    Metric("validation_accuracy", "validation accuracy"),
    Metric("train_accuracy", "training accuracy"),
    Metric("generalisation_gap", "training minus test accuracy"),
    Metric("converged", "share of nets whose answers are all right", stored="test_accuracy", all_right=True),
    Metric("barrier", "error barrier between two copies", series=PATH),
    Metric(
        "stability",
        "minus the error barrier between two copies",
        "barrier",
        negated=True,
        bounds=STABLE,
        series=PATH,
    ),
    Metric("log_early_stop_step", "step of the early stop", "early_stop_accuracy", "step", log=True, bounds=RATIO),
    Metric("log_test_loss", "test loss", "test_loss", log=True, bounds=RATIO),
    Metric("log_validation_loss", "validation loss", "validation_loss", log=True, bounds=RATIO),
    Metric("log_train_loss", "training loss", "train_loss", log=True, bounds=RATIO),
    Metric("log_perplexity", "test perplexity", "test_loss", log=True, stored_log=True, bounds=OF_TOKENS, of_text=True),
    Metric(
        "nats",
        "test log-likelihood",
        "test_loss",
        negated=True,
        counts=NATS,
        bounds=IN_NATS,
        series=ON_THE_WAY,
        of_text=True,
    ),
    Metric(
        "bits",
        "test log-likelihood",
        "test_loss",
        negated=True,
        counts=BITS,
        per=math.log(2),
        bounds=IN_BITS,
        of_text=True,
    ),
    Metric("mean_return", "mean return of the last 100 episodes", bounds=IN_REWARDS, counts=REWARDS, series=SO_FAR),
    Metric("calibration_error", "expected calibration error", bounds=OF_CALIBRATION),
    Metric("disagreement", "share of test examples that two nets answer differently", bounds=OF_ANSWERS),
    Metric("ensemble_accuracy", "test accuracy of the mean of two nets"),
    Metric("log_distance", "distance between two copies", "distance", log=True, bounds=RATIO),
    Metric("smallest_layer", "share kept of the smallest layer", bounds=OF_MASKS, discrete=True),
    Metric("empty_layers", "layers that keep no weight", bounds=(0.5, 0.5), counts="layers", discrete=True),
    Metric("has_path", "nets with a path to an output", all_right=True, bounds=OF_NETS, discrete=True),
    Metric("connected_units", "hidden units on a path", bounds=OF_MASKS, discrete=True),
    Metric("used_inputs", "inputs on a path", bounds=OF_MASKS, discrete=True),
    Metric("overlap", "overlap of two masks", bounds=OF_MASKS, discrete=True),
    Metric("overlap_above_chance", "overlap of two masks, above chance", bounds=OF_MASKS, discrete=True),
    Metric("jaccard", "Jaccard index of two masks", bounds=OF_MASKS, discrete=True),
    Metric("mask_distance", "distance between two masks", bounds=OF_MASKS, discrete=True),
):
    add_metric(each)

PER_WEIGHTS = "per 100 weights"
OF_LAYERS = {  # and a layer's name after a slash
    "log_magnitude_ratio": Metric(
        "", "survivors' mean magnitude over their layer's", log=True, bounds=RATIO, series="magnitude_bin"
    ),
    "near_zero": Metric(
        "", "share of survivors among their layer's smallest fifth", bounds=TENTH_OF_A_FIFTH, series="magnitude_bin"
    ),
    "layer_density": Metric("", "share kept", bounds=OF_MASKS, discrete=True),
    "adjacent_pairs": Metric("", "neighbouring pairs", bounds=(2.0, 2.0), counts=PER_WEIGHTS, discrete=True),
    "adjacent_triples": Metric("", "neighbouring triples", bounds=(2.0, 2.0), counts=PER_WEIGHTS, discrete=True),
}


def metric(name: str) -> Metric:
    """Return a metric by name. Raises DesignError, with the nearest names, for one that parts cannot read."""
    kind, _, layer = name.partition("/")
    if layer and kind in OF_LAYERS:
        of = OF_LAYERS[kind]
        stored, series = f"{kind.removeprefix('log_')}/{layer}", f"{of.series}/{layer}" if of.series else ""
        return replace(of, name=name, words=f"{layer}: {of.words}", stored=stored, series=series)
    if name not in METRICS:
        known = [*METRICS, *(f"{kind}/LAYER" for kind in OF_LAYERS)]
        raise DesignError(f"no metric {name!r} to compare{nearest(name, known)} Metrics: {', '.join(known)}")
    return METRICS[name]

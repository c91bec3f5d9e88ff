"""What a paper prints of a comparison, typed: the number, and of which arms, density, data and metric it is.

Facts read from a paper may be added to a claim after its lock: they are drawn and told beside what was measured, decide
nothing, and no lock hashes them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from harness.design._claim import Claim, Design
from harness.design._metrics import metric as known_metric
from harness.design._parts import Part, share_of
from harness.errors import DesignError
from harness.stats import MEAN

FURTHEST = 10_000  # points: more is no difference that a paper prints
NEAR = Fraction(5, 4)  # how many times denser or sparser a level may be: a round of pruning in most papers


@dataclass(frozen=True, kw_only=True)
class Published:
    """A number that a paper prints of two arms, in the sense and the unit in which a part compares them.

    Args:
        value: The first arm minus the second: percentage points, or log points of what is compared by its ratio.
        of: The two arms, by the names that the design gives them.
        task: The data set on which the paper measured it: ``"MNIST"``.
        kept: The percent of the weights kept, as exact decimal text; None where the paper says no density.
        metric: The stored metric that it is of.
        trials: How many trainings the paper's mean is over; None where the paper does not say.
        net: The paper's network, where the paper prints the number for several.

    Raises:
        DesignError: For a value that is no number, a density outside 0 to 100, fewer than one trial, or an unknown
            metric.

    >>> Published(value=0.5, of=("ticket", "reinit"), task="MNIST", kept="21", trials=5).density
    Fraction(21, 100)
    """

    value: float
    of: tuple[str, str]
    task: str
    kept: str | None = None
    metric: str = "test_accuracy"
    trials: int | None = None
    net: str = ""

    def __post_init__(self) -> None:
        known_metric(self.metric)
        fault = ""
        if not isinstance(self.value, float | int) or isinstance(self.value, bool) or not math.isfinite(self.value):
            fault = f"a published value of {self.value!r} is no number"
        elif self.density is not None and not 0 < self.density <= 1:
            fault = f"published at {self.kept} % kept: expected more than 0 and at most 100"
        elif self.trials is not None and (type(self.trials) is not int or self.trials < 1):
            fault = f"published over {self.trials!r} trials: expected at least one, or None"
        elif abs(self.value) > FURTHEST:
            fault = f"a published value of {self.value:g} is no difference in percentage or log points"
        elif not isinstance(self.task, str) or not isinstance(self.net, str):
            fault = f"published on {self.task!r} by {self.net!r}: expected names of a data set and a network"
        elif len(self.of) != 2 or self.of[0] == self.of[1]:
            fault = f"published of {self.of!r}: expected two arms"
        if fault:
            raise DesignError(f"{fault}. Next: correct printed= in the claim")

    @property
    def density(self) -> Fraction | None:
        """The density as an exact fraction of the weights; None where the paper says none."""
        return None if self.kept is None else share_of(self.kept)

    def belongs_to(self, part: Part, design: Design) -> bool:
        """Whether it is of what `part` compares: the same two arms and metric, read at the paper's density.

        That is where all levels that the part reads of pruned arms lie within a fifth of it: the mean over a wide band
        is another number than the paper's, even if the band holds its density. Without a density it belongs to a part
        without a band. No paper prints what slopes and differences of differences are of.
        """
        if (part.arm, part.reference) != self.of or part.metric != self.metric:
            return False
        if part.less is not None or part.reading is not MEAN:
            return False
        if self.density is None:
            return part.band is None
        if not design.axis.is_density:
            return False
        levels = {level for arm in self.of for level in design.read(arm, part)}
        return all(self._apart(level) <= NEAR for level in levels - {Fraction(1)} or levels)

    def _apart(self, density: Fraction) -> Fraction:
        """How many times denser or sparser than the paper's a density is."""
        assert self.density is not None
        return max(density / self.density, self.density / density)

    def same_task(self, part: Part, design: Design) -> bool:
        """Whether `part` reads its arm on the data set that the paper used."""
        (first, *_), *_ = design.points[part.arm].values()
        return first.task.source.casefold() == self.task.casefold()


def printed_of(claim: Claim, part: Part, design: Design) -> list[Published]:
    """Return what the claim's paper prints of what `part` compares, in the order of the claim."""
    return [each for each in claim.printed if each.belongs_to(part, design)]

"""What a claim's parts come to on its rows, by themselves: before Holm, and before any verdict."""

from __future__ import annotations

from dataclasses import dataclass

from harness.design import Asserted, Design, Part, metric
from harness.errors import ResultsError
from harness.stats import Assessment, Comparison, Interval, PartResult, assess, two_way_interval
from harness.verdict._results import Results


def compare_part(results: Results, claim: str, part: Part) -> PartResult:
    """Return one part's test, from the rows of `claim`."""
    reference = results.read(claim, part.reference, part)
    return assess(
        Comparison(
            name=part.name,
            kind=part.kind,
            bound=part.bound,
            differences=results.differences(claim, part),
            floors={floor: reference - results.read(claim, floor, part) for floor in part.floors},
            null_setting=part.null_setting,
            unit=part.unit,
            discrete=metric(part.metric).discrete,
        )
    )


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A claim's parts, tested, without the others of its family; `both` has an interval or None for each part."""

    assessment: Assessment
    beside: tuple[PartResult, ...] = ()
    both: tuple[Interval | None, ...] = ()

    @property
    def compared(self) -> tuple[PartResult, ...]:
        return (*self.assessment.parts, *self.beside)


def tested_on(results: Results, claim: str, asserts: Design | Asserted) -> Tested:
    try:
        return Tested(
            assessment=Assessment(
                parts=tuple(compare_part(results, claim, part) for part in asserts.parts), decision=asserts.decision
            ),
            beside=tuple(compare_part(results, claim, part) for part in asserts.beside),
            both=tuple(_both(results, claim, part) for part in asserts.compared()),
        )
    except ResultsError as error:
        return Tested(assessment=Assessment(parts=(), decision=asserts.decision, error=str(error)))


def _both(results: Results, claim: str, part: Part) -> Interval | None:
    """Return the interval over replicates and test examples, where the test set is fixed."""
    differences_RN = results.correct_differences(claim, part)
    return None if differences_RN is None or len(differences_RN) < 2 else two_way_interval(differences_RN)

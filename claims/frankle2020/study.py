"""What the claims of Frankle et al. 2020 share: tickets reset to step 0 or later, and the path between two copies.

The deep net on digit-difference is that of frankle2019b, the shallow one on digits that of frankle2019.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

from harness import Between, Scale, Training, between

from ..frankle2019 import study as shallow
from ..frankle2019b import study as deep

LATE = 25  # the step, of 1,500
KEPT = Fraction(19, 200)  # of the deep net after a third round of global pruning; two leave 16 %
ROUNDS = 4  # of layerwise pruning of the shallow net: 24.6 % kept
BATCH_NORM = (
    "BatchNorm is evaluated with moments of 1,000 fixed training inputs, computed anew at every point of a path."
)


@dataclass(frozen=True)
class Ticket:
    """A ticket, the path to a copy of it that sees its data in another order, and the path to itself."""

    trained: Training
    copies: Between
    itself: Between


def reset_to(step: int, scale: Scale) -> Ticket:
    """Return the deep net's ticket whose weights, in every round, are reset to what they were at `step`."""
    s = deep.SETTINGS[scale]
    s = replace(s, densities=(*s.densities[: s.read], KEPT), late=step or s.late)
    study = deep.stabilising(s, 0.1, rounds=len(s.densities))
    return _ticket((study.late if step else study.reset)[-1])


def stable(scale: Scale) -> Ticket:
    """Return the shallow net's ticket, reset to step 0."""
    return _ticket(shallow.lenet(scale).tickets[ROUNDS - 1])


def elsewhere(scale: Scale) -> Between:
    """Return the path from the shallow net's ticket to a net with its mask and other initial weights."""
    study = shallow.lenet(scale)
    return between(study.tickets[ROUNDS - 1], study.redraws(ROUNDS)[0])


def _ticket(trained: Training) -> Ticket:
    return Ticket(trained, between(trained, deep.copy(trained)), between(trained, trained))

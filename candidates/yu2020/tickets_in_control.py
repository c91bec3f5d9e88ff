"""Tickets of a policy earn more than random ones (section 4.2, Figure 4)."""

from functools import partial

from harness import Design, Scale, Source, beats, claim, matches

from ..study import at
from . import study


@claim(
    "yu2020/tickets-in-control",
    statement="""Where most weights of a policy are removed, its late-rewound tickets earn a higher return than the same
        masks with new weights, and than random masks of the same layer densities with new weights.""",
    source=Source(
        version="arXiv 1906.02768",
        place="section 4.2, Figure 4",
        published="winning tickets beat random ones beyond 80 to 90 % removed",
    ),
    predicted={"micro": "reproduced"},
    deviations=study.IN_CONTROL,
)
def tickets_in_control(scale: Scale) -> Design:
    """Read where a thirty-second of the weights is kept."""
    s = study.POLE
    few = at(s.kept[4])
    plays_better = partial(beats, on=s.task, metric="mean_return")
    return Design(
        arms={
            "dense": s.dense(),
            "ticket": s.tickets(),
            study.NEW: s.control(study.NEW),
            study.BOTH: s.control(study.BOTH),
            "untrained": study.UNTRAINED.dense(),
        },
        parts=(
            plays_better("ticket", study.NEW, band=few, floors=("untrained",)),
            plays_better("ticket", study.BOTH, band=few),
        ),
        beside=(
            matches("ticket", "dense", on=s.task, band=few, metric="mean_return", floors=("untrained",)),
            plays_better("dense", "untrained"),
        ),
        contrast=("mask", "start", "first_step", "streams.order", "recipe.optimiser.lr"),
        panels={
            "At all densities": ("dense", "untrained", "ticket", study.NEW, study.BOTH),
            "On the way": ("dense", "untrained"),
        },
        replicates=40,
    )

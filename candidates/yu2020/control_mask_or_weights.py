"""What a ticket of a policy owes to its mask and to its weights (derived from section 4.2, Figure 4)."""

from functools import partial

from harness import Design, Scale, Source, beats, claim

from ..study import at
from . import study


@claim(
    "yu2020/control-mask-or-weights",
    statement="""At moderate density what a policy's ticket earns is in its mask: with new weights it loses less than
        with its own weights and a mask shuffled within layers.""",
    source=Source(
        version="arXiv 1906.02768",
        place="section 4.2, Figure 4",
        published="not stated: random tickets there have both mask and weights drawn anew",
    ),
    predicted={"micro": "reproduced"},
    deviations=study.IN_CONTROL,
)
def control_mask_or_weights(scale: Scale) -> Design:
    """Read where a sixteenth of the weights is kept."""
    s = study.POLE
    some = at(s.kept[3])
    plays_better = partial(beats, on=s.task, metric="mean_return")
    return Design(
        arms={
            "dense": s.dense(),
            "ticket": s.tickets(),
            study.NEW: s.control(study.NEW),
            study.SHUFFLED: s.control(study.SHUFFLED),
            study.BOTH: s.control(study.BOTH),
            "untrained": study.UNTRAINED.dense(),
        },
        parts=(plays_better(study.NEW, study.SHUFFLED, band=some, floors=("untrained",)),),
        beside=(
            plays_better("ticket", study.NEW, band=some),
            plays_better("ticket", study.SHUFFLED, band=some),
            plays_better(study.SHUFFLED, study.BOTH, band=some),
        ),
        contrast=("mask", "start", "first_step", "streams.order"),
        replicates=40,
    )

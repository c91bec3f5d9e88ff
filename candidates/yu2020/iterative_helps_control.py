"""Tickets of policies are better found over rounds than at once (section 4.2, Figure 6)."""

from functools import partial

from harness import Design, Scale, Source, beats, claim

from ..study import at
from . import study


@claim(
    "yu2020/iterative-helps-control",
    statement="""Tickets of a policy that are found over rounds earn a higher return than tickets pruned once to the
        same density.""",
    source=Source(
        version="arXiv 1906.02768",
        place="section 4.2, Figure 6",
        published="iterative pruning raises what tickets earn",
    ),
    predicted={"micro": "reproduced"},
    deviations=study.IN_CONTROL,
)
def iterative_helps_control(scale: Scale) -> Design:
    """Both are rewound to the same step."""
    s = study.POLE
    few, some = at(s.kept[4]), at(s.kept[3])
    plays_better = partial(beats, on=s.task, metric="mean_return")
    return Design(
        arms={
            "dense": s.dense(),
            "ticket": s.tickets(),
            "one-shot": s.one_shot(),
            study.BOTH: s.control(study.BOTH),
            "untrained": study.UNTRAINED.dense(),
        },
        parts=(plays_better("ticket", "one-shot", band=few, floors=("untrained",)),),
        beside=(plays_better("ticket", "one-shot", band=some, label="at a sixteenth"),),
        contrast=("mask", "start", "first_step", "streams.order"),
        replicates=60,
    )

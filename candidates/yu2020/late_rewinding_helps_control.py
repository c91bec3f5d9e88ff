"""Tickets of policies are better rewound late than reset (section 4.2, Figure 6)."""

from functools import partial

from harness import Design, Scale, Source, beats, claim

from ..study import at
from . import study


@claim(
    "yu2020/late-rewinding-helps-control",
    statement="""Tickets of a policy that are rewound to an early step of its training earn a higher return than
        tickets reset to its initial weights.""",
    source=Source(
        version="arXiv 1906.02768",
        place="section 4.2, Figure 6",
        published="late rewinding raises what tickets earn",
    ),
    predicted={"micro": "refuted"},
    deviations=(*study.IN_CONTROL, "Predicted to be refuted: pilots had reset tickets 14 ahead, of a return of 180."),
)
def late_rewinding_helps_control(scale: Scale) -> Design:
    """Both ladders are pruned on their own."""
    s = study.POLE
    few, some = at(s.kept[4]), at(s.kept[3])
    plays_better = partial(beats, on=s.task, metric="mean_return")
    return Design(
        arms={
            "dense": s.dense(),
            "ticket": s.tickets(),
            "reset": s.tickets(step=0),
            study.NEW: s.control(study.NEW),
            "untrained": study.UNTRAINED.dense(),
        },
        parts=(plays_better("ticket", "reset", band=few, floors=("untrained",)),),
        beside=(plays_better("ticket", "reset", band=some, label="at a sixteenth"),),
        contrast=("mask", "start", "first_step", "streams.order"),
        replicates=60,
    )

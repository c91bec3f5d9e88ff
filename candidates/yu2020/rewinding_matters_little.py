"""In language it matters little from which step tickets start (section 4.1, Figure 1)."""

from harness import Design, Scale, Source, beats, claim, equals

from ..study import at
from . import study


@claim(
    "yu2020/rewinding-matters-little-in-language",
    statement="""Tickets of an LSTM reset to the initial weights tell the next token as well as those rewound to a tenth
        of the training, and better than the same masks with new weights.""",
    source=Source(
        version="arXiv 1906.02768",
        place="section 4.1, Figure 1",
        published="without late rewinding only slightly worse",
    ),
    predicted={"micro": "inconclusive", "standard": "reproduced"},
    deviations={
        **study.DEVIATIONS,
        "micro": (
            *study.DEVIATIONS["micro"],
            "Predicted to be inconclusive: pilots had reset tickets .014 nats behind (n = 10, sd .010), between "
            "nothing and the margin. Of 1,000 steps instead of 650 it was .03 (n = 3).",
        ),
    },
)
def rewinding_matters_little(scale: Scale) -> Design:
    """Both ladders are pruned on their own; new weights are those of the rewound tickets' masks."""
    s = study.SETTINGS[scale]
    some = at(s.kept[s.controls[1] - 1])
    return Design(
        arms={
            "dense": s.dense(),
            "rewound": s.tickets(),
            "reset": s.tickets(step=0),
            study.NEW: s.control(study.NEW),
            "bigrams": s.bigrams(),
        },
        parts=(
            equals("reset", "rewound", on=s.task, band=some, metric="nats", floors=("bigrams",)),
            beats("reset", study.NEW, on=s.task, band=some, metric="nats"),
        ),
        contrast=("mask", "start", "first_step", "streams.order"),
        replicates=30,
    )

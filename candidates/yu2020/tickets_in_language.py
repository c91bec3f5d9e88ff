"""Tickets of a language model learn more than random ones (section 4.1, Figure 1)."""

from functools import partial

from harness import Design, Scale, Source, beats, claim, matches

from ..study import at
from . import study


@claim(
    "yu2020/tickets-in-language",
    statement="""Tickets of an LSTM that reads text, found over rounds and rewound to a tenth of the training, tell the
        next token better than the same masks with new weights, at all densities; the more is pruned the more so.""",
    source=Source(
        version="arXiv 1906.02768",
        place="section 4.1, Figure 1",
        published="winning tickets beat random ones at all densities; 90 % removed costs nothing to be seen",
    ),
    predicted={"micro": "reproduced", "standard": "reproduced"},
    deviations=study.DEVIATIONS,
)
def tickets_in_language(scale: Scale) -> Design:
    """Controls keep the mask, or its layers' densities; a floor knows which token follows which."""
    s = study.SETTINGS[scale]
    told_better = partial(beats, on=s.task, metric="nats")
    many, few = at(s.kept[s.controls[0] - 1]), at(s.kept[s.controls[-1] - 1])
    return Design(
        arms={
            "dense": s.dense(),
            "ticket": s.tickets(),
            study.NEW: s.control(study.NEW),
            study.BOTH: s.control(study.BOTH),
            "bigrams": s.bigrams(),
        },
        parts=(
            told_better("ticket", study.NEW, band=many, label="many weights"),
            told_better("ticket", study.NEW, band=few, floors=("bigrams",), label="few weights"),
        ),
        beside=(
            told_better("ticket", study.BOTH, band=few),
            matches("ticket", "dense", on=s.task, band=few, metric="nats", floors=("bigrams",)),
            told_better("dense", "bigrams"),
        ),
        contrast=("mask", "start", "first_step", "streams.order", "network"),
        panels={
            "At all densities": ("dense", "bigrams", "ticket", study.NEW, study.BOTH),
            "On the way": ("dense", "bigrams"),
        },
        replicates=10,
    )

"""Tickets of a transformer that reads text, beside those of the LSTM (derived; the paper's are larger, section 4.1)."""

from functools import partial

from harness import Design, Scale, Source, beats, claim

from ..study import at
from . import study


@claim(
    "yu2020/tickets-of-attention",
    statement="""Tickets of a transformer of two blocks that reads text, found over rounds and rewound to a tenth of the
        training, tell the next character better than the same masks with new weights.""",
    source=Source(
        version="arXiv 1906.02768",
        place="section 4.1, Figure 2",
        published="winning tickets of transformers for translation beat random ones",
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        "200,000 characters of Tiny Shakespeare and two blocks of 64 instead of translation by Transformer Base.",
        "40 % removed a round, six rounds, instead of 20 % and twenty; all layers compete.",
        "Biases, LayerNorm and positions are not pruned.",
        "Read at 13 % kept: at 4.7 % pilots' tickets told no more than a table of bigrams.",
    ),
)
def tickets_of_attention(scale: Scale) -> Design:
    """Controls keep the mask, or its layers' densities."""
    s = study.ATTENTION
    told_better = partial(beats, on=s.task, metric="nats", band=at(s.kept[s.controls[1] - 1]))
    return Design(
        arms={
            "dense": s.dense(),
            "ticket": s.tickets(),
            study.NEW: s.control(study.NEW),
            study.BOTH: s.control(study.BOTH),
            "bigrams": s.bigrams(),
        },
        parts=(told_better("ticket", study.NEW, floors=("bigrams",)),),
        beside=(told_better("ticket", study.BOTH),),
        contrast=("mask", "start", "first_step", "streams.order"),
        replicates=10,
    )

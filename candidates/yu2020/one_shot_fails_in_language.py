"""Pruned once, a language model is no better than at random (section 4.1, Figure 1)."""

from functools import partial

from harness import Design, Scale, Source, beats, claim

from ..study import at
from . import study


@claim(
    "yu2020/one-shot-fails-in-language",
    statement="""Beyond four fifths removed, tickets of an LSTM that are pruned once tell the next token worse than
        random masks with new weights.""",
    source=Source(
        version="arXiv 1906.02768",
        place="section 4.1, Figure 1",
        published="one-shot tickets are worse than random ones beyond 80 % removed",
    ),
    predicted={"micro": "refuted", "standard": "refuted"},
    deviations={
        scale: (*told, "Random masks come twice: with the layers' densities, and as the paper's, across layers.")
        for scale, told in study.DEVIATIONS.items()
    },
)
def one_shot_fails_in_language(scale: Scale) -> Design:
    """Random with the ticket's layer densities decides, at two densities; across layers stands beside it."""
    s = study.SETTINGS[scale]
    told_better = partial(beats, on=s.task, metric="nats")
    some, few = (at(s.kept[k - 1]) for k in s.controls[1:])
    return Design(
        arms={
            "dense": s.dense(),
            "iterative": s.tickets(),
            "one-shot": s.one_shot(),
            study.BOTH: s.control(study.BOTH),
            study.ACROSS: s.control(study.ACROSS),
            "bigrams": s.bigrams(),
        },
        parts=(
            told_better(study.BOTH, "one-shot", band=some, label="more weights"),
            told_better(study.BOTH, "one-shot", band=few, label="fewer weights"),
        ),
        beside=(
            told_better(study.ACROSS, "one-shot", band=few),
            told_better("iterative", "one-shot", band=few),
        ),
        contrast=("mask", "start", "first_step", "streams.order"),
        replicates=20,
    )

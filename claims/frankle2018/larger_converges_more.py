"""How many nets learn XOR, by the number of their hidden units (first draft)."""

from harness import XOR, Design, Scale, Source, beats, claim

from . import study


@claim(
    "frankle2018/larger-converges-more",
    statement="The more hidden units a net has, the likelier it is to learn XOR from random initial weights.",
    source=Source(
        version="arXiv 1803.03635 v1",
        place="the experiments with XOR",
        published="98.5 % of nets with 10 units, 78.3 % with 4, 49.1 % with 2 (unverified)",
    ),
    predicted={"micro": "reproduced"},
    deviations=study.DEVIATIONS,
    pilot=study.grid,
)
def larger_converges_more(scale: Scale) -> Design:
    """Ten units against four, and four against two."""
    names = {k: f"{k} units" for k in (10, 4, 2)}
    return Design(
        arms={name: study.block(k) for k, name in names.items()},
        parts=(
            beats(names[10], names[4], on=XOR, metric="converged"),
            beats(names[4], names[2], on=XOR, metric="converged"),
        ),
        contrast=("network", "start"),
    )

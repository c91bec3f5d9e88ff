"""Which columns a ticket reads: the mask of the largest weights against its places shuffled in each layer."""

from harness import Design, Scale, Source, beats, claim, shuffle, structure, train

from . import study


@claim(
    "rings2026/tickets-read-what-matters",
    statement="""The largest weights of a net that has learned a table stand at the columns that matter: its ticket is
        better than one of as many places at random, and reads fewer columns.""",
    source=Source(version="invented", place="this folder", published="none"),
    predicted={"micro": "reproduced"},
)
def tickets_read_what_matters(scale: Scale) -> Design:
    """Both begin with the dense net's initial weights; a column is read where weights lead from it to an answer."""
    shuffled = shuffle(study.MASK)
    random = train(study.NET, study.RINGS, study.RECIPE, mask=shuffled, start=study.DENSE.at(0))
    return Design(
        arms={
            "dense": study.DENSE,
            "ticket": study.TICKET,
            "random": random,
            "ticket's columns": structure(study.MASK, study.RINGS),
            "random columns": structure(shuffled, study.RINGS),
        },
        parts=(
            beats("ticket", "random", on=study.RINGS),
            beats("random columns", "ticket's columns", on=study.RINGS, metric="used_inputs"),
        ),
        beside=(beats("ticket", "dense", on=study.RINGS),),
        contrast=("mask",),
    )

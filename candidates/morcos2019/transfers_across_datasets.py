"""A ticket of one data set trained on another (section 4)."""

from harness import Design, Scale, Source, beats, claim, matches, percent_kept

from .. import study as shared
from . import study


@claim(
    "morcos2019/transfers-across-datasets",
    statement="""A ticket that was found on half of the classes, its weights reset to an early step, trains on the other
        half to more than its mask with new weights or its weights under a shuffled mask, and to no less than a ticket
        that was found there.""",
    source=Source(version="arXiv 1906.02773", place="section 4", published="curves only"),
    predicted={"micro": "refuted"},
    deviations=(
        study.SETTING,
        "Three rounds of 60 % of both hidden layers, which compete; reset to step 50 of 1,000; a new output layer.",
        "Predicted to be refuted by new weights: in pilots they did as well under the mask that was transferred.",
    ),
)
def transfers_across_datasets(scale: Scale) -> Design:
    """The ticket that comes from the other half with its controls, the ticket of this half, the dense net."""
    source, target = study.half(source=True), study.half(source=False)
    come = [
        study.with_controls(study.moved(shared.mask_of(ticket), source.dense.at(study.LATE), k), "transferred")
        for k, ticket in enumerate(source.tickets[1:], start=2)
    ]
    band = percent_kept("5", "20")
    return Design(
        arms={
            "dense": target.dense,
            "found here": target.tickets,
            **study.along(come),
            "linear": study.linear(),
        },
        parts=(
            beats("transferred", "new weights", on=study.TARGET, band=band),
            beats("transferred", "shuffled mask", on=study.TARGET, band=band),
            matches("transferred", "found here", on=study.TARGET, band=band, floors=("linear",)),
        ),
        beside=(
            beats("transferred", "random mask", on=study.TARGET, band=band),
            beats("new weights", "both", on=study.TARGET, band=band),
        ),
        contrast=("mask", "start"),
        replicates=10,
    )

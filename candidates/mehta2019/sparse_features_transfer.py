"""Trained weights of a ticket as features for other data (section 4)."""

from harness import Design, Scale, Source, beats, claim, matches, percent_kept

from .. import study as shared
from ..morcos2019 import study


@claim(
    "mehta2019/sparse-features-transfer",
    statement="""Trained on from its trained weights, a ticket of one data set is no less accurate on another one than a
        dense net that is trained there; from its initial weights it is less accurate.""",
    source=Source(
        version="arXiv 1905.07785",
        place="section 4",
        published="CIFAR-10 to Fashion-MNIST: trained weights match down to 6.9 % kept, initial ones never",
    ),
    predicted={"micro": "refuted"},
    deviations=(
        study.SETTING,
        "Three rounds of 60 % of both hidden layers, which compete; a new output layer on the other half.",
        "Predicted to be refuted by the second part: in pilots its initial weights beat the dense net.",
    ),
)
def sparse_features_transfer(scale: Scale) -> Design:
    """The ticket from its trained and from its initial weights, controls of the first, the dense net there."""
    source, target = study.half(source=True), study.half(source=False)
    trained, initial = [], []
    for k, ticket in enumerate(source.tickets[1:], start=2):
        mask = shared.mask_of(ticket)
        trained.append(study.with_controls(study.moved(mask, ticket.at("end"), k), "trained weights"))
        initial.append(study.moved(mask, source.dense.at(0), k))
    band = percent_kept("5", "20")
    return Design(
        arms={
            "dense": target.dense,
            "found there": target.tickets,
            "initial weights": initial,
            **study.along(trained),
            "linear": study.linear(),
        },
        parts=(
            matches("trained weights", "dense", on=study.TARGET, band=band, floors=("linear",)),
            beats("dense", "initial weights", on=study.TARGET, band=band),
        ),
        beside=(
            beats("trained weights", "initial weights", on=study.TARGET, band=band),
            beats("trained weights", "shuffled mask", on=study.TARGET, band=band),
        ),
        contrast=("mask", "start", "first_step", "streams.order"),
        replicates=10,
    )

"""Pruning that begins from a random sparse net instead of a dense one (section 4)."""

from fractions import Fraction

from harness import (
    DIGITS,
    Design,
    Keep,
    Mask,
    Scale,
    Source,
    Training,
    beats,
    claim,
    equals,
    erk,
    matches,
    prune,
    random_mask,
    train,
)

from .. import study

NET, TASK, RECIPE = study.LENET, DIGITS, study.ADAM
HALF, ROUNDS = Fraction(1, 2), (Fraction(1, 5), Fraction(1, 10), Fraction(1, 20))
BALANCED = (("fc1", Fraction(12050, 19200)), ("fc2", Fraction(12050, 30000)), ("output", Fraction(1)))
PYRAMID = (("fc1", Fraction(13, 20)), ("fc2", Fraction(13, 20) ** 2), ("output", Fraction(13, 20) ** 3))


@claim(
    "gadhikar2023/sparse-source",
    statement="""Iterative magnitude pruning finds as good a ticket inside of a random half of a net's weights, which
        never sees the other half, as it finds in the dense net.""",
    source=Source(version="arXiv 2210.02412", place="section 4", published="tables unverified; direction only"),
    predicted={"micro": "reproduced"},
    deviations=(
        study.DIGITS_SETTING,
        "Three rounds to 5 % kept of each layer, reset to step 0; the paper also rewires inside of the source.",
        "Of the source's layer densities, equal ones decide; the others are shown beside.",
    ),
)
def sparse_source(scale: Scale) -> Design:
    """Tickets of 5 % from the dense net and from sources of a half; of the second its controls; random masks."""
    dense = train(NET, TASK, RECIPE)

    def inside(source: Mask | None) -> Training:
        """Return the ticket that is found among the weights of `source`, or among all of them."""
        found = train(NET, TASK, RECIPE, mask=source, streams={"order": 1})
        for k, keep in enumerate(ROUNDS, start=2):
            found = train(NET, TASK, RECIPE, mask=prune(found, keep=keep), start=dense.at(0), streams={"order": k})
        return found

    def half(keep: Keep) -> Mask:
        return random_mask(NET, keep=keep)

    ticket = inside(half(HALF))
    return Design(
        arms={
            "dense": dense,
            "from dense": inside(None),
            "from half": ticket,
            **study.controls(ticket),
            "from half by Erdos-Renyi": inside(half(erk(NET, HALF))),
            "from half, balanced": inside(half(BALANCED)),
            "from half, pyramidal": inside(half(PYRAMID)),
            "linear": study.linear(RECIPE),
        },
        parts=(
            matches("from half", "from dense", on=TASK, floors=(study.RANDOM,)),
            beats("from half", study.RANDOM, on=TASK),
        ),
        beside=(equals("from half, pyramidal", "from half, balanced", on=TASK, floors=("linear",)),),
        contrast=("mask", "start"),
        replicates=20,
    )

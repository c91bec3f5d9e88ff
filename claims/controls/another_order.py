"""A/A: two arms that differ in nothing but the draw of their data order."""

from harness import DIGITS, Adam, Design, Recipe, Scale, Source, claim, equals, mlp, train

NET = mlp(64, 300, 100, 10)  # network and recipe of frankle2019, with which the first replicates are shared
RECIPE = Recipe(optimiser=Adam(1.2e-3), steps=600, batch=60)


@claim(
    "controls/another-order",
    statement="""Two nets that differ only in the draw of their data order are equally accurate: whatever the protocol
        finds between them is a false alarm.""",
    source=Source(version="none", place="docs/statistics.md", published="none"),
    predicted={"micro": "reproduced"},
)
def another_order(scale: Scale) -> Design:
    """Sixty replicates, so that they can be split into disjoint samples of the usual size."""
    return Design(
        arms={
            "one order": train(NET, DIGITS, RECIPE),
            "another order": train(NET, DIGITS, RECIPE, streams={"order": 1000}),
            "linear": train(mlp(64, 10), DIGITS, RECIPE),
        },
        parts=(equals("another order", "one order", on=DIGITS, floors=("linear",), bound=DIGITS.margin_pp),),
        contrast=("streams.order",),
        replicates=60,
    )

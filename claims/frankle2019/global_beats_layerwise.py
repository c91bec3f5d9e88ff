"""Pruning all layers together against pruning each by the same fraction, in a net of unequal layers (appendix I.1)."""

from fractions import Fraction

from harness import Design, Init, Scale, Source, Training, beats, claim, mlp, percent_kept, prune, train

from . import study_deep

NET = mlp(128, 32, 256, 128, 32, 10, batch_norm=True, init=Init.KAIMING_NORMAL)  # 4,096, 8,192, 32,768, 4,096 and 320
ROUNDS = 4


def tickets(scope: str) -> tuple[Training, list[Training]]:
    """Return the dense net, and its tickets by `scope`, halved a round: layers of these sizes halve exactly."""
    recipe = study_deep.warmed_up()
    dense = train(NET, study_deep.TASK, recipe)
    made: list[Training] = []
    for k in range(1, ROUNDS + 1):
        mask = prune(made[-1] if made else dense, keep=Fraction(1, 2) ** k, scope=scope)
        made.append(train(NET, study_deep.TASK, recipe, mask=mask, start=dense.at(0), streams={"order": k}))
    return dense, made


@claim(
    "frankle2019/global-beats-layerwise",
    statement="""In a deep net with layers of unequal size, tickets found by pruning all layers together are more
        accurate, where few weights are left, than tickets found by pruning each layer by the same fraction.""",
    source=Source(
        version="arXiv 1803.03635 v5",
        place="appendix I.1",
        published="VGG-19: winning tickets down to 1.5 % kept by pruning globally, 6.9 % layer by layer",
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        """A BatchNorm MLP of widths 32, 256, 128 and 32 on the difference of two 8x8 digits instead of VGG-19 on
        CIFAR-10: five sixths of its weights are in two of five layers.""",
        "Accuracy at equal density is compared, not the smallest density that matches the dense net.",
        "Rounds of 50 % instead of 20 %, output layer included; Kaiming instead of Glorot initialisation.",
        study_deep.BATCH_NORM,
        "The level, 6.25 % kept, was chosen on pilots.",
    ),
)
def global_beats_layerwise(scale: Scale) -> Design:
    """At equal counts in all; at learning rate .1 with warm-up, for which the paper gives its figures."""
    dense, together = tickets("global")
    _, layerwise = tickets("layer")
    return Design(
        arms={"dense": dense, "global": together, "layerwise": layerwise},
        parts=(beats("global", "layerwise", on=study_deep.TASK, band=percent_kept("6", "7")),),
        beside=(
            beats("global", "layerwise", on=study_deep.TASK, band=percent_kept("12", "51"), label="12 to 50 % kept"),
        ),
        contrast=("mask",),
    )

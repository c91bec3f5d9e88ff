"""Pruning by connection sensitivity before training costs next to nothing (section 5)."""

from fractions import Fraction

from harness import DIGITS, Design, Scale, Source, beats, claim, matches, random_mask, saliency, train

from .. import study

KEPT = (Fraction(1, 10), Fraction(1, 20), Fraction(1, 50))


@claim(
    "lee2019/snip-prunes-free",
    statement="""Of a net that is pruned once before training, by how much the loss of one batch depends on each weight,
        a twentieth of the weights trains to the dense net's accuracy, and to more than as many at random places.""",
    source=Source(
        version="arXiv 1810.02340, released code",
        place="section 5",
        published="LeNet-300-100 to 98 % sparsity; errors unverified; the code draws new weights after it",
    ),
    predicted={"micro": "refuted"},
    deviations=(
        study.DIGITS_SETTING,
        "Adam instead of SGD at .1; scores are of 100 examples, as there; all layers compete.",
        "What trains keeps the weights that were scored; in the released code it is the arm with new weights.",
        "Predicted to be refuted: pilots had SNIP 3.0 pp behind the dense net, and .8 ahead of its layers' densities.",
    ),
)
def snip_prunes_free(scale: Scale) -> Design:
    """Masks of three densities; the controls keep the layers' densities, the uniform mask does not."""
    dense = train(study.LENET, DIGITS, study.ADAM)
    pruned = []
    uniform = []
    for k, keep in enumerate(KEPT, start=1):
        mask = saliency(study.LENET, DIGITS, by="snip", keep=keep).learned_mask()
        pruned.append(train(study.LENET, DIGITS, study.ADAM, mask=mask, streams={"order": k}))
        uniform.append(study.again(pruned[-1], mask=random_mask(study.LENET, keep=keep)))
    controls = [study.controls(each) for each in pruned]
    return Design(
        arms={
            "dense": dense,
            "SNIP": pruned,
            **{name: [each[name] for each in controls] for name in study.CONTROLS},
            "uniform random mask": uniform,
            "linear": study.linear(study.ADAM),
        },
        parts=(
            matches("SNIP", "dense", on=DIGITS, band=study.at(KEPT[1]), floors=("linear",)),
            beats("SNIP", "uniform random mask", on=DIGITS, band=study.at(KEPT[1])),
        ),
        beside=(
            beats("SNIP", "random mask", on=DIGITS, band=study.at(KEPT[1])),
            matches(
                "new weights", "SNIP", on=DIGITS, band=study.at(KEPT[1]), floors=("linear",), label="new weights, 5 %"
            ),
            matches("SNIP", "dense", on=DIGITS, band=study.at(KEPT[2]), floors=("linear",), label="2 % kept"),
        ),
        contrast=("mask", "start", "streams.order"),
        replicates=20,
    )

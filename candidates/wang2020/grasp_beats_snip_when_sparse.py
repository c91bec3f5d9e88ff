"""GraSP against SNIP the sparser the net (section 5)."""

from fractions import Fraction

from harness import DIGITS, Arm, Design, Scale, Source, claim, percent_kept, random_mask, saliency, slope, train

from .. import study

KEPT = tuple(Fraction(1, n) for n in (10, 40, 160))


@claim(
    "wang2020/grasp-beats-snip-when-sparse",
    statement="""The fewer weights are kept, the more a mask that keeps the gradient's flow gains on one that keeps what
        the loss depends on.""",
    source=Source(
        version="arXiv 2002.07376, and a replication",
        place="section 5, tables of ResNet-32",
        published="unverified: kept 10, 5, 2 %: GraSP 92.4, 91.4, 88.8 against SNIP 92.6, 91.0, 87.5",
    ),
    predicted={"micro": "refuted"},
    deviations=(
        study.DIGITS_SETTING,
        "One batch of 100 examples, 10 a class on average, gives scores; GraSP alone divides logits by 200.",
        "Predicted to be refuted: pilots had GraSP behind SNIP at every density, at .6 % kept by 9 pp.",
    ),
)
def grasp_beats_snip_when_sparse(scale: Scale) -> Design:
    """Three densities, both scores with the four controls of each, and a mask at random places of all layers."""
    dense = train(study.LENET, DIGITS, study.ADAM)
    arms: dict[str, Arm] = {"dense": dense}
    for by, name, divided in (("grasp", "GraSP", 200.0), ("snip", "SNIP", 1.0)):
        masks = [saliency(study.LENET, DIGITS, by=by, keep=keep, temperature=divided).learned_mask() for keep in KEPT]
        trained = [
            train(study.LENET, DIGITS, study.ADAM, mask=mask, streams={"order": k}) for k, mask in enumerate(masks, 1)
        ]
        controls = [study.controls(each, suffix=f", {name}") for each in trained]
        arms |= {name: trained} | {arm: [each[arm] for each in controls] for arm in controls[0]}
    arms["uniform random mask"] = [
        study.again(each, mask=random_mask(study.LENET, keep=k)) for each, k in zip(trained, KEPT, strict=True)
    ]
    return Design(
        arms=arms,
        parts=(slope("GraSP", "SNIP", on=DIGITS, band=percent_kept("0.6", "11")),),
        beside=(slope("GraSP", "random mask, GraSP", on=DIGITS, band=percent_kept("0.6", "11")),),
        contrast=("mask", "start"),
        replicates=20,
    )

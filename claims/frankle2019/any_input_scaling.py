"""Do tickets depend on how pixels are scaled? The paper does not say how it scales them (section 2)."""

from harness import Arm, Design, Part, Scale, Scaling, Source, beats, claim, matches, percent_kept

from . import study

READ = {Scale.STANDARD: (4, 6, 8), Scale.PAPER: (7, 9, 12)}  # rounds; the last is also reinitialised
SPARSEST = {Scale.STANDARD: percent_kept("5", "6"), Scale.PAPER: percent_kept("6.9", "7")}  # that round's density
REPLICATES = 5
WORDS = {
    Scaling.UNIT: "pixels over 255",
    Scaling.STANDARDISED: "standardised",
    Scaling.L2: "images of length 1",
}
DEVIATIONS = (
    "The paper states no input scaling; these three are a sensitivity check and none of its claims.",
    "Accuracy after the last step; the paper also reports it at the early stop.",
    "Learning rate and steps are not tuned for each scaling.",
)


@claim(
    "frankle2019/any-input-scaling",
    statement="""Whether pixels are divided by 255, standardised, or each image is scaled to length 1: winning tickets
        match the dense net, and lose test accuracy when their weights are drawn anew.""",
    source=Source(
        version="arXiv 1803.03635 v5",
        place="section 2, Figure 4; the scaling is stated nowhere",
        published="under an unstated scaling: above the dense net at 13.5 % kept, at its accuracy at 3.6 %",
    ),
    predicted={"standard": "reproduced", "paper": "reproduced"},
    deviations={
        "standard": (*study.SHORTENED[:2], "Tickets read at 24.1, 11.9 and 5.8 % kept.", *DEVIATIONS),
        "paper": DEVIATIONS,
    },
)
def any_input_scaling(scale: Scale) -> Design:
    """Under each scaling the mean of three tickets against the dense net, and the sparsest against reinitialisations.

    All six parts have to hold. On pilots tickets led their dense nets by .13 to .57 pp and reinitialisations by .8 to
    2.2 pp, with sds of .05 to .25. Five replicates show each part with power .97 or more at the pilots' sd, beside two
    other claims; at the upper limit of that sd the standardised net's comparison with its dense net has only .42.
    """
    arms: dict[str, Arm] = {}
    parts: list[Part] = []
    panels: dict[str, tuple[str, ...]] = {}
    *_, last = READ[scale]
    for scaling, words in WORDS.items():
        s = study.lenet(scale, scaling)
        dense, tickets, reinit, linear = (f"{arm}, {scaling}" for arm in ("dense", "tickets", "reinit", "linear"))
        arms[dense], arms[linear] = s.dense, s.linear
        arms[tickets], arms[reinit] = [s.tickets[k - 1] for k in READ[scale]], s.redraws(last)
        parts.append(matches(tickets, dense, on=s.setting.task, floors=(linear,)))
        parts.append(beats(tickets, reinit, on=s.setting.task, band=SPARSEST[scale]))
        panels[words] = (dense, tickets, reinit, linear)
    contrast = ("mask", "start", "streams.order")
    return Design(arms=arms, parts=parts, contrast=contrast, replicates=REPLICATES, panels=panels)

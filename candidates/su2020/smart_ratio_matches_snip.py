"""Random tickets with the right density of each layer match masks that look at data (sections 4 and 5)."""

from fractions import Fraction

from harness import (
    DIGITS,
    Design,
    Scale,
    Source,
    Training,
    beats,
    claim,
    matches,
    noisy,
    permuted,
    random_mask,
    saliency,
    train,
)

from .. import study
from .study import smart

KEPT = (Fraction(1, 20), Fraction(1, 50), Fraction(1, 100))
SAYS_NOTHING = noisy(permuted(DIGITS), Fraction(9, 10))  # every label and pixel at random


@claim(
    "su2020/smart-ratio-matches-snip",
    statement="""A mask at random places whose layers keep less the nearer they are to the output trains to the accuracy
        of SNIP's mask, which is made of data; one with equal densities, or the opposite ratios, trains to less.""",
    source=Source(
        version="arXiv 2009.11094, released code and logs",
        place="sections 4 and 5",
        published="random tickets, kept 10, 5, 2 %, second-hand: VGG-19 93.8, 93.4, 92.5; ResNet-32 93.0, 91.6, 89.1",
    ),
    predicted={"micro": "refuted"},
    deviations=(
        study.DIGITS_SETTING,
        "Read at 5 % kept; 2 and 1 % are beside it, where the released logs differ.",
        "Predicted to be refuted: pilots had smart ratios 1.3 pp behind SNIP at 5 %, 23 at 2 %, 43 at 1 %.",
    ),
)
def smart_ratio_matches_snip(scale: Scale) -> Design:
    """SNIP as it is, with its controls and scored on data that say nothing; random masks of three kinds of ratios."""
    net = study.LENET
    arms: dict[str, list[Training]] = {}
    for k, keep in enumerate(KEPT, start=1):
        snip = train(
            net,
            DIGITS,
            study.ADAM,
            mask=saliency(net, DIGITS, by="snip", keep=keep).learned_mask(),
            streams={"order": k},
        )
        corrupted = saliency(net, SAYS_NOTHING, by="snip", keep=keep).learned_mask()
        made = {
            "SNIP": snip,
            **study.controls(snip),
            "SNIP, corrupted data": study.again(snip, mask=corrupted),
            "smart ratios": study.again(snip, mask=random_mask(net, keep=smart(net, keep))),
            "equal ratios": study.again(snip, mask=random_mask(net, keep=keep)),
            "ascending ratios": study.again(snip, mask=random_mask(net, keep=smart(net, keep, ascending=True))),
        }
        for name, node in made.items():
            arms.setdefault(name, []).append(node)
    at = study.at(KEPT[0])
    return Design(
        arms={"dense": train(net, DIGITS, study.ADAM), **arms, "linear": study.linear(study.ADAM)},
        parts=(
            matches("smart ratios", "SNIP", on=DIGITS, band=at, floors=("ascending ratios",)),
            beats("smart ratios", "equal ratios", on=DIGITS, band=at),
        ),
        beside=(
            matches("SNIP, corrupted data", "SNIP", on=DIGITS, band=at, floors=("linear",)),
            *(
                matches(
                    "smart ratios",
                    "SNIP",
                    on=DIGITS,
                    band=study.at(keep),
                    floors=("equal ratios",),
                    label=f"{keep} kept",
                )
                for keep in KEPT[1:]
            ),
        ),
        contrast=("mask", "start"),
        replicates=20,
    )

"""The densities that are named are those of whole rounds of pruning at the stated rates (Figure 2)."""

from fractions import Fraction

from harness import (
    CIFAR10,
    Design,
    Exact,
    Network,
    Scale,
    Source,
    claim,
    conv_net,
    density,
    printed,
    prune,
    resnet20,
    train,
    vgg19,
)

from . import study

LENET = {3: "51.3%", 7: "21.1%", 9: "13.5%", 12: "7.0%", 15: "3.6%", 18: "1.9%", 20: "1.2%"}
CONV = {2: (14, "4.6%"), 4: (11, "11.1%")}
GLOBAL = {"Resnet-18": (resnet20(), {6: "27.1%", 10: "11.8%"}), "VGG-19": (vgg19(), {12: "6.9%", 19: "1.5%"})}


@claim(
    "frankle2019/ladder-exact",
    statement="""The densities at which the paper reads its curves are what whole rounds of pruning leave, at the rates
        that it states and in the networks that it describes.""",
    source=Source(
        version="arXiv 1803.03635 v5",
        place="the rates in Figure 2; the densities in sections 2 to 4 and appendix I",
        published="LeNet: 51.3, 21.1, 13.5, 7.0, 3.6, 1.9 and 1.2 % kept; tickets of deeper nets at 1.5 to 27.1 %",
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        "Rounds are named for LeNet only; for the other nets it is the round nearest the density.",
        "Conv-6 stands in frankle2019/sizes-exact: its figures contradict each other.",
    ),
)
def ladder_exact(scale: Scale) -> Design:
    """Counts of the masks that the other claims would train under; nothing is trained."""
    tickets = study.lenet(Scale.PAPER).tickets
    found = [printed(f"LeNet after {k} rounds", density(tickets[k - 1]), figure) for k, figure in LENET.items()]
    for depth, (k, figure) in CONV.items():
        found.append(printed(f"Conv-{depth} after {k} rounds", study.layerwise(conv_net(depth), k), figure))
    for name, (net, figures) in GLOBAL.items():
        found += [_deep(name, net, k, figure) for k, figure in figures.items()]
    return Design(exact=found)


def _deep(name: str, net: Network, rounds: int, figure: str) -> Exact:
    """20 % a round of the convolutions, without shortcuts and output (section 4); layerwise as many are kept."""
    dense = train(net, CIFAR10, study.RECIPE)
    mask = prune(dense, keep=Fraction(4, 5) ** rounds, scope="global", among=net.convolutions)
    return printed(f"{name} after {rounds} rounds", density(mask), figure)

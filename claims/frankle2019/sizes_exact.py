"""The networks have the numbers of weights that are printed (Figure 2); Conv-6 has not."""

from fractions import Fraction

from harness import Design, Network, Scale, Source, claim, conv_net, mlp, printed, resnet20, vgg19

from . import study


@claim(
    "frankle2019/sizes-exact",
    statement="""The networks that the paper describes have the numbers of weights that it prints.""",
    source=Source(
        version="arXiv 1803.03635 v5",
        place="Figure 2; for Conv-6's density, section 3",
        published="266K; 4.3M, 2.4M and 1.7M; 274K, of which 270K in convolutions; 20.0M",
    ),
    predicted={"micro": "refuted"},
    deviations=(
        """Expected are the printed figures. Conv-6's 1.7M contradict the layers that are described, 64, 64, 128, 128,
        256, 256 channels and 256, 256, 10 units, which have 2,261,184 weights. The density at which its tickets are
        read, 26.4 %, is none of that net's rounds either: the nearest leaves 26.6 %.""",
        "Resnet-18's 274K are reached with the running moments of BatchNorm, which this harness does not keep.",
    ),
)
def sizes_exact(scale: Scale) -> Design:
    """Every figure is compared as it is printed; one that differs refutes the sentence, and the table says which."""
    resnet, vgg = resnet20(), vgg19()
    return Design(
        exact=(
            printed("LeNet-300-100", mlp(784, 300, 100, 10).weights, "266K"),
            printed("Conv-2", conv_net(2).weights, "4.3M"),
            printed("Conv-4", conv_net(4).weights, "2.4M"),
            printed("Conv-6", conv_net(6).weights, "1.7M"),
            printed("Conv-6 after 7 rounds", study.layerwise(conv_net(6), 7, convolutions=Fraction(3, 20)), "26.4%"),
            printed("Resnet-18, all", resnet.parameters + _running_moments(resnet), "274K"),
            printed("Resnet-18, convolutions", _convolutions(resnet), "270K"),
            printed("VGG-19, all", vgg.weights, "20.0M"),
            printed("VGG-19, convolutions", _convolutions(vgg), "20.0M"),
        )
    )


def _convolutions(net: Network) -> int:
    return sum(tensor.size for name, tensor in net.prunable().items() if name != "output")


def _running_moments(net: Network) -> int:
    return 2 * sum(tensor.size for tensor in net.tensors() if tensor.name.endswith(".scale"))

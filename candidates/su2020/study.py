"""What the claims of Su et al. 2020 share: their ratios of densities of layers."""

from fractions import Fraction

from harness import Network

Ratios = tuple[tuple[str, Fraction], ...]
OUTPUT = Fraction(3, 10)  # the linear layer's share, whatever the others' (released code)


def smart(network: Network, keep: Fraction, *, ascending: bool = False) -> Ratios:
    """Return what each layer keeps so that `keep` of all is kept: in ratios k^2 + k, k = L for the first layer.

    The output layer keeps `OUTPUT`. What a layer cannot take the layers after it share. `ascending` turns the ratios
    round: the layers nearest the input keep least.
    """
    *hidden, output = network.prunable().items()
    left = keep * network.weights - OUTPUT * output[1].size
    ratios = {name: Fraction((k + 1) * k) for k, (name, _) in zip(range(len(hidden), 0, -1), hidden, strict=True)}
    if ascending:
        ratios = dict(zip(ratios, reversed(ratios.values()), strict=True))
    kept: dict[str, Fraction] = {}
    rest = dict(hidden)
    while rest:
        scale = left / sum(ratios[name] * tensor.size for name, tensor in rest.items())
        full = [name for name in rest if scale * ratios[name] >= 1]
        if not full:
            kept |= {name: scale * ratios[name] for name in rest}
            break
        for name in full:
            left -= rest.pop(name).size
            kept[name] = Fraction(1)
    return (*((name, kept[name]) for name, _ in hidden), (output[0], OUTPUT))

"""P26. Gadhikar & Burkholz, on one neuron whose sign has to be found."""

from harness import paper

paper(
    key="gadhikar2024",
    authors="Advait Gadhikar, Rebekka Burkholz",
    title="Masks, Signs, and Learning Rate Rewinding",
    venue="ICLR 2024",
    arxiv="2402.19262",
)

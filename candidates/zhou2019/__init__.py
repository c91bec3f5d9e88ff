"""P13. Zhou et al., on zeros, signs and masks."""

from harness import paper

paper(
    key="zhou2019",
    authors="Hattie Zhou, Janice Lan, Rosanne Liu, Jason Yosinski",
    title="Deconstructing Lottery Tickets: Zeros, Signs, and the Supermask",
    venue="NeurIPS 2019",
    arxiv="1905.01067",
)

"""P6. Morcos et al., on tickets of other data sets."""

from harness import paper

paper(
    key="morcos2019",
    authors="Ari S. Morcos, Haonan Yu, Michela Paganini, Yuandong Tian",
    title="One ticket to win them all: generalizing lottery ticket initializations across datasets and optimizers",
    venue="NeurIPS 2019",
    arxiv="1906.02773",
)

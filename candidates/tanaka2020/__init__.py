"""P19. Tanaka et al., on SynFlow."""

from harness import paper

paper(
    key="tanaka2020",
    authors="Hidenori Tanaka, Daniel Kunin, Daniel L. K. Yamins, Surya Ganguli",
    title="Pruning neural networks without any data by iteratively conserving synaptic flow",
    venue="NeurIPS 2020",
    arxiv="2006.05467",
)

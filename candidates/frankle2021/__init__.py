"""P20. Frankle et al., on what pruning at initialisation chooses."""

from harness import paper

paper(
    key="frankle2021",
    authors="Jonathan Frankle, Gintare Karolina Dziugaite, Daniel M. Roy, Michael Carbin",
    title="Pruning Neural Networks at Initialization: Why Are We Missing the Mark?",
    venue="ICLR 2021",
    arxiv="2009.08576",
)

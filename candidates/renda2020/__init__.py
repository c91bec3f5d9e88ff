"""P15. Renda, Frankle & Carbin, on retraining."""

from harness import paper

paper(
    key="renda2020",
    authors="Alex Renda, Jonathan Frankle, Michael Carbin",
    title="Comparing Rewinding and Fine-tuning in Neural Network Pruning",
    venue="ICLR 2020",
    arxiv="2003.02389",
)

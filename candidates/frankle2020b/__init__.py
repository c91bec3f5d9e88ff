"""P14. Frankle, Schwab & Morcos, on the first steps of training."""

from harness import paper

paper(
    key="frankle2020b",
    authors="Jonathan Frankle, David J. Schwab, Ari S. Morcos",
    title="The Early Phase of Neural Network Training",
    venue="ICLR 2020",
    arxiv="2002.10365",
)

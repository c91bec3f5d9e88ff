"""P1. Frankle & Carbin, The Lottery Ticket Hypothesis."""

from harness import paper

paper(
    key="frankle2019",
    authors="Jonathan Frankle, Michael Carbin",
    title="The Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural Networks",
    venue="ICLR 2019",
    arxiv="1803.03635",
)

"""P2. Frankle & Carbin, the first draft of The Lottery Ticket Hypothesis."""

from harness import paper

paper(
    key="frankle2018",
    authors="Jonathan Frankle, Michael Carbin",
    title="The Lottery Ticket Hypothesis: Training Pruned Neural Networks (first draft)",
    venue="arXiv 2018",
    arxiv="1803.03635v1",
)

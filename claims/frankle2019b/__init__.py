"""P3. Frankle, Dziugaite, Roy & Carbin, Stabilizing the Lottery Ticket Hypothesis."""

from harness import paper

paper(
    key="frankle2019b",
    authors="Jonathan Frankle, Gintare Karolina Dziugaite, Daniel M. Roy, Michael Carbin",
    title="Stabilizing the Lottery Ticket Hypothesis (v1: The Lottery Ticket Hypothesis at Scale)",
    venue="arXiv 2019",
    arxiv="1903.01611",
)

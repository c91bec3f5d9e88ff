"""P11. Frankle, Dziugaite, Roy & Carbin, Linear Mode Connectivity and the Lottery Ticket Hypothesis."""

from harness import paper

paper(
    key="frankle2020",
    authors="Jonathan Frankle, Gintare Karolina Dziugaite, Daniel M. Roy, Michael Carbin",
    title="Linear Mode Connectivity and the Lottery Ticket Hypothesis",
    venue="ICML 2020",
    arxiv="1912.05671",
)

"""P24. Evci et al., on what a ticket finds."""

from harness import paper

paper(
    key="evci2022",
    authors="Utku Evci, Yani Ioannou, Cem Keskin, Yann Dauphin",
    title="Gradient Flow in Sparse Neural Networks and How Lottery Tickets Win",
    venue="AAAI 2022",
    arxiv="2010.03533",
)

"""P7. Mehta, on sparse features of other data sets."""

from harness import paper

paper(
    key="mehta2019",
    authors="Rahul Mehta",
    title="Sparse Transfer Learning via Winning Lottery Tickets",
    venue="an arXiv preprint",
    arxiv="1905.07785",
)

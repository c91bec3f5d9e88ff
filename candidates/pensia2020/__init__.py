"""P26. Pensia et al., on sums of random weights."""

from harness import paper

paper(
    key="pensia2020",
    authors="Ankit Pensia, Shashank Rajput, Alliot Nagle, Harit Vishwakarma, Dimitris Papailiopoulos",
    title="Optimal Lottery Tickets via SubsetSum: Logarithmic Over-Parameterization Is Sufficient",
    venue="NeurIPS 2020",
    arxiv="2006.07990",
)

"""P4. Ramanujan et al., on subnetworks hidden in randomly weighted networks."""

from harness import paper

paper(
    key="ramanujan2020",
    authors="Vivek Ramanujan, Mitchell Wortsman, Aniruddha Kembhavi, Ali Farhadi, Mohammad Rastegari",
    title="What's Hidden in a Randomly Weighted Neural Network?",
    venue="CVPR 2020",
    arxiv="1911.13299",
)

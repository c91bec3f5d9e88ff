"""P30. Gadhikar et al., on cycles of the learning rate."""

from harness import paper

paper(
    key="gadhikar2024b",
    authors="Advait Gadhikar, Sree Harsha Nelaturu, Rebekka Burkholz",
    title="Cyclic Sparse Training: Is it Enough?",
    venue="arXiv 2024",
    arxiv="2406.02773",
)

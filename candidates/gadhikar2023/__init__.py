"""P22. Gadhikar et al., on beginning from a random sparse net."""

from harness import paper

paper(
    key="gadhikar2023",
    authors="Advait Gadhikar, Sohom Mukherjee, Rebekka Burkholz",
    title="Why Random Pruning Is All We Need to Start Sparse",
    venue="ICML 2023",
    arxiv="2210.02412",
)

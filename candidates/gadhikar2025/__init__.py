"""P30. Gadhikar et al., on signs that make up for a start."""

from harness import paper

paper(
    key="gadhikar2025",
    authors="Advait Gadhikar and others",
    title="Sign-In to the Lottery: Reparameterizing Sparse Training",
    venue="arXiv 2025",
    arxiv="2504.12801",
)

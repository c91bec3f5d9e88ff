"""P30. Adnan et al., on a mask that is carried to another start."""

from harness import paper

paper(
    key="adnan2025",
    authors="Mohammed Adnan and others",
    title="Sparse Training from Random Initialization: Aligning Lottery Ticket Masks using Weight Symmetry",
    venue="ICML 2025",
    arxiv="2505.05143",
)

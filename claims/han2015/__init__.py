"""P5. Han, Pool, Tran & Dally, Learning both Weights and Connections."""

from harness import paper

paper(
    key="han2015",
    authors="Song Han, Jeff Pool, John Tran, William J. Dally",
    title="Learning both Weights and Connections for Efficient Neural Networks",
    venue="NeurIPS 2015",
    arxiv="1506.02626",
)

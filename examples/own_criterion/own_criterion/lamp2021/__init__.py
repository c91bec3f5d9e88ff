"""Lee et al. 2021: LAMP scores, by which all layers are pruned together."""

from harness import paper

paper(
    key="lamp2021",
    authors="Jaeho Lee, Sejun Park, Sangwoo Mo, Sungsoo Ahn, Jinwoo Shin",
    title="Layer-adaptive Sparsity for the Magnitude-based Pruning",
    venue="ICLR 2021",
    arxiv="2010.07611",
)

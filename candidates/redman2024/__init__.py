"""P29. Redman et al., on inputs that are not Gaussian."""

from harness import paper

paper(
    key="redman2024",
    authors="William T. Redman, Zhangyang Wang, Alessandro Ingrosso, Sebastian Goldt",
    title="On How Iterative Magnitude Pruning Discovers Local Receptive Fields in Fully Connected Neural Networks",
    venue="arXiv 2024",
    arxiv="2412.06545",
)

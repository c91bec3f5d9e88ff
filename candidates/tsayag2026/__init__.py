"""P30. Tsayag & Lindenbaum, on gates over random weights."""

from harness import paper

paper(
    key="tsayag2026",
    authors="Tsayag and Lindenbaum",
    title="Differentiable gates over random weights (our words; the catalogue has no title)",
    venue="arXiv 2026",
    arxiv="2603.08914",
)

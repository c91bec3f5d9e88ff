"""P28. He et al., on accuracy that falls and rises as weights go."""

from harness import paper

paper(
    key="he2022",
    authors="Zheng He, Zeke Xie, Quanzhi Zhu, Zengchang Qin",
    title="Sparse Double Descent: Where Network Pruning Aggravates Overfitting",
    venue="ICML 2022",
    arxiv="2206.08684",
)

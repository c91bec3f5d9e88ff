"""P12. Liu et al., on what pruning is worth."""

from harness import paper

paper(
    key="liu2019",
    authors="Zhuang Liu, Mingjie Sun, Tinghui Zhou, Gao Huang, Trevor Darrell",
    title="Rethinking the Value of Network Pruning",
    venue="ICLR 2019",
    arxiv="1810.05270",
)

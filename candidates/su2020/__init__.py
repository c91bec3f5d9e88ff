"""P21. Su et al., on random tickets."""

from harness import paper

paper(
    key="su2020",
    authors="Jingtong Su, Yihang Chen, Tianle Cai, Tianhao Wu, Ruiqi Gao, Liwei Wang, Jason D. Lee",
    title="Sanity-Checking Pruning Methods: Random Tickets can Win the Jackpot",
    venue="NeurIPS 2020",
    arxiv="2009.11094",
)

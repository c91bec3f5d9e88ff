"""P22. Liu et al., on random pruning."""

from harness import paper

paper(
    key="liu2022",
    authors="Shiwei Liu, Tianlong Chen, Xiaohan Chen, Li Shen, Decebal Constantin Mocanu, "
    "Zhangyang Wang, Mykola Pechenizkiy",
    title="The Unreasonable Effectiveness of Random Pruning: Return of the Most Naive Baseline for Sparse Training",
    venue="ICLR 2022",
    arxiv="2202.02643",
)

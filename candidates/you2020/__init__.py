"""P26. You et al., on masks that are drawn early."""

from harness import paper

paper(
    key="you2020",
    authors="Haoran You, Chaojian Li, Pengfei Xu, Yonggan Fu, Yue Wang, Xiaohan Chen, "
    "Richard G. Baraniuk, Zhangyang Wang, Yingyan Lin",
    title="Drawing Early-Bird Tickets: Towards More Efficient Training of Deep Networks",
    venue="ICLR 2020",
    arxiv="1909.11957",
)

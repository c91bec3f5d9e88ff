"""P16. Ma et al., on what counts as a winning ticket."""

from harness import paper

paper(
    key="ma2021",
    authors="Xiaolong Ma, Geng Yuan, Xuan Shen, Tianlong Chen, Xuxi Chen, Xiaohan Chen, Ning Liu, Minghai "
    "Qin, Sijia Liu, Zhangyang Wang, Yanzhi Wang",
    title="Sanity Checks for Lottery Tickets: Does Your Winning Ticket Really Win the Jackpot?",
    venue="NeurIPS 2021",
    arxiv="2107.00166",
)

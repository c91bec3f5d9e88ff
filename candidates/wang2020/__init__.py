"""P18. Wang et al., on GraSP."""

from harness import paper

paper(
    key="wang2020",
    authors="Chaoqi Wang, Guodong Zhang, Roger Grosse",
    title="Picking Winning Tickets Before Training by Preserving Gradient Flow",
    venue="ICLR 2020",
    arxiv="2002.07376",
)

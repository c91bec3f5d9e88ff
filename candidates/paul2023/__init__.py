"""P25. Paul et al., on paths between successive rounds."""

from harness import paper

paper(
    key="paul2023",
    authors="Mansheej Paul, Feng Chen, Brett W. Larsen, Jonathan Frankle, Surya Ganguli, Gintare Karolina Dziugaite",
    title="Unmasking the Lottery Ticket Hypothesis: What's Encoded in a Winning Ticket's Mask?",
    venue="ICLR 2023",
    arxiv="2210.03044",
)

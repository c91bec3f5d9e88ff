"""P10. Leclerc et al., on nets that shrink while they train."""

from harness import paper

paper(
    key="leclerc2018",
    authors="Guillaume Leclerc, Manasi Vartak, Raul Castro Fernandez, Tim Kraska, Samuel Madden",
    title="Smallify: Learning Network Size while Training",
    venue="an arXiv preprint",
    arxiv="1806.03723",
)

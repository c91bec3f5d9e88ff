"""An invented paper on double descent; the effect is that of Nakkiran et al. 2020 (arXiv 1912.02292)."""

from harness import paper

paper(
    key="widths2026",
    authors="A. Author",
    title="Double Descent in Small Networks",
    venue="an example",
    arxiv="",
)

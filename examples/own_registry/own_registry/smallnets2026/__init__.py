"""An invented paper on tickets of small nets."""

from harness import paper

paper(
    key="smallnets2026",
    authors="A. Author",
    title="Tickets of Small Networks",
    venue="an example",
    arxiv="",
)

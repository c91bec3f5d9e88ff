"""An invented paper on tickets of small vision transformers."""

from harness import paper

paper(
    key="smallvits2026",
    authors="A. Author",
    title="Tickets of Small Vision Transformers",
    venue="an example",
    arxiv="",
)

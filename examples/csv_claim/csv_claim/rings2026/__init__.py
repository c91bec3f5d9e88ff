"""An invented paper on tickets of nets that learn a table."""

from harness import paper

paper(
    key="rings2026",
    authors="A. Author",
    title="What Tickets Read of a Table",
    venue="an example",
    arxiv="",
)

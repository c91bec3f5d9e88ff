"""Controls: what the protocol must find, and what it must not find."""

from harness import paper

paper(
    key="controls",
    authors="the authors of this harness",
    title="Controls",
    venue="no paper",
    arxiv="none",
)

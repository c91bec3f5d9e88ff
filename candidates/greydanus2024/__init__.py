"""P27. Greydanus & Kobak, on tickets for signals of a line."""

from harness import paper

paper(
    key="greydanus2024",
    authors="Sam Greydanus, Dmitry Kobak",
    title="Scaling Down Deep Learning with MNIST-1D",
    venue="ICML 2024",
    arxiv="2011.14439",
)

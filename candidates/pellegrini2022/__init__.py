"""P29. Pellegrini & Biroli, on masks that are local."""

from harness import paper

paper(
    key="pellegrini2022",
    authors="Franco Pellegrini, Giulio Biroli",
    title="Neural Network Pruning Denoises the Features and Makes Local Connectivity Emerge in Visual Tasks",
    venue="ICML 2022",
    arxiv="2104.13343",
)

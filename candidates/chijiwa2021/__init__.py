"""Chijiwa et al., on IteRand, which follows P4."""

from harness import paper

paper(
    key="chijiwa2021",
    authors="Daiki Chijiwa, Shin'ya Yamaguchi, Yasutoshi Ida, Kenji Umakoshi, Tomohiro Inoue",
    title="Pruning Randomly Initialized Neural Networks with Iterative Randomization",
    venue="NeurIPS 2021",
    arxiv="2106.09269",
)

"""Müller et al. 2019: what label smoothing does to a net's confidence."""

from harness import paper

paper(
    key="mueller2019",
    authors="Rafael Müller, Simon Kornblith, Geoffrey Hinton",
    title="When Does Label Smoothing Help?",
    venue="NeurIPS 2019",
    arxiv="1906.02629",
)

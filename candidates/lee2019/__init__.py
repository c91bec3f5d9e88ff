"""P17. Lee et al., on pruning before training."""

from harness import paper

paper(
    key="lee2019",
    authors="Namhoon Lee, Thalaiyasingam Ajanthan, Philip H. S. Torr",
    title="SNIP: Single-shot Network Pruning based on Connection Sensitivity",
    venue="ICLR 2019",
    arxiv="1810.02340",
)

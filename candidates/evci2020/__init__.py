"""P23. Evci et al., on masks that move while weights are trained."""

from harness import paper

paper(
    key="evci2020",
    authors="Utku Evci, Trevor Gale, Jacob Menick, Pablo Samuel Castro, Erich Elsen",
    title="Rigging the Lottery: Making All Tickets Winners",
    venue="ICML 2020",
    arxiv="1911.11134",
)

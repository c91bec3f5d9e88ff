"""P8. Yu et al., on tickets in language modelling and in reinforcement learning."""

from harness import paper

paper(
    key="yu2020",
    authors="Haonan Yu, Sergey Edunov, Yuandong Tian, Ari S. Morcos",
    title="Playing the lottery with rewards and multiple languages: lottery tickets in RL and NLP",
    venue="ICLR 2020",
    arxiv="1906.02768",
)

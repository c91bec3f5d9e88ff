"""P9. Gomez et al., on targeted dropout."""

from harness import paper

paper(
    key="gomez2019",
    authors="Aidan N. Gomez, Ivan Zhang, Siddhartha Rao Kamalakara, Divyam Madaan, Kevin Swersky, Yarin "
    "Gal, Geoffrey E. Hinton",
    title="Learning Sparse Networks Using Targeted Dropout",
    venue="an arXiv preprint",
    arxiv="1905.13678",
)

"""Packages as a user installs them, laid out in a folder that Python finds: no installer is run."""

import sys

CLAIM = """
from fractions import Fraction

from harness import DIGITS, SGD, Design, Recipe, Source, beats, claim, mlp, prune, random_mask, train

NET = mlp(64, 12, 10)
RECIPE = Recipe(optimiser=SGD(0.1), steps=40, batch=20)


@claim(
    "{paper}/largest-beat-random",
    statement="The largest weights make a better ticket than random ones.",
    source=Source(version="none", place="here", published="none"),
    predicted={{"micro": "reproduced"}},
)
def largest_beat_random(scale):
    dense = train(NET, DIGITS, RECIPE)
    return Design(
        arms={{
            "dense": dense,
            "largest": train(NET, DIGITS, RECIPE, mask=prune(dense, keep=Fraction(1, 10){by}), start=dense.at(0)),
            "random": train(NET, DIGITS, RECIPE, mask=random_mask(NET, keep=Fraction(1, 10)), start=dense.at(0)),
        }},
        parts=(beats("largest", "random", on=DIGITS),),
        contrast=("mask",),
    )
"""
PAPER = 'from harness import paper\n\npaper(key="{paper}", authors="A", title="T", venue="V", arxiv="")\n'


def write_claims(folder, paper="doe2026", by=""):
    """Write a folder of claims with one paper and one claim of seconds; return the folder."""
    (folder / paper).mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / paper / "__init__.py").write_text(PAPER.format(paper=paper))
    (folder / paper / "largest.py").write_text(CLAIM.format(paper=paper, by=by))
    return folder


def install(site, monkeypatch, distribution, **groups):
    """Let Python find what lies in the folder `site`, with the entry points of a distribution: group=[lines]."""
    info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    lines = [line for group, given in groups.items() for line in (f"[ticket_harness.{group}]", *given)]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    if str(site) not in sys.path:
        monkeypatch.syspath_prepend(site)

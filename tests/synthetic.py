"""Claims whose results are made by hand: the numbers a test chooses, in the shape that `collect` gives."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from harness.data._tasks import DIGITS
from harness.design._catalogue import Catalogue
from harness.design._claim import Claim, Design, Paper, Scale, Source
from harness.design._exact import exact
from harness.design._lock import TEXTS, Registry
from harness.design._rounds import ROUND_0_ENDS, line_hash
from harness.expression import kept, random_mask, train
from harness.networks._network import mlp
from harness.networks._recipe import Adam, Recipe
from harness.population._provenance import Provenance
from harness.stats._kinds import Outcome
from harness.streams import SUITE_SEED
from harness.verdict._metadata import ClaimRows, Cost, Metadata
from harness.verdict._results import ResultRow, Results, frame_of

MICRO = Scale.MICRO
WHEN = "2026-02-03T04:05:06Z"
NET = mlp(64, 12, 10)  # 888 weights
RECIPE = Recipe(optimiser=Adam(3e-3), steps=30, batch=20)
PAPER = Paper(key="paper", authors="A. Author", title="A Title", venue="a venue", arxiv="0000.00000")
HALVES = tuple(Fraction(1, 2**k) for k in (1, 2, 3))


def arm(draw, keeps=HALVES, task=DIGITS, net=NET):
    """An arm at each density kept; arms with different draws differ in their masks."""
    return [train(net, task, RECIPE, mask=random_mask(net, keep=keep, draw=draw)) for keep in keeps]


def dense(task=DIGITS):
    """An arm at full density."""
    return train(NET, task, RECIPE)


def design(*parts, **changed):
    """A design of four arms of three densities each, and a dense net."""
    arms = {name: arm(draw) for draw, name in enumerate("abcd")} | {"dense": dense()}
    return Design(**({"arms": arms, "parts": parts, "contrast": ("mask",)} | changed))


def counted(observed=888):
    """An exact design: how many weights a net has."""
    return Design(exact=(exact("weights", observed, expected=NET.weights), exact("inputs", 64, expected=64)))


def claim(built, id="paper/claim", version=1, predicted=Outcome.REPRODUCED):
    """A claim with this design at scale micro."""
    return Claim(
        id=id,
        statement="a is better than b.",
        source=Source(version="v1", place="section 1", published="none"),
        predicted={MICRO: predicted},
        build=lambda scale: built,
        version=version,
    )


CATALOGUE = Catalogue(Path("no folder"), papers={PAPER.key: PAPER})  # of the claims of one test


def register(monkeypatch, *claims):
    """Make these claims, and no others, the known ones."""
    monkeypatch.setitem(CATALOGUE.papers, PAPER.key, PAPER)
    for id in list(CATALOGUE.claims):
        monkeypatch.delitem(CATALOGUE.claims, id)
    for each in claims:
        monkeypatch.setitem(CATALOGUE.claims, each.id, each)


def around(mean, sd, n):
    """Return n values with exactly this mean and sd, symmetric."""
    x = np.linspace(-1, 1, n)
    return mean + sd * x / x.std(ddof=1)


def ahead(mean, sd=1.0, n=10):
    """Values of the arms of `design`: a is ahead of the others by `mean` pp with this sd."""
    return lambda arm, at: 80 + (around(mean, sd, n) if arm == "a" else np.zeros(n))


def results(*values, first=0, quick=False, suite_seed=SUITE_SEED, metric="test_accuracy"):
    """Results of pairs (claim, f), f(arm, density) giving the percent of each replicate, shape (R,).

    An exact claim needs no f, and takes None.
    """
    rows, claims = [], {}
    for claim, f in values:
        design, replicates = claim.design(MICRO), []
        for name, points in design.points.items() if f else ():
            for density, nodes in points.items():
                percent_R = np.asarray(f(name, float(density)), float)
                replicates = list(range(first, first + len(percent_R)))
                rows += [
                    ResultRow(claim.id, claim.version, name, float(density), kept(node), draw, suite_seed, r, metric,
                              30, percent / 100, False, node.key, "000001-00000000")
                    for draw, node in enumerate(nodes)
                    for r, percent in zip(replicates, percent_R, strict=True)
                ]  # fmt: skip
        claims[claim.id] = ClaimRows(
            version=claim.version,
            digest=claim.digest(MICRO),
            replicates=tuple(replicates),
            cost=Cost(trainings=0, shared=0, member_steps=0, worker_s=0.0),
            exact={e.name: str(e.value) for e in design.exact},
            axis=design.axis,
        )
    record = Provenance(
        computed="2026-02-03T04:05:06Z", device="cpu", processor="a processor", git="0" * 12, kind="cpu",
        versions={"numpy": "2"}, program="a program", members=1, wall_s=1.0,
    )  # fmt: skip
    records = {"000001-00000000": record} if rows else {}
    meta = Metadata(scale=MICRO, suite_seed=suite_seed, quick=quick, claims=claims, records=records)
    return Results(frame_of(rows), meta)


def known(results, id, **changed):
    """The same results with other things known of one claim's rows."""
    return replace(results, meta=results.meta.with_claim(id, replace(results.claims[id], **changed)))


def lock(registry, *claims, scale=MICRO):
    """Lock `claims` as was done before there were rounds, without pilots: round 0, whose entries name their seed."""
    for each in claims:
        earlier = registry.versions(each.id, scale)
        entry = {
            "claim": each.id,
            "version": each.version,
            "scale": scale,
            "digest": each.digest(scale),
            "predicted": each.predicted[scale],
            "suite_seed": SUITE_SEED,
            "first_replicate": max((e.first_replicate + e.replicates for e in earlier), default=0),
            "replicates": each.design(scale).replicates,
            "pilots": 0,
            "locked": WHEN,
            "before": registry.rounds[0].head,
        }
        line = json.dumps(entry, sort_keys=True)
        ROUND_0_ENDS.add(line_hash(line))
        with registry.path.open("a") as file:
            file.write(line + "\n")
        with registry.path.with_name(TEXTS).open("a") as file:
            file.write(json.dumps(each.locked_content(scale)) + "\n")
        vars(registry).update(vars(Registry(registry.path)))
        vars(registry).pop("_texts_of_round_0", None)

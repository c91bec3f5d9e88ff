"""What is wrong with a design, found before compute is spent."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from harness.data import Task, check_task, shown_test_images
from harness.design._claim import Claim, Design, Scale
from harness.design._metrics import metric
from harness.design._parts import Part
from harness.design._text import check_words
from harness.errors import DesignError, nearest
from harness.expression import (
    Between,
    Evaluation,
    Magnitudes,
    Mask,
    Measured,
    Node,
    Snapshot,
    Start,
    Training,
    consumed,
    drawn_first,
    kept,
    measures,
    parents,
)
from harness.streams import STREAMS

BETWEEN_KINDS = ("training", "step", "points")  # in which nodes of two kinds, two moments, or two paths differ
FEWEST_REPLICATES = 5  # below, every verdict is inconclusive


def check_design(claim: Claim, scale: Scale) -> None:
    """Raise DesignError when the claim's design at `scale` cannot give a verdict or compares unlike arms."""
    design = claim.design(scale)
    check_words(claim, scale)
    if design.exact:
        _check_exact(claim.id, design)
        return
    if design.replicates < FEWEST_REPLICATES:
        raise DesignError(
            f"{claim.id}: {design.replicates} replicates cannot decide anything, at least {FEWEST_REPLICATES} are "
            "needed. Next: raise replicates= in the claim's design"
        )
    if not design.parts:
        raise DesignError(f"{claim.id}: a design without parts asserts nothing. Next: give it parts=, or exact=")
    for arm, points in design.points.items():
        for density, nodes in points.items():
            _check_draws(claim.id, arm, design.axis.at(density), nodes)
            for node in nodes if design.axis.is_density else ():
                kept(node)  # it says so where only training would tell
    _check_tasks(claim.id, design)
    _check_contrast(claim.id, design)
    for part in design.compared():
        _check_part(claim.id, design, part)
    names = [part.name for part in design.compared()]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DesignError(f"{claim.id}: two parts are called {twice[0]!r}. Next: give one of them a label=")


def _check_exact(id: str, design: Design) -> None:
    if design.arms or design.parts or design.beside:
        raise DesignError(
            f"{id}: a claim is either exact or tested, and this one has exact= beside arms or parts. "
            "Next: make two claims of it"
        )
    names = [each.name for each in design.exact]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DesignError(f"{id}: two exact quantities are called {twice[0]!r}. Next: rename one")


def _check_draws(id: str, arm: str, at: str, nodes: Sequence[Measured]) -> None:
    """Raise DesignError where what is averaged at one point of an arm is not one thing drawn several times."""
    alike = drawn_first(nodes) if len(nodes) > 1 else []
    if len({node.key for node in alike}) > 1:
        found = sorted({field for node in alike[1:] for field in differences(alike[0], node)})
        raise DesignError(
            f"{id}: arm {arm!r} has {len(nodes)} trainings at {at}, which would be averaged as "
            f"draws of one, and differ in {', '.join(found)}. Next: make an arm of each"
        )


def _check_tasks(id: str, design: Design) -> None:
    """Raise DesignError for a task that its data set does not fit, and for test images that a training was shown."""
    for task in {node.task for node in design.nodes}.union(*(_learned(node) for node in design.nodes)):
        check_task(task)
    shown: dict[tuple[Task, Task], str] = {}
    for arm, points in design.points.items():
        for measured in (node for nodes in points.values() for node in nodes):
            for task in _learned(measured):
                shown.setdefault((task, measured.task), arm)
    for (learned, measured_on), arm in shown.items():
        if count := shown_test_images(learned, measured_on):
            raise DesignError(
                f"{id}: arm {arm!r} is measured on {measured_on.name}, of whose {measured_on.test_images} test images "
                f"{count} were shown to a training on {learned.name} that it comes from. "
                "Next: give both tasks the same split, or data sets of their own"
            )
    for arm, points in design.points.items():
        for found in filter(None, (_otherwise_scaled(node) for nodes in points.values() for node in nodes)):
            weights, learned_on, seen = found
            raise DesignError(
                f"{id}: {weights} of arm {arm!r} learned on {_as_scaled(learned_on)}, and are shown "
                f"{_as_scaled(seen)}: inputs are scaled by other training rows, and one value means two things. "
                f"Next: show them {learned_on.name}; or scale the data set once, for all rows, and give both tasks "
                "scaling='unit'"
            )


def _check_contrast(id: str, design: Design) -> None:
    """Raise DesignError for a contrast that names what no node of the arms has: it would declare nothing."""
    of_trainings = (field.name for field in dataclasses.fields(Training))  # one contrast may serve several designs
    known = dict.fromkeys((*BETWEEN_KINDS, *of_trainings, *(f"streams.{name}" for name in STREAMS)))
    for node in dict.fromkeys(design.nodes):
        known |= dict.fromkeys(_named(node, ""))
    for declared in design.contrast:
        if declared not in known:
            raise DesignError(
                f"{id}: contrast= names {declared!r}, which is no field of an arm{nearest(declared, known)} Next: "
                "correct the name, or leave it out"
            )


def _named(value: Any, path: str) -> Iterator[str]:
    """Yield the dotted names of the fields of a node that `differences` can name."""
    if path:
        yield path.rstrip(".")
    if isinstance(value, Snapshot):
        yield from _named(value.training, "")
    elif dataclasses.is_dataclass(value) and not isinstance(value, Start | Mask):
        for f in dataclasses.fields(value):
            yield from _named(getattr(value, f.name), f"{path}{f.name}.")


@cache
def _learned(node: Measured) -> frozenset[Task]:
    """Return the tasks of the trainings that the node is or comes from."""
    own = {node.task} if node.asked.recipe is not None else set()
    return frozenset(own).union(*(_learned(taken.training) for taken in consumed(node)))


@cache
def _otherwise_scaled(node: Measured) -> tuple[str, Task, Task] | None:
    """Return which weights are shown inputs scaled by other rows than those they learned with, and both tasks.

    None where there are none. Weights that a training starts from are trained on what they are shown, and may be.
    """
    shown = {"the weights": node.begins, "the weights of the second net": node.ends}
    if node.asked.recipe is not None:
        shown = {"the teacher's weights": node.ends}
    elif not node.asked.measurement.passes:
        shown = {}
    for name, weights in shown.items():
        for learned_on in _learned_on(weights) if weights is not None else ():
            if learned_on.scaled_by != node.task.scaled_by:
                return name, learned_on, node.task
    return next(filter(None, (_otherwise_scaled(taken.training) for taken in consumed(node))), None)


def _as_scaled(task: Task) -> str:
    return f"{task.name} (scaling={str(task.scaling)!r}, {task.train_images} training examples)"


def _learned_on(weights: Node) -> Iterator[Task]:
    """Yield the tasks of the trainings whose weights these are, or are made of; which a mask keeps does not count."""
    if isinstance(weights, Snapshot):
        yield weights.training.task
    elif not isinstance(weights, Mask):
        for each in parents(weights):
            yield from _learned_on(each)


def _check_part(id: str, design: Design, part: Part) -> None:
    for arm in part.reads:
        if arm not in design.arms:
            known = nearest(arm, design.arms)
            raise DesignError(f"{id}, part {part.name!r}: no arm {arm!r}{known} Next: correct the part, or add the arm")
        if not design.read(arm, part):
            raise DesignError(
                f"{id}, part {part.name!r}: arm {arm!r} has no {_one(design)} in its band; it has "
                f"{design.axis.listed(design.points[arm])}. Next: move the band, or {_more(design)}"
            )
        for node in (node for nodes in design.read(arm, part).values() for node in nodes):
            if not measures(node, metric(part.metric).source):
                raise DesignError(
                    f"{id}, part {part.name!r}: arm {arm!r} does not measure {part.metric}. Next: correct metric=, or "
                    "the node: evaluate(), between(), magnitudes() and structure() say what they measure"
                )
            recipe = node.asked.recipe
            in_nats = node.task.reads_tokens and (recipe is None or recipe.loss == "cross-entropy")
            if metric(part.metric).of_text and not in_nats:
                raise DesignError(
                    f"{id}, part {part.name!r}: {part.metric} is of texts, by the cross-entropy of their tokens, and "
                    f"arm {arm!r} is no such. Next: metric='log_test_loss'"
                )
            if node.task.name != part.task and not _tested_alike(node.task, part, design):
                raise DesignError(
                    f"{id}, part {part.name!r}: arm {arm!r} is measured on {node.task.name}, and the part's bound is "
                    f"that of {part.task}. Next: correct on= in the claim, or the arm; or, where one is a variant of "
                    "the other with the same test images and bounds, declare 'task' in contrast="
                )
    _check_floors(id, part)
    for arm, reference in part.pairs:
        _check_band(id, design, part, arm, reference)
        _check_pair(id, design, part, arm, reference)


def _tested_alike(task: Task, part: Part, design: Design) -> bool:
    """Whether a variant may be read in a part on its task: the contrast has tasks, images and bounds are the same."""
    others = [node.task for node in design.nodes if node.task.name == part.task]
    return _covered("task", design) and any(task.tested_like(other) for other in others)


def _check_floors(id: str, part: Part) -> None:
    """Raise DesignError for a part that needs floors and has none, or is its own: nothing shows that it can fail."""
    own = [arm for arm in part.floors if arm in (part.arm, part.reference)]
    if own or (part.kind.floor and not part.floors):
        told = f"{own[0]!r} is one of the two arms that it compares" if own else "there is none"
        raise DesignError(
            f"{id}, part {part.name!r}: its floors show that it could fail, and {told}. Next: floors= of a design's "
            "other arms, such as a random mask; for no_gain(), near= of a dense net"
        )


def _check_band(id: str, design: Design, part: Part, arm: str, other: str) -> None:
    """Raise DesignError where neither arm has a point in the band: a dense net alone may lie outside of it."""
    if part.band is not None and not any(d in part.band for name in (arm, other) for d in design.points[name]):
        raise DesignError(
            f"{id}, part {part.name!r}: neither {arm!r} ({design.axis.listed(design.points[arm])}) nor {other!r} "
            f"({design.axis.listed(design.points[other])}) has a {_one(design)} in its band. Next: move the band, or "
            f"{_more(design)}"
        )


def _check_points(id: str, design: Design, part: Part, arm: str, other: str) -> None:
    """Raise DesignError where a curve has fewer points than its reading needs; only one of the two may be at one point.

    An arm with several points of which one is in the band is a curve.
    """
    alone = len(design.points[arm]) == len(design.points[other]) == 1
    for name in (arm, other):
        points = design.read(name, part)
        if len(points) < part.reading.fewest and (alone or len(design.points[name]) > 1):
            raise DesignError(
                f"{id}, part {part.name!r}: a {part.reading.name} over {len(points)} {design.axis.nouns} of {name!r} "
                f"({design.axis.listed(points)}), and at least {part.reading.fewest} are needed. Next: widen the band, "
                f"or {'prune to more densities in it' if design.axis.is_density else 'add points to the arm'}"
            )


def _check_pair(id: str, design: Design, part: Part, arm: str, other: str) -> None:
    """Raise DesignError where two arms that `part` compares are not alike but for the contrast."""
    _check_points(id, design, part, arm, other)
    arms, references = design.read(arm, part), design.read(other, part)
    if len(arms) == 1 and len(references) > 1:
        arms, references, arm, other = references, arms, other, arm  # the curve, then what is at one point
    still = part.reading.fewest > 1 and len(references) == 1  # what is measured there does not enter the reading
    if len(references) > 1 and arms.keys() != references.keys():
        raise DesignError(
            f"{id}, part {part.name!r}: {arm!r} and {other!r} are not at the same {design.axis.nouns}: "
            f"{design.axis.listed(arms)} against {design.axis.listed(references)}. "
            f"Next: {'prune both by the same fractions' if design.axis.is_density else 'give both the same points'}"
        )
    for density, nodes in arms.items():
        against = references.get(density) or next(iter(references.values()))
        if _alike(nodes, against, design):
            continue  # which takes one look at every node, not at every pair
        for node in nodes:
            for reference in against:
                if node.key == reference.key and not still:
                    raise DesignError(
                        f"{id}, part {part.name!r}: {arm!r} and {other!r} are the same training at "
                        f"{design.axis.at(density)}, so nothing is compared. Next: correct the arms in the study"
                    )
                if outside := _undeclared(node, reference, design):
                    raise DesignError(
                        f"{id}, part {part.name!r}, at {design.axis.at(density)}: {arm!r} and "
                        f"{other!r} differ in {', '.join(outside)}, which is not in the contrast "
                        f"({', '.join(design.contrast)}). Next: share it between the arms, or declare it"
                    )


def _undeclared(a: Measured, b: Measured, design: Design) -> list[str]:
    """Return in which fields outside of the contrast two nodes differ.

    A contrast that has ``weights`` allows any that are measured; without it, trained weights are compared by the fields
    of their trainings.
    """
    fields = set(differences(a, b))
    ends = [node.weights for node in (a, b) if isinstance(node, Evaluation | Magnitudes)]
    if "weights" in fields and len(ends) == 2 and not _covered("weights", design):
        fields = fields - {"weights"} | set(_differing_ends(ends[0], ends[1], "weights"))
    return sorted(field for field in fields if not _covered(field, design))


def _alike(nodes: Sequence[Measured], others: Sequence[Measured], design: Design) -> bool:
    """Whether all these differ in the contrast alone and none is in both; paths are left to a look at every pair."""
    together = [*nodes, *others]
    if any(isinstance(node, Between) or type(node) is not type(together[0]) for node in together):
        return False
    if {node.key for node in nodes} & {node.key for node in others}:
        return False
    return all(_covered(field, design) for field in _differences(together, ""))


def _one(design: Design) -> str:
    return "density" if design.axis.is_density else "point"


def _more(design: Design) -> str:
    return "prune to it" if design.axis.is_density else "give the arm a point in it"


def _covered(field: str, design: Design) -> bool:
    return any(field == declared or field.startswith(f"{declared}.") for declared in design.contrast)


def differences(a: Measured, b: Measured) -> Iterator[str]:
    """Yield the dotted names of the fields in which two nodes differ: ``mask``, ``recipe.optimiser.lr``.

    Of two paths, the fields in which the trainings at their ends differ.
    """
    if type(a) is not type(b):
        yield "training"
        return
    if isinstance(a, Between) and isinstance(b, Between):
        yield from _differences([a.points, b.points], "points.")
        yield from _differing_ends(a.a, b.a, "a")
        yield from _differing_ends(a.b, b.b, "b")
    else:
        yield from _differences([a, b], "")


def _differing_ends(a: Start, b: Start, name: str) -> Iterator[str]:
    """Yield the fields in which the trainings of two ends of a path differ, as if these were compared; else `name`."""
    if isinstance(a, Snapshot) and isinstance(b, Snapshot):
        yield from _differences([a.step, b.step], "step.")
        yield from _differences([a.training, b.training], "")
    elif a != b:
        yield name


def _differences(values: Sequence[Any], path: str) -> Iterator[str]:
    """Yield the dotted names of the fields in which any two of the values differ."""
    first = values[0]
    if all(value is first or value == first for value in values):
        return
    name = path.rstrip(".")
    if name == "streams":
        draws = [dict(value) for value in values]
        named = sorted({stream for each in draws for stream in each})
        yield from (f"streams.{s}" for s in named if len({each.get(s, 0) for each in draws}) > 1)
    elif isinstance(first, Start | Mask) or len(set(map(type, values))) > 1 or not dataclasses.is_dataclass(first):
        yield name
    else:
        for f in dataclasses.fields(first):
            yield from _differences([getattr(value, f.name) for value in values], f"{path}{f.name}.")

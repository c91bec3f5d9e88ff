"""What a claim's intervals speak of: which seeds, which images; wider ones for other images; what was not measured."""

from __future__ import annotations

from collections.abc import Sequence

from harness.data import SETS, Task
from harness.design import Design
from harness.report._notation import signed, unit_of
from harness.verdict import ClaimVerdict, PartVerdict


def scope(design: Design, verdict: ClaimVerdict) -> str:
    """Say of what the intervals of a claim speak, and how wide they are for other images; empty without parts."""
    parts = list(zip(design.compared(), verdict.compared, strict=False))
    tasks = {task.name: task for task in (node.task for node in design.nodes)}
    read = [tasks[name] for name in dict.fromkeys(part.task for part, _ in parts) if name in tasks]
    if not read or not verdict.compared:
        return ""
    told = [f"The intervals speak of {'; '.join(_of(task) for task in read)}."]
    images = [task for task in read if not task.whole]
    wide = [
        f"{part.name} {' to '.join(map(signed, result.both))} {unit_of(part)}"
        for part, result in parts
        if result.both is not None
    ]
    if wide:
        told.append(f"Widened for other test images: {'; '.join(wide)}.")
    if images:
        told.append(_not_measured(images, [result for _, result in parts], verdict.for_this_test_set))
    return " ".join(told)


def _of(task: Task) -> str:
    described = SETS[task.source]
    if task.whole:
        return f"other seeds on all inputs of {task.name}"
    if task.fixed_test:
        return f"other seeds on these {task.test_examples:,} test images of {task.name}"
    drawn = "seeds, splits and pairs" if task.images > 1 else "seeds and splits"
    return f"other {drawn} of these {described.train:,} images ({task.name})"


def _not_measured(images: Sequence[Task], results: Sequence[PartVerdict], for_this_test_set: bool) -> str:
    measured = any(result.both is not None for result in results)
    missing = "other training images" if measured or all(task.fixed_test for task in images) else "other images"
    only = "The verdict is for this test set: other test images could leave it open. " if for_this_test_set else ""
    return f"{only}Not measured: {missing}."

"""What a claim's intervals speak of: which seeds, which examples; wider ones for others; what was not measured."""

from __future__ import annotations

from collections.abc import Sequence

from harness.data import SETS, Task
from harness.design import Design
from harness.report._notation import signed
from harness.verdict import ClaimVerdict, PartVerdict


def scope(design: Design, verdict: ClaimVerdict) -> str:
    """Say of what the intervals of a claim speak, and how wide they are for other examples; empty without parts."""
    parts = list(zip(design.compared(), verdict.compared, strict=False))
    tasks = {task.name: task for task in (node.task for node in design.nodes)}
    read = [tasks[name] for name in dict.fromkeys(part.task for part, _ in parts) if name in tasks]
    if not read or not verdict.compared:
        return ""
    told = [f"The intervals speak of {'; '.join(_of(task) for task in read)}."]
    drawn = [task for task in read if not task.whole]
    what = _examples(drawn or read)
    wide = [
        f"{part.name} {' to '.join(signed(each, part.unit) for each in result.both)} {part.unit}"
        for part, result in parts
        if result.both is not None
    ]
    if wide:
        told.append(f"Widened for other test {what}: {'; '.join(wide)}.")
    if drawn:
        told.append(_not_measured(drawn, what, [result for _, result in parts], verdict.for_this_test_set))
    return " ".join(told)


def _of(task: Task) -> str:
    described = SETS[task.source]
    if task.is_played:
        return f"other seeds, each with episodes of its own, of {task.name}"
    if task.whole:
        return f"other seeds on all inputs of {task.name}"
    if task.fixed_test:
        return f"other seeds on these {task.test_examples:,} test {_examples([task])} of {task.name}"
    drawn = "seeds, splits and pairs" if task.images > 1 else "seeds and splits"
    return f"other {drawn} of these {described.train:,} {_examples([task])} ({task.name})"


def _examples(tasks: Sequence[Task]) -> str:
    """Say what examples are: windows of a text, else images."""
    kinds = dict.fromkeys("windows of text" if task.reads_tokens else "images" for task in tasks)
    return " and ".join(kinds)


def _not_measured(tasks: Sequence[Task], what: str, results: Sequence[PartVerdict], for_this_test_set: bool) -> str:
    measured = any(result.both is not None for result in results)
    missing = f"other training {what}" if measured or all(task.fixed_test for task in tasks) else f"other {what}"
    only = f"The verdict is for this test set: other test {what} could leave it open. " if for_this_test_set else ""
    return f"{only}Not measured: {missing}."

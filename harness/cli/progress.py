"""How a run is shown while it goes on: live bars on a terminal, a line for each population elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from harness.compute import UnderWay


class Shown:
    """Shows progress on a console, as a context manager; `lines` are a population's last words off a terminal."""

    def __init__(self, console: Console, *, lines: bool = True) -> None:
        self.console = console
        self.lines = lines
        self._bars: Progress | None = None
        self._whole: TaskID | None = None
        self._tasks: dict[int, tuple[TaskID, float]] = {}  # by population, with the time at which it began

    def __enter__(self) -> Shown:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bars is not None:
            self._bars.stop()

    def note(self, text: str, *, warning: bool = False) -> None:
        """Print a sentence, above the bars."""
        self.console.print(text, style="yellow" if warning else None, highlight=False, markup=False)

    def begin(self, population: UnderWay) -> None:
        """Add a bar; with the first population of a run, one for all of it."""
        if not self.console.is_terminal:
            return
        bars = self._started()
        if population.number == 1:
            self._clear(bars)
            total = population.run_seconds or 1.0
            self._whole = bars.add_task("all", total=total, what="[bold]all populations", rate="")
        ids = population.wanted_by
        who = ids[0] if len(ids) == 1 else f"{ids[0]} +{len(ids) - 1}"
        what = f"{who} · {population.program} · {population.members} members"
        task = bars.add_task(what, total=population.steps, what=what, rate="")
        self._tasks[population.number] = (task, time.monotonic())

    def advance(self, population: UnderWay, steps: int) -> None:
        """Move the population's bar and its share of the whole."""
        if self._bars is None or population.number not in self._tasks:
            return
        id, began = self._tasks[population.number]
        self._bars.advance(id, steps)
        done = next(task.completed for task in self._bars.tasks if task.id == id)
        self._bars.update(id, rate=f"{done / max(time.monotonic() - began, 0.1):.0f} steps/s")
        if self._whole is not None:
            self._bars.advance(self._whole, steps / population.steps * population.seconds)

    def end(self, population: UnderWay, wall_s: float, left: int) -> None:
        """Remove the bar, or print what the population came to."""
        if self._bars is not None and population.number in self._tasks:
            self._bars.remove_task(self._tasks.pop(population.number)[0])
        elif self.lines and not self.console.is_terminal:
            rate = population.steps * population.members / wall_s
            self.note(
                f"  {population.program} · {population.members} members · {wall_s:.1f} s · "
                f"{rate:,.0f} member-steps/s · {left} left"
            )

    def _started(self) -> Progress:
        if self._bars is None:
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            text, rate = TextColumn("{task.fields[what]}"), TextColumn("{task.fields[rate]}")
            self._bars = Progress(text, BarColumn(), rate, TimeRemainingColumn(), console=self.console, transient=True)
            self._bars.start()
        return self._bars

    def _clear(self, bars: Progress) -> None:
        for task in bars.task_ids:
            bars.remove_task(task)
        self._tasks.clear()

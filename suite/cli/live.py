"""Progress on a terminal: what is done of each model, test by test, and a bar below it, all in place."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from suite.cli.progress import Clock, Display, Pace, describe, duration, outcome
from suite.outside import one_line
from suite.records import TESTS, RunRecord, Task, Test

Line = str  # of the table: a model, and what else tells its tasks from others'
Place = tuple[Line, Test]
ROOM = 6  # lines that a table leaves to the bar and to what stands above it
BAR_WIDTH = 30


class LiveProgress(Display):
    """Finished tasks scroll by above a table of what is done, which stays in place.

    It is redrawn only between two requests to the worker: a thread that redraws by itself would run beside timed calls.
    """

    def __init__(self, stream: TextIO, clock: Clock = time.monotonic, *, no_color: bool = False) -> None:
        self._console = Console(file=stream, highlight=False, emoji=False, no_color=no_color or None)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._pace = Pace(clock)
        self._doing = "starting"
        self._asked: Counter[Place] = Counter()
        self._done: Counter[Place] = Counter()
        self._lost: Counter[Place] = Counter()

    def asked(self, tasks: Sequence[Task]) -> None:
        self._asked = Counter(map(place_of, tasks))

    def plan(self, total_s_estimate: float, tasks: int) -> None:
        self._pace.plan(total_s_estimate, tasks)
        self._live.start()
        self._draw()

    def begin(self, text: str) -> None:
        self._doing = text
        self._draw()

    def expect(self, task: Task, seconds: float) -> None:
        self._pace.expect(task, seconds)
        self._draw()

    def advance(self, task: Task, record: RunRecord) -> None:
        self._pace.advance(task, record)
        place = place_of(task)
        if not record.supersedes:  # it was counted before
            self._done[place] += 1
            self._asked[place] += record.added
            self._lost[place] += bool(record.not_measured())
        self._print(f"{describe(task)}: {outcome(record)}", "yellow" if record.not_measured() else "")
        self._draw()

    def note(self, text: str) -> None:
        self._print(text, "")

    def close(self) -> None:
        self._live.stop()

    def _print(self, text: str, style: str) -> None:
        self._console.print(Text(one_line(text), style=style))

    def _draw(self) -> None:
        self._live.update(self._shown(), refresh=True)

    def _shown(self) -> Group:
        pace = self._pace
        bar = Table.grid(padding=(0, 1))
        count = f"{pace.done_count}/{pace.task_count}"
        told = f"about {duration(pace.remaining_s)} left; {one_line(self._doing, 200)}"
        doing = Text(told, overflow="ellipsis", no_wrap=True)
        width = min(BAR_WIDTH, max(5, self._console.width - len(count) - 40))
        bar.add_row(count, ProgressBar(pace.total_s or 1, min(pace.done_s, pace.total_s), width=width), doing)
        table = self._table()
        return Group(*([table] if table is not None else []), bar)

    def _table(self) -> Table | None:
        """None where there is one line alone, or no room for several."""
        lines = list(dict.fromkeys(line for line, _ in self._asked))
        tests = [test for test in TESTS if any((line, test) in self._asked for line in lines)]
        width = max(map(len, lines), default=0) + sum(max(len(test), 7) + 2 for test in tests)
        size = shutil.get_terminal_size()
        if len(lines) < 2 or len(lines) + ROOM > size.lines or width > self._console.width:
            return None
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
        table.add_column("")
        for test in tests:
            table.add_column(test, justify="right", min_width=7)
        for line in lines:
            table.add_row(line, *(self._cell((line, test)) for test in tests))
        return table

    def _cell(self, place: Place) -> Text:
        """ "7/22", and how many of them could not be measured: "7/22 (2 n/a)"."""
        asked, done, lost = self._asked[place], self._done[place], self._lost[place]
        if not asked:
            return Text("")
        told = f"{done}/{asked}" + (f" ({lost} n/a)" if lost else "")
        return Text(told, style="yellow" if lost else "green" if done == asked else "")


def place_of(task: Task) -> Place:
    """The line and the column that a task is counted in."""
    if task.is_of_the_machine:
        return f"the machine ({task.device})", task.test
    own = [value for value, usual in ((task.device, "cpu"), (task.runtime, "eager")) if value != usual]
    own += [task.precision] if task.precision != "fp32" else []
    return f"{task.model} ({', '.join(own)})" if own else task.model, task.test

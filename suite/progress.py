"""How a run tells a person what it does, how far it is, and how long it still takes. All of it goes to stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from suite.records import RunRecord, Task

Clock = Callable[[], float]
COUNT_S = 2.0  # what counting parameters or FLOPs of one model takes, roughly; measured tasks have a time limit
ENERGY_WINDOW_COUNT = 4  # windows and idle stretches of one energy task, roughly


class Progress(Protocol):
    """What the runner says while it works."""

    def plan(self, total_s_estimate: float, tasks: int) -> None:
        """Once, before the first task: how long the tasks may take together, and how many there are."""

    def begin(self, text: str) -> None:
        """What is being done from now on."""

    def advance(self, task: Task, record: RunRecord) -> None:
        """A task has its record."""

    def note(self, text: str) -> None:
        """Something that a person should know and that stops nothing."""

    def close(self) -> None:
        """No more is coming."""


def allowed_s(tasks: Iterable[Task]) -> float:
    """Seconds that the tasks may take by their time limits: an upper guess, for a bar."""
    return sum(map(_allowed_s, tasks))


def _allowed_s(task: Task) -> float:
    if task.test == "latency":
        return task.repetition.time_limit_s
    if task.test == "energy":
        return ENERGY_WINDOW_COUNT * task.repetition.time_limit_s
    return COUNT_S

"""What a person asks of a battery, and what it tells meanwhile. Others import these of `battery`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from suite.plan.load import Options
from suite.plan.pair import Side
from suite.records import RunRecord, Task, Test, record


@record
class Request:
    """What a person asked for; None where they said nothing.

    test: that one alone, as `suite latency` measures. pair: these two alone, in turns. resume: go on with the run in
    `out`.
    """

    test: Test | None = None
    plan: str | None = None
    options: Options = Options()
    power: str | None = None
    out: Path | None = None
    resume: bool = False
    pair: tuple[Side, Side] | None = None
    tags: tuple[tuple[str, str], ...] = ()


@record
class Outline:
    """What a battery would measure. is_metered: whether there is a power source for its tests of energy."""

    plan: str
    tasks: tuple[Task, ...]
    is_metered: bool


class Progress:
    """What a battery tells while it goes on. This one tells nobody; subclasses do."""

    def asked(self, tasks: Sequence[Task]) -> None:
        """Once, before all else: the tasks that are left."""

    def plan(self, total_s_estimate: float, tasks: int) -> None:
        """Once, before the first task: how long the tasks may take together, and how many there are."""

    def begin(self, text: str) -> None:
        """What is being done from now on."""

    def expect(self, task: Task, seconds: float) -> None:
        """How long the task takes in all, as its first calls tell."""

    def advance(self, task: Task, record: RunRecord) -> None:
        """A task has its record, and it is on disk."""

    def note(self, text: str) -> None:
        """Something that a person should know and that stops nothing."""


SILENCE = Progress()

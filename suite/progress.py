"""How a run tells a person what it does, how far it is, and how long it still takes. All of it goes to stderr."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol, TextIO

from suite.records import EnergyReading, FlopCount, LatencySamples, NotMeasured, ParameterCount, RunRecord, Task
from suite.units import show, show_count

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

Clock = Callable[[], float]
COUNT_S = 1.0  # what counting parameters or FLOPs of one model takes, roughly; measured tasks have a time limit
ENERGY_WINDOW_S = 10.0  # where the power source decides


class Progress(Protocol):
    """What is said while a run goes on."""

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


def allowed_s(tasks: Iterable[Task], *, metered: bool) -> float:
    """Seconds that the tasks may take by their time limits: an upper guess, for a bar.

    metered: whether there is a power source; without one, a task of energy takes no time worth speaking of.
    """
    return sum(_allowed_s(task) for task in tasks if metered or task.test != "energy")


def _allowed_s(task: Task) -> float:
    if task.test == "latency":
        return task.repetition.time_limit_s
    if task.test == "energy":
        return 2 * task.energy.idle_s + task.energy.window_count * (task.energy.window_s or ENERGY_WINDOW_S)
    return COUNT_S


class Pace:
    """How long still, at most by the tasks' limits: what they allow in all, less what has passed or is done.

    Interleaved tasks end together, late in their group: until then the clock says more than the count of the done.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_s = clock()
        self.total_s = 0.0
        self.done_s = 0.0
        self.task_count = 0
        self.done_count = 0

    def plan(self, total_s: float, task_count: int) -> None:
        self._began_s = self._clock()
        self.total_s, self.task_count = total_s, task_count

    def advance(self, task: Task, record: RunRecord) -> None:
        """What the task was allowed is done with, whether it was measured or not."""
        if not isinstance(record.energy, NotMeasured):  # without a power source it was not in the total
            self.done_s += _allowed_s(task)
        self.done_count += 1

    @property
    def elapsed_s(self) -> float:
        return self._clock() - self._began_s

    @property
    def remaining_s(self) -> float:
        return max(0.0, self.total_s - max(self.elapsed_s, self.done_s))


class PlainProgress:
    """A line for each thing that happens: for a log, or a terminal that can't move its cursor."""

    def __init__(self, stream: TextIO, clock: Clock = time.monotonic) -> None:
        self._stream = stream
        self._pace = Pace(clock)

    def plan(self, total_s_estimate: float, tasks: int) -> None:
        self._pace.plan(total_s_estimate, tasks)
        self._say(f"{counted(tasks)}, up to about {duration(total_s_estimate)}")

    def begin(self, text: str) -> None:
        self._say(text)

    def advance(self, task: Task, record: RunRecord) -> None:
        self._pace.advance(task, record)
        pace = self._pace
        left = f", about {duration(pace.remaining_s)} left" if pace.done_count < pace.task_count else ""
        self._say(f"[{pace.done_count}/{pace.task_count}] {describe(task)}: {outcome(record)}{left}")

    def note(self, text: str) -> None:
        self._say(text)

    def close(self) -> None:
        self._stream.flush()

    def _say(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class LiveProgress:
    """A bar that stays in place, with the finished tasks above it.

    It is redrawn only between two requests to the worker: a thread that redraws by itself would run beside timed calls.
    """

    def __init__(self, stream: TextIO, clock: Clock = time.monotonic) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (TextColumn("{task.fields[count]}"), BarColumn(bar_width=30), TextColumn("{task.description}"))
        console = Console(file=stream, highlight=False)
        self._bar: Bar = Progress(*columns, console=console, auto_refresh=False, transient=True)
        self._row: TaskID = self._bar.add_task("starting", total=None, count="")
        self._pace = Pace(clock)
        self._doing = "starting"

    def plan(self, total_s_estimate: float, tasks: int) -> None:
        self._pace.plan(total_s_estimate, tasks)
        self._bar.start()
        self._draw()

    def begin(self, text: str) -> None:
        self._doing = text
        self._draw()

    def advance(self, task: Task, record: RunRecord) -> None:
        self._pace.advance(task, record)
        self._bar.print(f"{describe(task)}: {outcome(record)}", markup=False)
        self._draw()

    def note(self, text: str) -> None:
        self._bar.print(text, markup=False)

    def close(self) -> None:
        self._bar.stop()

    def _draw(self) -> None:
        pace = self._pace
        self._bar.update(
            self._row,
            total=pace.total_s,
            completed=pace.done_s,
            count=f"{pace.done_count}/{pace.task_count}",
            description=f"{self._doing}; about {duration(pace.remaining_s)} left",
        )
        self._bar.refresh()


def opened(stream: TextIO) -> Progress:
    """A bar on a terminal, plain lines anywhere else."""
    return LiveProgress(stream) if stream.isatty() else PlainProgress(stream)


def describe(task: Task) -> str:
    """A task in few words: "lxmert latency, batch 4, text_tokens 20, image_regions 36"."""
    scenario = "" if task.scenario == "forward" else f" ({task.scenario})"
    sizes = [f"{name} {size}" for name, size in task.axes]
    if task.test in ("latency", "energy"):
        sizes.insert(0, f"batch {task.batch_size}")
    return ", ".join([f"{task.model} {task.test}{scenario}", *sizes])


def outcome(record: RunRecord) -> str:
    """What came out, in few words; an absence by its code and reason."""
    value = {
        "params": record.parameters,
        "flops": record.flops,
        "latency": record.latency,
        "energy": record.energy,
    }[record.task.test]
    match value:
        case ParameterCount():
            return f"{show_count(value.unique_count)} parameters"
        case FlopCount():
            return value.sign + show(value.flop_count, "FLOP")
        case LatencySamples():
            return f"{show(statistics.median(value.latency_s), 's')} (median of {len(value.latency_s)})"
        case EnergyReading():
            window_j = statistics.fmean(window.energy_j / window.call_count for window in value.windows)
            return f"{show(window_j, 'J')} a call, idle included"
        case NotMeasured():
            return f"not measured: {value.code} ({value.reason})"
        case _:
            return "no outcome"


def counted(task_count: int) -> str:
    return f"{task_count} task{'' if task_count == 1 else 's'}"


def duration(seconds: float) -> str:
    """Seconds as a person says them: "45 s", "3 min", "1 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"

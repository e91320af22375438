"""How a run tells a person what it does, how far it is, and how long it still takes. All of it goes to stderr."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import TextIO

from suite import units
from suite.battery import Progress
from suite.measure.estimate import task_allowed_s
from suite.outside import one_line
from suite.records import (
    TIMED,
    Accuracy,
    EnergyReading,
    FlopCount,
    LatencySamples,
    NotMeasured,
    ParameterCount,
    Profile,
    Roofline,
    RunRecord,
    Sustained,
    Task,
)
from suite.report.gaps import no_latency
from suite.units import show, show_count

AGAIN_S = 30.0  # the same news is a line of a log no sooner

Clock = Callable[[], float]


class Display(Progress):
    """Progress that a person sees."""

    def close(self) -> None:
        """No more is coming."""


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
        self._expected_s: dict[str, float] = {}  # by the key of the task, once a call of it was seen

    def plan(self, total_s: float, task_count: int) -> None:
        self._began_s = self._clock()
        self.total_s, self.task_count = total_s, task_count

    def expect(self, task: Task, seconds: float) -> None:
        """Puts what the calls have shown in the place of what was allowed."""
        self.total_s += seconds - self._task_s(task)
        self._expected_s[task.key] = seconds

    def advance(self, task: Task, record: RunRecord) -> None:
        """What the task was to take is done with, whether it was measured or not."""
        if record.supersedes:  # it was counted before
            return
        self.task_count += record.added
        if not isinstance(record.energy, NotMeasured) and not record.added:  # they were not in the total
            self.done_s += self._task_s(task)
        self.done_count += 1

    def _task_s(self, task: Task) -> float:
        return self._expected_s.get(task.key, task_allowed_s(task))

    @property
    def elapsed_s(self) -> float:
        return self._clock() - self._began_s

    @property
    def remaining_s(self) -> float:
        return max(0.0, self.total_s - max(self.elapsed_s, self.done_s))


class PlainProgress(Display):
    """A line for each thing that happens: for a log, or a terminal that can't move its cursor."""

    def __init__(self, stream: TextIO, clock: Clock = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._pace = Pace(clock)
        self._told_s = 0.0
        self._begun_s: dict[str, float] = {}  # when it was last told, by what it is about

    def plan(self, total_s_estimate: float, tasks: int) -> None:
        self._pace.plan(total_s_estimate, tasks)
        self._told_s = total_s_estimate
        self._say(f"{counted(tasks)}, estimated at {duration(total_s_estimate)}")

    def begin(self, text: str) -> None:
        """A wait for quiet is told every second, with another process each time: a log gets it now and then."""
        news, now_s = text.partition(":")[0], self._clock()
        if now_s - self._begun_s.get(news, -AGAIN_S) >= AGAIN_S:
            self._begun_s[news] = now_s
            self._say(text)

    def expect(self, task: Task, seconds: float) -> None:
        self._pace.expect(task, seconds)
        if self._pace.total_s > 1.5 * self._told_s:  # worth a line
            self._told_s = self._pace.total_s
            self._say(f"calls of {describe(task)} take long: about {duration(self._pace.remaining_s)} left in all")

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
        print(one_line(text), file=self._stream, flush=True)


class Quiet(Display):
    """What stops nothing and should be known; no progress."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def note(self, text: str) -> None:
        print(one_line(text), file=self._stream, flush=True)


Open = Callable[[TextIO], Display]


def describe(task: Task) -> str:
    """A task in few words: "lxmert latency, batch 4, text_tokens 20, image_regions 36"."""
    if task.is_of_the_machine:
        return f"{task.test} of {task.device}, {units.counted(task.thread_count, 'thread')}"
    if task.evaluation is not None:
        return f"{task.model} accuracy, {task.evaluation.name}, {task.runtime} {task.precision}"
    scenario = "" if task.scenario == "forward" else f" ({task.scenario})"
    sizes = [f"{name} {size}" for name, size in task.axes]
    if task.test in TIMED:
        sizes.insert(0, f"batch {task.batch_size}")
    side = "" if task.side is None else f" {task.side}"
    way = [] if (task.runtime, task.precision) == ("eager", "fp32") else [f"{task.runtime} {task.precision}"]
    return ", ".join([f"{task.model}{side} {task.test}{scenario}", *sizes, *way])


def outcome(record: RunRecord) -> str:
    """What came out, in few words; an absence by its code and reason."""
    value = {
        "params": record.parameters,
        "flops": record.flops,
        "latency": record.latency,
        "energy": record.energy,
        "sustained": record.sustained,
        "roofline": record.roofline,
        "profile": record.profile,
        "accuracy": record.accuracy,
    }[record.task.test]
    match value:
        case ParameterCount() | FlopCount():
            return _counted(value)
        case LatencySamples():
            return _latency(value, ", cut short" if record.cut_short else "")
        case Sustained():
            return _ends(value) + (", cut short" if record.cut_short else "")
        case EnergyReading():
            return f"{show(value.inference_j(record.task.batch_size), 'J')} per inference, idle included"
        case NotMeasured():
            return f"not measured: {value.code} ({value.reason})"
        case _:
            return "no outcome" if value is None else _of_a_kind(value)


def _of_a_kind(found: Accuracy | Roofline | Profile) -> str:
    if isinstance(found, Accuracy):
        return f"{statistics.fmean(found.values()):.2%} {found.metrics[0]} of {show_count(found.item_count)}"
    if isinstance(found, Profile):
        return _profiled(found)
    rates = [f"{show(product.ceiling.best_per_s, 'FLOP/s')} {product.precision}" for product in found.matmul]
    return ", ".join([show(found.bandwidth.best_per_s, "B/s"), *rates])


def _latency(samples: LatencySamples, ending: str) -> str:
    """The median of the calls that count; of all where too few were left undisturbed, as an upper bound."""
    if absence := no_latency(samples):
        return f"not measured: {absence.code} ({absence.reason})"
    sign, cause = ("≤ ", ", DISTURBED") if samples.is_upper_bound else ("", "")
    return (
        f"{sign}{show(statistics.median(samples.latency_s), 's')} (median of {len(samples.latency_s)}{cause}{ending})"
    )


def _counted(value: ParameterCount | FlopCount) -> str:
    if isinstance(value, ParameterCount):
        return f"{show_count(value.unique_count)} parameters"
    return value.sign + show(value.flop_count, "FLOP")


def _profiled(value: Profile) -> str:
    dearest = max(value.operators, key=lambda each: each.spent_s)
    share = dearest.spent_s / value.call_count / value.call_s
    return f"{show(value.call_s, 's')} under the profiler, {share * 100:.0f} % of it {one_line(dearest.operator, 60)}"


def _ends(value: Sustained) -> str:
    latency_s = [statistics.median(block.latency_s) for block in value.samples.timed_blocks]
    length = duration(value.slices[-1].end_s)
    return f"{show(latency_s[0], 's')} at first, {show(latency_s[-1], 's')} at the end of {length}"


def counted(task_count: int) -> str:
    return f"{task_count} task{'' if task_count == 1 else 's'}"


def duration(seconds: float) -> str:
    """Seconds as a person says them: "45 s", "3 min", "1 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"

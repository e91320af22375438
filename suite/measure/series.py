"""Interleaved measurement: the series of one worker take turns in blocks, in random order, until each has enough.

Interleaving keeps a drift of the machine (heat, other load) from looking like an effect of batch or input size. Between
visits a series holds no inputs, so that the worker's memory is that of one case. A visit that follows another series'
begins with one call that is not counted: caches and allocator still hold what that one left there.
"""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from suite.client.replies import Memory, Prepared, Timed, TimedFor, WorkerLike
from suite.errors import WorkerError
from suite.measure.bench import Bench
from suite.measure.estimate import expected_s
from suite.measure.moment import Moment, Observe
from suite.records import Block, ColdStart, Flag, LatencySamples, MemoryUse, StopReason, Task
from suite.stats.steady import is_steady
from suite.stats.stopping import decide

BLOCK_S = 1.0  # aimed length of a block: long against a call's jitter, short against a drift
MIN_BLOCKS = 5  # a series of few calls is still spread over the run
BLOCKS_IN_LIMIT = 8  # as many blocks fit into a series' limits, of time and of calls
FIRST_CALL_DEADLINE_S = 600.0
MOST_CALLS_IN_BLOCK = 100_000  # their durations travel in one line
DEADLINE_FACTOR = 20.0  # a call that takes this much longer than the last ones hangs


Expect = Callable[[Task, float], None]


@dataclass(slots=True)
class Series:
    """One latency task on its way: what was measured so far, and why it stopped."""

    task: Task
    began: Moment | None = None
    prepared: Prepared | None = None
    blocks: list[Block] = field(default_factory=list)
    steady: bool | None = None  # None: not warmed up yet
    stop: StopReason | None = None
    error: WorkerError | None = None
    cold_start: ColdStart | None = None
    amiss: dict[str, str] = field(default_factory=dict)  # what the worker found amiss, by code: the latest words
    memory: list[Memory] = field(default_factory=list)  # one a visit
    spent_s: float = 0.0  # in calls, warm-up included
    wall_s: float = 0.0  # in its turns, all told
    thread_counts: dict[int, None] = field(default_factory=dict)  # in force after its blocks, each once, in order

    @property
    def case(self) -> str:
        return self.task.key

    @property
    def counted(self) -> list[tuple[float, ...]]:
        return [block.latency_s for block in self.blocks if not block.warmup]

    @property
    def counted_call_count(self) -> int:
        return sum(map(len, self.counted))

    @property
    def ended(self) -> bool:
        return self.stop is not None or self.error is not None

    def typical_s(self) -> float:
        return statistics.median(self.blocks[-1].latency_s)

    def next_block_call_count(self) -> int:
        """Calls of the next block: about BLOCK_S long, but never so many that a series is done in a block or two."""
        rule = self.task.repetition
        smallest = math.ceil(rule.min_call_count / MIN_BLOCKS)
        fixed = rule.target_relative_halfwidth is None
        block_s = min(BLOCK_S, rule.time_limit_s / BLOCKS_IN_LIMIT)
        wanted = smallest if fixed else max(smallest, round(block_s / self.typical_s()))
        limit = rule.min_call_count if fixed else rule.max_call_count
        largest = max(smallest, limit // BLOCKS_IN_LIMIT)
        return min(wanted, largest, limit - self.counted_call_count, MOST_CALLS_IN_BLOCK)

    def samples(self, synchronisation: str, clock: str) -> LatencySamples:
        assert self.prepared is not None
        return LatencySamples(
            blocks=tuple(self.blocks),
            clock=clock,
            synchronisation=synchronisation,
            steady=self.steady is True,
            stop=self.stop or "failed",
            step_count=self.prepared.step_count,
            thread_counts=tuple(self.thread_counts),
        )

    def flags(self) -> tuple[Flag, ...]:
        """Doubts that follow from how the calls went."""
        asked, used = (
            self.task.thread_count,
            [str(count) for count in self.thread_counts if count != self.task.thread_count],
        )
        found = []
        if used:
            text = f"CPU threads in force after the calls: {' and '.join(used)}; asked for: {asked}"
            found.append(Flag(code="THREADS_DIFFER", text=text))
        most = max((block.calls_per_value for block in self.blocks), default=1)
        if most > 1:
            text = f"too many calls to keep each: a value is the mean of up to {most:,} in a row, and scatters less"
            found.append(Flag(code="DURATIONS_BINNED", text=text))
        if self.error is not None:
            least = self.task.repetition.min_call_count
            made = (
                f"{self.counted_call_count} of at least {least} calls" if self.task.test == "latency" else "its windows"
            )
            found.append(Flag(code=self.error.code, text=f"cut short after {made}: {self.error.reason}"))
        return tuple(found)

    def memory_use(self, import_resident_bytes: int, weight_bytes: int) -> MemoryUse:
        assert self.prepared is not None
        device_peaks = [reading.device_peak_bytes for reading in self.memory if reading.device_peak_bytes is not None]
        return MemoryUse(
            import_resident_bytes=import_resident_bytes,
            before_resident_bytes=self.prepared.before_resident_bytes,
            peak_resident_bytes=max(reading.peak_resident_bytes for reading in self.memory),
            peak_is_task=all(reading.peak_was_reset for reading in self.memory),
            weight_bytes=weight_bytes,
            device_peak_bytes=max(device_peaks, default=None),
        )


def interleave(
    turns: Turns, tasks: Sequence[Task], rng: random.Random, tell: Callable[[str], None]
) -> Iterator[Series]:
    """Measures the tasks in turns; yields each series the moment it ends, with samples, an error, or both.

    A worker that dies takes only the series it was measuring: the others go on in a new one. tell is given a line as
    each round begins.
    """
    open_series = [Series(task=task) for task in tasks]
    rounds = itertools.count(1)
    while open_series:
        number = next(rounds)
        turns.round_index = number - 1
        tell(f"timing {open_series[0].task.model}, round {number}, {len(open_series)} of {len(tasks)} sizes")
        # The plan's first point goes first, so that cold start is that of the same case in every run.
        head, rest = (open_series[:1], open_series[1:]) if number == 1 else ([], open_series[:])
        rng.shuffle(rest)
        for series in head + rest:
            turns.visit(series)
            if series.ended:
                yield series
        open_series = [series for series in open_series if not series.ended]
    turns.round_index = None


class Turns:
    """Gives one series after the other its turn on the worker; keeps which one's inputs are prepared there."""

    def __init__(self, bench: Bench, observe: Observe, expect: Expect = lambda _task, _seconds: None) -> None:
        """expect: told, after a series' first call, how many seconds its task is going to take."""
        self.bench = bench
        self.observe = observe
        self.expect = expect
        self.start_count = 0  # of the bench, when it was last visited
        self.prepared_case: str | None = None
        self.order_index = 0
        self.round_index: int | None = None  # None outside rounds

    def visit(self, series: Series) -> None:
        """One block of counted calls; then the rule says whether the series has enough."""
        arrived = self.observe()
        series.began = series.began or arrived
        try:
            worker = self.make_ready(series)
            self.time(worker, series, series.next_block_call_count(), warmup=False)
            series.memory.append(worker.memory())
        except WorkerError as error:
            series.error = error
            self.bench.failed(error)
        else:
            series.stop = decide(series.counted, series.task.repetition, series.spent_s).stop
        series.wall_s += self.observe.clock() - arrived.time_s

    def make_ready(self, series: Series) -> WorkerLike:
        """The worker with the series' inputs prepared and warmed up for it. Raises WorkerError."""
        worker = self.bench.ready()
        fresh = self.start_count != self.bench.start_count
        self.start_count = self.bench.start_count
        if fresh:
            self.prepared_case = None
        arrived = self._enter(worker, series)
        if fresh or series.steady is None:
            first_call_s = self._warm_up(worker, series)
            series.cold_start = self.bench.cold_start(first_call_s) if fresh else series.cold_start
            self.bench.check_inputs(series.case)
        elif arrived:
            self.time(worker, series, 1, warmup=True)
        return worker

    def _enter(self, worker: WorkerLike, series: Series) -> bool:
        """Prepares the series' inputs, unless they are there from the turn before. True if they had to be made."""
        if self.prepared_case == series.case:
            return False
        if self.prepared_case is not None:
            worker.release(self.prepared_case)
            self.prepared_case = None
        worker.reset_memory()
        prepared = worker.prepare(series.case, series.task)
        self.prepared_case = series.case
        if series.prepared is not None and prepared.inputs_sha256 != series.prepared.inputs_sha256:
            raise WorkerError(
                "INPUTS_DIFFER",
                f"the inputs of {series.task.model} came out different the second time",
                "check the machine's memory; report it with the run's log",
            )
        series.prepared = series.prepared or prepared
        return True

    def _warm_up(self, worker: WorkerLike, series: Series) -> float:
        """Calls, one at a time, until they are steady or the rule's limit is reached. Returns the first one's time."""
        rule = series.task.repetition
        durations: list[float] = []
        series.steady = False
        while len(durations) < rule.warmup_max_call_count and not series.steady:
            durations += self.time(worker, series, 1, warmup=True)
            if len(durations) <= 2:  # the first call is often slow, and the first to tell
                self.expect(series.task, expected_s(series.task, durations[-1]))
            series.steady = len(durations) >= rule.warmup_min_call_count and is_steady(durations)
        return durations[0]

    def time(self, worker: WorkerLike, series: Series, call_count: int, *, warmup: bool) -> tuple[float, ...]:
        deadline_s = FIRST_CALL_DEADLINE_S
        if series.blocks:
            deadline_s = 60.0 + DEADLINE_FACTOR * call_count * series.typical_s()
        timed = worker.time(series.case, call_count, deadline_s)
        self.add_block(series, timed, warmup=warmup)
        return timed.latency_s

    def add_block(self, series: Series, timed: Timed | TimedFor, *, warmup: bool) -> None:
        each = timed.calls_per_value if isinstance(timed, TimedFor) else 1
        block = Block(
            order_index=self.order_index,
            warmup=warmup,
            started_s=timed.started_s,
            latency_s=timed.latency_s,
            calls_per_value=each,
            round_index=self.round_index,
        )
        self.order_index += 1
        series.blocks.append(block)
        series.spent_s += each * sum(timed.latency_s)
        series.thread_counts[timed.thread_count] = None
        series.amiss.update(timed.flags)

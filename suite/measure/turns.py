"""The turns of one worker: a series comes, gets a block, and goes.

Between visits a series holds no inputs, so that the worker's memory is that of one case. A visit that follows another
series', be it on another worker, begins with one call that is not counted: caches and allocator still hold what that
one left there. A block that something else disturbed is kept and made up for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from suite.client.replies import Timed, TimedFor, WorkerLike
from suite.errors import WorkerError
from suite.host.busiest import Busiest
from suite.measure.bench import Bench
from suite.measure.cooling import Gate
from suite.measure.estimate import expected_s
from suite.measure.moment import Observe
from suite.measure.patience import Patience
from suite.measure.series import Series
from suite.records import Block, Interference, NotMeasured, Task
from suite.stats import quiet
from suite.stats.steady import is_steady

FIRST_CALL_DEADLINE_S = 600.0
WANT_OF_MEMORY = ("OUT_OF_MEMORY", "KILLED_FOR_MEMORY")
DEVICE_CALL_COUNT = 3  # of each kind, after every block
DEADLINE_FACTOR = 20.0  # a call that takes this much longer than the last ones hangs

Expect = Callable[[Task, float], None]


@dataclass(slots=True)
class Place:
    """Where a group of series stands, which may be on several workers."""

    order_index: int = 0
    round_index: int | None = None  # None outside rounds
    case: str | None = None  # whose turn it was


class Turns:
    """Gives one series after the other its turn on the worker; keeps which one's inputs are prepared there."""

    def __init__(  # noqa: PLR0913 (what tests put in place, all by name)
        self,
        bench: Bench,
        observe: Observe,
        expect: Expect = lambda _task, _seconds: None,
        *,
        tell: Callable[[str], None] = lambda _line: None,
        busiest: Busiest | None = None,
        paces_s: list[float] | None = None,
        beside: Turns | None = None,
    ) -> None:
        """expect: told, after a series' first call, how many seconds its task is going to take. tell: progress.
        paces_s: of the blocks so far, also of other models' on the same device and threads; grows. beside: those of
        another worker that these take turns with: order, rounds, patience and the gate are theirs."""
        self.bench = bench
        self.observe = observe
        self.expect = expect
        self.tell = tell
        self.line = ""  # of progress, that a wait for quiet interrupts
        self.paces_s: list[float] = [] if paces_s is None else paces_s
        patience = Patience(bench.task.quiet, bench.task.thread_count, tell, busiest or Busiest())
        self.patience: Patience = patience if beside is None else beside.patience
        self.gate: Gate = Gate(bench.task.heat, observe, tell) if beside is None else beside.gate
        self.place: Place = Place() if beside is None else beside.place
        self.clocks_hz: list[float] = []  # under load, in run order
        self.start_count = 0  # of the bench, when it was last visited
        self.prepared_case: str | None = None
        self.tells_cold_start = True  # not of a worker that is started again for every turn
        self.gives_way: Callable[[], bool] = lambda: False  # after a want of memory: whether another worker has gone

    def begin(self, line: str) -> None:
        self.line = line
        self.tell(line)

    def visit(self, series: Series) -> None:
        """One block of counted calls; then the rule says whether the series has enough."""
        arrived = self.observe()
        series.began = series.began or arrived
        had_ended = series.ended
        try:
            self._block(series)
        except WorkerError as error:
            series.error = error
            self.bench.failed(error)
            if had_ended:
                series.forgive()
        else:
            series.culprit = self.patience.culprit
            series.judge_pace(quiet.usual_pace_s(self.paces_s))
            series.decide()
        series.wall_s += self.observe.clock() - arrived.time_s

    def _block(self, series: Series) -> None:
        """A block, once more where it is another worker that left no memory for it. Raises WorkerError."""
        try:
            self._timed_block(series)
        except WorkerError as error:
            if error.code not in WANT_OF_MEMORY or not self.gives_way():
                raise
            self.bench.failed(error)
            self.bench.may_try_again()
            self._timed_block(series)

    def _timed_block(self, series: Series) -> None:
        if self.patience.wait(self.bench.ready()):
            self.tell(self.line)
        worker = self.make_ready(series)
        self.time(worker, series, series.next_block_call_count(), warmup=False)
        self.bench.memory = worker.memory()
        series.memory.append(self.bench.memory)
        if series.task.device != "cpu" and series.no_device_times is None:
            self._ask_device(worker, series)

    def _ask_device(self, worker: WorkerLike, series: Series) -> None:
        """Calls of their own, after the block and its peak: events and delays lie in no timed call."""
        deadline_s = FIRST_CALL_DEADLINE_S + DEADLINE_FACTOR * DEVICE_CALL_COUNT * series.typical_s()
        try:
            found = worker.device_times(series.case, DEVICE_CALL_COUNT, deadline_s)
        except WorkerError as error:
            if error.fatal:
                raise
            series.no_device_times = NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy)
            return
        series.by_device.append(replace(found, block=replace(found.block, round_index=self.place.round_index)))

    def make_ready(self, series: Series) -> WorkerLike:
        """The worker with the series' inputs prepared and warmed up for it. Raises WorkerError."""
        worker = self.bench.ready()
        fresh = self.start_count != self.bench.start_count
        self.start_count = self.bench.start_count
        if fresh:
            self.prepared_case = None
        arrived = self._enter(worker, series) or self.place.case != series.case
        self.place.case = series.case
        if fresh or series.steady is None:
            first_call_s = self._warm_up(worker, series)
            if fresh and self.tells_cold_start:
                series.cold_start = self.bench.cold_start(first_call_s)
            series.fingerprint = series.fingerprint or self.bench.fingerprint(series.case)
            self.bench.check_inputs(series.case)
            self.bench.look_at_variant(series.case, series.task)
        elif self.gate.take_paused() or arrived:
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
        found = timed.interference
        if found is not None and not warmup and self.patience.rule is not None:
            short_s = quiet.least_telling_s(series.task.thread_count) - found.wall_s
            found = quiet.joined(found, worker.watch(short_s)) if short_s > 0 else found
        self.add_block(series, timed, found, warmup=warmup)
        return timed.latency_s

    def add_block(self, series: Series, timed: Timed | TimedFor, found: Interference | None, *, warmup: bool) -> None:
        """found: what the machine did meanwhile."""
        each = timed.calls_per_value if isinstance(timed, TimedFor) else 1
        if found is not None and found.pace_s is not None:
            self.paces_s.append(found.pace_s)
        cause = None if warmup else self._disturbance(series.task, found)
        block = Block(
            order_index=self.place.order_index,
            warmup=warmup,
            started_s=timed.started_s,
            latency_s=timed.latency_s,
            calls_per_value=each,
            round_index=self.place.round_index,
            interference=found,
            disturbed_by=cause,
            sped_up=quiet.sped_up(cause),
        )
        self.place.order_index += 1
        series.blocks.append(block)
        spent_s = each * sum(timed.latency_s)
        if block.disturbed_by is None:
            series.spent_s += spent_s
        else:
            series.lost_s += spent_s
            # for a host that slowed the whole machine down nobody knows how long to wait
            self.patience.is_due = not block.disturbed_by.startswith(quiet.SLOWED)
        series.thread_counts[timed.thread_count] = None
        series.amiss.update(timed.flags)

    def _disturbance(self, task: Task, found: Interference | None) -> str | None:
        """By the task's rule; windows of energy all count, whatever disturbed them: their joules were summed."""
        if task.quiet is None or task.test == "energy":
            return None
        if task.test == "sustained":  # a clock that heat lowers is what these calls are made to see
            found = found and replace(found, clock_hz=None, throttle_count=None, gpu_throttle=None, pace_s=None)
            return quiet.disturbance(found, task.quiet, task.thread_count)
        usual_hz = quiet.usual_clock_hz(self.clocks_hz)
        if found is not None and found.clock_hz is not None:
            self.clocks_hz.append(found.clock_hz)
        usual_s = quiet.usual_pace_s(self.paces_s)
        return quiet.disturbance(found, task.quiet, task.thread_count, usual_hz, usual_s)

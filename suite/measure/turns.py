"""Interleaved measurement: the series of one worker take turns in blocks, in random order, until each has enough.

Interleaving keeps a drift of the machine (heat, other load) from looking like an effect of batch or input size. Between
visits a series holds no inputs, so that the worker's memory is that of one case. A visit that follows another series'
begins with one call that is not counted: caches and allocator still hold what that one left there. A block that
something else disturbed is kept and made up for.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from suite.client.replies import Timed, TimedFor, WorkerLike
from suite.errors import WorkerError
from suite.host.busiest import Busiest
from suite.measure.bench import Bench
from suite.measure.cooling import Gate
from suite.measure.estimate import expected_s
from suite.measure.moment import Observe
from suite.measure.patience import Patience
from suite.measure.series import Series
from suite.measure.steering import Steering
from suite.records import Block, Interference, Task
from suite.stats import quiet
from suite.stats.steady import is_steady

FIRST_CALL_DEADLINE_S = 600.0
DEADLINE_FACTOR = 20.0  # a call that takes this much longer than the last ones hangs

Expect = Callable[[Task, float], None]


def interleave(
    turns: Turns, tasks: Sequence[Task], rng: random.Random, steering: Steering | None = None
) -> Iterator[Series]:
    """Measures the tasks in turns; yields each series as soon as it has ended, with samples, an error, or both.

    One that gets further turns afterwards, or whose blocks are judged otherwise once all are known, is yielded again. A
    worker that dies takes only the series it was measuring: the others go on in a new one. steering: of these tasks;
    None: every series for itself.
    """
    steering = steering or Steering(tasks=(), hypotheses=(), clock=turns.observe.clock)
    everyone = [Series(task=task) for task in tasks]
    told: dict[str, object] = {}  # what a series said when it was last yielded

    def done() -> Iterator[Series]:
        for series in everyone:
            is_first, has_news = series.case not in told, told.get(series.case) != series.said
            if series.ended and (is_first or (has_news and not steering.holds(series))):
                told[series.case] = series.said
                yield series

    rounds = itertools.count(1)
    while due := steering.next_round(everyone):
        yield from done()
        number = next(rounds)
        turns.round_index = number - 1
        turns.gate.cool()
        turns.begin(f"timing {due[0].task.model}, round {number}, {len(due)} of {len(everyone)} sizes")
        # The plan's first point goes first, so that cold start is that of the same case in every run.
        head, rest = (due[:1], due[1:]) if number == 1 else ([], due[:])
        rng.shuffle(rest)
        for series in head + rest:
            turns.visit(series)
            yield from done()
        steering.look(everyone)
    turns.round_index = None
    for series in everyone:
        series.settle(quiet.usual_pace_s(turns.paces_s))
    yield from (series for series in everyone if told.get(series.case) != series.said)


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
    ) -> None:
        """expect: told, after a series' first call, how many seconds its task is going to take. tell: progress.
        paces_s: of the blocks so far, also of other models' on the same device and threads; grows."""
        self.bench = bench
        self.observe = observe
        self.expect = expect
        self.tell = tell
        self.line = ""  # of progress, that a wait for quiet interrupts
        self.paces_s: list[float] = [] if paces_s is None else paces_s
        self.patience = Patience(bench.task.quiet, bench.task.thread_count, tell, busiest or Busiest())
        self.gate = Gate(bench.task.heat, observe, tell)
        self.clocks_hz: list[float] = []  # under load, in run order
        self.start_count = 0  # of the bench, when it was last visited
        self.prepared_case: str | None = None
        self.order_index = 0
        self.round_index: int | None = None  # None outside rounds

    def begin(self, line: str) -> None:
        self.line = line
        self.tell(line)

    def visit(self, series: Series) -> None:
        """One block of counted calls; then the rule says whether the series has enough."""
        arrived = self.observe()
        series.began = series.began or arrived
        had_ended = series.ended
        try:
            if self.patience.wait(self.bench.ready()):
                self.tell(self.line)
            worker = self.make_ready(series)
            self.time(worker, series, series.next_block_call_count(), warmup=False)
            series.memory.append(worker.memory())
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
            order_index=self.order_index,
            warmup=warmup,
            started_s=timed.started_s,
            latency_s=timed.latency_s,
            calls_per_value=each,
            round_index=self.round_index,
            interference=found,
            disturbed_by=cause,
            sped_up=quiet.sped_up(cause),
        )
        self.order_index += 1
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

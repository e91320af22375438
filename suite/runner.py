"""Tasks -> records: groups the tasks by the worker they need, measures, and stores each record as its task ends.

Broad catching happens here alone (`Runner.run`): whatever goes wrong with a task becomes its outcome, and the battery
goes on. Only bad input that could not be seen earlier ends the run, with what was stored intact.
"""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from suite import host, models_lock
from suite.bench import Bench, OpenWorker
from suite.errors import SuiteError, UsageError, WorkerError
from suite.moment import Moment, Observe
from suite.power.meter import Meter, Metered
from suite.records import (
    SCHEMA_VERSION,
    Flag,
    FlopCount,
    HostFacts,
    NotMeasured,
    ParameterCount,
    RunRecord,
    Schedule,
    Task,
)
from suite.replies import WorkerLike
from suite.series import Series, Turns, interleave

COUNTING = ("params", "flops")
BAD_INPUT = ("CHECKPOINT_", "TRAJECTORY_", "PINNED_")  # codes of files that the user brought: wrong use, not an outcome
ENERGY_DEADLINE_S = 600.0  # beyond the window itself

Versions = tuple[tuple[str, str], ...]


class Sink(Protocol):
    """Where records go, and who is told what is being done."""

    def begin(self, text: str) -> None: ...

    def store(self, record: RunRecord) -> None: ...


def grouped(tasks: Iterable[Task]) -> list[list[Task]]:
    """Tasks that one worker can do, in the order of the plan: all counting together, then one group for each load.

    Counting needs no weights, so one worker counts for every model and pays for its imports once.
    """
    groups: dict[object, list[Task]] = {}
    for task in tasks:
        weights = (task.seed, task.weights, task.checkpoint)
        load = (task.model, task.runtime, task.precision, task.device, task.thread_count, weights)
        groups.setdefault("counting" if task.test in COUNTING else load, []).append(task)
    return list(groups.values())


@dataclass(slots=True)
class Runner:
    """What every task is measured with. `facts` is given the versions of the worker's libraries."""

    sink: Sink
    open_worker: OpenWorker
    meter: Meter | NotMeasured
    observe: Observe = field(default_factory=Observe)
    facts: Callable[[Versions], HostFacts] = host.facts
    _stored: set[str] = field(default_factory=set)
    _facts: dict[Versions, HostFacts] = field(default_factory=dict)

    def run(self, tasks: Iterable[Task]) -> None:
        """Measures the tasks and stores one record each. Raises UsageError for bad input met on the way."""
        for group in grouped(tasks):
            before = self.observe()
            try:
                if group[0].test in COUNTING:
                    self._count(group)
                else:
                    self._measure(group)
            except SuiteError:
                raise
            except Exception as error:  # noqa: BLE001  # one group's fault is its outcome; the trace goes into the records
                fault = WorkerError(
                    "INTERNAL_ERROR",
                    f"the suite itself failed: {error!r}",
                    "report it with the record's trace",
                    traceback=traceback.format_exc(),
                )
                for task in group:
                    if task.key not in self._stored:
                        self._store(failed(self._blank(task, before, ()), fault))

    # Counting: no weights, no memory, one worker for every model.

    def _count(self, tasks: Sequence[Task]) -> None:
        worker: WorkerLike | None = None
        versions: Versions = ()
        try:
            for index, task in enumerate(tasks):
                if index == 0 or task.model != tasks[index - 1].model:
                    self.sink.begin(f"counting {task.model}")
                before = self.observe()
                try:
                    worker = worker or self.open_worker(task.thread_count)
                    versions = worker.hello.versions
                    worker.import_model(task.model)
                    record = count(worker, task, self._blank(task, before, versions))
                except WorkerError as error:
                    record = failed(self._blank(task, before, versions), error)
                    if error.fatal and worker is not None:
                        worker.close()
                        worker = None
                self._store(record)
        finally:
            if worker is not None:
                worker.close()

    # Measuring: one load of one model; latency in interleaved turns, then energy task by task.

    def _measure(self, tasks: Sequence[Task]) -> None:
        bench = Bench(tasks[0], self.open_worker)
        turns = Turns(bench, self.observe)
        latency = [task for task in tasks if task.test == "latency"]
        try:
            for series in interleave(turns, latency, random.Random(tasks[0].seed), self.sink.begin):
                self._store(self._latency_record(bench, series))
            for task in tasks:
                if task.test == "energy":
                    self._store(self._energy_record(turns, task))
        finally:
            bench.close()

    def _latency_record(self, bench: Bench, series: Series) -> RunRecord:
        assert series.began is not None
        record = self._blank(series.task, series.began, bench.versions, wall_s=series.wall_s)
        if series.error is not None and not (series.counted and series.memory):
            return failed(record, series.error)
        assert bench.hello is not None
        assert bench.loaded is not None
        assert bench.imported is not None
        assert series.prepared is not None
        record = replace(
            record,
            latency=series.samples(bench.loaded.synchronisation, bench.hello.clock),
            cold_start=series.cold_start,
            memory=series.memory_use(bench.imported.resident_bytes, bench.loaded.weight_bytes),
            provenance=bench.provenance(series.prepared),
        )
        if series.error is not None:  # the samples until then are kept
            flag = Flag(code=series.error.code, text=f"cut short: {series.error.reason}")
            record = replace(record, flags=(*record.flags, flag), failure=series.error.traceback)
        return record

    def _energy_record(self, turns: Turns, task: Task) -> RunRecord:
        before = self.observe()
        if isinstance(self.meter, NotMeasured):
            return replace(self._blank(task, before, turns.bench.versions), energy=self.meter)
        self.sink.begin(f"metering {task.model}, batch size {task.batch_size}")
        series = Series(task=task, began=before)
        try:
            worker = turns.make_ready(series)
            metered = self._metered(self.meter, turns, worker, series)
        except WorkerError as error:
            turns.bench.failed(error)
            return failed(self._blank(task, before, turns.bench.versions), error)
        assert turns.bench.loaded is not None
        assert turns.bench.hello is not None
        assert series.prepared is not None
        series.stop = "fixed"
        return replace(
            self._blank(task, before, turns.bench.versions),
            energy=metered.outcomes[0],
            energy_beside=metered.outcomes[1:],
            schedule=metered.schedule,
            latency=series.samples(turns.bench.loaded.synchronisation, turns.bench.hello.clock),
            provenance=turns.bench.provenance(series.prepared),
        )

    @staticmethod
    def _metered(meter: Meter, turns: Turns, worker: WorkerLike, series: Series) -> Metered:
        """A reading per gauge, or why the sensor gave none: the calls made until then are kept either way."""
        rule = series.task.energy
        load = EnergyLoad(turns, worker, series)
        metered = meter.metered(load, rule.window_count, rule.window_s, rule.idle_s)
        if metered.schedule is not None:
            label_windows(series, metered.schedule)
        return metered

    def _blank(self, task: Task, before: Moment, versions: Versions, wall_s: float | None = None) -> RunRecord:
        """A record of the task with the machine around it, and no outcome yet."""
        after = self.observe()
        if versions not in self._facts:
            self._facts[versions] = self.facts(versions)
        doubts = (
            *host.standing(self._facts[versions], task.device),
            *host.flags(before.state, after.state, own_thread_count=task.thread_count),
        )
        return RunRecord(
            schema_version=SCHEMA_VERSION,
            task=task,
            started_utc=before.utc,
            wall_s=after.time_s - before.time_s if wall_s is None else wall_s,
            host=self._facts[versions],
            before=before.state,
            after=after.state,
            flags=() if task.test in COUNTING else doubts,  # a count does not depend on the machine's state
        )

    def _store(self, record: RunRecord) -> None:
        self.sink.store(record)
        self._stored.add(record.task.key)


@dataclass(slots=True)
class EnergyLoad:
    """Back-to-back calls of one energy task, as long as the meter asks; keeps their durations."""

    turns: Turns
    worker: WorkerLike
    series: Series

    def __call__(self, duration_s: float) -> tuple[float, float, int]:
        """Runs for at least duration_s. Returns when the first call began, when the last one ended, and how many."""
        timed = self.worker.time_for(self.series.case, duration_s, 1, duration_s + ENERGY_DEADLINE_S)
        self.turns.add_block(self.series, timed.started_s, timed.latency_s, warmup=False)
        return timed.started_s, timed.ended_s, timed.call_count


def label_windows(series: Series, schedule: Schedule) -> None:
    """Blocks that are no window are warm-up: their joules were not counted."""
    starts = {window.start_s for window in schedule.windows}
    series.blocks = [replace(block, warmup=block.started_s not in starts) for block in series.blocks]


def count(worker: WorkerLike, task: Task, record: RunRecord) -> RunRecord:
    """The record with its parameters or FLOPs counted. Raises WorkerError."""
    if task.test == "params":
        return replace(record, parameters=count_parameters(worker, task))
    return replace(record, flops=count_flops(worker, task))


def count_parameters(worker: WorkerLike, task: Task) -> ParameterCount:
    """Counted, and held against models.lock unless the user brought a checkpoint with sizes of its own."""
    counted = worker.count_parameters(task.model, task.checkpoint)
    expected = None if task.checkpoint else models_lock.expected_unique_count(task.model)
    if expected not in (None, counted.unique_count):
        raise WorkerError(
            "COUNT_DIFFERS",
            f"{task.model} has {counted.unique_count:,} unique parameters here and {expected:,} in models.lock",
            "install the transformers version of the lock (make setup)",
        )
    return replace(counted, expected_unique_count=expected)


def count_flops(worker: WorkerLike, task: Task) -> FlopCount:
    """Counted, or models.lock's figure for the same model and sizes where this torch has no counter."""
    try:
        return worker.count_flops(task.model, task.checkpoint, task.scenario, task.batch_size, task.axes)
    except WorkerError as error:
        locked = models_lock.locked_mac_count(task.model, task.scenario, task.axes, task.batch_size)
        if error.code != "NO_FLOP_COUNTER" or locked is None:
            raise
        return FlopCount(mac_count=locked, by_operator=(), uncounted=(), source="models.lock")


def failed(record: RunRecord, error: WorkerError) -> RunRecord:
    """The record with what its test asked for absent, for the error's reason. Raises UsageError for bad input."""
    if error.code.startswith(BAD_INPUT):
        raise UsageError(f"{error.reason}; {error.remedy}") from error
    absent = NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy)
    trace = error.traceback
    match record.task.test:
        case "params":
            return replace(record, parameters=absent, failure=trace)
        case "flops":
            return replace(record, flops=absent, failure=trace)
        case "latency":
            return replace(record, latency=absent, memory=absent, failure=trace)
        case "energy":
            return replace(record, energy=absent, failure=trace)

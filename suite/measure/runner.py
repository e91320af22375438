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

from suite import host
from suite.client.fields import cleaned, one_line
from suite.client.replies import WorkerLike
from suite.errors import SuiteError, WorkerError
from suite.measure import ceilings
from suite.measure.bench import Bench, OpenWorker
from suite.measure.counting import count, origin_flags
from suite.measure.crew import Crew, assembled, interleave
from suite.measure.energy import EnergyLoad, label_windows
from suite.measure.evaluating import Evaluating
from suite.measure.failure import failed
from suite.measure.groups import COUNTING, grouped
from suite.measure.moment import Moment, Observe
from suite.measure.profiling import Profiling
from suite.measure.series import Series
from suite.measure.steering import Steering
from suite.measure.sustained import Regime
from suite.measure.turns import Turns
from suite.measure.variants import Variants
from suite.power import parts, sign
from suite.power.meter import Meter, Metered
from suite.records import (
    SCHEMA_VERSION,
    HostFacts,
    HostState,
    Hypothesis,
    LatencySamples,
    NotMeasured,
    RunRecord,
    Task,
)
from suite.records.journal import NoJournal, OpenJournal

TRACE_LIMIT = 64 * 2**10  # characters

Versions = tuple[tuple[str, str], ...]


class Sink(Protocol):
    """Where records go, and who is told what is being done."""

    def begin(self, text: str) -> None: ...

    def expect(self, task: Task, seconds: float) -> None: ...

    def store(self, record: RunRecord) -> None: ...


@dataclass(slots=True)
class Runner:
    """What every task is measured with. `facts` is given the versions of the worker's libraries."""

    sink: Sink
    open_worker: OpenWorker
    meter: Meter | NotMeasured
    observe: Observe = field(default_factory=Observe)
    facts: Callable[[Versions], HostFacts] = host.facts
    hypotheses: Sequence[Hypothesis] = ()  # the person's own; none: the lab's
    done: Sequence[Task] = ()  # in an earlier session of the run
    journal: OpenJournal = lambda _: NoJournal()  # what keeps an evaluation's answers until it has its record
    _began: HostState | None = None  # the machine, before anything was measured
    _there: tuple[str, ...] = ()  # the devices of the worker's torch, once one was asked
    _asked: frozenset[str] = frozenset()  # the devices of all tasks that run on one
    _paces_s: dict[tuple[str, int], list[float]] = field(default_factory=dict)  # by device and threads; see stats.quiet
    _stored: set[str] = field(default_factory=set)
    _facts: dict[Versions, HostFacts] = field(default_factory=dict)
    _variants: Variants = field(default_factory=Variants)

    def run(self, tasks: Iterable[Task]) -> None:
        """Measures the tasks and stores one record each. Raises UsageError for bad input met on the way."""
        tasks = list(tasks)
        self._asked = frozenset(task.device for task in tasks if task.test not in COUNTING)
        self._variants = Variants(tell=self.sink.begin)
        self._variants.expect(tasks)
        try:
            self._run(tasks)
        finally:
            self._variants.close()

    def _run(self, tasks: Sequence[Task]) -> None:
        for group in grouped(tasks):
            before = self.observe()
            self._began = self._began or before.state
            try:
                if group[0].is_of_the_machine:
                    self._measure_machine(group[0])
                elif group[0].test in COUNTING:
                    self._count(group)
                else:
                    self._measure(group)
            except SuiteError:
                raise
            except Exception as error:  # noqa: BLE001  # one group's fault is its outcome; the trace goes into the records
                fault = WorkerError(
                    "INTERNAL_ERROR",
                    one_line(f"the suite itself failed: {error!r}"),
                    "report it with the record's trace",
                    traceback=cleaned(traceback.format_exc(), TRACE_LIMIT),
                )
                for task in group:
                    if task.key not in self._stored:
                        self._store(failed(self._blank(task, before, ()), fault))

    def _open(self, thread_count: int) -> WorkerLike:
        worker = self.open_worker(thread_count)
        self._there = worker.hello.devices
        return worker

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
                    worker = worker or self._open(task.thread_count)
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

    def _measure_machine(self, task: Task) -> None:
        self.sink.begin(f"measuring what {task.device} can do")
        before = self.observe()
        outcome, versions = ceilings.measure(self._open, task, before.state)
        record = self._blank(task, before, versions)
        self._store(failed(record, outcome) if isinstance(outcome, WorkerError) else replace(record, roofline=outcome))

    # Measuring: the variants of one model; latency in interleaved turns, then energy task by task, variant by variant.

    def _measure(self, tasks: Sequence[Task]) -> None:
        crew = self._crew(tasks)
        gate = crew.first.gate
        latency = [task for task in tasks if task.test == "latency"]
        name = None if len({task.load for task in latency}) < 2 else f"{latency[0].key}@{self.observe.clock():.6f}"
        try:
            steering = self._steering(tasks, latency)
            for series in interleave(crew, latency, random.Random(tasks[0].seed), steering):
                found = replace(self._latency_record(crew.of(series.task).bench, series), cooling=gate.found())
                again, added = series.task.key in self._stored, steering.is_added(series.task)
                self._store(replace(found, added=added, supersedes=again, turns=name))
            for turns in crew.turns.values():
                own = [task for task in tasks if task.load == turns.bench.task.load]
                self._measure_alone(crew, turns, own)
        finally:
            crew.close()

    def _measure_alone(self, crew: Crew, turns: Turns, tasks: Sequence[Task]) -> None:
        """What is no matter of turns."""
        for test, measure in (
            ("energy", self._energy_record),
            ("sustained", self._sustained_record),
            ("accuracy", self._accuracy_record),
        ):
            for task in (task for task in tasks if task.test == test):
                crew.only(turns).gate.cool()
                self._store(replace(measure(turns, task), cooling=turns.gate.found()))
        crew.close()
        for task in (task for task in tasks if task.test == "profile"):
            self._store(self._profile_record(task))

    def _crew(self, tasks: Sequence[Task]) -> Crew:
        def turns(own: Sequence[Task], beside: Turns | None) -> Turns:
            paces_s = self._paces_s.setdefault((own[0].device, own[0].thread_count), [])
            bench, tell = Bench(own[0], self._open, self._variants, own), self.sink.begin
            return Turns(bench, self.observe, self.sink.expect, tell=tell, paces_s=paces_s, beside=beside)

        return assembled(tasks, turns, self._began)

    def _steering(self, tasks: Sequence[Task], latency: Sequence[Task]) -> Steering:
        """Of a group that was begun in another session no size is added: it would share no round with the others."""
        loads = {task.load for task in tasks}
        is_new = all(task.test != "latency" or task.load not in loads for task in self.done)
        return Steering(tasks=latency, hypotheses=self.hypotheses, clock=self.observe.clock, may_add=is_new)

    def _latency_record(self, bench: Bench, series: Series) -> RunRecord:
        assert series.began is not None
        record = self._blank(series.task, series.began, bench.versions, wall_s=series.wall_s)
        if series.error is not None and not (series.counted and series.memory):
            return failed(record, series.error)
        assert bench.hello is not None
        assert bench.loaded is not None
        assert bench.imported is not None
        assert series.prepared is not None
        provenance = bench.provenance(series.prepared, series.fingerprint)
        record = replace(
            record,
            latency=series.samples(bench.loaded.synchronisation, bench.hello.clock),
            cold_start=series.cold_start,
            memory=series.memory_use(bench.imported.resident_bytes, bench.loaded.weight_bytes),
            device_times=series.device_times,
            provenance=provenance,
            variant=bench.variant,
            flags=(*record.flags, *origin_flags(series.task, provenance.configuration, provenance.own_sizes)),
        )
        trace = None if series.error is None else series.error.traceback  # the samples until then are kept
        doubts = (*bench.flags(series.amiss), *series.flags())
        return replace(record, flags=(*record.flags, *doubts), failure=trace)

    def _energy_record(self, turns: Turns, task: Task) -> RunRecord:
        before = self.observe()
        if isinstance(self.meter, NotMeasured):
            return replace(self._blank(task, before, turns.bench.versions), energy=self.meter)
        meter, missing, absent = parts.for_device(self.meter, task.device)
        if meter is None:
            return replace(self._blank(task, before, turns.bench.versions), energy=missing, energy_beside=absent)
        self.sink.begin(f"metering {task.model}, batch size {task.batch_size}")
        series = Series(task=task, began=before)
        try:
            load = EnergyLoad(turns, turns.make_ready(series), series)
            metered = self._metered(meter, load)
        except WorkerError as error:
            series.error = error
            record = failed(self._blank(task, before, turns.bench.versions), error)
            if series.counted:  # the calls until then are kept
                record = self._with_calls(record, turns.bench, series)
            turns.bench.failed(error)
            return record
        series.stop = "fixed"
        record = self._with_calls(self._blank(task, before, turns.bench.versions), turns.bench, series)
        outcomes = metered.outcomes if missing is None else (missing, *metered.outcomes)
        return replace(
            record,
            energy=outcomes[0],
            energy_beside=(*outcomes[1:], *absent),
            schedule=metered.schedule,
            flags=(*record.flags, *sign.flags(outcomes), *load.flags(metered.schedule)),
        )

    def _accuracy_record(self, turns: Turns, task: Task) -> RunRecord:
        before = self.observe()
        asked = Evaluating(turns.bench, task, self.journal(task), self.sink.begin, self.meter)
        try:
            asked.run()
        except WorkerError as error:
            turns.bench.failed(error)
            return failed(self._blank(task, before, turns.bench.versions), error)
        return asked.into(self._blank(task, before, turns.bench.versions))

    def _sustained_record(self, turns: Turns, task: Task) -> RunRecord:
        self.sink.begin(f"calling {task.model}, batch size {task.batch_size}, back to back")
        before = self.observe()
        series = Series(task=task, began=before, stop="fixed")
        regime = Regime(turns, series, self.meter, self.sink.begin)
        try:
            regime.run()
        except WorkerError as error:
            series.error, series.stop = error, None
            turns.bench.failed(error)
        record = self._blank(task, before, turns.bench.versions)
        if not regime.looks:
            assert series.error is not None  # without one there is a slice
            return failed(record, series.error)
        record = self._with_calls(record, turns.bench, series)
        assert isinstance(record.latency, LatencySamples)
        trace = None if series.error is None else series.error.traceback
        return replace(record, latency=None, sustained=regime.found(record.latency), failure=trace)

    def _profile_record(self, task: Task) -> RunRecord:
        self.sink.begin(f"profiling {task.model}, batch size {task.batch_size}")
        before = self.observe()
        profiling = Profiling(task, self._open, self.observe, self.sink.begin)
        try:
            found = profiling.run()
        except WorkerError as error:
            return failed(self._blank(task, before, profiling.bench.versions), error)
        record = self._with_calls(
            self._blank(task, before, profiling.bench.versions), profiling.bench, profiling.series
        )
        return replace(record, profile=found)

    @staticmethod
    def _with_calls(record: RunRecord, bench: Bench, series: Series) -> RunRecord:
        """The record of an energy task with its calls, and the doubts that follow from them."""
        assert bench.loaded is not None
        assert bench.hello is not None
        assert series.prepared is not None
        provenance = bench.provenance(series.prepared, series.fingerprint)
        origins = origin_flags(series.task, provenance.configuration, provenance.own_sizes)
        return replace(
            record,
            latency=series.samples(bench.loaded.synchronisation, bench.hello.clock),
            provenance=provenance,
            variant=bench.variant,
            flags=(*record.flags, *origins, *bench.flags(series.amiss), *series.flags()),
        )

    @staticmethod
    def _metered(meter: Meter, load: EnergyLoad) -> Metered:
        """A reading per gauge, or why the sensor gave none: the calls made until then are kept either way."""
        rule = load.series.task.energy
        metered = meter.metered(load, rule.window_count, rule.window_s, rule.idle_s, load.end)
        if metered.schedule is not None:
            label_windows(load.series, metered.schedule)
        return metered

    def _blank(self, task: Task, before: Moment, versions: Versions, wall_s: float | None = None) -> RunRecord:
        """A record of the task with the machine around it, and no outcome yet."""
        after = self.observe()
        if versions not in self._facts:
            self._facts[versions] = self.facts(versions)
        facts = self._facts[versions]
        doubts = (
            *host.standing(facts, task.device, self._there, self._asked),
            *host.flags(before.state, after.state, own_thread_count=task.thread_count, cpu_count=facts.cpu_count),
        )
        return RunRecord(
            schema_version=SCHEMA_VERSION,
            task=task,
            started_utc=before.utc,
            wall_s=after.time_s - before.time_s if wall_s is None else wall_s,
            host=facts,
            before=before.state,
            after=after.state,
            flags=() if task.test in COUNTING else doubts,  # a count does not depend on the machine's state
        )

    def _store(self, record: RunRecord) -> None:
        self.sink.store(record)
        if record.task.test == "accuracy":
            self.journal(record.task).end()
        self._stored.add(record.task.key)

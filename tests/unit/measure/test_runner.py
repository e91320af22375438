"""Groups, records and failures, on fake workers and a fake meter."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from suite import registry
from suite.client.replies import TimedFor, WorkerLike
from suite.errors import SensorError, UsageError, WorkerError
from suite.measure.groups import grouped
from suite.measure.moment import Observe
from suite.measure.runner import Runner
from suite.pinned import lock as models_lock
from suite.power.meter import Meter
from suite.records import (
    EnergyReading,
    EnergyRule,
    Flag,
    FlopCount,
    LatencySamples,
    NotMeasured,
    ParameterCount,
    Repetition,
    RunRecord,
    Task,
)
from tests.fakes import (
    MODELS,
    NO_SENSOR,
    Asked,
    Cost,
    FakeClock,
    FakeSampler,
    FakeWorker,
    FakeWorkers,
    Fault,
    died,
    fake_meter,
)
from tests.unit.samples import FACTS

AXES = (("text_tokens", 20), ("image_regions", 36))
FIXED = Repetition(
    min_call_count=10,
    max_call_count=10,
    target_relative_halfwidth=None,
    warmup_min_call_count=1,
    warmup_max_call_count=1,
)


@dataclass(slots=True)
class Kept:
    """Keeps what a store would store."""

    records: list[RunRecord] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    expected: list[float] = field(default_factory=list)

    def begin(self, text: str) -> None:
        self.begun.append(text)

    def expect(self, task: Task, seconds: float) -> None:
        self.expected.append(seconds)

    def store(self, record: RunRecord) -> None:
        self.records.append(record)


def task(test: str, model: str = "reader", batch_size: int = 1, **changes: object) -> Task:
    return Task(test=test, model=model, batch_size=batch_size, axes=AXES, repetition=FIXED, **changes)  # type: ignore[arg-type]


def run(workers: FakeWorkers, tasks: list[Task], meter: Meter | NotMeasured = NO_SENSOR) -> list[RunRecord]:
    kept = Kept()
    clock = workers.clock
    observe = Observe(clock=clock, utc_now=clock.utc, state=clock.state)
    Runner(kept, workers.open, meter, observe, lambda _: FACTS).run(tasks)
    assert workers.open_count == 0
    return kept.records


def quiet() -> FakeWorkers:
    return FakeWorkers(FakeClock(), Cost(noise=(0.0,)))


def test_one_worker_counts_for_every_model_and_each_load_has_one_of_its_own() -> None:
    tasks = [task("params"), task("latency"), task("flops", "walker"), task("energy"), task("latency", "walker")]
    assert grouped(tasks) == [[tasks[0], tasks[2]], [tasks[1], tasks[3]], [tasks[4]]]
    assert len(grouped([task("latency"), task("latency", thread_count=2), task("latency", seed=1)])) == 3


def test_each_test_gives_its_own_quantities() -> None:
    params, flops, latency, energy = run(quiet(), [task(test) for test in ("params", "flops", "latency", "energy")])
    assert params.parameters is not None
    assert params.latency is None
    assert flops.flops is not None
    assert (flops.flops.mac_count, flops.flops.flop_count) == (56_000_000, 112_000_000)  # type: ignore[union-attr]
    assert isinstance(latency.latency, LatencySamples)
    assert latency.latency.latency_s == pytest.approx((0.05,) * 10)
    assert latency.memory is not None
    assert energy.energy == NO_SENSOR
    assert energy.latency is None


def test_without_a_sensor_energy_costs_no_call() -> None:
    workers = quiet()
    (record,) = run(workers, [task("energy")])
    assert workers.started == []
    assert record.not_measured() == {"energy": NO_SENSOR}


def test_energy_is_measured_on_the_calls_whose_latency_is_kept() -> None:
    workers = FakeWorkers(FakeClock(), Cost(fixed_s=0.0625, per_item_s=0.0625, noise=(0.0,)))  # 1/8 s, exact in binary
    rule = EnergyRule(window_count=2, window_s=2.0, idle_s=3.0)
    (record,) = run(workers, [task("energy", energy=rule)], fake_meter(workers.clock))
    assert isinstance(record.energy, EnergyReading)
    assert isinstance(record.latency, LatencySamples)
    assert [window.call_count for window in record.energy.windows] == [16, 16]  # 2 s of 1/8 s
    assert [window.energy_j for window in record.energy.windows] == pytest.approx([14.0, 14.0])  # 7 W for 2 s
    assert (record.energy.idle_before_w, record.energy.idle_after_w) == pytest.approx((2.0, 2.0))
    assert len(record.latency.latency_s) == 32  # the lead-in and lead-out are kept as warm-up
    assert record.provenance is not None


def test_a_sensor_that_fails_costs_the_energy_and_keeps_the_latency() -> None:
    workers = quiet()
    meter = fake_meter(workers.clock)

    class Lost(FakeSampler):
        def check(self) -> None:
            if self.marks[-1][1] == self.load_w:
                raise SensorError("SENSOR_LOST", "the sensor went away", "plug it in")

    failing = replace(meter, start=lambda *_: Lost(workers.clock, meter.description))
    (record,) = run(workers, [task("energy")], failing)
    assert isinstance(record.energy, NotMeasured)
    assert record.energy.code == "SENSOR_LOST"
    assert isinstance(record.latency, LatencySamples)
    assert len(record.latency.latency_s) > 0


def test_a_sensor_that_fails_before_the_first_call_costs_no_call() -> None:
    workers = quiet()
    meter = fake_meter(workers.clock)

    class Lost(FakeSampler):
        def check(self) -> None:
            raise SensorError("SENSOR_LOST", "the sensor went away", "plug it in")

    failing = replace(meter, start=lambda *_: Lost(workers.clock, meter.description))
    (record,) = run(workers, [task("energy")], failing)
    assert record.not_measured() == {
        "energy": NotMeasured(code="SENSOR_LOST", reason="the sensor went away", remedy="plug it in")
    }
    assert isinstance(record.latency, LatencySamples)
    assert record.latency.latency_s == ()  # the warm-up alone
    assert "time_for" not in [asked.operation for asked in workers.asked]


def test_a_pause_of_the_worker_in_a_window_is_flagged() -> None:
    """Stopped for three seconds in its second window, as by SIGSTOP."""
    workers = FakeWorkers(FakeClock(), Cost(fixed_s=0.0625, per_item_s=0.0625, noise=(0.0,)))
    asked: list[str] = []

    def script(each: Asked) -> Fault:
        asked.append(each.operation)
        return None

    workers.script = script
    usual = FakeWorker._call

    def call(worker: FakeWorker, case: str) -> float:
        duration_s = usual(worker, case)
        if asked.count("time_for") == 3 and "stopped" not in asked:
            asked.append("stopped")
            workers.clock.sleep(3.0)
            return duration_s + 3.0
        return duration_s

    rule = EnergyRule(window_count=3, window_s=8.0, idle_s=3.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeWorker, "_call", call)
        (record,) = run(workers, [task("energy", energy=rule)], fake_meter(workers.clock))
    (flag,) = [flag for flag in record.flags if flag.code == "WORKER_PAUSED"]
    assert "energy window 2 took 3.00 s longer" in flag.text
    assert isinstance(record.energy, EnergyReading)  # kept


def test_a_crash_is_an_outcome_with_its_trace_and_the_battery_goes_on() -> None:
    def crash(asked: Asked) -> Fault:
        if asked.operation == "time" and asked.task and asked.task.model == "reader":
            return WorkerError("CRASHED", "it fell", "see the log", fatal=True, traceback="Segmentation fault")
        return None

    workers = FakeWorkers(FakeClock(), script=crash)
    first, second = run(workers, [task("latency"), task("latency", "walker")])
    assert first.not_measured()["latency"].code == "CRASHED"
    assert first.not_measured()["memory"].reason == "it fell"
    assert first.failure == "Segmentation fault"
    assert isinstance(second.latency, LatencySamples)


def test_a_check_that_fails_is_a_doubt_and_costs_no_timing() -> None:
    def refuse(asked: Asked) -> Fault:
        return WorkerError("FAILED", "no attribute clone", "see the log") if asked.operation == "check_inputs" else None

    records = run(FakeWorkers(FakeClock(), script=refuse), [task("latency"), task("latency", batch_size=2)])
    for record in records:
        assert isinstance(record.latency, LatencySamples)
        assert [(flag.code, flag.text) for flag in record.flags] == [
            ("FAILED", "inputs were not checked: no attribute clone")
        ]
        assert record.provenance is not None
        assert record.provenance.inputs_checked == ()


def test_a_worker_that_dies_in_the_check_is_still_a_worker_that_died() -> None:
    def crash(asked: Asked) -> Fault:
        return died() if asked.operation == "check_inputs" else None

    (record,) = run(FakeWorkers(FakeClock(), script=crash), [task("latency")])
    assert record.not_measured()["latency"].code == "WORKER_DIED"


@pytest.mark.parametrize("test", ["latency", "energy"])
def test_what_the_worker_finds_amiss_is_a_doubt_in_the_record(test: str) -> None:
    workers = quiet()
    workers.check_flags = (("INPUT_IGNORED", "image changes nothing"), ("OUTPUT_INFINITE", "in the check"))
    workers.call_flags = (("OUTPUT_INFINITE", "in the calls"), ("MEMORY_GROWS", "by 1 MB a call"))
    meter = fake_meter(workers.clock) if test == "energy" else NO_SENSOR
    (record,) = run(workers, [task(test)], meter)
    assert {flag.code: flag.text for flag in record.flags} == {
        "INPUT_IGNORED": "image changes nothing",
        "OUTPUT_INFINITE": "in the calls",
        "MEMORY_GROWS": "by 1 MB a call",
    }
    assert not record.not_measured()


def test_a_worker_that_dies_while_counting_is_replaced_for_the_next_count() -> None:
    def dies_counting_reader(asked: Asked) -> Fault:
        wanted = asked.operation == "count_parameters" and asked.task and asked.task.model == "reader"
        return died() if wanted else None

    workers = FakeWorkers(FakeClock(), script=dies_counting_reader)
    first, second = run(workers, [task("params"), task("params", "walker")])
    assert first.not_measured()["parameters"].code == "WORKER_DIED"
    assert second.not_measured() == {}
    assert len(workers.started) == 2


def test_a_fault_of_the_suite_itself_is_recorded_for_what_it_cost() -> None:
    def fault(asked: Asked) -> Fault:
        return ZeroDivisionError("oops") if asked.operation == "load" else None

    first, second = run(FakeWorkers(FakeClock(), script=fault), [task("latency"), task("params")])[::-1]
    assert first.not_measured() == {}  # the other group
    absent = second.not_measured()["latency"]
    assert (absent.code, "oops" in absent.reason) == ("INTERNAL_ERROR", True)
    assert second.failure is not None
    assert "ZeroDivisionError" in second.failure


@pytest.mark.parametrize("code", ["CHECKPOINT_SHAPE", "TRAJECTORY_UNREADABLE"])
def test_a_file_of_the_users_that_does_not_fit_ends_the_run_as_wrong_use(code: str) -> None:
    def refuse(asked: Asked) -> Fault:
        return WorkerError(code, "a.pth: wrong shape", "bring the right file") if asked.operation == "load" else None

    with pytest.raises(UsageError, match=r"^a\.pth: wrong shape; bring the right file$"):
        run(FakeWorkers(FakeClock(), script=refuse), [task("latency")])


def test_without_a_counter_the_locked_figure_is_taken_and_so_labelled() -> None:
    def no_counter(asked: Asked) -> Fault:
        absent = WorkerError("NO_FLOP_COUNTER", "this torch has none", "use torch 2.1")
        return absent if asked.operation == "count_flops" else None

    workers = FakeWorkers(FakeClock(), script=no_counter)
    lxmert = Task(test="flops", model="lxmert", axes=AXES)
    unknown = Task(test="flops", model="reader", axes=AXES)
    first, second = run(workers, [lxmert, unknown])
    assert first.flops is not None
    assert (first.flops.mac_count, first.flops.source) == (5_293_327_872, "models.lock")  # type: ignore[union-attr]
    assert second.not_measured()["flops"].code == "NO_FLOP_COUNTER"


def test_a_checkpoint_s_network_is_not_given_the_locked_figure_of_another() -> None:
    def no_counter(asked: Asked) -> Fault:
        absent = WorkerError("NO_FLOP_COUNTER", "this torch has none", "use torch 2.1")
        return absent if asked.operation == "count_flops" else None

    axes = (("text_tokens", 100), ("frames", 50))
    workers = FakeWorkers(FakeClock(), script=no_counter)
    seeded, brought = run(
        workers, [Task(test="flops", model="et-human", axes=axes, checkpoint=path) for path in (None, "et.pth")]
    )
    assert isinstance(seeded.flops, FlopCount)
    assert brought.not_measured()["flops"].code == "NO_FLOP_COUNTER"


def test_a_checkpoint_s_network_is_not_held_against_the_locked_count() -> None:
    (record,) = run(quiet(), [Task(test="params", model="et-human", checkpoint="et.pth")])
    assert isinstance(record.parameters, ParameterCount)
    assert record.parameters.expected_unique_count is None


def test_another_network_than_the_published_one_is_in_each_record_and_flagged() -> None:
    workers = replace(quiet(), configuration=("encoder_layers=4 (published: 2)", "enc.pos=False (published: True)"))
    tasks = [replace(task(test), checkpoint="et.pth") for test in ("params", "flops", "latency")]
    counted, flops, latency = run(workers, tasks)
    assert isinstance(counted.parameters, ParameterCount)
    assert isinstance(flops.flops, FlopCount)
    assert latency.provenance is not None
    assert {counted.parameters.configuration, flops.flops.configuration, latency.provenance.configuration} == {
        workers.configuration
    }
    text = "encoder_layers=4 (published: 2); enc.pos=False (published: True)"
    assert all(Flag(code="NOT_AS_PUBLISHED", text=text) in record.flags for record in (counted, flops, latency))


@pytest.mark.parametrize(
    ("own_count", "code", "text"),
    [
        (30, "TRAJECTORY_CUT", "the trajectory was longer than what was measured (text_tokens: the first 20 of 30)"),
        (7, "TRAJECTORY_PADDED", "the trajectory is shorter than what was measured (text_tokens: 7 padded to 20)"),
        (20, None, None),
    ],
)
def test_a_trajectory_s_own_sizes_are_recorded_and_what_became_of_them_is_flagged(
    own_count: int, code: str | None, text: str | None
) -> None:
    workers = replace(quiet(), own_sizes=(("text_tokens", own_count),))
    (record,) = run(workers, [replace(task("latency"), axes=(("text_tokens", 20),), trajectory="trial")])
    assert record.provenance is not None
    assert record.provenance.own_sizes == (("text_tokens", own_count),)
    found = [(flag.code, flag.text) for flag in record.flags if flag.code.startswith("TRAJECTORY")]
    assert found == ([(code, text)] if code else [])


def test_a_count_that_is_not_the_locked_one_is_refused() -> None:
    (record,) = run(quiet(), [Task(test="params", model="lxmert")])  # a fake worker counts 1,000,000
    absent = record.not_measured()["parameters"]
    assert absent.code == "COUNT_DIFFERS"
    assert "1,000,000" in absent.reason
    assert "213,930,297" in absent.reason


def test_weights_that_hash_to_something_else_are_not_measured_with() -> None:
    (record,) = run(quiet(), [Task(test="latency", model="lxmert", axes=AXES, repetition=FIXED)])
    assert record.not_measured()["latency"].code == "WEIGHTS_DIFFER"


@pytest.mark.parametrize(("locked", "verified"), [("ab" * 32, True), (None, False)])
def test_published_weights_are_held_against_their_own_hash(
    monkeypatch: pytest.MonkeyPatch, locked: str | None, verified: bool
) -> None:
    monkeypatch.setattr(models_lock, "pinned_weights_sha256", {"lxmert": locked}.get)
    (record,) = run(quiet(), [replace(task("latency", "lxmert"), weights="pinned")])
    assert record.provenance is not None
    assert (record.provenance.weights_source, record.provenance.weights_verified) == ("pinned", verified)


def test_published_weights_of_another_hash_are_not_measured_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models_lock, "pinned_weights_sha256", {"lxmert": "cd" * 32}.get)
    (record,) = run(quiet(), [replace(task("latency", "lxmert"), weights="pinned")])
    absent = record.not_measured()["latency"]
    assert absent.code == "WEIGHTS_DIFFER"
    assert absent.reason.startswith("the pinned weights of lxmert hash to abab")


def test_tasks_with_other_weights_have_a_worker_of_their_own() -> None:
    tasks = [task("latency"), task("latency", weights="pinned")]
    assert grouped(tasks) == [[tasks[0]], [tasks[1]]]


def test_weights_that_the_lock_does_not_know_are_recorded_as_unverified() -> None:
    (record,) = run(quiet(), [task("latency")])
    assert record.provenance is not None
    assert record.provenance.weights_verified is False
    assert record.provenance.inputs_checked == ("text_tokens", "image_regions")


# --- what was used, and what came short ------------------------------------------------------------------------------


def test_threads_that_were_not_those_asked_for_are_stored_and_flagged() -> None:
    workers = quiet()
    workers.threads_in_force = 1
    (record,) = run(workers, [task("latency", thread_count=2)])
    assert isinstance(record.latency, LatencySamples)
    assert record.latency.thread_counts == (1,)
    (flag,) = record.flags
    assert (flag.code, flag.text) == (
        "THREADS_DIFFER",
        "CPU threads in force after the calls: 1; asked for: 2",
    )


def test_threads_as_asked_for_are_stored_and_no_doubt() -> None:
    (record,) = run(quiet(), [task("latency", thread_count=2)])
    assert isinstance(record.latency, LatencySamples)
    assert record.latency.thread_counts == (2,)
    assert record.flags == ()


def dies_at(number: int, operation: str = "time") -> FakeWorkers:
    """Workers of which the first dies at that call of the operation."""
    seen = iter(range(1, 1000))

    def script(asked: Asked) -> Fault:
        return died("KILLED") if asked.operation == operation and next(seen) == number else None

    return FakeWorkers(FakeClock(), Cost(noise=(0.0,)), script)


def test_a_series_cut_short_keeps_its_calls_and_says_how_many_of_how_many() -> None:
    (record,) = run(dies_at(4), [task("latency")])  # 1 warm-up, then blocks of 2 calls
    assert isinstance(record.latency, LatencySamples)
    assert (len(record.latency.latency_s), record.latency.stop) == (4, "failed")
    assert record.cut_short
    assert [(flag.code, flag.text) for flag in record.flags] == [
        ("KILLED", "cut short after 4 of at least 10 calls: the worker ended with signal 9")
    ]


def test_a_whole_series_is_not_cut_short() -> None:
    (record,) = run(quiet(), [task("latency")])
    assert not record.cut_short


def test_a_worker_lost_in_an_energy_window_costs_the_energy_and_keeps_the_calls() -> None:
    workers = dies_at(3, "time_for")
    (record,) = run(workers, [task("energy")], fake_meter(workers.clock))
    assert isinstance(record.energy, NotMeasured)
    assert record.energy.code == "KILLED"
    assert isinstance(record.latency, LatencySamples)
    assert record.cut_short
    assert len(record.latency.latency_s) > 0


def test_durations_of_too_many_calls_are_means_and_said_to_be() -> None:
    workers = quiet()
    meter = fake_meter(workers.clock)
    clock = Observe(clock=workers.clock, utc_now=workers.clock.utc, state=workers.clock.state)
    kept = Kept()

    class Binning:
        """Gives two calls as one value."""

        def __init__(self, worker: FakeWorker) -> None:
            self._worker = worker

        def __getattr__(self, name: str) -> object:
            return getattr(self._worker, name)

        def time_for(self, case: str, duration_s: float, min_call_count: int, deadline_s: float) -> TimedFor:
            found = self._worker.time_for(case, duration_s, 2, deadline_s)
            means = [statistics.fmean(found.latency_s[at : at + 2]) for at in range(0, found.call_count, 2)]
            return replace(found, latency_s=tuple(means), calls_per_value=2)

    def opened(thread_count: int) -> WorkerLike:
        return cast(WorkerLike, Binning(workers.open(thread_count)))

    Runner(kept, opened, meter, clock, lambda _: FACTS).run([task("energy")])
    (record,) = kept.records
    assert isinstance(record.latency, LatencySamples)
    assert {block.calls_per_value for block in record.latency.blocks} == {1, 2}  # warm-up calls are timed one by one
    assert [flag.code for flag in record.flags] == ["DURATIONS_BINNED"]
    assert isinstance(record.energy, EnergyReading)


def test_an_estimate_is_mended_by_the_first_calls() -> None:
    kept = Kept()
    workers = FakeWorkers(FakeClock(), Cost(fixed_s=30.0, per_item_s=0.0, noise=(0.0,)))
    observe = Observe(clock=workers.clock, utc_now=workers.clock.utc, state=workers.clock.state)
    Runner(kept, workers.open, NO_SENSOR, observe, lambda _: FACTS).run([task("latency")])
    assert kept.expected[0] == pytest.approx(11 * 30.0)  # a warm-up call and ten


def test_a_model_of_others_is_counted_in_a_worker_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file may change a default as it is imported, which would change what the next model comes to."""
    known = registry.Models({}, ("/walker.py",), lambda _: (MODELS["walker"],))
    monkeypatch.setattr(registry, "models", lambda: known)
    tasks = [task("params"), task("params", "walker"), task("flops")]
    assert grouped(tasks) == [[tasks[0], tasks[2]], [tasks[1]]]


def test_what_the_suite_says_of_its_own_fault_can_be_written() -> None:
    def fault(asked: Asked) -> Fault:
        return ValueError("a\ud800\nb") if asked.operation == "load" else None

    (record,) = run(FakeWorkers(FakeClock(), script=fault), [task("latency")])
    assert record.not_measured()["latency"].reason.encode()
    assert "\n" not in record.not_measured()["latency"].reason
    assert record.failure is not None
    assert record.failure.encode()

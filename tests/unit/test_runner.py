"""Groups, records and failures, on fake workers and a fake meter."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from suite import models_lock
from suite.errors import SensorError, UsageError, WorkerError
from suite.moment import Observe
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
from suite.runner import Runner, grouped
from tests.fakes import NO_SENSOR, Asked, Cost, FakeClock, FakeSampler, FakeWorkers, Fault, died, fake_meter
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

    def begin(self, text: str) -> None:
        self.begun.append(text)

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
            raise SensorError("SENSOR_LOST", "the sensor went away", "plug it in")

    failing = replace(meter, start=lambda *_: Lost(workers.clock, meter.description))
    (record,) = run(workers, [task("energy")], failing)
    assert isinstance(record.energy, NotMeasured)
    assert record.energy.code == "SENSOR_LOST"
    assert isinstance(record.latency, LatencySamples)
    assert len(record.latency.latency_s) > 0


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

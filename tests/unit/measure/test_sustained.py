"""Sustained calls on a fake worker whose latency steps, beside a thermometer and a power sampler that are known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import pytest

from suite.client.replies import TimedFor
from suite.errors import WorkerError
from suite.limits import MAX_JSON_BYTES, MAX_JSON_CONTAINER_COUNT, MAX_JSON_VALUE_COUNT
from suite.measure.moment import Observe
from suite.measure.runner import Runner
from suite.measure.sustained import LEAST_VALUES, MOST_VALUES, NO_CLOCK, NO_THERMOMETER, coarse
from suite.power.meter import Meter
from suite.records import (
    HeatRule,
    HostState,
    Interference,
    NotMeasured,
    QuietRule,
    Repetition,
    RunRecord,
    Sustained,
    SustainedRule,
    Task,
)
from suite.records.schema import to_line
from suite.records.sustained import MAX_SLICE_COUNT
from suite.stats.endurance import endurance
from tests.fakes import NO_SENSOR, Asked, Cost, FakeClock, FakeWorkers, Fault, died, fake_meter
from tests.unit.samples import FACTS, STATE

RULE = SustainedRule(duration_s=120.0, slice_s=1.0)
ONE_CALL = Repetition(warmup_min_call_count=1, warmup_max_call_count=1)
TASK = Task(test="sustained", model="reader", axes=(("text_tokens", 20),), repetition=ONE_CALL, sustained=RULE)
STEADY = Cost(fixed_s=0.0, per_item_s=0.0625, noise=(0.0,))  # 16 calls a second, without a rounding error


@dataclass
class Stored:
    records: list[RunRecord]
    told: list[str]

    def begin(self, text: str) -> None:
        self.told.append(text)

    def expect(self, task: Task, seconds: float) -> None: ...

    def store(self, record: RunRecord) -> None:
        self.records.append(record)

    @property
    def one(self) -> Sustained:
        (record,) = self.records
        assert isinstance(record.sustained, Sustained)
        return record.sustained


def run(
    workers: FakeWorkers, *tasks: Task, meter: Meter | NotMeasured = NO_SENSOR, state: HostState | None = None
) -> Stored:
    clock, sink = workers.clock, Stored([], [])

    def look() -> HostState:
        return state or replace(STATE, temperature_c=(("pmic", 100.0), ("cpu", 40.0 + (clock() - 1000.0) / 10)))

    observe = Observe(clock=clock, utc_now=clock.utc, state=look, sleep=clock.sleep)
    Runner(sink, workers.open, meter, observe, lambda _: FACTS).run(tasks or (TASK,))
    return sink


@dataclass(frozen=True, slots=True)
class Stepping(Cost):
    """After so many calls each takes longer by a factor."""

    after: int = 0
    factor: float = 1.25

    def latency_s(self, batch_size: int, call: int) -> float:
        return 0.0625 * (self.factor if call >= self.after else 1.0)


def test_slices_fill_the_time_and_tell_of_the_machine_after_each() -> None:
    found = run(FakeWorkers(FakeClock(), STEADY)).one
    assert len(found.slices) == len(found.samples.timed_blocks) == 120
    first, last = found.slices[0], found.slices[-1]
    assert (first.start_s, first.end_s, first.call_count) == (0.0, 1.0, 16)
    assert (last.start_s, last.end_s) == (119.0, 120.0)
    assert found.sensors == ("pmic", "cpu")
    assert first.temperature_c == pytest.approx((100.0, 40.10625))
    assert last.temperature_c == pytest.approx((100.0, 52.00625))
    assert first.clock_hz == 2.1e9  # the fastest core's, as the controller sees it
    assert found.absent == (NO_SENSOR,)
    assert found.samples.stop == "fixed"
    assert sum(block.warmup for block in found.samples.blocks) == 1


def test_progress_tells_each_minute_where_it_stands() -> None:
    told = run(FakeWorkers(FakeClock(), STEADY)).told
    assert told == [
        "calling reader, batch size 1, back to back",
        "calling reader, 1 of 2 minutes: 62.5 ms, 46 degrees",
        "calling reader, 2 of 2 minutes: 62.5 ms, 52 degrees",
    ]


def test_a_latency_that_steps_is_a_throttled_machine_from_that_second_on() -> None:
    seen = endurance(run(FakeWorkers(FakeClock(), Stepping(after=801))).one)
    assert seen.throttle is not None
    assert (seen.throttle.quantity, seen.throttle.change) == ("latency", pytest.approx(0.25))
    assert seen.throttle.time_s == pytest.approx(51.0, abs=0.1)  # 800 calls in 50 s, after one of warm-up
    assert seen.first is not None
    assert seen.last is not None
    assert seen.first.median_s == pytest.approx(0.0625)
    assert seen.last.median_s == pytest.approx(0.078125)
    assert (seen.start_temperature_c, seen.end_temperature_c) == pytest.approx((40.805, 51.3), abs=0.1)


def test_the_clock_under_load_is_the_workers_and_its_fall_is_no_disturbance() -> None:
    clock = FakeClock()

    def beside(start_s: float, end_s: float) -> Interference:
        slow = end_s > 1060.5
        return Interference(
            wall_s=end_s - start_s, foreign_s=0.0, clock_hz=1.2e9 if slow else 2.0e9, throttle_count=3 if slow else 0
        )

    task = replace(TASK, quiet=QuietRule())
    found = run(FakeWorkers(clock, STEADY, beside=beside), task).one
    assert found.samples.disturbed_blocks == ()
    seen = endurance(found)
    assert seen.throttle is not None
    assert (seen.throttle.quantity, seen.throttle.change) == ("clock", pytest.approx(-0.4))
    assert seen.throttle.time_s == 61.0
    assert (seen.start_clock_hz, seen.end_clock_hz) == (2.0e9, 1.2e9)


def test_other_programs_disturb_a_slice_and_its_calls_are_in_no_latency() -> None:
    def beside(start_s: float, end_s: float) -> Interference:
        busy = 1030.0 < end_s < 1041.0
        return Interference(wall_s=end_s - start_s, foreign_s=0.5 if busy else 0.0)

    found = run(FakeWorkers(FakeClock(), STEADY, beside=beside), replace(TASK, quiet=QuietRule())).one
    seen = endurance(found)
    assert seen.disturbed_count == 11
    assert seen.first is not None
    assert seen.first.call_count == (60 - 11) * 16


def test_power_is_the_mean_over_each_slice() -> None:
    clock = FakeClock()
    found = run(FakeWorkers(clock, STEADY), meter=fake_meter(clock)).one
    assert (found.power_source, found.power_scope, found.absent) == ("fake", "fake", ())
    assert [each.power_w for each in found.slices[1:-1]] == pytest.approx([7.0] * 118)


def test_what_cannot_be_known_is_said_once() -> None:
    blind = replace(STATE, temperature_c=(), cpu_frequency_hz=())
    found = run(FakeWorkers(FakeClock(), STEADY), state=blind).one
    assert found.absent == (NO_CLOCK, NO_THERMOMETER, NO_SENSOR)
    assert {(each.clock_hz, each.temperature_c, each.power_w) for each in found.slices} == {(None, (), None)}


def test_a_worker_that_dies_midway_leaves_the_slices_until_then() -> None:
    calls = iter(range(1000))

    def dies(asked: Asked) -> Fault:
        return died() if asked.operation == "time_for" and next(calls) == 30 else None

    stored = run(FakeWorkers(FakeClock(), STEADY, script=dies))
    (record,) = stored.records
    assert len(stored.one.slices) == 30
    assert stored.one.samples.stop == "failed"
    assert record.cut_short
    assert [flag.text for flag in record.flags if flag.code == "WORKER_DIED"] == [
        "cut short after 30 slices: the worker ended with signal 9"
    ]


def test_a_worker_that_cannot_begin_leaves_a_reason() -> None:
    def fails(asked: Asked) -> Fault:
        return WorkerError("NO_MEMORY", "too large", "take a smaller one") if asked.operation == "prepare" else None

    (record,) = run(FakeWorkers(FakeClock(), STEADY, script=fails)).records
    assert record.sustained == NotMeasured(code="NO_MEMORY", reason="too large", remedy="take a smaller one")
    assert record.latency is None


def test_the_machine_may_cool_down_before_each_model() -> None:
    clock = FakeClock()
    other = replace(TASK, model="walker", axes=(("frames", 50),))
    workers = FakeWorkers(clock, STEADY)
    heat = HeatRule(max_warming_c=5.0, cooldown_s=20.0)
    stored = run(workers, replace(TASK, heat=heat), replace(other, heat=heat))
    first, second = (cast(RunRecord, record).cooling for record in stored.records)
    assert first is not None
    assert second is not None
    assert first.pauses == ()
    assert [pause.waited_s for pause in second.pauses] == [pytest.approx(10.0)]  # it gets no cooler: no use to wait


def test_many_short_calls_are_kept_as_means_of_consecutive_ones() -> None:
    timed = TimedFor(
        started_s=0.0, ended_s=1.0, call_count=7, latency_s=(1.0, 3.0, 5.0, 7.0), thread_count=1, calls_per_value=2
    )
    kept = coarse(timed, 2)
    assert (kept.latency_s, kept.calls_per_value) == ((2.0, pytest.approx(17 / 3)), 4)
    assert coarse(timed, 4) is timed


def test_the_longest_regime_of_the_shortest_calls_can_be_read_again() -> None:
    slice_count = 2000  # a tenth of the most, so a tenth of each limit
    task = replace(TASK, sustained=SustainedRule(duration_s=1e-3 * slice_count, slice_s=1e-3))
    many = replace(STATE, temperature_c=tuple((f"sensor {number}", 50.0 + 1 / 3) for number in range(20)))
    tiny = Cost(fixed_s=0.0, per_item_s=1e-5 / 3, noise=(0.0, 1 / 3))
    (record,) = run(FakeWorkers(FakeClock(), tiny), task, state=many).records
    assert isinstance(record.sustained, Sustained)
    assert len(record.sustained.slices) >= slice_count - 10
    line = to_line(record)
    beside = line.count(b",") - MOST_VALUES  # durations, which are bounded in all
    assert beside * 10 + max(MOST_VALUES, LEAST_VALUES * MAX_SLICE_COUNT) < MAX_JSON_VALUE_COUNT
    assert (line.count(b"[") + line.count(b"{")) * 10 < MAX_JSON_CONTAINER_COUNT
    assert len(line) * 10 < MAX_JSON_BYTES

from __future__ import annotations

import math

import pytest

from suite.errors import SensorError
from suite.power.base import CounterTrace, Description
from suite.power.selftest import Bench, SelfTest, examine, run
from suite.records import NotMeasured, PowerTrace

IDLE_W, LOAD_W = 2.0, 7.0


class World:
    """A clock; calls of 20 ms that the sampler slows down; a sampler of a step load that may lose samples."""

    def __init__(self, *, slowed=1.0, lost=(), sees_load=True, quantity="power", period_s=0.1):
        self.now_s = 100.0
        self.slowed, self.lost, self.sees_load = slowed, lost, sees_load
        self.events = []
        self.began_s = None
        self.marks = []
        self.description = Description(
            scope="test",
            rails=("a",),
            quantity=quantity,
            period_s=period_s,
            minimum_window_s=1.0,
            resolution=0.0,
            gain_error=0.0,
        )

    def clock(self):
        return self.now_s

    def sleep(self, duration_s):
        self.now_s += duration_s

    def call(self):
        self.now_s += 0.02 * (self.slowed if self.began_s is not None else 1.0)

    def start(self, source, options):
        self.events.append("start")
        return self

    def __enter__(self):
        self.began_s = self.now_s
        self.marks = [(self.now_s, IDLE_W)]
        return self

    def __exit__(self, *exc):
        self.events.append("close")
        self.began_s = None

    def mark(self, label):
        self.marks.append((self.now_s, LOAD_W if label == "load" and self.sees_load else IDLE_W))

    def cpu_s(self):
        return 0.005 * (self.now_s - self.began_s)

    def collect(self):
        period_s = self.description.period_s
        count = int((self.now_s - self.began_s) / period_s) + 1
        stamps = [self.began_s + k * period_s for k in range(count) if k not in self.lost]
        if self.description.quantity == "counter":
            return CounterTrace(rails=("a",), time_s=tuple(stamps), energy_j=(tuple(stamps),), range_j=None)
        watts = tuple(next(w for since_s, w in reversed(self.marks) if since_s <= at_s) for at_s in stamps)
        return PowerTrace(rails=("a",), time_s=tuple(stamps), power_w=(watts,))

    def bench(self, **changes):
        return Bench(self.call, start=self.start, clock=self.clock, sleep=self.sleep, **changes)


def test_the_cost_of_sampling_is_the_slowing_of_the_same_calls():
    world = World(slowed=1.05)
    found = run("test", {}, world.bench())
    assert found.cost == pytest.approx(0.05)
    assert found.cost_error == pytest.approx(0.0, abs=1e-9)
    assert (found.latency_without_s, found.latency_with_s) == (pytest.approx(0.02), pytest.approx(0.021))
    assert found.cpu_share == pytest.approx(0.005)
    assert found.doubts == ("sampling slows the load down by more than 1 %",)


def test_a_sound_source_has_no_doubts_and_both_powers():
    found = run("test", {"root": "/"}, World().bench())
    assert (found.idle_w, found.load_w) == (IDLE_W, LOAD_W)
    assert (found.asked_period_s, found.achieved_period_s) == (0.1, pytest.approx(0.1))
    assert (found.gap_count, found.longest_s) == (0, pytest.approx(0.1))
    assert found.doubts == ()


def test_blocks_with_and_without_take_turns_and_change_their_order():
    world = World()
    run("test", {}, world.bench(pair_count=4))
    assert world.events == ["start", "close"] * 4
    one = run("test", {}, World().bench(pair_count=1))
    assert one.cost_error == math.inf


def test_lost_samples_are_counted_as_gaps():
    found = run("test", {}, World(lost=(5, 6, 7)).bench(pair_count=2))
    assert found.gap_count == 2
    assert found.longest_s == pytest.approx(0.4)
    assert found.doubts == ("2 gap(s) of more than 3 periods",)


def test_a_sensor_that_sees_no_load_is_doubted():
    assert run("test", {}, World(sees_load=False).bench()).doubts == (
        "a load on all cores does not show in this power",
    )


def test_a_late_sampler_is_doubted():
    late = run("test", {}, World(lost=tuple(range(1, 100, 2))).bench())
    assert late.achieved_period_s == pytest.approx(0.2)
    assert "samples come late" in late.doubts


def test_counters_tell_power_as_well():
    found = run("test", {}, World(quantity="counter").bench())
    assert (found.idle_w, found.load_w) == (pytest.approx(1.0), pytest.approx(1.0))


def test_a_source_too_slow_for_a_block_has_no_powers_but_a_period():
    found = run("test", {}, World(period_s=8.0).bench(pair_count=2))
    assert found.load_w is None
    assert found.achieved_period_s == pytest.approx(8.0)
    assert found.doubts == ()


def test_a_source_that_fails_is_its_own_outcome():
    class Failing(World):
        def collect(self):
            raise SensorError("JTOP_LOST", "the service ended", "start it")

    found = run("test", {}, Failing().bench())
    assert found == NotMeasured(code="JTOP_LOST", reason="the service ended", remedy="start it")


def test_a_source_without_two_samples_is_a_gap():
    found = run("test", {}, World(lost=range(1, 1000)).bench())
    assert found.code == "GAP"


def test_the_real_thing_on_the_simulated_source(monkeypatch):
    monkeypatch.setattr("suite.power.selftest.BLOCK_S", 0.1)
    monkeypatch.setattr("suite.power.selftest.PAIR_COUNT", 1)
    found = examine("simulated", {"period_s": "0.01"})
    assert isinstance(found, SelfTest)
    assert found.sample_count > 5
    assert found.cpu_share > 0
    assert found.load_w == pytest.approx(7.0)

"""A sensor that never changes by a count although the load does: one check for every source."""

from __future__ import annotations

import dataclasses

import pytest

from suite.errors import SensorError
from suite.power.base import CounterTrace, Description
from suite.power.channel import Gauge, Stretch, Stretches, Timed, read
from suite.power.sampler import Kept
from suite.power.stillness import Stillness, refuse_still
from suite.records import PowerTrace
from tests.fakes import FakeClock
from tests.simulator import Board, step

DESCRIBED = Description(
    scope="test",
    rails=("total",),
    quantity="power",
    period_s=0.1,
    minimum_window_s=5.0,
    resolution=0.001,
    gain_error=0.0,
)
STRETCHES = Stretches(
    Stretch(2.0, 12.0), Stretch(14.0, 36.0), [Timed(15.0, 25.0, 10), Timed(25.0, 35.0, 10)], Stretch(38.0, 48.0)
)


def trace(power_w, end_s=50.0):
    stamps = tuple(0.1 * index for index in range(round(end_s / 0.1) + 1))
    return PowerTrace(rails=("total",), time_s=stamps, power_w=(tuple(map(power_w, stamps)),))


def reading(power_w):
    return read(Gauge("meter", {}, DESCRIBED), trace(power_w), STRETCHES)


def test_a_power_that_never_changes_is_frozen_whatever_it_came_from():
    with pytest.raises(SensorError, match="exactly the same values") as caught:
        reading(lambda _: 52.0)
    assert caught.value.code == "SENSOR_FROZEN"


@pytest.mark.parametrize("frozen_from_s", [0.0, 5.0, 20.0])
def test_a_power_that_stops_in_idle_or_under_load_is_frozen(frozen_from_s):
    def power_w(at_s):
        at_s = min(at_s, frozen_from_s)
        return (7.0 if 14.0 <= at_s < 36.0 else 2.0) + at_s % 1

    with pytest.raises(SensorError) as caught:
        reading(power_w)
    assert caught.value.code == "SENSOR_FROZEN"


@pytest.mark.parametrize("more_w", [5.0, 0.001])
def test_a_step_of_a_count_is_enough_for_a_sensor_that_lives(more_w):
    found = reading(lambda at_s: 2.0 + (more_w if 13.9 <= at_s < 36.0 else 0.0))
    assert [window.energy_j for window in found.windows] == pytest.approx([10 * (2.0 + more_w)] * 2)


def test_a_counter_that_stands_still_is_frozen_too():
    stamps = tuple(0.1 * index for index in range(500))
    still = CounterTrace(rails=("gpu0",), time_s=stamps, energy_j=((77.0,) * 500,), range_j=None)
    with pytest.raises(SensorError) as caught:
        refuse_still(still, STRETCHES.labels(), dataclasses.replace(DESCRIBED, quantity="counter"))
    assert caught.value.code == "SENSOR_FROZEN"


def test_what_a_slow_source_needs_for_a_window_is_what_it_may_stand_still():
    """A battery's gauge that is read every half minute is slow, not frozen."""
    gauge = Stillness(120.0)
    gauge.mark("idle", 0.0)
    for at_s in range(100):
        gauge.check((12.0,), float(at_s))
    gauge.mark("load", 100.0)
    for at_s in range(100, 300):
        gauge.check((12.0,), float(at_s))


class Monitor:
    """A board's power that steps at 1005 s and back at 1010 s; its monitor freezes at some time."""

    def __init__(self, root, freeze_s):
        self.clock = FakeClock()
        self.board = Board(root, "orin-nano", clock=self.clock)
        self.board.follow(step(2.0, 7.0, at_s=1005.0))
        self.freeze_s = freeze_s
        from suite.power.sources.ina3221 import Ina3221

        self.source = Ina3221(clock=self.clock)
        self.kept = Kept(self.source.open({"root": str(root)}))

    def run(self):
        self.kept.mark("idle", 1000.0)
        for tick in range(300):
            self.clock.now_s = 1000.0 + tick * 0.05
            self.board.update(self.clock.now_s)
            if self.clock.now_s >= self.freeze_s:
                self.board.freeze()
            if tick in (100, 200):
                self.kept.mark("load" if tick == 100 else "idle", self.clock.now_s)
            self.kept.take(self.source, self.clock)


def test_the_sampler_ends_a_frozen_sensor_soon_after_the_change(tmp_path):
    monitor = Monitor(tmp_path, 1001.0)
    with pytest.raises(SensorError, match="exactly the same values") as caught:
        monitor.run()
    assert caught.value.code == "SENSOR_FROZEN"
    assert monitor.clock.now_s == pytest.approx(1007.0)


def test_a_steady_power_within_one_load_is_not_taken_for_a_frozen_one(tmp_path):
    monitor = Monitor(tmp_path, 2000.0)
    monitor.board.follow(lambda at_s: 7.0 if 1005.0 <= at_s < 1010.0 else 2.0)
    monitor.run()
    assert len(monitor.kept.flush()["time_s"]) == 300

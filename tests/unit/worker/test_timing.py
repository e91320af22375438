"""The timing loop, exactly, on a clock that only the calls move."""

import gc
import time

import pytest

from suite.worker import timing


class Machine:
    """A clock, and calls that take the durations given. Keeps what happened, in order."""

    def __init__(self, durations):
        self.now_s = 100.0
        self.durations = list(durations)
        self.events = []

    def clock(self):
        self.events.append("clock")
        return self.now_s

    def call(self):
        self.events.append("call")
        self.now_s += self.durations.pop(0)
        return f"output {len(self.durations)}"

    def synchronise(self):
        self.events.append("synchronise")


def test_durations_are_those_of_the_calls_in_order():
    machine = Machine([0.5, 0.25, 2.0])
    assert timing.time_calls(machine.call, None, 3, machine.clock) == (100.0, [0.5, 0.25, 2.0], "output 0")


def test_without_a_device_a_call_costs_two_readings_of_the_clock_and_nothing_else():
    machine = Machine([1.0, 1.0])
    timing.time_calls(machine.call, None, 2, machine.clock)
    assert machine.events == ["clock"] + ["clock", "call", "clock"] * 2


def test_a_device_is_synchronised_before_the_first_stamp_and_before_the_last_of_every_call():
    machine = Machine([1.0, 1.0])
    timing.time_calls(machine.call, machine.synchronise, 2, machine.clock)
    assert machine.events == ["synchronise", "clock"] + ["synchronise", "clock", "call", "synchronise", "clock"] * 2


def test_the_time_that_a_device_still_works_belongs_to_its_call():
    machine = Machine([0.001, 0.001])

    def synchronise():
        machine.now_s += 0.5 if machine.events[-1:] == ["call"] else 0.0
        machine.events.append("synchronise")

    timed = timing.time_calls(machine.call, synchronise, 2, machine.clock)
    assert timed.latency_s == pytest.approx([0.501, 0.501])


def test_a_window_lasts_until_its_duration_is_reached():
    machine = Machine([0.5] * 9)
    timed = timing.time_for(machine.call, None, 2.0, 1, machine.clock)
    assert timed == (100.0, 102.0, [0.5, 0.5, 0.5, 0.5], "output 5", 1, 4)


def test_a_window_holds_its_least_number_of_calls_however_long_they_take():
    machine = Machine([3.0] * 9)
    found = timing.time_for(machine.call, None, 1.0, 2, machine.clock)
    assert found == (100.0, 106.0, [3.0, 3.0], "output 7", 1, 2)


def test_the_durations_of_a_window_fill_it_without_a_gap():
    machine = Machine([0.125, 0.5, 0.25, 1.0])
    timed = timing.time_for(machine.call, machine.synchronise, 1.5, 1, machine.clock)
    assert sum(timed.latency_s) == timed.ended_s - timed.started_s
    assert machine.events == ["synchronise", "clock"] + ["call", "synchronise", "clock"] * 4


def test_what_makes_a_call_ready_is_in_no_duration():
    machine = Machine([0.5, 0.25, 2.0, 1.0, 1.0])

    def fresh_call():
        machine.events.append("make ready")
        machine.now_s += 10.0
        return machine.call

    timed = timing.time_fresh(fresh_call, machine.synchronise, 2, machine.clock)
    assert timed == (100.0, [0.5, 0.25], "output 3")
    once = ["make ready", "synchronise", "clock", "call", "synchronise", "clock"]
    assert machine.events == ["clock"] + once * 2
    window = timing.time_fresh_for(fresh_call, None, 15.0, 1, machine.clock)
    assert window == (120.75, 143.75, [2.0, 1.0], "output 1", 1, 2)


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_off_during_the_calls_and_left_as_it_was_found(enabled):
    was_enabled, seen = gc.isenabled(), []
    (gc.enable if enabled else gc.disable)()
    try:
        timing.time_calls(lambda: seen.append(gc.isenabled()), None, 1, time.perf_counter)
        assert (seen, gc.isenabled()) == ([False], enabled)
    finally:
        (gc.enable if was_enabled else gc.disable)()


def test_the_collector_comes_back_when_a_call_fails():
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError):
        timing.time_for(lambda: 1 / 0, None, 1.0, 1, time.perf_counter)
    assert gc.isenabled()


def test_the_clock_agrees_with_the_one_that_other_processes_stamp_with():
    clock = timing.system_clock()
    before_s, now_s, after_s = time.monotonic(), clock(), time.monotonic()
    assert before_s <= now_s <= after_s


def test_the_clock_is_the_monotonic_one_where_the_finer_one_is_of_another_kind(monkeypatch):
    kinds = {"perf_counter": "QueryPerformanceCounter()", "monotonic": "GetTickCount64()"}

    class Info:
        def __init__(self, name):
            self.implementation = kinds[name]

    monkeypatch.setattr(timing.time, "get_clock_info", Info)
    assert timing.system_clock() is time.monotonic
    assert timing.clock_name() == "monotonic: GetTickCount64()"

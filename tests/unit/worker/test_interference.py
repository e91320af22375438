"""The meter: what lies between two readings, at which moment it reads, and that no failure reaches a measurement."""

import json
import math

import pytest

from suite.worker import interference
from suite.worker.gpu_counters import Reading
from suite.worker.interference import Counters, Machine, Meter, between
from suite.worker.outcome import WorkerFault

FIELDS = [
    "clock_hz",
    "fault_count",
    "foreign_s",
    "gpu_clock_hz",
    "gpu_foreign_share",
    "gpu_throttle",
    "ours_s",
    "own_s",
    "pace_s",
    "stalled_s",
    "stolen_s",
    "switch_count",
    "throttle_count",
    "wall_s",
]
BEFORE = Counters(
    time_s=10.0,
    busy_s=100.0,
    stolen_s=1.0,
    own_s=20.0,
    ours_s=5.0,
    stalled_s=2.0,
    switch_count=7,
    fault_count=3,
    throttle_count=4,
    clock_hz=9e9,
    gpu=Reading(clock_hz=1e9, throttle=("software power cap",), foreign_share=None),
)
AFTER = Counters(
    time_s=11.0,
    busy_s=101.5,
    stolen_s=1.25,
    own_s=20.75,
    ours_s=5.25,
    stalled_s=2.125,
    switch_count=9,
    fault_count=3,
    throttle_count=5,
    clock_hz=2e9,
    gpu=Reading(clock_hz=1.5e9, throttle=("hardware slowdown",), foreign_share=0.25),
)


def test_the_difference_of_two_readings_is_exact():
    assert between(BEFORE, AFTER, 2) == {
        "wall_s": 1.0,
        "own_s": 0.75,
        "ours_s": 0.25,
        "foreign_s": 0.5,
        "stolen_s": 0.25,
        "stalled_s": 0.125,
        "switch_count": 2,
        "fault_count": 0,
        "clock_hz": 2e9,
        "pace_s": None,
        "throttle_count": 1,
        "gpu_clock_hz": 1.5e9,
        "gpu_foreign_share": 0.25,
        "gpu_throttle": ["hardware slowdown", "software power cap"],
    }


def test_nothing_known_is_none_everywhere():
    assert between(Counters(1.0), Counters(3.0)) == dict(dict.fromkeys(FIELDS), wall_s=2.0)


@pytest.mark.parametrize(
    "name", ["stolen_s", "own_s", "ours_s", "stalled_s", "switch_count", "fault_count", "throttle_count"]
)
@pytest.mark.parametrize("broken", ["backwards", "gone", "never"])
def test_a_counter_that_ran_backwards_or_is_not_there_is_none(name, broken):
    before = BEFORE._replace(**{name: None}) if broken == "never" else BEFORE
    after = AFTER._replace(**{name: {"backwards": 0, "gone": None, "never": 9}[broken]})
    assert between(before, after)[name] is None


@pytest.mark.parametrize("name", ["busy_s", "own_s"])
def test_what_others_took_is_unknown_without_all_or_own(name):
    assert between(BEFORE, AFTER._replace(**{name: None}))["foreign_s"] is None
    assert between(BEFORE, AFTER._replace(**{name: 0.0}))["foreign_s"] is None


def test_where_the_controller_is_not_seen_its_time_is_others():
    found = between(BEFORE._replace(ours_s=None), AFTER)
    assert (found["ours_s"], found["foreign_s"]) == (None, 0.75)


def test_what_others_took_is_never_negative():
    assert between(BEFORE, AFTER._replace(own_s=25.0))["foreign_s"] == 0.0


def test_a_jump_that_the_machine_cannot_have_done_is_unknown():
    """Two cores for 1 s, and 1 s of each that may have been told late."""
    assert between(BEFORE, AFTER._replace(stolen_s=5.0), 2)["stolen_s"] == 4.0
    assert between(BEFORE, AFTER._replace(stolen_s=5.001), 2)["stolen_s"] is None
    assert between(BEFORE, AFTER._replace(busy_s=1e9), 2)["foreign_s"] is None
    assert between(BEFORE, AFTER._replace(stalled_s=4.001), 2)["stalled_s"] is None


class Log:
    """A clock and a machine that note who was asked, in order."""

    def __init__(self, fails=False):
        self.asked, self.fails, self.now_s = [], fails, 100.0

    def clock(self):
        self.asked.append("clock")
        return self.now_s

    def read(self):
        self.asked.append("machine")
        if self.fails:
            raise OSError("gone")
        return {"busy_s": 3.0, "own_s": 1.0}

    def sleep(self, duration_s):
        self.asked.append("sleep")
        self.now_s += duration_s

    def meter(self):
        return Meter(self.clock, self, core_count=2, sleep=self.sleep)


def test_the_readings_lie_outside_the_stretch():
    log = Log()
    meter = log.meter()
    edge = meter.before()
    log.asked.append("calls")
    meter.since(edge)
    assert log.asked == ["machine", "clock", "calls", "clock", "machine"]


def test_watching_sleeps_between_two_readings():
    log = Log()
    found = log.meter().watch(0.25)["interference"]
    assert log.asked == ["machine", "clock", "sleep", "clock", "machine"]
    assert (found["wall_s"], found["own_s"], found["foreign_s"]) == (0.25, 0.0, 0.0)


@pytest.mark.parametrize("duration_s", [-0.1, math.nan, math.inf, 30.5, "1", None, [1]])
def test_nonsense_is_not_watched(duration_s):
    log = Log()
    with pytest.raises(WorkerFault, match=r"duration_s is .*; Ask for 0 to 30 seconds") as caught:
        log.meter().watch(duration_s)
    assert (caught.value.code, log.asked) == ("BAD_REQUEST", [])


class Gpu:
    def __init__(self, fails=False):
        self.fails = fails

    def read(self):
        if self.fails:
            raise AttributeError("an old driver has no such function")
        return Reading(1e9, (), None)


@pytest.mark.parametrize(
    ("machine_fails", "gpu_fails", "own_s", "gpu_clock_hz"),
    [(True, False, None, 1e9), (False, True, 0.0, None), (True, True, None, None)],
)
def test_what_fails_costs_its_own_figures_alone(machine_fails, gpu_fails, own_s, gpu_clock_hz):
    meter = Log(machine_fails).meter()
    meter._gpu = Gpu(gpu_fails)
    found = meter.since(meter.before())
    assert (found["own_s"], found["gpu_clock_hz"]) == (own_s, gpu_clock_hz)
    assert sorted(found) == FIELDS


class BrokenTorch:
    """Stands for torch and torch.cuda."""

    def __init__(self):
        self.cuda = self

    def get_device_properties(self, _):
        raise RuntimeError("no CUDA driver")


def test_a_gpu_that_cannot_be_found_is_measured_without(tmp_path, monkeypatch):
    monkeypatch.setattr(interference.gpu_counters.ctypes, "CDLL", lambda _: object())
    meter = Log().meter()
    meter.watch_gpu(BrokenTorch(), "cuda:0", str(tmp_path))
    assert meter.since(meter.before())["gpu_clock_hz"] is None


def test_a_system_that_is_neither_tells_nothing():
    assert interference.machine("win32").read() == {}


def test_a_machine_that_cannot_even_be_opened_tells_nothing(monkeypatch):
    monkeypatch.setattr(interference.linux_counters, "LinuxMachine", None)
    assert isinstance(interference.machine("linux"), Machine)


def test_this_machine_s_answer_is_json_with_every_field():
    meter = Meter(interference.time.perf_counter)
    found = meter.watch(0.01)["interference"]
    assert sorted(json.loads(json.dumps(found, allow_nan=False))) == FIELDS
    assert found["wall_s"] >= 0.01

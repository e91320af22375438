"""The source jtop against the actual service of jetson-stats, both versions, on emulated boards.

Everything is real but the board: the service, its socket, its client, the reader, the sampler's process and the meter.
"""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import time
from statistics import fmean
from typing import NamedTuple

import pytest

from suite.errors import SensorError
from suite.power.choice import select
from suite.power.meter import Meter, WindowRule
from suite.records import NotMeasured
from tests.environments import environment
from tests.jtop_board import GROUP_ID, SOCKET, emulated, service
from tests.simulator import Scene, bursty, constant

pytestmark = pytest.mark.jtop

JETPACK_4, NEWEST = "jetson-stats==4.3.2", "jetson-stats==7.2.2"
RULE = WindowRule(min_window_s=3.0, min_period_count=20, min_call_count=1)
WINDOW_S, IDLE_S = 3.0, 2.0
FIRST_CLIENT = "import time, jtop\nwith jtop.jtop(interval=1.0): print('there', flush=True); time.sleep(60)"


@pytest.fixture(scope="module")
def environments():
    return {requirement: environment(requirement) for requirement in (JETPACK_4, NEWEST)}


def spec(folder, root, **options):
    text = ",".join(f"{key}={value}" for key, value in options.items())
    return f"jtop:python={folder / 'bin' / 'python'},root={root}" + (f",{text}" if text else "")


class Load:
    """Calls of 50 ms that draw what `under_load` gives; between loads the board idles."""

    def __init__(self, scene, idle, under_load, during=None):
        self.scene, self.idle, self.under_load = scene, idle, under_load
        self.during = during
        self.runs = 0

    def __call__(self, duration_s):
        self.runs += 1
        self.scene.switch(self.under_load)
        if self.runs == 2 and self.during:  # within the first window
            self.during()
        started_s, call_count = time.monotonic(), 0
        while time.monotonic() < started_s + duration_s:
            time.sleep(0.05)
            call_count += 1
        ended_s = time.monotonic()
        self.scene.switch(self.idle)
        return started_s, ended_s, call_count


def measured(meter, load):
    """A machine that is busy with other things may starve the service; the refusal is right then, so: once more."""
    for _ in range(2):
        try:
            return meter.measure(load, 3, WINDOW_S, IDLE_S)
        except SensorError as error:
            if error.code != "GAP":
                raise
    return meter.measure(load, 3, WINDOW_S, IDLE_S)


class Case(NamedTuple):
    requirement: str
    kind: str
    idle_w: float
    load_w: float

    def load(self, shape):
        """The load's power from now on."""
        now_s = time.monotonic()
        if shape == "step":
            return constant(self.load_w)
        return bursty(0.6 * self.load_w, self.load_w, seed=3, start_s=now_s, end_s=now_s + 120, mean_s=1.0)


CASES = [
    Case(JETPACK_4, "nano", 2.0, 8.0),
    Case(NEWEST, "orin-nano", 4.0, 12.0),
    Case(NEWEST, "agx-orin", 9.0, 40.0),  # the service's own total counts a rail twice there
    Case(NEWEST, "thor", 30.0, 90.0),
]


@pytest.mark.parametrize(
    ("case", "shape"),
    [*((case, "step") for case in CASES), (CASES[0], "bursty"), (CASES[1], "bursty")],
    ids=lambda value: value if isinstance(value, str) else f"{value.kind} with {value.requirement}",
)
def test_its_joules_are_the_simulators(environments, tmp_path, case, shape):
    idle, folder = constant(case.idle_w), environments[case.requirement]
    scene = Scene(idle)
    with emulated(tmp_path, case.kind) as board, service(folder, tmp_path), board.drive(scene):
        meter = select(spec(folder, tmp_path), rule=RULE)
        assert isinstance(meter, Meter), meter
        reading = measured(meter, Load(scene, idle, case.load(shape)))
        truths_j = [board.truth_j(window.start_s, window.end_s) for window in reading.windows]
    assert reading.source == "jtop"
    assert reading.method == "trapezoid"
    assert reading.sample_period_s == pytest.approx(0.1, abs=0.02)
    # The emulated board has no gain error, so that share of the budget is not granted.
    budget_j = dataclasses.replace(reading.budget, gain_j=0.0).total_j
    mean_j, truth_j = fmean(window.energy_j for window in reading.windows), fmean(truths_j)
    assert mean_j == pytest.approx(truth_j, abs=max(0.01 * truth_j, budget_j))
    if shape == "step":
        assert [window.energy_j for window in reading.windows] == pytest.approx(truths_j, rel=0.01)
    assert reading.idle_before_w == pytest.approx(case.idle_w, rel=0.02)
    assert reading.idle_after_w == pytest.approx(case.idle_w, rel=0.02)


def test_killed_in_a_window_it_costs_the_energy_alone(environments, tmp_path):
    scene, folder = Scene(constant(4.0)), environments[NEWEST]
    with emulated(tmp_path, "orin-nano") as board, service(folder, tmp_path) as running, board.drive(scene):
        meter = select(spec(folder, tmp_path), rule=RULE)
        load = Load(scene, constant(4.0), constant(12.0), during=running.kill)
        (outcome,) = meter.measure_all(load, 3, WINDOW_S, IDLE_S)
    assert isinstance(outcome, NotMeasured)
    assert outcome.code == "JTOP_LOST"
    assert "restart" in outcome.remedy
    assert load.runs == 2, "the window it was lost in is run to its end, the next is not begun"


def test_a_service_that_answers_no_more_is_given_up(environments, tmp_path):
    folder = environments[NEWEST]
    with emulated(tmp_path, "orin-nano"), service(folder, tmp_path) as running:
        running.signal(signal.SIGSTOP)
        assert select(spec(folder, tmp_path)).code == "JTOP_LOST"


def test_a_first_client_that_is_slower_is_noticed(environments, tmp_path):
    folder = environments[NEWEST]
    with emulated(tmp_path, "orin-nano"), service(folder, tmp_path):
        first = subprocess.Popen([folder / "bin" / "python", "-c", FIRST_CLIENT], stdout=subprocess.PIPE)
        try:
            assert first.stdout.readline() == b"there\n"
            slow = select(spec(folder, tmp_path))
            accepted = select(spec(folder, tmp_path, interval_s=1))
        finally:
            first.kill()
            first.communicate()
    assert slow.code == "JTOP_SLOW"
    assert "every 1 s" in slow.reason
    assert "jtop:interval_s=1" in slow.remedy
    assert accepted.description.period_s == 1.0


@pytest.mark.parametrize(("serving", "asking"), [(NEWEST, JETPACK_4), (JETPACK_4, NEWEST)])
def test_client_and_service_of_different_versions_are_told(environments, tmp_path, serving, asking):
    with emulated(tmp_path, "orin-nano"), service(environments[serving], tmp_path):
        absent = select(spec(environments[asking], tmp_path))
    assert absent.code == "JTOP_VERSION"
    assert serving.partition("==")[2] in absent.reason
    assert asking.partition("==")[2] in absent.reason


def test_a_user_outside_the_group_is_refused(environments, tmp_path):
    folder = environments[NEWEST]
    stranger = tmp_path / "python-of-a-stranger"
    stranger.write_text(
        f'#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups {folder / "bin" / "python"} "$@"\n'
    )
    stranger.chmod(0o755)
    with emulated(tmp_path, "orin-nano"), service(folder, tmp_path):
        absent = select(f"jtop:python={stranger},root={tmp_path}")
    assert absent.code == "JTOP_PERM"
    assert "usermod -aG jtop" in absent.remedy


def test_the_socket_belongs_to_the_group(environments, tmp_path):
    with emulated(tmp_path, "orin-nano"), service(environments[NEWEST], tmp_path):
        assert (SOCKET.stat().st_gid, SOCKET.stat().st_mode & 0o777) == (GROUP_ID, 0o660)


def test_a_socket_whose_service_is_gone_is_no_service(environments, tmp_path):
    folder = environments[NEWEST]
    with emulated(tmp_path, "orin-nano"), service(folder, tmp_path) as running:
        running.kill()
        assert SOCKET.is_socket()
        assert select(spec(folder, tmp_path)).code == "JTOP_ABSENT"


def test_a_board_without_a_monitor_says_so(environments, tmp_path):
    folder = environments[NEWEST]
    with emulated(tmp_path, "nano-2gb"), service(folder, tmp_path):
        assert select(spec(folder, tmp_path)).code == "NO_SENSOR_NANO2GB"


def test_rails_that_nobody_knows_are_not_added_up(environments, tmp_path):
    folder = environments[NEWEST]
    with emulated(tmp_path, "unknown-board"), service(folder, tmp_path):
        unknown = select(spec(folder, tmp_path))
        chosen = select(spec(folder, tmp_path, rails="VDD_A+VDD_B"))
    assert unknown.code == "UNKNOWN_RAILS"
    assert "VDD_A, VDD_B, VDD_C" in unknown.reason
    assert chosen.description.rails == ("VDD_A", "VDD_B")

"""Each source in a real sampler's process, in real time, on a tree that follows a known power.

The simulated sensors have no gain error, so what is stated for it is left out of the tolerance. A busy machine delays
the thread that drives a tree; the joules that this can cost are allowed for, as measured.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import pytest

from suite.errors import SensorError
from suite.power.choice import select
from suite.power.client import Sampler
from suite.power.meter import Meter, WindowRule
from suite.records import EnergyReading, EnergyWindow, NotMeasured
from tests.simulator import Board, Integrable, Scene, bursty, constant, noisy, ramp

RULE = WindowRule(min_window_s=1.5, min_period_count=1, min_call_count=1, lead_s=0.4, lead_period_count=3)
LONG = WindowRule(min_window_s=4.0, min_period_count=1, min_call_count=1, lead_s=0.4, lead_period_count=3)
SLOW = WindowRule(min_window_s=3.0, min_period_count=1, min_call_count=1, lead_s=1.2, lead_period_count=1)
CALL_S = 0.05
SIDE_BY_SIDE = 6
NEAR_S = 0.3  # the readings on either side of an edge lie no farther from it, or there is a gap
HORIZON_S = 60.0
IDLE_W = 3.0
REPOSITORY = Path(__file__).parents[2]
HWMON = "sys/bus/i2c/devices/1-0040/hwmon/hwmon1"
PACKAGE = "sys/devices/virtual/powercap/intel-rapl/intel-rapl:0"

PERF = f"""
import sys, time
sys.path.insert(0, {str(REPOSITORY)!r})
from pathlib import Path
from suite.power.sampler import PipeRequests, serve, take_stdout
from suite.power.sources.perf import Perf
from tests.simulator import FileEvent
root = sys.argv[2]
source = Perf(opener=lambda kind, event, cpu: FileEvent(Path(root), cpu))
sys.exit(serve(source, {{"root": root}}, PipeRequests(0), take_stdout(), time.monotonic))
"""
# Everything is imported before the user changes: the interpreter's files may be for root alone.
UNPRIVILEGED = """
import os, sys
from suite import registry
from suite.power.sampler import main
registry.discover(registry.POWER_SOURCES)
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
sys.exit(main(["--source", sys.argv[1], "--options", '{"root": "%s"}' % sys.argv[2]]))
"""
# Each look at the wall clock finds it an hour earlier.
STEPPING = """
import itertools, sys, time
from suite.power.sampler import main
steps, real = itertools.count(), time.time
time.time = lambda: real() - 3600 * next(steps)
time.time_ns = lambda: int(time.time() * 1e9)
sys.exit(main(["--source", sys.argv[1], "--options", '{"root": "%s"}' % sys.argv[2]]))
"""


def step_load(_: float) -> Integrable:
    return constant(9.0)


def ramp_load(now_s: float) -> Integrable:
    return ramp(5.0, 15.0, start_s=now_s, end_s=now_s + 5.0)


def bursty_load(now_s: float) -> Integrable:
    return bursty(5.0, 15.0, seed=3, start_s=now_s, end_s=now_s + HORIZON_S)


def noisy_load(now_s: float) -> Integrable:
    return noisy(10.0, 1.5, seed=4, start_s=now_s, end_s=now_s + HORIZON_S)


@dataclass
class Run:
    """One board, its source, and a load that begins with the first call and ends with the last."""

    root: Path
    kind: str
    source: str
    load: Callable[[float], Integrable] = step_load
    share: float = 0.01  # of the energy, that may be missed by looking at this load once a period
    program: str | None = None  # what the sampler's process runs instead
    rule: WindowRule = RULE
    described: dict[str, float] = field(default_factory=dict)  # in place of what the source says
    made: dict[str, float] = field(default_factory=dict)  # how the board is made
    meanwhile: Callable[[Run], None] | None = None  # happens half a second into the first window

    def __post_init__(self) -> None:
        self.board = Board(self.root, self.kind, **({"update_s": 0.02} | self.made))
        self.scene = Scene(constant(IDLE_W))
        self.called: list[float] = []  # how long calls were asked for
        self.sampler: Sampler | None = None

    def measure(self, window_count: int = 3, idle_s: float = 1.0) -> EnergyReading:
        with self.board.drive(self.scene):
            meter = select(f"{self.source}:root={self.root}", start=self.start, rule=self.rule)
            assert isinstance(meter, Meter), meter
            return replace(meter, sleep=self.rest).measure(self.calls, window_count, None, idle_s)

    def start(self, source: str, options: Mapping[str, str]) -> Sampler:
        command = [sys.executable, "-c", self.program, source, str(self.root)] if self.program else None
        self.sampler = Sampler.start(source, options, command=command)
        self.sampler.description = replace(self.sampler.description, **self.described)
        self.resolution = self.sampler.description.resolution
        return self.sampler

    def calls(self, duration_s: float) -> tuple[float, float, int]:
        started_s, call_count = time.monotonic(), 0
        self.called.append(duration_s)
        if len(self.called) == 1:
            self.scene.switch(self.load(started_s))
        while time.monotonic() - started_s < duration_s:
            time.sleep(CALL_S)
            call_count += 1
            if len(self.called) == 2 and call_count == 10 and self.meanwhile is not None:
                self.meanwhile(self)
        return started_s, time.monotonic(), call_count

    def rest(self, duration_s: float) -> None:
        self.scene.switch(constant(IDLE_W))
        time.sleep(duration_s)

    def tolerance_j(self, reading: EnergyReading, window: EnergyWindow) -> float:
        """The load's share, half a count of every rail, and what the machine was too busy to show."""
        duration_s = window.end_s - window.start_s
        rounding_j = self.resolution * len(reading.trace.rails) / 2 * (1.0 if self.counts() else duration_s)
        return self.share * self.truth_j(window) + rounding_j + self.stale_j(window)

    def truth_j(self, window: EnergyWindow) -> float:
        return self.board.truth_j(window.start_s, window.end_s)

    def counts(self) -> bool:
        return self.source in ("rapl", "perf")

    def stale_j(self, window: EnergyWindow) -> float:
        """What was missed while the tree stood still: of a counter, near the edges; of a power, its changes."""
        still = list(pairwise(self.board.updated_s))
        if self.counts():
            return sum(
                max(
                    self.board.truth_j(a_s, b_s)
                    for a_s, b_s in still
                    if a_s < edge_s + NEAR_S and b_s > edge_s - NEAR_S
                )
                for edge_s in (window.start_s, window.end_s)
            )
        return sum(
            (b_s - a_s) * self.change_w(a_s, b_s)
            for a_s, b_s in still
            if b_s - a_s > 3 * self.board.update_s and a_s < window.end_s and b_s > window.start_s
        )

    def change_w(self, start_s: float, end_s: float) -> float:
        powers_w = [self.board.truth_j(at_s, at_s + 1e-3) / 1e-3 for at_s in (start_s, (start_s + end_s) / 2, end_s)]
        return max(powers_w) - min(powers_w)


COUNTER = {"update_s": 0.01}
TURN = {"range_uj": 4_000_000_000, "start_uj": 3_984_000_000}  # it stands 16 J before the end of 4000 J
CASES: Mapping[str, tuple[str, str, Mapping[str, object]]] = {
    "step on a battery": (
        "battery",
        "battery",
        {"rule": SLOW, "described": {"minimum_window_s": 2.0, "settle_s": 1.2}, "made": {"update_s": 0.1}},
    ),
    "step on an Orin Nano": ("orin-nano", "ina3221", {}),
    "ramp on an AGX Xavier": ("agx-xavier", "ina3221", {"load": ramp_load}),
    "bursts on an AGX Orin": ("agx-orin", "ina3221", {"load": bursty_load, "share": 0.06}),
    "noise on a Thor": ("thor", "ina238", {"load": noisy_load, "share": 0.06}),
    "noise on an Intel package": ("intel", "rapl", {"load": noisy_load, "share": 0.03, "made": COUNTER}),
    "bursts on two sockets": ("two-sockets", "rapl", {"load": bursty_load, "share": 0.03, "made": COUNTER}),
    "step while the counter turns": ("intel", "rapl", {"made": COUNTER | TURN}),
    "step while the wall clock is stepped": ("orin-nano", "ina3221", {"program": STEPPING}),
    "ramp by perf events": ("intel", "perf", {"load": ramp_load, "program": PERF, "made": COUNTER}),
}


def measured(folder: Path, case: str) -> tuple[Run, EnergyReading | SensorError]:
    """A machine that is busy with other things may starve the sampler, which is then right to refuse: once more."""
    kind, source, given = CASES[case]
    for attempt in range(3):
        run = Run(folder / str(attempt), kind, source, **given)
        try:
            return run, run.measure()
        except SensorError as error:
            outcome = error
            if error.code != "GAP":
                break
    return run, outcome


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[Run, EnergyReading | SensorError]]:
    """All cases side by side: each waits most of the time."""
    folders = [tmp_path_factory.mktemp("case") for _ in CASES]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        found = pool.map(measured, folders, CASES)
        return dict(zip(CASES, found, strict=True))


@pytest.fixture
def reading_of(outcomes) -> Callable[[str], tuple[Run, EnergyReading]]:
    def reading(case: str) -> tuple[Run, EnergyReading]:
        run, outcome = outcomes[case]
        assert isinstance(outcome, EnergyReading), outcome
        return run, outcome

    return reading


@pytest.mark.parametrize("case", CASES)
def test_joules_agree_with_the_truth(reading_of, case):
    run, reading = reading_of(case)
    assert len(reading.windows) == 3
    for window in reading.windows:
        assert window.energy_j == pytest.approx(run.truth_j(window), abs=run.tolerance_j(reading, window))


@pytest.mark.parametrize("case", CASES)
def test_the_mean_lies_within_what_the_reading_itself_states(reading_of, case):
    run, reading = reading_of(case)
    error_j = fmean(window.energy_j - run.truth_j(window) for window in reading.windows)
    stale_j = fmean(run.stale_j(window) for window in reading.windows)
    assert abs(error_j) <= reading.budget.total_j + stale_j


@pytest.mark.parametrize("case", CASES)
def test_idle_power_is_that_of_the_idle_board(reading_of, case):
    run, reading = reading_of(case)
    # a counter's two edges may each be as late as the machine was busy
    late = 2 * run.board.lag_s if run.counts() else 0.0
    count_w = 0.0 if run.counts() else run.resolution * len(reading.trace.rails) / 2
    for idle_w in (reading.idle_before_w, reading.idle_after_w):
        assert idle_w == pytest.approx(IDLE_W, abs=(0.02 + late) * IDLE_W + count_w)


def test_the_counter_did_turn(reading_of):
    run, _ = reading_of("step while the counter turns")
    assert int((run.root / PACKAGE / "energy_uj").read_text()) < TURN["start_uj"]


def paused(run: Run) -> None:
    """The sampler gets no time, as on a machine that is overloaded or asleep, and the counter turns meanwhile."""
    process = run.sampler._process
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.6)
    process.send_signal(signal.SIGCONT)


TURNING = COUNTER | {"range_uj": 600_000_000}  # it could turn within 0.4 s, at the most that a package could draw
FAILURES: Mapping[str, tuple[str, str, str, Mapping[str, object], Callable[[Run], None]]] = {
    "a rail is missing": (
        "SENSOR_LOST",
        "orin-nano",
        "ina3221",
        {},
        lambda run: run.board.remove(f"{HWMON}/curr1_input"),
    ),
    "the monitor is missing": (
        "SENSOR_LOST",
        "thor",
        "ina238",
        {},
        lambda run: run.board.remove("sys/bus/i2c/drivers/ina238/2-0044"),
    ),
    "the counter stands still": (
        "COUNTER_FROZEN",
        "intel",
        "rapl",
        {"made": COUNTER, "rule": LONG},
        lambda run: run.board.freeze(),
    ),
    "the counter may have turned twice": ("GAP", "intel", "rapl", {"made": TURNING}, paused),
    "the charger is plugged in": (
        "ON_AC",
        "battery",
        "battery",
        {"rule": SLOW, "described": {"minimum_window_s": 2.0, "settle_s": 1.2}, "made": {"update_s": 0.1}},
        lambda run: run.board.plug(True),
    ),
}


def failed(folder: Path, failure: str) -> tuple[Run, SensorError]:
    """A run that never began says nothing about its middle: once more."""
    _, kind, source, given, meanwhile = FAILURES[failure]
    for attempt in range(3):
        run = Run(folder / str(attempt), kind, source, meanwhile=meanwhile, **given)
        with pytest.raises(SensorError) as caught:
            run.measure(window_count=1)
        if run.called:
            break
    return run, caught.value


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[Run, SensorError]]:
    folders = [tmp_path_factory.mktemp("failure") for _ in FAILURES]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        found = pool.map(failed, folders, FAILURES)
        return dict(zip(FAILURES, found, strict=True))


@pytest.mark.parametrize("failure", FAILURES)
def test_energy_says_what_happened_in_the_middle_of_a_run(failures, failure):
    run, error = failures[failure]
    assert error.code == FAILURES[failure][0]
    assert error.reason
    assert error.remedy
    assert len(run.called) >= 2, "the calls of the window were made to their end"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user may enter; those that pytest makes are private."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def lock(run: Run) -> None:
    run.board.freeze()  # the next update would put a readable file there
    (run.root / PACKAGE / "energy_uj").chmod(0)


def test_a_permission_that_is_refused_mid_run_is_named(open_folder):
    run = Run(open_folder, "intel", "rapl", program=UNPRIVILEGED, made=COUNTER, meanwhile=lock)
    with pytest.raises(SensorError, match="only root may read") as caught:
        run.measure(window_count=1)
    assert caught.value.code == "RAPL_PERM"


def test_a_counter_that_only_root_may_read_is_not_chosen(open_folder):
    run = Run(open_folder, "intel", "rapl", program=UNPRIVILEGED)
    lock(run)
    refused = select(f"rapl:root={open_folder}", start=run.start)
    assert isinstance(refused, NotMeasured)
    assert refused.code == "RAPL_PERM"

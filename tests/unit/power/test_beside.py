"""Two parts of a machine measured in the same windows: a CPU's package, and a GPU's board beside it."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import pytest

from suite import registry
from suite.errors import SensorError, UsageError
from suite.power.base import Description, Source
from suite.power.choice import root_of, select
from suite.power.meter import Gauge, Meter
from suite.power.parts import for_device
from suite.records import NotMeasured, PowerTrace, disjoint

PACKAGE = Description(
    scope="CPU package only",
    part="cpu package",
    rails=("package-0",),
    quantity="power",
    period_s=0.25,
    minimum_window_s=1.0,
    resolution=0.0,
    gain_error=0.0,
)
BOARD = dataclasses.replace(PACKAGE, scope="GPU board", part="gpu board", rails=("gpu0",))


class Bench:
    """A clock, a load, and a sampler for each source: idle_w, then three times that under load."""

    def __init__(self, **idle_w):
        self.now_s = 0.0
        self.idle_w = idle_w
        self.steps = [(0.0, 1)]
        self.events = []
        self.dead = set()  # sources that answer no more
        self.descriptions = {"package": PACKAGE, "board": BOARD}

    def sleep(self, duration_s):
        self.now_s += duration_s

    def load(self, duration_s):
        self.events.append(("load", duration_s))
        started_s = self.now_s
        self.now_s += duration_s
        return started_s, self.now_s, int(duration_s / 0.5)

    def start(self, source, _options):
        return _Sampler(self, source)

    def measure(self, window_count=2, window_s=10.0):
        return self.meter().measure_all(self.load, window_count, window_s, 5.0)

    def meter(self):
        first, *beside = (Gauge(name, {}, self.descriptions[name]) for name in self.idle_w)
        return Meter(
            source=first.source,
            options={},
            description=first.description,
            beside=tuple(beside),
            start=self.start,
            clock=lambda: self.now_s,
            sleep=self.sleep,
        )


class _Sampler:
    def __init__(self, bench, source):
        self.bench, self.source = bench, source
        self.description = bench.descriptions[source]

    def __enter__(self):
        self._alive()
        return self

    def __exit__(self, *exc):
        self.bench.events.append(("close", self.source))

    def _alive(self):
        if self.source in self.bench.dead:
            raise SensorError("SENSOR_LOST", f"{self.source} ended", "run again")

    def mark(self, label):
        self._alive()
        self.bench.steps.append((self.bench.now_s, 3 if label == "load" else 1))

    def check(self):
        self._alive()

    def collect(self):
        self._alive()
        idle_w = self.bench.idle_w[self.source]
        stamps = [0.25 * index for index in range(int(self.bench.now_s / 0.25) + 1)]
        power_w = [idle_w * next(k for since_s, k in reversed(self.bench.steps) if since_s <= at_s) for at_s in stamps]
        return PowerTrace(rails=self.description.rails, time_s=tuple(stamps), power_w=(tuple(power_w),))


def energies(outcome):
    return [window.energy_j for window in outcome.windows]


def test_each_source_has_its_own_reading_of_the_same_windows():
    package, board = Bench(package=2.0, board=20.0).measure()
    assert energies(package) == [60.0, 60.0]
    assert energies(board) == [600.0, 600.0]
    assert [window.start_s for window in package.windows] == [window.start_s for window in board.windows]
    assert (package.part, board.part) == ("cpu package", "gpu board")
    assert (package.idle_before_w, board.idle_before_w) == (2.0, 20.0)


def test_the_neediest_source_sets_windows_leads_and_idle_stretches():
    bench = Bench(package=2.0, board=20.0)
    bench.descriptions["board"] = dataclasses.replace(BOARD, settle_s=4.0, minimum_window_s=60.0)
    bench.measure(window_count=1, window_s=None)
    assert [event[1] for event in bench.events if event[0] == "load"] == [4.0, 60.0, 4.0]
    assert bench.now_s == 4 + 60 + 4 + 4 + 60 + 4 + 4 + 60 + 4


def test_a_source_beside_that_dies_costs_its_own_figure_alone():
    bench = Bench(package=2.0, board=20.0)
    bench.dead.add("board")
    package, board = bench.measure()
    assert energies(package) == [60.0, 60.0]
    assert board == NotMeasured(code="SENSOR_LOST", reason="board ended", remedy="run again")


def test_where_the_source_itself_dies_the_one_beside_goes_on():
    bench = Bench(package=2.0, board=20.0)
    bench.dead.add("package")
    package, board = bench.measure()
    assert package.code == "SENSOR_LOST"
    assert energies(board) == [600.0, 600.0]
    with pytest.raises(SensorError, match="package ended"):
        bench.meter().measure(bench.load, 1, 10.0, 5.0)


def test_without_any_source_left_nothing_more_is_run():
    bench = Bench(package=2.0, board=20.0)
    bench.dead |= {"package", "board"}
    assert [outcome.code for outcome in bench.measure()] == ["SENSOR_LOST", "SENSOR_LOST"]
    assert bench.events == []


def test_a_window_too_short_for_one_source_is_refused_to_it_alone():
    bench = Bench(package=2.0, board=20.0)
    bench.descriptions["board"] = dataclasses.replace(BOARD, minimum_window_s=20.0)
    package, board = bench.measure()
    assert energies(package) == [60.0, 60.0]
    assert board.code == "TOO_SHORT"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("cpu package", "gpu board", True),
        ("gpu board", "gpu board", False),
        ("whole", "gpu board", False),
        ("cpu package", "whole", False),
    ],
)
def test_only_parts_that_do_not_overlap_may_be_added(one, other, expected):
    assert disjoint(one, other) is expected
    assert disjoint(other, one) is expected


class Declared(Source):
    options: ClassVar = {"rails": "which rails", "gpu": "which"}

    def __init__(self, name, rank, part):
        self.name, self.rank, self.part, self.summary = name, rank, part, name

    def available(self, options):
        raise AssertionError("only the sampler's process touches a sensor")

    open = read = available


@pytest.fixture
def sources(monkeypatch):
    """Installs sources by rank as name=part; a part of None has no sensor. Returns start and what it started."""

    def install(**parts):
        declared = {"zones": "cpu package", "perf": "cpu package", "board": "gpu board", "battery": "whole"}
        plugins = {name: Declared(name, rank, declared[name]) for rank, name in enumerate(parts)}
        monkeypatch.setattr(registry, "discover", lambda _: plugins)
        started = []

        def start(name, options):
            started.append((name, dict(options)))
            if parts[name] is None:
                raise SensorError(f"NO_{name.upper()}", f"{name} has no sensor", f"mend {name}")
            bench = Bench(**{name: 1.0})
            bench.descriptions[name] = dataclasses.replace(PACKAGE, part=parts[name])
            return bench.start(name, options)

        return start, started

    return install


def chosen(meter):
    return [gauge.source for gauge in meter.gauges]


def test_auto_puts_a_gpu_beside_the_cpus_package(sources):
    start, started = sources(zones="cpu package", perf="cpu package", board="gpu board", battery="whole")
    assert chosen(select("auto", start=start)) == ["zones", "board"]
    assert [name for name, _ in started] == ["zones", "board"]


def test_auto_puts_nothing_beside_a_source_that_holds_everything(sources):
    start, _ = sources(zones="whole", board="gpu board")
    assert chosen(select("auto", start=start)) == ["zones"]


def test_auto_takes_a_gpu_alone_only_where_nothing_else_works(sources):
    start, _ = sources(zones=None, board="gpu board", battery="whole")
    assert chosen(select("auto", start=start)) == ["battery"]
    start, _ = sources(zones=None, board="gpu board", battery=None)
    assert chosen(select("auto", start=start)) == ["board"]


def test_several_sources_are_named_with_plus_and_share_the_root(sources):
    start, started = sources(zones="cpu package", board="gpu board")
    assert chosen(select("zones+board:gpu=0+1,root=/tree", start=start)) == ["zones", "board"]
    assert started == [("zones", {"root": "/tree"}), ("board", {"gpu": "0+1", "root": "/tree"})]
    assert root_of("zones+board:gpu=0+1,root=/tree") == "/tree"


@pytest.mark.parametrize("spec", ["zones+board", "board+zones"])
def test_one_of_several_that_has_no_sensor_is_told_and_the_others_measure(sources, spec):
    start, _ = sources(zones="cpu package", board=None)
    meter = select(spec, start=start)
    assert chosen(meter) == ["zones"]
    assert [(each.source, each.absence.code) for each in meter.refused] == [("board", "NO_BOARD")]
    start, _ = sources(zones=None, board=None)
    assert select(spec, start=start).code == ("NO_ZONES" if spec.startswith("zones") else "NO_BOARD")


def arranged(meter, device):
    """The sources that measure a task there, why the first figure is missing, and what else is."""
    found = for_device(meter, device)
    return (
        chosen(found.meter) if found.meter else [],
        found.missing and found.missing.code,
        [absence.code for absence in found.absent],
    )


@pytest.mark.parametrize(
    ("parts", "device", "expected"),
    [
        # a board that idles is no part of a task on the CPU, alone or beside the package
        ({"zones": "cpu package", "board": "gpu board"}, "cpu", (["zones"], None, [])),
        ({"zones": None, "board": "gpu board"}, "cpu", ([], "NO_ZONES", [])),
        ({"zones": None, "board": "gpu board", "battery": None}, "cpu", ([], "NO_ZONES", ["NO_BATTERY"])),
        ({"board": "gpu board"}, "cpu", ([], "PART_IDLE", [])),
        # a package drives the board that works: it stands beside its figure and never in its place
        ({"zones": "cpu package", "board": "gpu board"}, "cuda", (["board", "zones"], None, [])),
        ({"zones": None, "board": "gpu board"}, "cuda:0", (["board"], None, ["NO_ZONES"])),
        ({"zones": "cpu package", "board": None}, "cuda", (["zones"], "NO_BOARD", [])),
        ({"zones": "cpu package"}, "cuda", (["zones"], "PART_IDLE", [])),
        # what holds everything serves every device
        ({"zones": None, "board": "gpu board", "battery": "whole"}, "cpu", (["battery"], None, ["NO_ZONES"])),
        ({"zones": None, "board": "gpu board", "battery": "whole"}, "cuda", (["battery"], None, ["NO_ZONES"])),
        # another accelerator is neither the package nor NVIDIA's board
        ({"zones": "cpu package", "board": "gpu board"}, "mps", (["zones"], "PART_IDLE", [])),
    ],
)
def test_auto_takes_no_energy_of_a_part_that_does_no_work(sources, parts, device, expected):
    start, _ = sources(**parts)
    assert arranged(select("auto", start=start), device) == expected


@pytest.mark.parametrize(
    ("spec", "device", "expected"),
    [
        ("board", "cpu", ([], "PART_IDLE", [])),
        ("zones+board", "cpu", (["zones"], None, ["PART_IDLE"])),
        ("board+zones", "cuda", (["board", "zones"], None, [])),
        ("zones", "cuda", (["zones"], "PART_IDLE", [])),
    ],
)
def test_a_part_that_was_named_and_does_no_work_is_told(sources, spec, device, expected):
    start, _ = sources(zones="cpu package", board="gpu board")
    assert arranged(select(spec, start=start), device) == expected


def test_two_doors_to_one_sensor_that_are_shut_for_one_reason_are_told_once(sources):
    start, _ = sources(zones=None, perf=None, board="gpu board")

    def refusing(name, options):
        if name in ("zones", "perf"):
            raise SensorError("RAPL_PERM", f"{name} is root's", "run as root")
        return start(name, options)

    assert arranged(select("auto", start=refusing), "cuda") == (["board"], None, ["RAPL_PERM"])
    assert arranged(select("auto", start=refusing), "cpu") == ([], "RAPL_PERM", [])


def test_the_most_telling_refusal_stands_for_all(sources, monkeypatch):
    """A Mac's container whose token is wrong: that the sensor lies elsewhere is known, what the helper says is news."""
    monkeypatch.setattr(Declared, "codes_vague", frozenset({"NO_ZONES", "NO_PERF"}))
    start, _ = sources(zones=None, perf=None, battery=None)
    assert select("auto", start=start).code == "NO_BATTERY"
    monkeypatch.setattr(Declared, "codes_elsewhere", frozenset({"NO_BATTERY"}))
    assert select("auto", start=start).code == "NO_ZONES"


def test_auto_is_not_joined_to_others(sources):
    start, _ = sources(board="gpu board")
    with pytest.raises(UsageError, match="auto stands alone"):
        select("auto+board", start=start)

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from suite.errors import SensorError, UsageError
from suite.host.system import System
from suite.power.mac import refusal
from suite.power.sources.apple.common import FROZEN_S, SCOPE, Feed, Piece, Shape, scope, with_rest
from suite.power.sources.apple.source import BACK_ENDS, Apple
from suite.power.sources.apple.zeus_apple import ZeusApple
from suite.power.sources.mac_helper import MacHelper
from tests.powermetrics import as_program, recording

MAC = {"kind": "Darwin", "architecture": "arm64", "sysctl": lambda _: {}}


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


class Script:
    """A back end whose pieces are given: each moves the clock to its stamp. Then it waits until it is closed."""

    name = "script"

    def __init__(self, clock, *pieces, then_s=0.0, fails=None):
        self.clock, self.given, self.then_s, self.fails = clock, pieces, then_s, fails
        self.done, self.closed = threading.Event(), threading.Event()

    def pieces(self):
        for number, (time_s, energy_j) in enumerate(self.given):
            self.clock.now_s = max(self.clock.now_s, time_s)
            yield Piece(time_s, energy_j, number)
        self.clock.now_s += self.then_s
        self.done.set()
        if self.fails:
            raise self.fails
        self.closed.wait(10)
        raise SensorError("ENDED", "closed", "")

    def close(self):
        self.closed.set()


def fed(*pieces, **more):
    clock = Clock()
    script = Script(clock, *pieces, **more)
    feed = Feed(script, clock)
    assert script.done.wait(10)
    return feed


def steady(count, step_s=0.2, cpu_j=0.5):
    return [(100.0 + index * step_s, {"cpu": cpu_j, "gpu": 0.25}) for index in range(count)]


def linux(tmp_path, **files):
    for name, text in files.items():
        path = tmp_path / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return System(root=tmp_path, kind="Linux", architecture="aarch64")


@pytest.mark.parametrize(
    ("rails", "told"),
    [
        (("cpu", "gpu", "ane"), "CPU + GPU + Neural Engine, Apple's estimate"),
        (("cpu", "ane"), "CPU + Neural Engine (no GPU: the Mac does not tell it), Apple's estimate"),
        (("cpu",), "CPU (no GPU and no Neural Engine: the Mac does not tell it), Apple's estimate"),
        (("cpu", "ane", "rest"), "CPU + Neural Engine + the rest of Apple's sum, Apple's estimate"),
        (("chip",), "Apple's sum alone, Apple's estimate"),
    ],
)
def test_the_scope_says_what_the_rails_hold(rails, told):
    assert scope(rails) == f"{told}; not comparable between devices"
    assert scope(("cpu", "gpu", "ane")) == SCOPE


@pytest.mark.parametrize(
    ("rails_w", "whole_w", "found"),
    [
        ({"cpu": 3.0, "ane": 0.05}, 8.05, {"cpu": 3.0, "ane": 0.05, "rest": 5.0}),
        ({"cpu": 3.0, "gpu": 0.5, "ane": 0.0}, 8.5, {"cpu": 3.0, "gpu": 0.5, "ane": 0.0, "rest": 5.0}),
        ({"cpu": 3.0, "gpu": 0.5, "ane": 0.0}, 3.5004, {"cpu": 3.0, "gpu": 0.5, "ane": 0.0}),  # as printed
        ({"cpu": 3.0, "gpu": 0.5, "ane": 0.0}, 0.0, {"cpu": 3.0, "gpu": 0.5, "ane": 0.0}),
        ({"cpu": 3.0, "ane": 0.05}, None, {"cpu": 3.0, "ane": 0.05}),
        ({"cpu": 3.0}, 3.0, {"cpu": 3.0, "rest": 0.0}),
        ({"gpu": 2.0, "ane": 1.0}, 8.0, {"chip": 8.0}),
        ({"gpu": 2.0}, None, {}),
    ],
)
def test_what_the_sum_holds_beyond_the_rails_is_a_rail_of_its_own(rails_w, whole_w, found):
    assert with_rest(rails_w, whole_w) == pytest.approx(found)


def test_a_stream_keeps_the_rails_it_began_with():
    shape = Shape("powermetrics")
    assert shape.fit({"cpu": 3.0, "rest": 5.0}) == {"cpu": 3.0, "rest": 5.0}
    assert shape.fit({"cpu": 3.0}) == {"cpu": 3.0, "rest": 0.0}  # for a moment the sum was no more than its part
    with pytest.raises(SensorError, match="tells cpu, gpu, where it told cpu, rest before") as caught:
        shape.fit({"cpu": 3.0, "gpu": 0.0})
    assert caught.value.code == "MAC_FROZEN"


def test_the_first_piece_is_the_zero_and_the_others_are_summed():
    feed = fed(*steady(8))
    feed.describe()
    latest = feed.latest()
    assert latest.time_s == pytest.approx(101.4)
    assert latest.values == (3.5, 1.75)
    feed.close()


def test_a_steady_counter_needs_ten_seconds():
    feed = fed(*steady(8))
    found = feed.describe()
    assert (found.rails, found.quantity) == (("cpu", "gpu"), "counter")
    assert found.scope.startswith("CPU + GPU (no Neural Engine: the Mac does not tell it), Apple's estimate")
    assert (found.period_s, found.minimum_window_s, found.resolution) == (0.2, 10.0, 0.001)
    feed.close()


def test_a_counter_in_lumps_has_a_stamp_per_lump_and_needs_a_minute():
    polls = [(100.0 + 0.1 * index, {"cpu": 6.0 if index % 21 == 20 else 0.0, "gpu": 0.25}) for index in range(43)]
    feed = fed(*polls)
    found = feed.describe()
    assert (found.period_s, found.minimum_window_s) == (2.3, 60.0)
    latest = feed.latest()
    assert latest.time_s == pytest.approx(104.1)
    assert latest.values == (12.0, 41 * 0.25)
    feed.close()


def test_every_sum_is_handed_over_once_however_many_arrived():
    feed = fed(*steady(8))
    feed.describe()
    assert [sample.values[0] for sample in feed.new()] == [0.5 * count for count in range(1, 8)]
    assert [sample.values[0] for sample in feed.new()] == [3.5]
    feed.close()


def test_a_counter_that_stands_still_is_frozen():
    feed = fed(*steady(8), *[(101.6 + 0.2 * index, {"cpu": 0.0, "gpu": 0.25}) for index in range(24)])
    with pytest.raises(SensorError, match="counted no energy of the cpu for 4 s") as caught:
        feed.latest()
    assert caught.value.code == "MAC_FROZEN"
    feed.close()


def test_silence_is_a_frozen_sensor():
    feed = fed(*steady(8), then_s=FROZEN_S + 0.1)
    with pytest.raises(SensorError, match="showed nothing new for 4 s"):
        feed.latest()
    feed.close()


def test_a_sensor_without_a_first_value_is_frozen():
    feed = fed(then_s=FROZEN_S + 0.1)
    with pytest.raises(SensorError, match="showed nothing new"):
        feed.describe()
    feed.close()


def test_a_rail_that_disappears_is_no_zero():
    feed = Feed(Script(Clock(), *steady(8), (101.6, {"cpu": 0.5})), Clock())
    feed._thread.join(10)
    with pytest.raises(SensorError, match="no longer shows gpu"):
        feed.latest()
    feed.close()


def test_what_ends_the_back_end_is_told_by_the_next_reading():
    feed = fed(*steady(8), fails=SensorError("MAC_SUDO", "needs root", "type sudo -v"))
    feed._thread.join(10)
    with pytest.raises(SensorError, match="needs root"):
        feed.latest()
    feed.close()


def test_zeus_counts_millijoules_of_what_the_chip_has():
    clock = Clock()
    counted = iter([(1000, 10), (1000, 10), (1500, 30), (1600, 31)])

    class Monitor:
        def get_cumulative_energy(self):
            cpu_mj, gpu_mj = next(counted)
            clock.now_s += 0.125
            return SimpleNamespace(cpu_total_mj=cpu_mj, gpu_mj=gpu_mj, ane_mj=None, dram_mj=7)

    back_end = ZeusApple(clock, lambda _: SimpleNamespace(AppleEnergyMonitor=Monitor))
    found = back_end.pieces()
    next(found)
    assert next(found).energy_j == pytest.approx({"cpu": 0.5, "gpu": 0.02})
    assert next(found).energy_j == pytest.approx({"cpu": 0.1, "gpu": 0.001})
    back_end.close()


@pytest.mark.parametrize(
    ("fault", "code"), [(ImportError("no"), "MAC_TOOL_ABSENT"), (RuntimeError("no subscription"), "MAC_FROZEN")]
)
def test_zeus_says_what_is_missing(fault, code):
    def module(_):
        raise fault

    with pytest.raises(SensorError) as caught:
        next(ZeusApple(module=module).pieces())
    assert caught.value.code == code


def test_zeus_without_a_cpu_counter_is_no_zero():
    metrics = SimpleNamespace(cpu_total_mj=None, gpu_mj=1, ane_mj=1)
    monitor = SimpleNamespace(get_cumulative_energy=lambda: metrics)
    module = SimpleNamespace(AppleEnergyMonitor=lambda: monitor)
    with pytest.raises(SensorError, match="shows no energy of the CPU"):
        next(ZeusApple(module=lambda _: module).pieces())


def test_an_intel_mac_is_refused_and_a_python_for_intel_on_an_apple_chip_is_not():
    assert refusal(System(**MAC | {"architecture": "x86_64"})).code == "MAC_X86"
    rosetta = MAC | {"architecture": "x86_64", "sysctl": lambda _: {"hw.optional.arm64": "1"}}
    assert refusal(System(**rosetta)) is None
    assert refusal(System(**MAC)) is None


def test_a_container_on_a_mac_is_told_to_start_the_helper(tmp_path):
    found = refusal(linux(tmp_path, proc__cpuinfo="processor\t: 0\nCPU implementer\t: 0x61\n"))
    assert found.code == "MAC_CONTAINER"
    assert "suite power serve" in found.remedy


def test_a_container_for_intel_on_a_mac_is_recognised(tmp_path):
    assert refusal(linux(tmp_path, proc__cpuinfo="vendor_id\t: VirtualApple\n")).code == "MAC_CONTAINER"


def test_linux_as_the_first_system_of_a_mac_and_other_machines_are_no_macs_container(tmp_path):
    files = {"proc__cpuinfo": "CPU implementer\t: 0x61\n", "proc__device-tree__compatible": "apple,j313\0apple,t8103"}
    assert refusal(linux(tmp_path / "asahi", **files)).code == "NOT_A_MAC"
    assert refusal(linux(tmp_path / "pi", proc__cpuinfo="CPU implementer\t: 0x41\n")).code == "NOT_A_MAC"


def test_the_helpers_source_names_the_container_where_no_token_was_given(tmp_path):
    linux(tmp_path / "mac", proc__cpuinfo="CPU implementer\t: 0x61\n")
    assert MacHelper({}).available({"root": str(tmp_path / "mac")}).code == "MAC_CONTAINER"
    assert MacHelper({}).available({"root": str(tmp_path)}).code == "NO_HELPER"
    assert MacHelper({"SUITE_POWER_TOKEN": "abc"}).available({}) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "asitop"}, "backend must be one of zeus, powermetrics, macmon"),
        ({"program": "/bin/x"}, "program needs backend=powermetrics or backend=macmon"),
        ({"program": "/bin/x", "backend": "zeus"}, "program needs backend"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        Apple().check(options)


def test_the_way_to_read_a_mac_is_the_first_that_works(monkeypatch):
    made = []

    def way(name, *pieces, fails=None):
        def make(_):
            made.append(name)
            clock = Clock()
            return Script(clock, *pieces, fails=fails)

        return make

    absent = SensorError("MAC_TOOL_ABSENT", "zeus is not installed", "pip install it")
    sudo = SensorError("MAC_SUDO", "powermetrics needs root", "sudo -v")
    ways = {"zeus": way("zeus", fails=absent), "powermetrics": way("powermetrics", fails=sudo)}
    monkeypatch.setattr("suite.power.sources.apple.source.BACK_ENDS", ways)
    with pytest.raises(SensorError, match="zeus is not installed; powermetrics needs root") as caught:
        Apple().open({})
    assert (made, caught.value.code, caught.value.remedy) == (["zeus", "powermetrics"], "MAC_SUDO", "sudo -v")


def test_a_program_named_by_hand_is_read_on_any_machine(tmp_path):
    recorded = recording([0.2, 0.21, 0.19] * 3, lambda at_s: 4.0 + at_s / 10)
    program = as_program(tmp_path, recorded)
    source = Apple()
    options = {"backend": "powermetrics", "program": str(program)}
    source.check(options)
    assert source.available(options) is None
    found = source.open(options)
    try:
        assert (found.rails, found.quantity) == (("cpu", "gpu", "ane"), "counter")
        sample = source.read()
        assert sample.values[0] > 0
        assert sample.values[1] == pytest.approx(0.5 * sample.values[0] / 4.0, rel=0.1)
    finally:
        source.close()


def test_every_back_end_can_be_made_on_any_machine():
    for make in BACK_ENDS.values():
        make(None).close()

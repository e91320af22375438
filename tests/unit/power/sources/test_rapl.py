from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from suite.errors import SensorError, UsageError
from suite.power.counters import GrowingCounter
from suite.power.sources.rapl import Rapl
from tests.fakes import FakeClock
from tests.simulator import Board, constant

PACKAGE = "sys/devices/virtual/powercap/intel-rapl/intel-rapl:0"


class Machine:
    """A board that follows a power as its clock runs, also while the source waits."""

    def __init__(self, root, kind, power_w=50.0, **given):
        self.clock = FakeClock()
        self.board = Board(root, kind, clock=self.clock, **given)
        self.board.follow(constant(power_w))
        self.options = {"root": str(root)}
        self.source = Rapl(clock=self.clock, sleep=self.sleep)

    def sleep(self, duration_s):
        self.clock.sleep(duration_s)
        self.board.update(self.clock())

    def readings(self, count, period_s=0.1):
        for _ in range(count):
            yield self.source.read()
            self.sleep(period_s)


@pytest.mark.parametrize("kind", ["intel", "amd"])
def test_the_package_alone_is_counted_not_its_parts_nor_psys(tmp_path, kind):
    machine = Machine(tmp_path, kind)
    assert machine.source.available(machine.options) is None
    described = machine.source.open(machine.options)
    assert described.rails == ("package-0",)
    assert described.scope == "CPU package only"
    assert described.part == "cpu package"
    assert described.quantity == "counter"
    samples = list(machine.readings(11))
    assert samples[0].values == (0.0,)
    assert samples[-1].values == pytest.approx((50.0,), abs=2e-4)  # 50 W for 1 s


def test_packages_of_several_sockets_are_rails_of_one_total(tmp_path):
    machine = Machine(tmp_path, "two-sockets", 200.0)
    described = machine.source.open(machine.options)
    assert described.rails == ("package-0", "package-1")
    assert described.scope == "2 CPU packages only"
    *_, last = machine.readings(11)
    assert last.values == pytest.approx((150.0, 50.0), abs=2e-4)


def test_psys_is_taken_alone_and_by_name(tmp_path):
    machine = Machine(tmp_path, "intel")
    described = machine.source.open(machine.options | {"zone": "psys"})
    assert described.rails == ("psys",)
    assert described.part == "whole"
    *_, last = machine.readings(11)
    assert last.values == pytest.approx((85.0,), abs=2e-4)


def test_a_zone_that_does_not_exist_is_wrong_use():
    with pytest.raises(UsageError, match="zone must be package or psys, got 'core'"):
        Rapl().check({"zone": "core"})


def test_a_machine_without_psys_says_so(tmp_path):
    machine = Machine(tmp_path, "amd")
    refused = machine.source.available(machine.options | {"zone": "psys"})
    assert refused.code == "NO_RAPL"
    assert "no RAPL psys counter" in refused.reason


def test_one_turn_of_the_counter_gives_the_right_joules(tmp_path):
    machine = Machine(tmp_path, "intel", range_uj=1_000_000_000, start_uj=990_000_000)
    machine.source.open(machine.options)
    values = [sample.values[0] for sample in machine.readings(11)]
    assert int((machine.board.root / PACKAGE / "energy_uj").read_text()) < 990_000_000
    assert values[-1] == pytest.approx(50.0, abs=2e-4)
    assert values == sorted(values)


def test_a_counter_that_may_have_turned_twice_is_refused(tmp_path):
    machine = Machine(tmp_path, "intel", 1400.0, range_uj=1_000_000_000)
    machine.source.open(machine.options)
    machine.source.read()
    machine.sleep(1.6)  # 2240 J: two turns and a quarter
    with pytest.raises(SensorError, match=r"every 1000 J and was not read for 1.6 s") as caught:
        machine.source.read()
    assert caught.value.code == "GAP"


def test_a_counter_that_started_anew_is_no_turn(tmp_path):
    machine = Machine(tmp_path, "intel")
    machine.source.open(machine.options)
    machine.source.read()
    machine.sleep(0.1)
    machine.board.put(f"{PACKAGE}/energy_uj", "0\n")
    with pytest.raises(SensorError, match=r"jumped from 123.457 J to 0 J") as caught:
        machine.source.read()
    assert caught.value.code == "COUNTER_RESET"


def test_a_counter_without_a_range_must_not_go_back():
    counter = GrowingCounter("package-0", None)
    assert [counter.advance(0.0, 5.0), counter.advance(0.1, 6.0)] == [0.0, 1.0]
    with pytest.raises(SensorError, match=r"jumped from 6 J to 5.5 J"):
        counter.advance(0.2, 5.5)


def test_a_counter_that_freezes_mid_run_is_refused(tmp_path):
    machine = Machine(tmp_path, "intel")
    machine.source.open(machine.options)
    list(machine.readings(5))
    machine.board.freeze()
    with pytest.raises(SensorError, match="package-0 stood still for") as caught:
        list(machine.readings(30))
    assert caught.value.code == "COUNTER_FROZEN"
    assert machine.clock() == pytest.approx(1002.4, abs=0.11)


def test_a_counter_that_never_moves_is_refused_before_it_is_chosen(tmp_path):
    machine = Machine(tmp_path, "intel")
    machine.board.freeze()
    assert machine.source.available(machine.options).code == "COUNTER_FROZEN"


def test_a_virtual_machines_dead_counter_is_none(tmp_path):
    machine = Machine(tmp_path, "intel")
    machine.board.freeze()
    machine.board.put("proc/cpuinfo", "flags\t\t: fpu hypervisor\n")
    refused = machine.source.available(machine.options)
    assert refused.code == "RAPL_VM"
    assert "package-0 never changes" in refused.reason


def test_a_virtual_machine_without_counters_says_so(tmp_path):
    machine = Machine(tmp_path, "virtual-machine")
    assert machine.source.available(machine.options).code == "RAPL_VM"
    with pytest.raises(SensorError, match="virtual machine"):
        machine.source.open(machine.options)


def test_other_machines_have_no_rapl(tmp_path):
    machine = Machine(tmp_path, "orin-nano")
    refused = machine.source.available(machine.options)
    assert refused.code == "NO_RAPL"
    assert "/sys/class/powercap and /host/powercap" in refused.reason


def mask(machine):
    """What a container sees: an empty folder over the real one, and links that lead nowhere."""
    machine.board.put(".dockerenv", "")
    shutil.rmtree(machine.board.root / "sys/devices/virtual/powercap")
    (machine.board.root / "sys/devices/virtual/powercap").mkdir()


def test_a_masked_counter_in_a_container_comes_with_the_way_round(tmp_path):
    machine = Machine(tmp_path, "intel")
    mask(machine)
    refused = machine.source.available(machine.options)
    assert refused.code == "RAPL_MASKED"
    assert "-v /sys/class/powercap/intel-rapl:/host/powercap/intel-rapl:ro" in refused.remedy


@pytest.mark.parametrize(
    ("place", "options"),
    [("host/powercap/intel-rapl", {}), ("host/powercap", {}), ("mnt/rapl", {"path": "/mnt/rapl"})],
)
def test_a_counter_bound_under_another_path_is_found(tmp_path, place, options):
    machine = Machine(tmp_path, "intel")
    real = machine.board.root / "sys/devices/virtual/powercap/intel-rapl"
    shutil.copytree(real, machine.board.root / place)
    mask(machine)
    described = machine.source.open(machine.options | options)
    assert described.rails == ("package-0",)
    assert machine.source.read().values == (0.0,)


def refusing(machine, refuses):
    def read(path):
        if refuses and path.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return Path.read_bytes(path)

    return Rapl(clock=machine.clock, sleep=machine.sleep, read=read)


def test_a_counter_that_only_root_may_read_is_refused_with_the_remedy(tmp_path):
    machine = Machine(tmp_path, "intel")
    refused = refusing(machine, [True]).available(machine.options)
    assert refused.code == "RAPL_PERM"
    assert "CVE-2020-8694" in refused.reason
    assert "sudo chmod a+r" in refused.remedy


def test_a_permission_that_is_taken_away_mid_run_is_refused(tmp_path):
    machine, refuses = Machine(tmp_path, "intel"), []
    source = refusing(machine, refuses)
    source.open(machine.options)
    source.read()
    refuses.append(True)
    with pytest.raises(SensorError) as caught:
        source.read()
    assert caught.value.code == "RAPL_PERM"


def test_a_zone_that_vanishes_mid_run_is_lost(tmp_path):
    machine = Machine(tmp_path, "intel")
    machine.source.open(machine.options)
    machine.source.read()
    machine.board.remove(f"{PACKAGE}/energy_uj")
    with pytest.raises(SensorError, match="No such file") as caught:
        machine.source.read()
    assert caught.value.code == "SENSOR_LOST"


@pytest.mark.parametrize(
    ("text", "code", "reason", "remedy"),
    [
        (None, "RAPL_RANGE", "No such file", "bind the whole folder"),
        ("", "RAPL_RANGE", "no integer", "bind the whole folder"),
        ("0", "RAPL_RANGE", "holds 0", "--power perf"),
        ("-1", "RAPL_RANGE", "holds -1", "--power perf"),
        (PermissionError(13, "Permission denied"), "RAPL_PERM", "was refused", "chmod a+r"),
        (OSError(5, "Input/output error"), "RAPL_RANGE", "Input/output error", "--power perf"),
    ],
)
def test_without_the_range_the_remedy_fits_why_it_is_missing(tmp_path, text, code, reason, remedy):
    machine = Machine(tmp_path, "intel")
    if text is None:
        machine.board.remove(f"{PACKAGE}/max_energy_range_uj")
    elif isinstance(text, str):
        machine.board.put(f"{PACKAGE}/max_energy_range_uj", text)

    def read(path):
        if path.name == "max_energy_range_uj" and isinstance(text, OSError):
            raise text
        return path.read_bytes()

    refused = Rapl(clock=machine.clock, read=read, sleep=machine.sleep).available(machine.options)
    assert refused.code == code
    assert "where the energy counter starts again from zero" in refused.reason
    assert reason in refused.reason
    assert remedy in refused.remedy
    assert "dmesg" not in refused.remedy


def test_a_zone_without_a_readable_name_may_be_a_package_and_is_not_left_out(tmp_path):
    machine = Machine(tmp_path, "two-sockets")
    machine.board.put("sys/devices/virtual/powercap/intel-rapl/intel-rapl:1/name", "")
    refused = machine.source.available(machine.options)
    assert refused.code == "RAPL_PERM"
    assert "no name that can be read" in refused.reason

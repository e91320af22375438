from __future__ import annotations

import errno
import os

import pytest

from suite.errors import SensorError
from suite.power.sources.perf import KernelEvent, Perf
from tests.fakes import FakeClock
from tests.simulator import PMU, Board, FileEvent, constant


class Machine:
    def __init__(self, root, kind="intel", power_w=50.0, fails=None):
        self.clock = FakeClock()
        self.board = Board(root, kind, clock=self.clock)
        self.board.follow(constant(power_w))
        self.options = {"root": str(root)}
        self.fails = fails
        self.opened = []
        self.source = Perf(clock=self.clock, opener=self.open)

    def open(self, pmu_type, event, cpu):
        if self.fails is not None:
            raise OSError(self.fails, os.strerror(self.fails))
        self.opened.append((pmu_type, event, cpu))
        return FileEvent(self.board.root, cpu)

    def sleep(self, duration_s):
        self.clock.sleep(duration_s)
        self.board.update(self.clock())


def test_counts_become_joules_by_the_events_scale(tmp_path):
    machine = Machine(tmp_path)
    assert machine.source.available(machine.options) is None
    described = machine.source.open(machine.options)
    assert (described.rails, described.scope) == (("package-0",), "CPU package only")
    assert (described.quantity, described.part) == ("counter", "cpu package")
    assert described.resolution == 2.0**-32
    machine.source.read()
    machine.sleep(1.0)
    assert machine.source.read().values == pytest.approx((50.0,))
    assert set(machine.opened) == {(23, 2, 0)}


def test_there_is_one_event_per_package_on_the_cpu_that_the_kernel_names(tmp_path):
    machine = Machine(tmp_path, "two-sockets")
    assert machine.source.open(machine.options).scope == "2 CPU packages only"
    assert machine.opened == [(23, 2, 0), (23, 2, 18)]
    machine.source.read()
    machine.sleep(1.0)
    assert machine.source.read().values == pytest.approx((37.5, 12.5))


def test_a_range_of_cpus_is_read(tmp_path):
    machine = Machine(tmp_path, "two-sockets")
    machine.board.put(f"{PMU}/cpumask", "0-1\n")
    machine.board.put("perf/1", "0\n")
    machine.source.open(machine.options)
    assert [cpu for _, _, cpu in machine.opened] == [0, 1]


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM])
def test_a_refusal_names_the_setting_behind_it(tmp_path, code):
    machine = Machine(tmp_path, fails=code)
    machine.board.put("proc/sys/kernel/perf_event_paranoid", "4\n")
    refused = machine.source.available(machine.options)
    assert refused.code == "RAPL_PERM"
    assert "perf_event_paranoid is 4" in refused.reason
    assert "kernel.perf_event_paranoid=0" in refused.remedy
    assert "--cap-add PERFMON" in refused.remedy


def test_a_virtual_machine_has_no_such_event(tmp_path):
    machine = Machine(tmp_path, "virtual-machine")
    assert machine.source.available(machine.options).code == "RAPL_VM"


def test_other_machines_have_no_such_event(tmp_path):
    machine = Machine(tmp_path, "orin-nano")
    refused = machine.source.available(machine.options)
    assert refused.code == "NO_RAPL"
    assert "the kernel has no event energy-pkg" in refused.reason


def test_an_event_without_a_scale_is_not_guessed(tmp_path):
    machine = Machine(tmp_path)
    machine.board.remove(f"{PMU}/events/energy-pkg.scale")
    assert machine.source.available(machine.options).code == "NO_RAPL"


def test_an_event_that_can_not_be_opened_says_why(tmp_path):
    refused = Machine(tmp_path, fails=errno.ENOENT).source.available({"root": str(tmp_path)})
    assert refused.code == "NO_RAPL"
    assert "No such file or directory" in refused.reason


def test_an_event_that_ends_mid_run_is_lost(tmp_path):
    machine = Machine(tmp_path)
    machine.source.open(machine.options)
    machine.source.read()
    machine.board.remove("perf/0")
    with pytest.raises(SensorError, match="no longer gives the event") as caught:
        machine.source.read()
    assert caught.value.code == "SENSOR_LOST"


def test_a_counter_that_freezes_is_refused(tmp_path):
    machine = Machine(tmp_path)
    machine.source.open(machine.options)
    machine.board.freeze()
    machine.source.read()
    machine.sleep(2.5)
    with pytest.raises(SensorError, match="stood still") as caught:
        machine.source.read()
    assert caught.value.code == "COUNTER_FROZEN"


def test_the_kernel_understands_the_call():
    """A software event where the kernel lets us, else its refusal; never a complaint about the call's arguments."""
    try:
        event = KernelEvent(1, 0, 0)  # PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EACCES, errno.ENOSYS):
            raise
        return
    first = event.read()
    assert event.read() >= first
    event.close()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("type", "power"),
        ("events/energy-pkg.scale", "much"),
        ("events/energy-pkg.scale", "nan"),
        ("events/energy-pkg.scale", "0"),
        ("events/energy-pkg.scale", "-1e-10"),
        ("events/energy-pkg.scale", "1e300"),
        ("cpumask", "0-"),
        ("cpumask", "all"),
        ("cpumask", "0," * 3000),
    ],
)
def test_an_event_that_is_not_understood_is_none(tmp_path, path, text):
    board = Board(tmp_path, "intel", clock=FakeClock())
    board.put(f"{PMU}/{path}", text)
    refused = Perf(clock=FakeClock(), opener=lambda *_: None).available({"root": str(tmp_path)})
    assert refused.code == "NO_RAPL"
    assert "is not understood" in refused.reason
    assert len(refused.reason) < 300

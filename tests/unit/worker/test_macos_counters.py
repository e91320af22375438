"""A Mac's counters, from a libSystem that the tests make."""

import ctypes
import os

import pytest

from suite.worker import interference
from suite.worker.interference import Counters, between
from suite.worker.macos_counters import MacMachine, _Usage

CONTROLLER, OWN, SAMPLER, ROOTS = 50, 60, 70, 71
REFUSED = 1


class System:
    """ticks: user, system, idle, nice of the host. times: (user, system) of processes, in units of the Mach clock."""

    def __init__(self, ticks=(100, 50, 9000, 10), times=None, base=(125, 3), children=(OWN, SAMPLER, ROOTS)):
        self.ticks, self.base, self.children = ticks, base, children
        self.times = {CONTROLLER: (2400000, 0), SAMPLER: (1200000, 1200000)} if times is None else times
        self.host_status = 0

    def mach_host_self(self):
        return 42

    def mach_timebase_info(self, base):
        base._obj.numerator, base._obj.denominator = self.base
        return 0

    def host_statistics(self, host, flavour, found, count):
        assert (host, flavour, count._obj.value) == (42, 3, 4)  # HOST_CPU_LOAD_INFO, of so many words
        for place, ticks in enumerate(self.ticks):
            found[place] = ticks
        return self.host_status

    def proc_pid_rusage(self, process_id, flavour, usage):
        assert flavour == 0
        if process_id not in self.times:
            return -1  # another user's, or gone
        usage._obj.user_time, usage._obj.system_time = self.times[process_id]
        return 0

    def proc_listchildpids(self, process_id, found, size):
        assert (process_id, size) == (CONTROLLER, 4 * 256)
        for place, child in enumerate(self.children):
            found[place] = child
        return len(self.children)


def machine(system):
    return MacMachine(system, CONTROLLER, OWN, lambda: 1.5)


def test_ticks_and_the_mach_clock_become_seconds():
    """A tick is 10 ms; a unit of an Apple chip's clock is 125/3 ns."""
    found = machine(System()).read()
    assert found["busy_s"] == pytest.approx(1.6)
    assert found["ours_s"] == pytest.approx(0.2)
    ended = os.times()
    assert found["own_s"] == pytest.approx(1.5 + ended.children_user + ended.children_system)
    assert sorted(found) == ["busy_s", "fault_count", "ours_s", "own_s", "switch_count"]


def test_what_others_took_on_a_mac_is_exact():
    system = System()
    mac = machine(system)
    before = Counters(time_s=0.0, **mac.read())
    system.ticks = (180, 60, 9000, 20)  # 100 more
    system.times = {CONTROLLER: (2400000, 0), SAMPLER: (1200000, 3600000)}  # 0.1 s more
    found = between(before, Counters(time_s=1.0, **mac.read()), 2)
    assert found["foreign_s"] == pytest.approx(0.9)
    assert found["ours_s"] == pytest.approx(0.1)
    assert [found[name] for name in ("stolen_s", "stalled_s", "clock_hz", "throttle_count")] == [None] * 4


def test_counters_that_wrap_are_unknown_for_that_block():
    system = System(ticks=(2**32 - 10, 50, 9000, 10))
    mac = machine(system)
    before = Counters(time_s=0.0, **mac.read())
    system.ticks = (90, 50, 9000, 10)
    assert between(before, Counters(time_s=1.0, **mac.read()), 2)["foreign_s"] is None


def test_a_host_that_refuses_is_none():
    system = System()
    system.host_status = REFUSED
    assert machine(system).read()["busy_s"] is None


@pytest.mark.parametrize("system", [System(times={}), System(base=(0, 0))])
def test_a_controller_that_cannot_be_read_is_none(system):
    assert machine(system).read()["ours_s"] is None


def test_the_structure_holds_all_that_the_system_writes():
    """struct rusage_info_v0: an identifier of 16 bytes and ten numbers of 8."""
    assert ctypes.sizeof(_Usage) == 16 + 10 * 8


def test_a_mac_without_the_library_tells_nothing(monkeypatch):
    def absent():
        raise OSError("no such library")

    monkeypatch.setattr(interference.macos_counters, "library", absent)
    assert interference.machine("darwin").read() == {}

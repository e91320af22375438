"""Counters of a Linux machine on made-up trees: exact values, and None for whatever isn't there or can't be read."""

import os
from pathlib import Path

import pytest

from suite.worker.interference import Counters, between
from suite.worker.linux_counters import LinuxMachine

STAT = "cpu  1000 20 300 5000 40 5 7 11 600 0\ncpu0 1000 20 300 5000 40 5 7 11 600 0\nintr 12345\n"
DESCRIPTORS = Path("/proc/self/fd")
CONTROLLER, WORKER, SAMPLER, GRANDCHILD = 50, 60, 70, 80


class Tree:
    """A root with a machine of two packages of two cores each, a controller, this worker and a sampler."""

    def __init__(self, root):
        self.root = root
        self.write("proc/stat", STAT)
        self.write("proc/pressure/cpu", "some avg10=1.00 avg60=0.00 avg300=0.00 total=2500000\nfull avg10=0 total=7\n")
        self.process(CONTROLLER, (100, 20, 30, 0), children={CONTROLLER: [WORKER], 51: [SAMPLER]})
        self.process(WORKER, (9999, 9999, 9999, 9999))
        self.process(SAMPLER, (10, 5, 0, 0), name="a) R (b", children={SAMPLER: [GRANDCHILD]})
        self.process(GRANDCHILD, (3, 2, 0, 0))
        for cpu in range(4):
            folder = f"sys/devices/system/cpu/cpu{cpu}"
            self.write(folder + "/topology/physical_package_id", f"{cpu // 2}\n")
            self.write(folder + "/cpufreq/scaling_cur_freq", f"{1000000 + cpu}\n")
            self.write(folder + "/thermal_throttle/core_throttle_count", f"{cpu}\n")
            self.write(folder + "/thermal_throttle/package_throttle_count", f"{100 * (cpu // 2)}\n")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def process(self, process_id, ticks, name="python", children=None):
        fields = " ".join(str(each) for each in ticks)
        text = f"{process_id} ({name}) S 1 1 1 0 -1 0 0 0 0 0 {fields} 20 0 1 0 5 0 0\n"
        self.write(f"proc/{process_id}/stat", text)
        for thread, found in (children or {process_id: []}).items():
            words = "".join(f"{child} " for child in found)
            self.write(f"proc/{process_id}/task/{thread}/children", words)

    def machine(self, cpus=range(4), controller_id=CONTROLLER):
        return LinuxMachine(
            str(self.root), controller_id, own_id=WORKER, cpus=cpus, tick_s=0.01, process_time=lambda: 1.5
        )


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_every_counter_is_read_in_si_units(tree):
    found = tree.machine().read()
    assert found["busy_s"] == pytest.approx(13.32)  # user, nice, system, irq, softirq: 1000 + 20 + 300 + 5 + 7
    assert found["stolen_s"] == pytest.approx(0.11)
    assert found["ours_s"] == pytest.approx(1.7)  # the controller's 150, the sampler's 15 and its child's 5
    assert found["stalled_s"] == pytest.approx(2.5)
    assert found["clock_hz"] == 1000003e3  # the fastest
    assert found["throttle_count"] == 0 + 1 + 2 + 3 + 0 + 100  # each core, and each package once
    ended = os.times()
    assert found["own_s"] == pytest.approx(1.5 + ended.children_user + ended.children_system)


def test_a_child_of_the_model_s_is_the_worker_s_own(tree):
    without_s = tree.machine().read()["own_s"]
    tree.process(WORKER, (0, 0, 0, 0), children={WORKER: [90]})
    tree.process(90, (40, 10, 0, 0))
    assert tree.machine().read()["own_s"] - without_s == pytest.approx(0.5)


def test_a_child_that_ended_is_its_parent_s(tree):
    machine = tree.machine()
    before = machine.read()["ours_s"]
    tree.process(CONTROLLER, (100, 20, 50, 5), children={CONTROLLER: [WORKER], 51: []})  # the sampler's 20 and 5 more
    assert machine.read()["ours_s"] - before == pytest.approx(0.05)


def test_clocks_that_cores_share_are_read_once_and_of_eight_at_most(tree):
    for cpu in range(4, 20):
        folder = tree.root / f"sys/devices/system/cpu/cpu{cpu}"
        folder.mkdir()
        (folder / "cpufreq").symlink_to("../cpu0/cpufreq")
    assert len(tree.machine(range(20))._clocks) == 4
    for cpu in range(20, 40):
        tree.write(f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq", "1\n")
    assert len(tree.machine(range(40))._clocks) == 8


def test_only_the_cores_that_the_process_may_use_are_read(tree):
    assert tree.machine([1]).read()["clock_hz"] == 1000001e3
    assert tree.machine([1]).read()["throttle_count"] == 1


def test_a_machine_that_tells_nothing_gives_none_and_never_zero(tmp_path):
    machine = LinuxMachine(str(tmp_path), 50, own_id=60, cpus=[0], tick_s=0.01, process_time=lambda: 1.5)
    found = machine.read()
    unknown = ["busy_s", "stolen_s", "ours_s", "stalled_s", "clock_hz", "throttle_count"]
    assert [found[name] for name in unknown] == [None] * 6


@pytest.mark.parametrize("text", ["", "cpu", "cpu 1 2 3 x 5 6 7 8\n", "cpu0 1 2 3 4 5 6 7 8\n", "\x00\xff"])
def test_a_first_line_that_is_none_gives_none(tree, text):
    tree.write("proc/stat", text)
    found = tree.machine().read()
    assert (found["busy_s"], found["stolen_s"]) == (None, None)


def test_an_old_kernel_without_steal_has_none(tree):
    tree.write("proc/stat", "cpu  1000 20 300 5000 40 5 7\n")
    found = tree.machine().read()
    assert (found["busy_s"], found["stolen_s"]) == (pytest.approx(13.32), None)


@pytest.mark.parametrize("text", ["", "some avg10=0 total=x\n", "full avg10=0 total=5\n", "some avg10=0\n"])
def test_pressure_that_is_none_gives_none(tree, text):
    tree.write("proc/pressure/cpu", text)
    assert tree.machine().read()["stalled_s"] is None


@pytest.mark.parametrize("text", ["", "x\n"])
def test_one_throttle_counter_that_vanishes_makes_the_sum_unknown(tree, text):
    machine = tree.machine()
    tree.write("sys/devices/system/cpu/cpu3/thermal_throttle/core_throttle_count", text)
    assert machine.read()["throttle_count"] is None


def test_a_controller_that_cannot_be_seen_is_none(tree):
    assert tree.machine(controller_id=0).read()["ours_s"] is None


@pytest.mark.parametrize("text", ["", "50 (python", "50 (python) S 1 1\n", "50 (a) S" + " x" * 20])
def test_a_controller_s_line_that_is_none_gives_none(tree, text):
    tree.write("proc/50/stat", text)
    assert tree.machine().read()["ours_s"] is None


def test_a_sibling_that_is_gone_leaves_the_others(tree):
    (tree.root / "proc/70/stat").unlink()
    assert tree.machine().read()["ours_s"] == pytest.approx(1.5)


def test_children_that_are_gone_are_forgotten(tree):
    machine = tree.machine()
    machine.read()
    assert sorted(machine._families) == [SAMPLER, GRANDCHILD]
    tree.process(CONTROLLER, (100, 20, 50, 5), children={CONTROLLER: [WORKER], 51: []})
    machine.read()
    assert machine._families == {}


@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="this system doesn't list open files")
def test_files_stay_open_between_readings(tree):
    machine = tree.machine()
    machine.read()
    before_count = len(list(DESCRIPTORS.iterdir()))
    for _ in range(5):
        machine.read()
    assert len(list(DESCRIPTORS.iterdir())) == before_count


def test_what_others_took_is_all_that_was_busy_less_ours_exactly(tree):
    """Of 2 s on the machine's cores the worker had none more, the sampler 0.3 s: others took 1.7 s."""
    machine = tree.machine()
    before = Counters(time_s=0.0, **machine.read())
    tree.write("proc/stat", STAT.replace("cpu  1000", "cpu  1200").replace("11 600", "16 700"))
    tree.process(SAMPLER, (30, 15, 0, 0), children={SAMPLER: [GRANDCHILD]})
    found = between(before, Counters(time_s=1.0, **machine.read()))
    assert found["foreign_s"] == pytest.approx(1.7)
    assert (found["ours_s"], found["stolen_s"]) == (pytest.approx(0.3), pytest.approx(0.05))

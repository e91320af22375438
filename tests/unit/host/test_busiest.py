"""Who takes the most processor time: on made-up trees and what ps prints. Nobody is named who may not be the one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from suite.host.busiest import MAX_NAME, UNNAMED, Busiest, Busy
from suite.host.system import System

OWN = 100
TICKS = os.sysconf("SC_CLK_TCK")


class Machine:
    """A /proc whose clock stands until it is moved. Times are in s."""

    def __init__(self, root: Path) -> None:
        self.root, self.now_s = root, 1000.0
        self.total_s(50.0)
        self.process(1, 0, 5.0, "init")
        self.process(OWN, 1, 10.0, "suite")

    def process(self, process_id: int, parent_id: int, taken_s: float, name: str = "python") -> None:
        path = self.root / f"proc/{process_id}/stat"
        path.parent.mkdir(parents=True, exist_ok=True)
        ticks = round(taken_s * TICKS)
        path.write_text(f"{process_id} ({name}) R {parent_id} 1 1 0 -1 0 0 0 0 0 {ticks - 1} 1 7 7 20 0 1 0 5\n")

    def total_s(self, taken_s: float) -> None:
        """Beside it 9 s of interrupts, which are no process's."""
        (self.root / "proc").mkdir(exist_ok=True)
        (self.root / "proc/stat").write_text(f"cpu  {round(taken_s * TICKS) - 2} 1 1 5000 0 {9 * TICKS} 0 0 0 0\n")

    def look(self, left_out: tuple[int, ...] = ()) -> Busiest:
        busiest = Busiest(System(root=self.root, kind="Linux"), OWN, lambda: self.now_s, left_out=left_out)
        busiest.look()
        self.now_s += 2.0
        return busiest


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_one_that_took_the_most_since_the_look_is_named(machine: Machine) -> None:
    machine.process(7, 1, 40.0, "old and large")
    machine.process(8, 1, 2.0, "browser")
    busiest = machine.look()
    machine.process(7, 1, 40.2, "old and large")
    machine.process(8, 1, 3.0, "browser")
    machine.total_s(51.2)
    assert busiest.since() == Busy(name="browser", process_id=8, share=pytest.approx(0.5))


def test_this_process_and_all_that_it_started_are_nobodys_disturbance(machine: Machine) -> None:
    for process_id, parent_id in ((101, OWN), (102, 101), (8, 1)):
        machine.process(process_id, parent_id, 1.0, f"number {process_id}")
    busiest = machine.look()
    for process_id, parent_id, taken_s in ((OWN, 1, 11.0), (101, OWN, 2.0), (102, 101, 2.0), (8, 1, 1.5)):
        machine.process(process_id, parent_id, taken_s, f"number {process_id}")
    machine.total_s(53.5)
    assert busiest.since() == Busy(name="number 8", process_id=8, share=pytest.approx(0.25))


def test_processes_that_are_left_out_are_not_named_nor_their_children(machine: Machine) -> None:
    busiest = machine.look(left_out=(7,))
    machine.process(7, 1, 1.0, "sampler")
    machine.process(9, 7, 1.0, "its child")
    machine.total_s(52.0)
    assert busiest.since() is None
    machine.process(8, 1, 0.5, "browser")
    machine.total_s(52.5)
    assert busiest.since() == Busy(name="browser", process_id=8, share=pytest.approx(0.25))


def test_a_process_that_began_since_counts_whole_also_under_a_dead_ones_number(machine: Machine) -> None:
    machine.process(8, 1, 30.0, "dead")
    busiest = machine.look()
    machine.process(8, 1, 0.5, "new")
    machine.total_s(50.5)
    assert busiest.since() == Busy(name="new", process_id=8, share=pytest.approx(0.25))


@pytest.mark.parametrize(("total_s", "named"), [(51.0, True), (51.5, True), (52.1, False), (90.0, False)])
def test_who_took_less_than_those_not_seen_is_not_named(machine: Machine, total_s: float, named: bool) -> None:
    """As in a container, or beside a build of many short processes: 1 s was seen, the rest may be one other's."""
    busiest = machine.look()
    machine.process(8, 1, 1.0, "seen")
    machine.total_s(total_s)
    assert (busiest.since() is not None) == named


@pytest.mark.parametrize("text", ["", "cpu", "cpu x 1 1 1\n", "intr 5 5 5 5\n"])
def test_without_the_machines_total_what_is_seen_is_told(machine: Machine, text: str) -> None:
    busiest = machine.look()
    machine.process(8, 1, 1.0, "seen")
    (machine.root / "proc/stat").write_text(text)
    assert busiest.since() == Busy(name="seen", process_id=8, share=pytest.approx(0.5))


def test_nobody_is_named_who_took_next_to_nothing(machine: Machine) -> None:
    busiest = machine.look()
    machine.process(8, 1, 0.03, "idle")
    assert busiest.since() is None


def test_before_a_look_and_at_the_same_moment_nobody_is_named(machine: Machine) -> None:
    busiest = machine.look()
    machine.now_s -= 2.0
    machine.process(8, 1, 1.0)
    assert busiest.since() is None


def test_a_machine_without_proc_names_nobody(tmp_path: Path) -> None:
    busiest = Busiest(System(root=tmp_path, kind="Linux"), OWN, lambda: 1.0)
    busiest.look()
    assert busiest.since() is None


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a) R (b", "a) R (b"),
        ("tmux: server", "tmux: server"),
        ("\x1b[2Jevil\nname", "\N{REPLACEMENT CHARACTER}[2Jevil name"),
        ("", UNNAMED),
        ("x" * 60, "x" * (MAX_NAME - 1) + "…"),
    ],
)
def test_names_are_cleaned(machine: Machine, name: str, shown: str) -> None:
    busiest = machine.look()
    machine.process(8, 1, 1.0, name)
    found = busiest.since()
    assert found is not None
    assert found.name == shown


@pytest.mark.parametrize("text", ["", "8 (x", "8 (x) R", "8 (x) R one two" + " x" * 20])
def test_a_process_whose_line_is_none_is_passed_over(machine: Machine, text: str) -> None:
    busiest = machine.look()
    machine.process(8, 1, 1.0)
    (machine.root / "proc/8/stat").write_text(text)
    assert busiest.since() is None


def of_ps(*answers: str | Exception) -> Busiest:
    """On a Mac whose ps prints these in turn; 2 s lie between a look and the next."""
    left, times_s = list(answers), iter((10.0, 12.0))

    def run(words: list[str]) -> str:
        assert words == ["/bin/ps", "-Aceo", "pid=,ppid=,time=,comm="]
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    busiest = Busiest(System(kind="Darwin"), OWN, lambda: next(times_s), run)
    busiest.look()
    return busiest


def test_a_macs_ps_is_read() -> None:
    before = "    1     0   3:01.50 launchd\n  100     1   0:10.00 python3.11\n  300     1   1:00.00 Google Chrome H\n"
    after = before.replace("3:01.50", "3:01.75").replace("0:10.00", "0:20.00").replace("1:00.00", "1:01.50")
    assert of_ps(before, after).since() == Busy(name="Google Chrome H", process_id=300, share=pytest.approx(0.75))


def test_times_of_hours_and_days_and_with_commas_are_read() -> None:
    before, after = "7 1 1-02:03:04 long\n8 1 0:00,00 short\n", "7 1 1-02:03:05 long\n8 1 0:00,50 short\n"
    assert of_ps(before, after).since() == Busy(name="long", process_id=7, share=pytest.approx(0.5))


FAILURES: list[Callable[[], Exception]] = [
    lambda: OSError("no ps"),
    lambda: subprocess.TimeoutExpired("ps", 5),
    lambda: subprocess.CalledProcessError(1, "ps"),
    lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
]


@pytest.mark.parametrize("failure", FAILURES)
def test_a_ps_that_fails_names_nobody(failure: Callable[[], Exception]) -> None:
    assert of_ps(failure(), failure()).since() is None


def test_lines_of_ps_that_are_none_are_passed_over() -> None:
    assert of_ps("", "\n300\n300 1 0:01.00\nx y z w\n300 1 soon name\n").since() is None

"""How a worker died, told from its status, its log and the kernel's counters."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from suite.client import postmortem
from suite.records import NotMeasured

GIB = 2**30


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def explain(
    root: Path, status: int, *, log: str = "", before: int | None = None, after: int | None = None
) -> NotMeasured:
    return postmortem.explain(status, "time", log, (before, after), root)


def test_a_status_is_a_crash_with_the_last_line_of_the_log(tmp_path: Path) -> None:
    death = explain(tmp_path, 3, log="loading\n\nAssertionError: bad weights\n\n")
    assert (death.code, death.reason) == (
        "CRASHED",
        "the worker ended with status 3 during time; its log ends: AssertionError: bad weights",
    )


def test_a_signal_is_a_crash_with_its_name_and_the_interpreter_s_own_word_for_it(tmp_path: Path) -> None:
    log = "chatter\nFatal Python error: Segmentation fault\n\nCurrent thread 0x1:\n  File x.py, line 3 in f\n"
    death = explain(tmp_path, -signal.SIGSEGV, log=log)
    assert (death.code, death.reason) == (
        "CRASHED",
        "the worker was ended by SIGSEGV during time; its log ends: Fatal Python error: Segmentation fault",
    )


def test_a_kill_that_the_kernel_counted_is_for_memory(tmp_path: Path) -> None:
    tree(tmp_path, {"proc/meminfo": f"MemTotal: {4 * GIB // 1024} kB\n"})
    death = explain(tmp_path, -signal.SIGKILL, before=2, after=3)
    assert (death.code, death.reason) == (
        "KILLED_FOR_MEMORY",
        "the kernel killed the worker for want of memory during time (RAM: 4.00 GiB)",
    )


def test_a_kill_on_a_system_that_does_not_count_is_most_likely_for_memory(tmp_path: Path) -> None:
    death = explain(tmp_path, -signal.SIGKILL)
    assert death.code == "KILLED_FOR_MEMORY"
    assert "most likely" in death.reason


def test_a_kill_that_the_kernel_did_not_count_came_from_somebody(tmp_path: Path) -> None:
    assert explain(tmp_path, -signal.SIGKILL, before=2, after=2).code == "KILLED"


@pytest.mark.parametrize(
    ("cgroup", "counter"),
    [
        ("0::/jobs/a\n", "sys/fs/cgroup/jobs/a/memory.events"),
        ("0::/../../elsewhere\n", "sys/fs/cgroup/memory.events"),
        ("7:cpu,cpuacct:/x\n4:memory:/jobs/a\n0::/\n", "sys/fs/cgroup/memory/jobs/a/memory.oom_control"),
        ("4:memory:/docker/0123\n", "sys/fs/cgroup/memory/memory.oom_control"),
    ],
)
def test_the_counter_of_both_cgroup_versions_is_found(tmp_path: Path, cgroup: str, counter: str) -> None:
    tree(tmp_path, {"proc/self/cgroup": cgroup, counter: "oom_kill_disable 0\nunder_oom 0\noom 9\noom_kill 5\n"})
    assert postmortem.oom_kill_count(tmp_path) == 5


def test_without_cgroups_there_is_no_count(tmp_path: Path) -> None:
    assert postmortem.oom_kill_count(tmp_path) is None


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(f"{2 * GIB}\n", (2 * GIB, "cgroup limit")), ("max\n", (4 * GIB, "RAM")), (f"{9 * GIB}\n", (4 * GIB, "RAM"))],
)
def test_the_smaller_of_limit_and_ram_binds(tmp_path: Path, limit: str, expected: tuple[int, str]) -> None:
    files = {
        "proc/meminfo": f"MemTotal:       {4 * GIB // 1024} kB\nMemFree: 1 kB\n",
        "proc/self/cgroup": "0::/a\n",
        "sys/fs/cgroup/a/memory.max": limit,
    }
    assert postmortem.memory_limit_bytes(tree(tmp_path, files)) == expected


def test_the_tail_begins_where_this_worker_s_log_began(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text("of the worker before\nmine\n")
    assert postmortem.read_tail(log, len("of the worker before\n")) == "mine\n"
    assert postmortem.read_tail(tmp_path / "none", 0) == ""

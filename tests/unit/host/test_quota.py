"""The processor time that control groups allow: read in both versions, on every level, and never guessed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from suite import host
from suite.host import flags, quota
from suite.host.quota import Quota
from suite.host.system import System
from tests.unit.samples import STATE

Machine = Callable[[Mapping[str, str]], System]
V2 = "sys/fs/cgroup"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    def write(files: Mapping[str, str]) -> System:
        for path, content in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(content)
        return System(root=tmp_path, kind="Linux")

    return write


READ = [
    ("none", {}, Quota(None, None)),
    ("v2 no limit", {"proc/self/cgroup": "0::/\n", f"{V2}/cpu.max": "max 100000\n"}, Quota(None, None)),
    (
        "v2 in a container",
        {"proc/self/cgroup": "0::/\n", f"{V2}/cpu.max": "40000 100000\n", f"{V2}/cpu.stat": "a 1\nnr_throttled 370\n"},
        Quota(0.4, 370),
    ),
    (
        "v2 the tightest of the levels",
        {
            "proc/self/cgroup": "0::/a/b\n",
            f"{V2}/a/cpu.max": "150000 100000\n",
            f"{V2}/a/b/cpu.max": "200000 100000\n",
            f"{V2}/a/cpu.stat": "nr_throttled 5\n",
            f"{V2}/a/b/cpu.stat": "nr_throttled 2\n",
        },
        Quota(1.5, 7),
    ),
    (
        "v2 with the path of the host",
        {"proc/self/cgroup": "0::/docker/0a1b\n", f"{V2}/cpu.max": "100000 100000\n"},
        Quota(1.0, None),
    ),
    (
        "v1",
        {
            "proc/self/cgroup": "4:cpu,cpuacct:/docker/0a1b\n1:name=systemd:/\n",
            f"{V2}/cpu,cpuacct/cpu.cfs_quota_us": "40000\n",
            f"{V2}/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            f"{V2}/cpu,cpuacct/cpu.stat": "nr_periods 9\nnr_throttled 3\nthrottled_time 5\n",
        },
        Quota(0.4, 3),
    ),
    (
        "v1 no limit, by the link",
        {
            "proc/self/cgroup": "4:cpuacct,cpu:/\n",
            f"{V2}/cpu/cpu.cfs_quota_us": "-1\n",
            f"{V2}/cpu/cpu.cfs_period_us": "100000\n",
        },
        Quota(None, None),
    ),
    (
        "nonsense",
        {
            "proc/self/cgroup": "what\n0:\n0::/../../etc\n0::/\n:::\n",
            f"{V2}/cpu.max": "4e4 100000 7\n",
            f"{V2}/cpu.stat": f"nr_throttled {'9' * 400}\n",
        },
        Quota(None, None),
    ),
    ("a period of nothing", {"proc/self/cgroup": "0::/\n", f"{V2}/cpu.max": "40000 0\n"}, Quota(None, None)),
]


@pytest.mark.parametrize(("files", "expected"), [row[1:] for row in READ], ids=[row[0] for row in READ])
def test_a_quota_is_read_as_the_kernel_writes_it(machine: Machine, files: Mapping[str, str], expected: Quota) -> None:
    assert quota.read(machine(files)) == expected


def test_facts_and_state_tell_it(machine: Machine) -> None:
    system = machine(READ[2][1])
    assert host.facts((), system=system).cpu_quota == 0.4
    assert host.state(system=system).quota_throttle_count == 370


def test_a_quota_that_ran_out_meanwhile_is_a_doubt() -> None:
    before = dataclasses.replace(STATE, quota_throttle_count=3)
    (flag,) = flags(before, dataclasses.replace(STATE, quota_throttle_count=373), own_thread_count=1)
    assert flag.code == "QUOTA_THROTTLED"
    assert "in 370 of its periods" in flag.text
    assert flags(before, before, own_thread_count=1) == ()
    assert flags(STATE, before, own_thread_count=1) == ()  # it did not tell before


def test_more_threads_than_cpus_are_a_doubt() -> None:
    (flag,) = flags(STATE, STATE, own_thread_count=3, cpu_count=2)
    assert (flag.code, flag.text) == ("OVERSUBSCRIBED", "3 threads shared 2 CPUs and waited for each other")
    assert flags(STATE, STATE, own_thread_count=2, cpu_count=2) == ()

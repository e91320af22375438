"""How much processor time the control groups over this process allow, and how often they have held it back.

Source: Documentation/admin-guide/cgroup-v2.rst (cpu.max, cpu.stat), Documentation/scheduler/sched-bwc.rst (v1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from suite.host.system import System


class Quota(NamedTuple):
    """cpus: the tightest limit over this process, in CPUs; None where there is none.
    throttled_count: periods in which a group over it ran out of its time; None where no group tells."""

    cpus: float | None
    throttled_count: int | None


def read(system: System) -> Quota:
    """Of the own group and those above it; what can't be read or is no number is not told."""
    limits, counts = [], []
    for folder, version in _folders(system):
        cpus = _v2_cpus(system, folder) if version == 2 else _v1_cpus(system, folder)
        if cpus is not None:
            limits.append(cpus)
        throttled = re.search(r"^nr_throttled (\d{1,18})$", system.text(f"{folder}/cpu.stat") or "", re.MULTILINE)
        if throttled:
            counts.append(int(throttled[1]))
    return Quota(min(limits, default=None), sum(counts) if counts else None)


def _v2_cpus(system: System, folder: str) -> float | None:
    """ "40000 100000": so many microseconds in each period of so many; "max 100000" is no limit."""
    match = re.fullmatch(r"(\d{1,15}) (\d{1,15})", system.text(f"{folder}/cpu.max") or "")
    return _cpus(int(match[1]), int(match[2])) if match else None


def _v1_cpus(system: System, folder: str) -> float | None:
    """-1 is no limit."""
    quota_us, period_us = (system.number(f"{folder}/cpu.cfs_{name}_us") for name in ("quota", "period"))
    return None if quota_us is None or period_us is None else _cpus(quota_us, period_us)


def _cpus(quota_us: int, period_us: int) -> float | None:
    return quota_us / period_us if quota_us > 0 and period_us > 0 else None


def _folders(system: System) -> Iterator[tuple[str, int]]:
    """Folders of the groups, from the mount down, and the version of each. In a container the path may be the host's,
    which is not mounted here: the mount itself is then the own group."""
    for line in (system.text("proc/self/cgroup") or "").splitlines():
        _, controllers, path = [*line.split(":", 2), "", "", ""][:3]  # whatever a line looks like
        if not path.startswith("/") or ".." in path:
            continue
        if controllers == "":
            mounts, version = ("sys/fs/cgroup", "sys/fs/cgroup/unified"), 2
        elif "cpu" in controllers.split(","):
            mounts, version = (f"sys/fs/cgroup/{controllers}", "sys/fs/cgroup/cpu"), 1
        else:
            continue
        mount = next((name for name in mounts if (system.root / name).is_dir()), mounts[0])
        parts = [part for part in path.split("/") if part]
        for depth in range(len(parts) + 1):
            yield "/".join([mount, *parts[:depth]]), version

"""Memory of the machine, and of the cgroup where that is less."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from suite.host.system import Facts, Probe, State, System


class _Group(NamedTuple):
    limit_bytes: int
    used_bytes: int  # without file pages that the kernel would give up first


class Memory(Probe):
    name = "memory"

    def facts(self, system: System) -> Facts:
        total_bytes = _meminfo_bytes(system, "MemTotal")
        return {
            "memory_total_bytes": total_bytes,
            "memory_limit_bytes": min((group.limit_bytes for group in _binding(system, total_bytes)), default=None),
        }

    def state(self, system: System) -> State:
        available_bytes = _meminfo_bytes(system, "MemAvailable")
        if available_bytes is None:
            return {}
        groups = _binding(system, _meminfo_bytes(system, "MemTotal"))
        left = (max(0, group.limit_bytes - group.used_bytes) for group in groups)
        return {"memory_available_bytes": min(available_bytes, *left, available_bytes)}


def _meminfo_bytes(system: System, field: str) -> int | None:
    found = re.search(rf"^{field}:\s+(\d+) kB$", system.text("proc/meminfo") or "", re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _binding(system: System, total_bytes: int | None) -> list[_Group]:
    """The groups over this process whose limit is below the machine's memory ("no limit" is a huge number in v1)."""
    return [group for group in _groups(system) if total_bytes is None or group.limit_bytes < total_bytes]


def _groups(system: System) -> Iterator[_Group]:
    """Own group and those above it, in cgroup v1 (controller "memory") and v2 (no controller named)."""
    for line in (system.text("proc/self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            mount, names = "sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            mount = "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        parts = [part for part in path.split("/") if part]
        # In a container the path may be the host's, which is not mounted here: the mount itself is then its own group.
        for depth in range(len(parts) + 1):
            group = _group(system, "/".join([mount, *parts[:depth]]), *names)
            if group is not None:
                yield group


def _group(system: System, folder: str, limit: str, usage: str, reclaimable: str) -> _Group | None:
    limit_bytes = system.number(f"{folder}/{limit}")  # "max" is no number: no limit
    if limit_bytes is None:
        return None
    found = re.search(rf"^{reclaimable} (\d+)$", system.text(f"{folder}/memory.stat") or "", re.MULTILINE)
    used_bytes = (system.number(f"{folder}/{usage}") or 0) - (int(found[1]) if found else 0)
    return _Group(limit_bytes, max(0, used_bytes))


PLUGIN = Memory()

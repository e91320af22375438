"""Why a child process died: signals by name, and whether it was the kernel for want of memory."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from suite.client.fields import one_line
from suite.errors import StoreError
from suite.records import NotMeasured
from suite.records.folder import Folder
from suite.units import show

_LESS_MEMORY = "Take a smaller batch or input, or give the worker more memory"
_READ_LOG = "Read the end of the run's log"
_TAIL_BYTES = 16_384


def explain(
    status: int, during: str, log_tail: str, oom_kills: tuple[int | None, int | None], root: Path
) -> NotMeasured:
    """Code, reason and remedy of a worker's death.

    status: as subprocess gives it, -n for signal n. during: what it was asked. oom_kills: oom_kill_count before the
    worker began and after its end.
    """
    words = one_line(last_words(log_tail))
    ending = f"; its log ends: {words}" if words else ""
    if status >= 0:
        return NotMeasured(
            code="CRASHED", reason=f"the worker ended with status {status} during {during}{ending}", remedy=_READ_LOG
        )
    if status != -signal.SIGKILL:
        reason = f"the worker was ended by {_signal_name(-status)} during {during}{ending}"
        return NotMeasured(code="CRASHED", reason=reason, remedy=_READ_LOG)
    before, after = oom_kills
    limit = _describe_limit(root)
    if before is None or after is None:
        reason = f"the worker was killed during {during}, most likely for want of memory{limit}"
        return NotMeasured(code="KILLED_FOR_MEMORY", reason=reason, remedy=_LESS_MEMORY)
    if after > before:
        reason = f"the kernel killed the worker for want of memory during {during}{limit}"
        return NotMeasured(code="KILLED_FOR_MEMORY", reason=reason, remedy=_LESS_MEMORY)
    reason = f"something killed the worker (SIGKILL) during {during}; the kernel counts no kill for want of memory"
    return NotMeasured(code="KILLED", reason=reason, remedy="Find out what killed it, then resume the run")


def read_tail(log: Path, start: int) -> str:
    """The last lines that were written to log behind byte `start`; empty where it can't be read."""
    try:
        with Folder(log.parent) as folder, folder.reader(log.name) as file:
            end = file.seek(0, 2)
            file.seek(max(start, end - _TAIL_BYTES))
            return file.read().decode(errors="replace")
    except (OSError, StoreError):
        return ""


def last_words(log_tail: str) -> str:
    """The line that says most: the interpreter's own "Fatal Python error", else the last one that isn't blank."""
    lines = [line.strip() for line in log_tail.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith("Fatal Python error")]
    return (fatal or lines or [""])[-1][:300]


def oom_kill_count(root: Path = Path("/")) -> int | None:
    """How often the kernel has killed for memory in this process's cgroup; None where it does not say.

    Source: `oom_kill` in memory.events (cgroup v2) or memory.oom_control (v1).
    """
    for name in ("memory.events", "memory.oom_control"):
        for folder in _memory_cgroups(root):
            match = re.search(r"^oom_kill (\d+)$", _read(folder / name), re.MULTILINE)
            if match:
                return int(match[1])
    return None


def memory_limit_bytes(root: Path = Path("/")) -> tuple[int, str] | None:
    """The smaller of the cgroup's limit and the machine's RAM, and which of them it is."""
    found = []
    match = re.search(r"^MemTotal:\s+(\d+) kB$", _read(root / "proc/meminfo"), re.MULTILINE)
    if match:
        found.append((int(match[1]) * 1024, "RAM"))
    for name in ("memory.max", "memory.limit_in_bytes"):
        for folder in _memory_cgroups(root):
            text = _read(folder / name).strip()
            if text.isdigit():  # "max": no limit
                found.append((int(text), "cgroup limit"))
    return min(found, default=None)


def _memory_cgroups(root: Path) -> list[Path]:
    """Where this process's memory controller may lie: its own cgroup, then the root that a container sees."""
    folders = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", "", ""][:3]  # whatever a line looks like
        mount = {"": "sys/fs/cgroup", "memory": "sys/fs/cgroup/memory"}.get(controllers)
        if mount is not None:
            folders += [root / mount / path.lstrip("/"), root / mount]
    return folders


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, StoreError):
        return ""


def _describe_limit(root: Path) -> str:
    limit = memory_limit_bytes(root)
    return f" ({limit[1]}: {show(limit[0], 'B')})" if limit else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # real-time signals have no names
        return f"signal {number}"

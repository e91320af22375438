"""The machine as a probe sees it: a file-system root and the few things that are not files. All of it can be faked."""

from __future__ import annotations

import errno
import os
import platform
import re
import stat
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

import suite
from suite.records import GpuState

# The firmware's description of a board. Engines mask it in a container, which finds it where Compose mounts it.
DEVICE_TREES = ("proc/device-tree", "host/device-tree")

MAX_FILE_BYTES = 2**20  # /proc/cpuinfo of 256 cores has a third of it

MAX_DIGITS = 25  # more than 64 bits have is no number of the kernel's

_INTEGER = re.compile(r"[+-]?\d+")

Sysctl = Callable[[Sequence[str]], Mapping[str, str]]


class Facts(TypedDict, total=False):
    """What a probe can say for records.HostFacts. A missing key or None: it can't."""

    board: str | None
    soc: str | None
    cpu_model: str | None
    os: str | None
    kernel: str | None
    l4t: str | None
    virtualization: str | None
    container_image_digest: str | None
    memory_total_bytes: int | None
    memory_limit_bytes: int | None
    driver: str | None
    cpu_quota: float | None
    accelerators: tuple[str, ...]


class State(TypedDict, total=False):
    """What a probe can say for records.HostState. A missing key, None or an empty tuple: it can't."""

    power_mode: str | None
    governors: tuple[str, ...]
    cpu_frequency_hz: tuple[float, ...]
    temperature_c: tuple[tuple[str, float], ...]
    load_1min: float | None
    memory_available_bytes: int | None
    throttle_count: int | None
    on_battery: bool | None
    quota_throttle_count: int | None
    gpus: tuple[GpuState, ...]


def run_sysctl(names: Sequence[str]) -> Mapping[str, str]:
    """Values of those names that this macOS knows, in one call of sysctl."""
    try:
        done = subprocess.run(["sysctl", *names], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    pairs = (line.partition(": ") for line in done.stdout.splitlines())
    return {name: value for name, separator, value in pairs if separator}


def usable_cpu_count() -> int:
    """The cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """Host and user names are neither read nor kept here: records are published."""

    root: Path = Path("/")
    own_root: Path = Path("/")  # of this very process, also where sensors are read under another root
    kind: str = field(default_factory=platform.system)  # "Linux", "Darwin"
    kernel: str = field(default_factory=platform.release)
    architecture: str = field(default_factory=platform.machine)
    cpu_count: int = field(default_factory=usable_cpu_count)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    sysctl: Sysctl = run_sysctl
    nvml: Callable[[], Any] | None = None  # gives NVIDIA's management library; None: this machine's own
    clock: Callable[[], float] = time.monotonic
    checkout: Path = Path(suite.__file__).resolve().parents[1]  # a git checkout, or where a wheel was installed

    def text(self, path: str) -> str | None:
        """A file's text without white space and NULs around it, or None where it can't be read or is empty.

        Sensors that are switched off answer with an OSError; to a probe that is the same as no sensor.
        """
        try:
            raw = _start_of(self.root / path)
        except OSError:
            return None
        return raw.decode(errors="replace").strip(" \t\r\n\0") or None

    def device_tree(self, field: str) -> str | None:
        """A field of the device tree, such as "model"; None where there is none, as on a PC."""
        return next((text for folder in DEVICE_TREES if (text := self.text(f"{folder}/{field}"))), None)

    def number(self, path: str) -> int | None:
        """A file that holds one integer, or None. Raises ValueError for one that no kernel writes."""
        text = self.text(path)
        if text is None or not _INTEGER.fullmatch(text):
            return None
        if len(text) > MAX_DIGITS:
            raise ValueError(f"{path} holds a number of {len(text)} digits")
        return int(text)

    def paths(self, pattern: str) -> list[str]:
        """Paths under the root that match, relative to it, in natural order: cpu2 before cpu10."""
        found = [path.relative_to(self.root).as_posix() for path in self.root.glob(pattern)]
        return sorted(found, key=lambda path: (len(path), path))


def _start_of(path: Path) -> bytes:
    """Of a regular file, as much as any probe needs: what a FIFO or a device under `root` says has no end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return file.read(MAX_FILE_BYTES)


class Probe:
    """One file in suite/host/probes/ that ends in `PLUGIN = <Probe>()`. The lowest rank that answers is believed."""

    name: str
    rank: int = 100

    def facts(self, system: System) -> Facts:
        return {}

    def state(self, system: System) -> State:
        """Taken before and after every task: a millisecond or so, and no process unless there is no other way."""
        return {}

"""Counters of a Linux machine, from files that stay open between readings (proc(5), the kernel's thermal and cpufreq
drivers). Everything that can't be read or understood is None."""

import glob
import os
import resource
import time
from typing import Any, Dict, Iterable, List, Optional

_MAX_CPU_COUNT = 8  # of which clock and throttling are read
_FIRST = 512  # bytes of /proc/stat that surely hold its first line


class File:
    """A small file that is read again and again."""

    def __init__(self, path: str) -> None:
        try:
            self._descriptor: Optional[int] = os.open(path, os.O_RDONLY)
        except OSError:
            self._descriptor = None

    def text(self, most: int = _FIRST) -> Optional[str]:
        if self._descriptor is None:
            return None
        try:
            return os.pread(self._descriptor, most, 0).decode("ascii", "replace")
        except OSError:
            return None

    def number(self) -> Optional[int]:
        text = self.text(32)
        try:
            return None if text is None else int(text)
        except ValueError:
            return None

    def __del__(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


class LinuxMachine:
    """controller_id: the process that drives this one. own_id, usage, cpus: of this process; others in tests."""

    def __init__(  # noqa: PLR0913 (what tests put in place of the process's own)
        self,
        root: str,
        controller_id: int,
        *,
        own_id: Optional[int] = None,
        cpus: Optional[Iterable[int]] = None,
        tick_s: Optional[float] = None,
        process_time: Any = time.process_time,
    ) -> None:
        self._proc = os.path.join(root, "proc")
        self._controller_id = controller_id
        self._own_id = os.getpid() if own_id is None else own_id
        self._tick_s = 1.0 / os.sysconf("SC_CLK_TCK") if tick_s is None else tick_s
        self._process_time = process_time
        self._stat = File(os.path.join(self._proc, "stat"))
        self._pressure = File(os.path.join(self._proc, "pressure/cpu"))
        self._controller = File(os.path.join(self._proc, str(controller_id), "stat"))
        usable = sorted(os.sched_getaffinity(0) if cpus is None else cpus)[:_MAX_CPU_COUNT]
        folders = [os.path.join(root, "sys/devices/system/cpu/cpu{}".format(cpu)) for cpu in usable]
        self._clocks = [File(os.path.join(folder, "cpufreq/scaling_cur_freq")) for folder in folders]
        throttles = [os.path.join(folder, "thermal_throttle") for folder in folders]
        self._core_throttles = [File(os.path.join(folder, "core_throttle_count")) for folder in throttles]
        self._package_throttles = [File(os.path.join(folder, "package_throttle_count")) for folder in throttles]

    def read(self) -> Dict[str, Any]:
        """Fields of interference.Counters. A throttled package counts once, not once a core."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        busy_s, stolen_s = self._times()
        clocks_khz = _known(file.number() for file in self._clocks)
        cores = _known(file.number() for file in self._core_throttles)
        packages = _known(file.number() for file in self._package_throttles)
        return {
            "busy_s": busy_s,
            "stolen_s": stolen_s,
            "own_s": self._own_s(),
            "ours_s": self._ours_s(),
            "stalled_s": self._stalled_s(),
            "switch_count": usage.ru_nivcsw,
            "fault_count": usage.ru_majflt,
            "clock_hz": max(clocks_khz) * 1e3 if clocks_khz else None,
            "throttle_count": sum(cores) + max(packages or [0]) if cores or packages else None,
        }

    def _times(self) -> Any:
        """(busy, stolen) in s. cpu user nice system idle iowait irq softirq steal ...; guests are in user and nice."""
        text = self._stat.text()
        words = (text or "").split("\n", 1)[0].split()
        if len(words) < 8 or words[0] != "cpu":
            return None, None
        try:
            ticks = [int(word) for word in words[1:]]
        except ValueError:
            return None, None
        user, nice, system, _, _, hard, soft = ticks[:7]
        return (user + nice + system + hard + soft) * self._tick_s, ticks[7] * self._tick_s if len(ticks) > 7 else None

    def _own_s(self) -> float:
        """With children of the model's, the ended and the running."""
        ended = os.times()
        running = (self._process_s(child) for child in self._children(self._own_id))
        ended_s = ended.children_user + ended.children_system
        return float(self._process_time() + ended_s + sum(_known(running)))

    def _ours_s(self) -> Optional[float]:
        """The controller with its ended children, and its running ones but for this process."""
        text = self._controller.text()
        controller_s = None if text is None else _processor_ticks(text, 4)
        if controller_s is None:
            return None
        others = [child for child in self._children(self._controller_id) if child != self._own_id]
        return float(controller_s * self._tick_s + sum(_known(self._process_s(child) for child in others)))

    def _process_s(self, process_id: int) -> Optional[float]:
        try:
            with open(os.path.join(self._proc, str(process_id), "stat"), errors="replace") as file:
                ticks = _processor_ticks(file.read(), 2)
        except OSError:
            return None
        return None if ticks is None else ticks * self._tick_s

    def _children(self, process_id: int) -> List[int]:
        """Of every thread of a process; none where the kernel keeps no such list."""
        found: List[int] = []
        for path in glob.glob(os.path.join(self._proc, str(process_id), "task/*/children")):
            try:
                with open(path) as file:
                    found += [int(word) for word in file.read().split()]
            except (OSError, ValueError):
                continue
        return found

    def _stalled_s(self) -> Optional[float]:
        """`some ... total=` of /proc/pressure/cpu, in us."""
        first = (self._pressure.text() or "").split("\n", 1)[0]
        _, found, total = first.partition("total=")
        try:
            return int(total) * 1e-6 if found and first.startswith("some") else None
        except ValueError:
            return None


def _known(values: Iterable[Any]) -> List[Any]:
    return [value for value in values if value is not None]


def _processor_ticks(stat: str, field_count: int) -> Optional[int]:
    """Of utime, stime, cutime, cstime of /proc/PID/stat the first so many, summed. Names may hold spaces, brackets."""
    words = stat.rpartition(")")[2].split()
    try:
        return sum(int(word) for word in words[11 : 11 + field_count]) if len(words) > 14 else None
    except ValueError:
        return None

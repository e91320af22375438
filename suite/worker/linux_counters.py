"""Counters of a Linux machine, from files that stay open between readings (proc(5), the kernel's thermal and cpufreq
drivers). Everything that can't be read or understood is None."""

import os
import resource
import time
from typing import Any, Dict, Iterable, List, Optional

_MAX_CPU_COUNT = 8  # of which clock and throttling are read
_FIRST = 512  # bytes that surely hold the first line of /proc/stat, and the times in that of a process
_MOST = 4096


class File:
    """A small file that is read again and again."""

    def __init__(self, path: str) -> None:
        try:
            self._descriptor: Optional[int] = os.open(path, os.O_RDONLY)
        except OSError:
            self._descriptor = None

    @property
    def is_open(self) -> bool:
        return self._descriptor is not None

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


class Family:
    """A process: its own time with that of its ended children, and who its running children are.

    Its files stay open, so that a number that the system gives to another process later is not taken for it.
    """

    def __init__(self, proc: str, process_id: int) -> None:
        self._folder = os.path.join(proc, str(process_id))
        self._stat = File(os.path.join(self._folder, "stat"))
        self._threads: Dict[str, File] = {}

    def own_ticks(self) -> Optional[int]:
        text = self._stat.text()
        return None if text is None else _processor_ticks(text)

    def children(self) -> List[int]:
        """Of every thread; none where the kernel keeps no such list."""
        try:
            names = os.listdir(os.path.join(self._folder, "task"))
        except OSError:
            return []
        self._threads = {name: self._threads.get(name) or self._list_of(name) for name in names}
        return [child for file in self._threads.values() for child in _numbers(file.text(_MOST))]

    def _list_of(self, thread: str) -> File:
        return File(os.path.join(self._folder, "task", thread, "children"))


class LinuxMachine:
    """controller_id: the process that drives this one. own_id, usage, cpus: of this process; others in tests."""

    def __init__(  # noqa: PLR0913 (what stands for this process in tests, all by name)
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
        self._controller = Family(self._proc, controller_id)
        self._own_children = File(os.path.join(self._proc, "{0}/task/{0}/children".format(self._own_id)))
        self._families: Dict[int, Family] = {}  # the children that were met at the last reading
        self._met: Dict[int, Family] = {}
        usable = sorted(os.sched_getaffinity(0) if cpus is None else cpus)
        folders = [os.path.join(root, "sys/devices/system/cpu/cpu{}".format(cpu)) for cpu in usable]
        self._clocks = _open(_policies(folders), "scaling_cur_freq")
        self._throttles = _open(folders[:_MAX_CPU_COUNT], "thermal_throttle/core_throttle_count")
        self._throttles += _open(_packages(folders), "thermal_throttle/package_throttle_count")

    def read(self) -> Dict[str, Any]:
        """Fields of interference.Counters. The processor's times come first: their differences belong together."""
        busy_s, stolen_s = self._times()
        own_s, ours_s = self._own_s(), self._ours_s()
        self._families, self._met = self._met, {}
        usage = resource.getrusage(resource.RUSAGE_SELF)
        clocks_khz = _known(file.number() for file in self._clocks)
        throttles = [file.number() for file in self._throttles]
        return {
            "busy_s": busy_s,
            "stolen_s": stolen_s,
            "own_s": own_s,
            "ours_s": ours_s,
            "stalled_s": self._stalled_s(),
            "switch_count": usage.ru_nivcsw,
            "fault_count": usage.ru_majflt,
            "clock_hz": max(clocks_khz) * 1e3 if clocks_khz else None,
            "throttle_count": sum(throttles) if throttles and None not in throttles else None,
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
        """With the model's child processes: the ended, and those that run, which its thread has started, this one."""
        ended = os.times()
        running = self._of(_numbers(self._own_children.text()))
        return float(self._process_time() + ended.children_user + ended.children_system + sum(running))

    def _ours_s(self) -> Optional[float]:
        """The controller with its ended children, and its running ones and theirs, but for this process."""
        controller_s = self._controller.own_ticks()
        if controller_s is None:
            return None
        others = [child for child in self._controller.children() if child != self._own_id]
        return float(controller_s * self._tick_s + sum(self._of(others)))

    def _of(self, children: Iterable[int]) -> List[float]:
        """Seconds of each process with all that it started; of one that is gone, its parent tells."""
        found = []
        for child in children:
            family = self._families.get(child) or Family(self._proc, child)
            ticks = family.own_ticks()
            if ticks is not None:
                self._met[child] = family
                found.append(ticks * self._tick_s + sum(self._of(family.children())))
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


def _numbers(text: Optional[str]) -> List[int]:
    try:
        return [int(word) for word in (text or "").split()]
    except ValueError:
        return []


def _open(folders: Iterable[str], name: str) -> List[File]:
    """Those that are there."""
    files = [File(os.path.join(folder, name)) for folder in folders]
    return [file for file in files if file.is_open]


def _policies(folders: Iterable[str]) -> List[str]:
    """The folders of the clocks, each once: cores that share a clock link to one folder."""
    found = {os.path.realpath(os.path.join(folder, "cpufreq")): None for folder in folders}
    return sorted(found)[:_MAX_CPU_COUNT]


def _packages(folders: Iterable[str]) -> List[str]:
    """The first core of each package, whose counter all of its cores show."""
    found: Dict[Optional[int], str] = {}
    for folder in folders:
        found.setdefault(File(os.path.join(folder, "topology/physical_package_id")).number(), folder)
    return list(found.values())


def _processor_ticks(stat: str) -> Optional[int]:
    """utime, stime, cutime and cstime of /proc/PID/stat, summed. Names may hold spaces and brackets."""
    words = stat.rpartition(")")[2].split()
    try:
        return sum(int(word) for word in words[11:15]) if len(words) > 14 else None
    except ValueError:
        return None

"""What the machine does beside the calls of a block: counters read at its two edges, and their difference.

Nothing here may raise into a measurement: what can't be read is None, and so is what ran backwards. The fields are
those of records.Interference.
"""

import os
import sys
from typing import Any, Callable, Dict, NamedTuple, Optional

from suite.worker import gpu_counters, linux_counters, macos_counters

Clock = Callable[[], float]


class Counters(NamedTuple):
    """One reading. Seconds and counts are since some beginning of their own; None: not to be known here."""

    time_s: float
    busy_s: Optional[float] = None  # of all cores, whoever ran on them
    stolen_s: Optional[float] = None
    own_s: Optional[float] = None  # this process and its children
    ours_s: Optional[float] = None  # the controller and its other children
    stalled_s: Optional[float] = None
    switch_count: Optional[int] = None
    fault_count: Optional[int] = None
    throttle_count: Optional[int] = None
    clock_hz: Optional[float] = None
    gpu: Optional[gpu_counters.Reading] = None


class Machine:
    """What a kind of system tells; this one tells nothing. `read` gives fields of Counters by name."""

    def read(self) -> Dict[str, Any]:
        return {}


def machine(platform: str = sys.platform, root: str = "/", controller_id: Optional[int] = None) -> Any:
    """The source of counters for this system. controller_id: the process that drives this one."""
    controller_id = os.getppid() if controller_id is None else controller_id
    if platform.startswith("linux"):
        return linux_counters.LinuxMachine(root, controller_id)
    if platform == "darwin":
        return macos_counters.load(controller_id) or Machine()
    return Machine()


class Meter:
    """Reads the machine, and the GPU on which calls run. Made once; files stay open."""

    def __init__(self, clock: Clock, source: Any = None) -> None:
        self._clock = clock
        self._machine = machine() if source is None else source
        self._gpu: Any = None

    def watch_gpu(self, torch: Any, device: str, root: str = "/") -> None:
        """From now on the readings hold this device too, where it is a GPU that tells."""
        self._gpu = gpu_counters.find(torch, device, root)

    def before(self) -> Counters:
        """The reading at the first edge: what was there comes first, so that it lies outside the block."""
        found = self._read()
        return found._replace(time_s=self._clock())

    def since(self, before: Counters) -> Dict[str, Any]:
        """The fields of records.Interference between that reading and now."""
        time_s = self._clock()
        return between(before, self._read()._replace(time_s=time_s))

    def _read(self) -> Counters:
        try:
            gpu = None if self._gpu is None else self._gpu.read()
            return Counters(time_s=0.0, gpu=gpu, **self._machine.read())
        except Exception:  # noqa: BLE001 (a meter that fails costs its own figures alone)
            return Counters(time_s=0.0)


def between(before: Counters, after: Counters) -> Dict[str, Any]:
    """Differences of two readings. What others took is all that was busy less what is ours.

    Where the controller can't be seen, its time is in foreign_s: it sleeps while calls are timed.
    """
    own_s, ours_s = (_grown(before, after, name) for name in ("own_s", "ours_s"))
    busy_s = _grown(before, after, "busy_s")
    foreign_s = None
    if busy_s is not None and own_s is not None:
        foreign_s = max(0.0, busy_s - own_s - (ours_s or 0.0))
    found = {
        "wall_s": max(0.0, after.time_s - before.time_s),
        "own_s": own_s,
        "ours_s": ours_s,
        "foreign_s": foreign_s,
        "clock_hz": after.clock_hz,
    }
    for name in ("stolen_s", "stalled_s", "switch_count", "fault_count", "throttle_count"):
        found[name] = _grown(before, after, name)
    found.update(gpu_counters.between(before.gpu, after.gpu))
    return found


def _grown(before: Counters, after: Counters, name: str) -> Any:
    first, last = getattr(before, name), getattr(after, name)
    if first is None or last is None or last < first:
        return None
    return last - first

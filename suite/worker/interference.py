"""What the machine does beside the calls of a block: counters read at its two edges, and their difference.

Nothing here may raise into a measurement: what can't be read is None, and so is what ran backwards, or grew by more
than the machine can have done. The fields are those of records.Interference.
"""

import os
import sys
import time
from typing import Any, Callable, Dict, NamedTuple, Optional

from suite.worker import gpu_counters, linux_counters, macos_counters, pace
from suite.worker.outcome import WorkerFault

Clock = Callable[[], float]

MAX_WATCH_S = 30.0
_SLACK_S = 1.0  # of counters that the system brings up to date late, a core


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
    pace_s: Optional[float] = None  # of a fixed product, where no clock is told


class Machine:
    """What a kind of system tells; this one tells nothing. `read` gives fields of Counters by name."""

    def read(self) -> Dict[str, Any]:
        return {}


def machine(platform: str = sys.platform, root: str = "/", controller_id: Optional[int] = None) -> Any:
    """The source of counters for this system. controller_id: the process that drives this one."""
    controller_id = os.getppid() if controller_id is None else controller_id
    try:
        if platform.startswith("linux"):
            return linux_counters.LinuxMachine(root, controller_id)
        if platform == "darwin":
            return macos_counters.MacMachine(macos_counters.library(), controller_id)
    except Exception:  # noqa: BLE001 (a machine without its usual files is measured without them)
        return Machine()
    return Machine()


class Meter:
    """Reads the machine, and the GPU on which calls run. Made once; files stay open.

    core_count: None where it isn't known; then no growth of a counter is too large.
    """

    def __init__(
        self,
        clock: Clock,
        source: Any = None,
        core_count: Optional[int] = os.cpu_count(),
        sleep: Callable[[float], Any] = time.sleep,
    ) -> None:
        self._clock, self._core_count, self._sleep = clock, core_count, sleep
        self._machine = machine() if source is None else source
        self._gpu: Any = None
        self._pace: Any = None

    def watch_pace(self, torch: Any, device: str) -> None:
        """From now on the readings hold the machine's pace, where calls run on the processor and no clock is told."""
        told = (_known_or_none(self._machine) or {}).get("clock_hz") is not None
        self._pace = pace.Pace(torch, self._clock) if device == "cpu" and not told else None

    def watch_gpu(self, torch: Any, device: str, root: str = "/") -> None:
        """From now on the readings hold this device too, where it is a GPU that tells."""
        try:
            self._gpu = gpu_counters.find(torch, device, root)
        except Exception:  # noqa: BLE001 (a driver that fails to tell is measured without)
            self._gpu = None

    def gpu_own_bytes(self) -> Optional[int]:
        """What the driver books on this process; None where nothing tells."""
        try:
            return None if self._gpu is None else int(self._gpu.own_bytes())
        except Exception:  # noqa: BLE001 (a Jetson's files don't tell, NVML may not)
            return None

    def before(self) -> Counters:
        """The reading at the first edge: what was there comes first, so that it lies outside the block."""
        pace_s = _known_or_none(self._pace)
        found = self._read()
        return found._replace(pace_s=pace_s, time_s=self._clock())

    def since(self, before: Counters) -> Dict[str, Any]:
        """The fields of records.Interference between that reading and now."""
        time_s = self._clock()
        found = self._read()._replace(time_s=time_s)
        return between(before, found._replace(pace_s=_known_or_none(self._pace)), self._core_count)

    def watch(self, duration_s: float) -> Dict[str, Any]:
        """The operation `watch`: what the machine does while this process sleeps. Raises WorkerFault BAD_REQUEST."""
        if not isinstance(duration_s, (int, float)) or not 0 <= duration_s <= MAX_WATCH_S:
            raise WorkerFault(
                "BAD_REQUEST",
                "duration_s is {!r}".format(duration_s),
                "Ask for 0 to {:g} seconds".format(MAX_WATCH_S),
            )
        edge = self.before()
        self._sleep(duration_s)
        return {"interference": self.since(edge)}

    def _read(self) -> Counters:
        """The processor's last at the first edge, and first at the last: a GPU's driver takes longer to answer."""
        gpu = _known_or_none(self._gpu)
        return Counters(time_s=0.0, gpu=gpu, **(_known_or_none(self._machine) or {}))


def _known_or_none(source: Any) -> Any:
    """What a source reads; None where there is none, and where it fails, which costs its own figures alone."""
    try:
        return None if source is None else source.read()
    except Exception:  # noqa: BLE001 (a meter that fails spoils no measurement)
        return None


def between(before: Counters, after: Counters, core_count: Optional[int] = None) -> Dict[str, Any]:
    """Differences of two readings. What others took is all that was busy less what is ours.

    Where the controller's time isn't known, as when it can't be seen from this container, ours_s is None and that time
    is in foreign_s, which then is the most that others can have taken: the controller sleeps while calls are timed.
    """
    wall_s = max(0.0, after.time_s - before.time_s)
    most_s = None if core_count is None else core_count * (wall_s + _SLACK_S)
    own_s, ours_s, busy_s, stolen_s = (
        _grown(before, after, name, most_s) for name in ("own_s", "ours_s", "busy_s", "stolen_s")
    )
    found = {
        "wall_s": wall_s,
        "own_s": own_s,
        "ours_s": ours_s,
        "foreign_s": None if busy_s is None or own_s is None else max(0.0, busy_s - own_s - (ours_s or 0.0)),
        "stolen_s": stolen_s,
        "stalled_s": _grown(before, after, "stalled_s", wall_s + _SLACK_S),
        "clock_hz": after.clock_hz,
        "pace_s": None if before.pace_s is None or after.pace_s is None else max(before.pace_s, after.pace_s),
    }
    for name in ("switch_count", "fault_count", "throttle_count"):
        found[name] = _grown(before, after, name)
    found.update(gpu_counters.between(before.gpu, after.gpu))
    return found


def _grown(before: Counters, after: Counters, name: str, most: Optional[float] = None) -> Any:
    first, last = getattr(before, name), getattr(after, name)
    if first is None or last is None or last < first or (most is not None and last - first > most):
        return None
    return last - first

"""Counters of a Mac, through libSystem: processor ticks of the host, and the time of the controller and its children.

A Mac tells no stolen time, no pressure and no clock without root. Source: <mach/host_info.h>, <libproc.h>,
<sys/resource.h> of macOS.
"""

import ctypes
import os
import resource
import time
from typing import Any, Dict, List, Optional

_HOST_CPU_LOAD_INFO = 3
_STATE_COUNT = 4  # user, system, idle, nice
_TICK_S = 0.01
_RUSAGE_INFO_V0 = 0
_MAX_CHILD_COUNT = 256


class _Usage(ctypes.Structure):
    """struct rusage_info_v0; times in units of the Mach clock."""

    _fields_ = [
        ("uuid", ctypes.c_uint8 * 16),
        ("user_time", ctypes.c_uint64),
        ("system_time", ctypes.c_uint64),
        ("rest", ctypes.c_uint64 * 8),
    ]


class _Timebase(ctypes.Structure):
    _fields_ = [("numerator", ctypes.c_uint32), ("denominator", ctypes.c_uint32)]


def library() -> Any:
    """Raises OSError where it can't be had."""
    return ctypes.CDLL("/usr/lib/libSystem.dylib")


class MacMachine:
    """library: libSystem, or what stands for it in tests."""

    def __init__(
        self, library: Any, controller_id: int, own_id: Optional[int] = None, process_time: Any = time.process_time
    ) -> None:
        self._library = library
        self._controller_id = controller_id
        self._own_id = os.getpid() if own_id is None else own_id
        self._process_time = process_time
        self._host = library.mach_host_self()
        base = _Timebase()
        library.mach_timebase_info(ctypes.byref(base))
        self._unit_s = base.numerator / base.denominator * 1e-9 if base.denominator else None

    def read(self) -> Dict[str, Any]:
        """Fields of interference.Counters."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        ended = os.times()
        return {
            "busy_s": self._busy_s(),
            "own_s": float(self._process_time()) + ended.children_user + ended.children_system,
            "ours_s": self._ours_s(),
            "switch_count": usage.ru_nivcsw,
            "fault_count": usage.ru_majflt,
        }

    def _busy_s(self) -> Optional[float]:
        """The counters wrap at 2^32 ticks: a block in which one does is told as unknown, for it ran backwards."""
        found, count = (ctypes.c_uint32 * _STATE_COUNT)(), ctypes.c_uint32(_STATE_COUNT)
        if self._library.host_statistics(self._host, _HOST_CPU_LOAD_INFO, found, ctypes.byref(count)) != 0:
            return None
        user, system, _, nice = found
        return float(user + system + nice) * _TICK_S

    def _ours_s(self) -> Optional[float]:
        controller_s = self._process_s(self._controller_id)
        if controller_s is None:
            return None
        others = [child for child in self._children() if child != self._own_id]
        return controller_s + sum(self._process_s(child) or 0.0 for child in others)

    def _process_s(self, process_id: int) -> Optional[float]:
        usage = _Usage()
        if self._unit_s is None or self._library.proc_pid_rusage(process_id, _RUSAGE_INFO_V0, ctypes.byref(usage)) != 0:
            return None
        return float((usage.user_time + usage.system_time) * self._unit_s)

    def _children(self) -> List[int]:
        found = (ctypes.c_int * _MAX_CHILD_COUNT)()
        count = self._library.proc_listchildpids(self._controller_id, found, ctypes.sizeof(found))
        return list(found[: max(0, min(count, _MAX_CHILD_COUNT))])

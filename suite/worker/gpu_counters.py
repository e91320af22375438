"""What a GPU does beside the calls: its clock, what lowers it, and how much others use it.

Discrete boards through NVML, by ctypes; a Jetson's through its files, which don't tell whose work the GPU does. Source:
NVML API reference, nvmlDeviceGetCurrentClocksThrottleReasons and nvmlDeviceGetProcessUtilization.
"""

import ctypes
import glob
import os
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from suite.worker.linux_counters import File

_SM_CLOCK = 1
_MAX_PROCESS_COUNT = 128
_UNKNOWN_BYTES = 2**64 - 1  # NVML_VALUE_NOT_AVAILABLE
_REASONS = (  # what lowers a clock; left out: idleness, and clocks that somebody set
    (0x04, "software power cap"),
    (0x08, "hardware slowdown"),
    (0x20, "software thermal slowdown"),
    (0x40, "hardware thermal slowdown"),
    (0x80, "hardware power brake"),
)
_CLOCKS = (
    "sys/class/devfreq/*gpu*",
    "sys/class/devfreq/*.gv11b",
    "sys/class/devfreq/*.ga10b",
    "sys/class/devfreq/*.gp10b",
)


class Reading(NamedTuple):
    clock_hz: Optional[float]
    throttle: Optional[Tuple[str, ...]]
    foreign_share: Optional[float]  # since the reading before


class _Utilisation(ctypes.Structure):
    """nvmlProcessUtilizationSample_t"""

    _fields_ = [
        ("process_id", ctypes.c_uint),
        ("time_us", ctypes.c_ulonglong),
        ("sm_percent", ctypes.c_uint),
        ("memory_percent", ctypes.c_uint),
        ("encoder_percent", ctypes.c_uint),
        ("decoder_percent", ctypes.c_uint),
    ]


class _Process(ctypes.Structure):
    """nvmlProcessInfo_v2_t"""

    _fields_ = [
        ("process_id", ctypes.c_uint),
        ("used_bytes", ctypes.c_ulonglong),
        ("gpu_instance", ctypes.c_uint),
        ("compute_instance", ctypes.c_uint),
    ]


def between(before: Optional[Reading], after: Optional[Reading]) -> Dict[str, Any]:
    """Reasons at either edge count."""
    found: Dict[str, Any] = {"gpu_clock_hz": None, "gpu_foreign_share": None, "gpu_throttle": None}
    if before is None or after is None:
        return found
    found["gpu_clock_hz"], found["gpu_foreign_share"] = after.clock_hz, after.foreign_share
    if before.throttle is not None and after.throttle is not None:
        found["gpu_throttle"] = sorted(set(before.throttle) | set(after.throttle))
    return found


def find(torch: Any, device: str, root: str = "/") -> Any:
    """The source for a checked device; None where it is no GPU or tells nothing."""
    if device.partition(":")[0] != "cuda":
        return None
    folders = [folder for pattern in _CLOCKS for folder in sorted(glob.glob(os.path.join(root, pattern)))]
    if folders:
        return Tegra(folders[0])
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
        return Board(library, _bus_id(torch, device))
    except (OSError, AttributeError, LookupError):
        return None


def _bus_id(torch: Any, device: str) -> Optional[str]:
    """ "0000:81:00.0", where this torch tells; it numbers devices in another order than NVML."""
    properties = torch.cuda.get_device_properties(device)
    names = ("pci_domain_id", "pci_bus_id", "pci_device_id")
    if not all(hasattr(properties, name) for name in names):
        return None
    numbers = [int(getattr(properties, name)) for name in names]
    return "{:04x}:{:02x}:{:02x}.0".format(*numbers)


class Tegra:
    """A Jetson's: its load file can't tell others' work from ours, and nothing tells what lowers the clock."""

    def __init__(self, folder: str) -> None:
        self._clock = File(os.path.join(folder, "cur_freq"))

    def read(self) -> Reading:
        hertz = self._clock.number()
        return Reading(None if hertz is None else float(hertz), None, None)


class Board:
    """library: NVML, or what stands for it in tests. bus_id None: the only board there is. Raises LookupError."""

    def __init__(
        self, library: Any, bus_id: Optional[str], own_id: Optional[int] = None, now: Callable[[], float] = time.time
    ) -> None:
        self._library, self._now = library, now
        self._own_id = os.getpid() if own_id is None else own_id
        self._since_us = 0
        self._was_named = False
        if library.nvmlInit_v2() != 0:
            raise LookupError("NVML does not start")
        self._handle = ctypes.c_void_p()
        if bus_id is not None:
            status = library.nvmlDeviceGetHandleByPciBusId_v2(bus_id.encode(), ctypes.byref(self._handle))
        else:
            count = ctypes.c_uint()
            library.nvmlDeviceGetCount_v2(ctypes.byref(count))
            if count.value != 1:
                raise LookupError("which of several boards it is can't be told")
            status = library.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(self._handle))
        if status != 0:
            raise LookupError("NVML does not know the board")

    def read(self) -> Reading:
        since_us, self._since_us = self._since_us, int(self._now() * 1e6)
        return Reading(self._clock_hz(), self._throttle(), self._foreign(since_us) if since_us else None)

    def own_bytes(self) -> Optional[int]:
        """What this process holds of the board, the driver's own part included; None where NVML doesn't say."""
        found = [each for each in self._processes() if each.process_id == self._own_id]
        if not found or found[0].used_bytes == _UNKNOWN_BYTES:
            return None
        return int(found[0].used_bytes)

    def _clock_hz(self) -> Optional[float]:
        megahertz = ctypes.c_uint()
        status = self._library.nvmlDeviceGetClockInfo(self._handle, _SM_CLOCK, ctypes.byref(megahertz))
        return None if status != 0 else megahertz.value * 1e6

    def _throttle(self) -> Optional[Tuple[str, ...]]:
        bits = ctypes.c_ulonglong()
        if self._library.nvmlDeviceGetCurrentClocksThrottleReasons(self._handle, ctypes.byref(bits)) != 0:
            return None
        return tuple(name for bit, name in _REASONS if bits.value & bit)

    def _foreign(self, since_us: int) -> Optional[float]:
        """The share of the time that other processes used it, summed over them, each by the mean of its samples.

        NVML keeps samples of who used the board, several a second, and lists nobody who didn't. None where there is no
        sample since, of anybody: a block between two samples is not told from an idle board. None too where this
        process isn't among those that NVML names: in a container it names them by other numbers.
        """
        if not self._is_named():
            return None
        samples, count = (_Utilisation * _MAX_PROCESS_COUNT)(), ctypes.c_uint(_MAX_PROCESS_COUNT)
        status = self._library.nvmlDeviceGetProcessUtilization(
            self._handle, samples, ctypes.byref(count), ctypes.c_ulonglong(since_us)
        )
        found: Dict[int, List[float]] = {}
        for sample in list(samples[: min(count.value, _MAX_PROCESS_COUNT)]) if status == 0 else []:
            if sample.time_us > since_us:
                found.setdefault(sample.process_id, []).append(sample.sm_percent / 100)
        if not found:
            return None
        found.pop(self._own_id, None)
        return min(1.0, sum(sum(shares) / len(shares) for shares in found.values()))

    def _is_named(self) -> bool:
        """Once it was, it stays so: asking takes longer than all else."""
        self._was_named = self._was_named or self._own_id in self._process_ids()
        return self._was_named

    def _process_ids(self) -> List[int]:
        return [each.process_id for each in self._processes()]

    def _processes(self) -> List[_Process]:
        found, count = (_Process * _MAX_PROCESS_COUNT)(), ctypes.c_uint(_MAX_PROCESS_COUNT)
        status = self._library.nvmlDeviceGetComputeRunningProcesses_v2(self._handle, ctypes.byref(count), found)
        return [] if status != 0 else list(found[: min(count.value, _MAX_PROCESS_COUNT)])

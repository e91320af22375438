"""What NVIDIA's management library tells of a discrete GPU's state, in SI units.

Source: NVML API reference, "Device Queries". What of this has met no GPU yet: docs/gpu.md.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from functools import cache
from typing import Any

from suite.records import GpuState

LIBRARY = "libnvidia-ml.so.1"
_SUCCESS = 0
_NAME_BYTES = 96
_MOST_GPUS = 64
_SM_CLOCK, _CORE = 1, 0  # NVML_CLOCK_SM, NVML_TEMPERATURE_GPU
_REASONS = (  # what lowers a clock; left out: idleness, and clocks that somebody set
    (0x04, "software power cap"),
    (0x08, "hardware slowdown"),
    (0x20, "software thermal slowdown"),
    (0x40, "hardware thermal slowdown"),
    (0x80, "hardware power brake"),
)


class _Memory(ctypes.Structure):
    """nvmlMemory_t"""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class _Utilisation(ctypes.Structure):
    """nvmlUtilization_t, in per cent"""

    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


@cache
def library() -> Any:
    """The library, started once; None where there is none or it doesn't start."""
    try:
        found = ctypes.CDLL(LIBRARY)
    except OSError:
        return None
    return found if found.nvmlInit_v2() == _SUCCESS else None


def states(found: Any) -> tuple[GpuState, ...]:
    """Of every GPU that answers. found: the library. What it refuses is None."""
    return tuple(_state(found, handle) for handle in _handles(found))


def _handles(found: Any) -> Iterator[Any]:
    count = ctypes.c_uint()
    if found.nvmlDeviceGetCount_v2(ctypes.byref(count)) != _SUCCESS:
        return
    for index in range(min(count.value, _MOST_GPUS)):
        handle = ctypes.c_void_p()
        if found.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) == _SUCCESS:
            yield handle


def _state(found: Any, handle: Any) -> GpuState:
    name = ctypes.create_string_buffer(_NAME_BYTES)
    is_named = found.nvmlDeviceGetName(handle, name, ctypes.c_uint(_NAME_BYTES)) == _SUCCESS
    clock_mhz = _number(found.nvmlDeviceGetClockInfo, handle, _SM_CLOCK)
    limit_mhz = _number(found.nvmlDeviceGetMaxClockInfo, handle, _SM_CLOCK)
    power_mw = _number(found.nvmlDeviceGetPowerUsage, handle)
    limit_mw = _number(found.nvmlDeviceGetEnforcedPowerLimit, handle)
    memory, use = _Memory(), _Utilisation()
    has_memory = found.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)) == _SUCCESS
    has_use = found.nvmlDeviceGetUtilizationRates(handle, ctypes.byref(use)) == _SUCCESS
    temperature_c = _number(found.nvmlDeviceGetTemperature, handle, _CORE)
    return GpuState(
        name=name.value.decode(errors="replace") if is_named and name.value else "GPU",
        clock_hz=None if clock_mhz is None else clock_mhz * 1e6,
        clock_limit_hz=None if limit_mhz is None else limit_mhz * 1e6,
        temperature_c=None if temperature_c is None else float(temperature_c),
        power_w=None if power_mw is None else power_mw * 1e-3,
        power_limit_w=None if limit_mw is None else limit_mw * 1e-3,
        memory_used_bytes=int(memory.used) if has_memory else None,
        busy_share=use.gpu / 100 if has_use else None,
        throttle=_throttle(found, handle),
    )


def _number(call: Any, handle: Any, *which: int) -> int | None:
    value = ctypes.c_uint()
    return int(value.value) if call(handle, *which, ctypes.byref(value)) == _SUCCESS else None


def _throttle(found: Any, handle: Any) -> tuple[str, ...] | None:
    bits = ctypes.c_ulonglong()
    if found.nvmlDeviceGetCurrentClocksThrottleReasons(handle, ctypes.byref(bits)) != _SUCCESS:
        return None
    return tuple(name for bit, name in _REASONS if bits.value & bit)

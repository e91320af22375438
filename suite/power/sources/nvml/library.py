"""The few calls of NVIDIA's management library that power needs, in SI units.

Source: NVIDIA's NVML API reference, "Device Queries": nvmlDeviceGetTotalEnergyConsumption in mJ since the driver was
loaded, nvmlDeviceGetPowerUsage in mW.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Protocol

LIBRARY = "libnvidia-ml.so.1"
FOLDERS = ("usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib64", "usr/lib", "lib")
NAME_BYTES = 96
SUCCESS = 0
NOT_SUPPORTED = 3
SAID = {
    1: "it is not initialised",
    3: "it does not support that",
    4: "no permission",
    9: "the NVIDIA driver is not loaded",
    15: "the GPU has fallen off the bus or is otherwise lost",
    18: "the library and the driver in the kernel are of different versions",
    28: "the GPU was not found",
}


class NvmlError(Exception):
    """What the library answered instead of a value; `code` as in its header, None where it could not be called."""

    def __init__(self, code: int | None, text: str) -> None:
        super().__init__(text)
        self.code = code


class Gpus(Protocol):
    """What a source needs. Every method raises NvmlError."""

    def count(self) -> int: ...
    def name(self, index: int) -> str: ...
    def energy_j(self, index: int) -> float: ...
    def power_w(self, index: int) -> float: ...
    def close(self) -> None: ...


def find(root: Path) -> str:
    """What to load: the system's own library, or the one that lies under another root."""
    if root == Path("/"):
        return LIBRARY
    paths = (root / folder / LIBRARY for folder in FOLDERS)
    return str(next((path for path in paths if path.exists()), root / FOLDERS[0] / LIBRARY))


class Library:
    """The library, initialised."""

    def __init__(self, path: str) -> None:
        try:
            self._library = ctypes.CDLL(path)
        except OSError as exc:
            raise NvmlError(None, f"its library can't be loaded ({exc})") from exc
        self._handles: dict[int, ctypes.c_void_p] = {}
        self._call("nvmlInit_v2")

    def count(self) -> int:
        value = ctypes.c_uint()
        self._call("nvmlDeviceGetCount_v2", ctypes.byref(value))
        return value.value

    def name(self, index: int) -> str:
        text = ctypes.create_string_buffer(NAME_BYTES)
        self._call("nvmlDeviceGetName", self._handle(index), text, ctypes.c_uint(NAME_BYTES))
        return text.value.decode(errors="replace")

    def energy_j(self, index: int) -> float:
        value = ctypes.c_ulonglong()
        self._call("nvmlDeviceGetTotalEnergyConsumption", self._handle(index), ctypes.byref(value))
        return _known(value.value, 64) * 1e-3  # mJ

    def power_w(self, index: int) -> float:
        value = ctypes.c_uint()
        self._call("nvmlDeviceGetPowerUsage", self._handle(index), ctypes.byref(value))
        return _known(value.value, 32) * 1e-3  # mW

    def close(self) -> None:
        self._call("nvmlShutdown")

    def _handle(self, index: int) -> ctypes.c_void_p:
        if index not in self._handles:
            handle = ctypes.c_void_p()
            self._call("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(handle))
            self._handles[index] = handle
        return self._handles[index]

    def _call(self, name: str, *arguments: object) -> None:
        try:
            function = getattr(self._library, name)
        except AttributeError as exc:  # an old driver
            raise NvmlError(NOT_SUPPORTED, f"{name} is missing in this driver") from exc
        code = int(function(*arguments))
        if code != SUCCESS:
            raise NvmlError(code, SAID.get(code, f"{name} answered with error {code}"))


def _known(value: int, bits: int) -> int:
    """Raises NvmlError for NVML_VALUE_NOT_AVAILABLE, which is -1 as an unsigned number."""
    if value == (1 << bits) - 1:
        raise NvmlError(NOT_SUPPORTED, "it gives no value")
    return value

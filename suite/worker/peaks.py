"""The peaks of process and device since they were last set back, less what the worker's own checks took."""

from typing import Any, Callable, Dict, Optional

from suite.worker import memory


class Peaks:
    """torch: gives the module, which may not be imported yet. device: the loaded model's, None before there is one."""

    def __init__(self, torch: Callable[[], Any], device: Callable[[], Optional[str]]) -> None:
        self._torch, self._device = torch, device
        self._was_reset = False
        self._before: Dict[str, Any] = {}  # until the worker's last own check, which they leave out

    def read(self) -> Dict[str, Any]:
        """The answer to `memory`."""
        process = memory.process_memory()
        device_peak = memory.device_peak_bytes(self._torch(), self._device() or "cpu")
        return {
            "resident_bytes": process.resident_bytes,
            "peak_resident_bytes": max(process.peak_resident_bytes, self._before.get("peak_resident_bytes") or 0),
            "peak_was_reset": self._was_reset,
            "device_peak_bytes": None
            if device_peak is None
            else max(device_peak, self._before.get("device_peak_bytes") or 0),
        }

    def reset(self) -> Dict[str, Any]:
        """The answer to `reset_memory`."""
        self._before = {}
        self._was_reset = self._start()
        return {"peak_was_reset": self._was_reset}

    def now(self) -> Optional[Dict[str, Any]]:
        """Before a check of the worker's own; None where no new peak can be started."""
        return self.read() if self._was_reset else None

    def forget_since(self, before: Optional[Dict[str, Any]]) -> None:
        """What the suite's own checks took is in no peak, where the system can start a new one."""
        if before is not None:
            self._before = before
            self._start()

    def _start(self) -> bool:
        device = self._device()
        if device is not None:
            memory.reset_device_peak(self._torch(), device)
        return memory.reset_peak()

"""The peaks of process and device since they were last set back, less what the worker's own checks took."""

from typing import Any, Callable, Dict, Optional

from suite.worker import memory


class Peaks:
    """torch: gives the module, which may not be imported yet. device: the loaded model's, None before there is one.
    own_bytes: what a GPU's driver books on this process, None where it doesn't tell."""

    def __init__(
        self,
        torch: Callable[[], Any],
        device: Callable[[], Optional[str]],
        own_bytes: Callable[[], Optional[int]] = lambda: None,
    ) -> None:
        self._torch, self._device, self._own_bytes = torch, device, own_bytes
        self.available_bytes: Optional[int] = None  # of the machine, before anything was put on a device
        self._was_reset = False
        self._before: Dict[str, Any] = {}  # until the worker's last own check, which they leave out

    def read(self) -> Dict[str, Any]:
        """The peaks."""
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

    def account(self) -> Dict[str, Any]:
        """The answer to `memory`, with what the device's memory consists of."""
        found, device = self.read(), self._device() or "cpu"
        account = memory.device_account(self._torch(), device, self._own_bytes())
        now_bytes = memory.available_bytes() if account["device_is_unified"] else None
        before_bytes = self.available_bytes
        taken_bytes = None if now_bytes is None or before_bytes is None else max(0, before_bytes - now_bytes)
        found.update(account, machine_taken_bytes=taken_bytes)
        return found

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

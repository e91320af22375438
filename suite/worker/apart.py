"""Calls that no figure of latency is taken from: under a profiler, and by the device's own clock."""

from typing import Any, Dict, NamedTuple

from suite.worker import device_times, profile, timing
from suite.worker.case import Case, grad_mode
from suite.worker.outcome import WorkerFault


class Ready(NamedTuple):
    """A loaded model (ops.Loaded) with one of its cases."""

    torch: Any
    loaded: Any
    prepared: Case
    clock: timing.Clock

    @property
    def call(self) -> Any:
        return self.prepared.call if self.prepared.fresh_call is None else self.prepared.fresh_call()


def profiled(ready: Ready, call_count: int) -> Dict[str, Any]:
    """Calls under torch's profiler, then one whose products are counted. No timed call may follow in this process."""
    count, loaded = profile.checked_count(call_count), ready.loaded
    subject = profile.Subject(loaded.target, loaded.device, ready.call, loaded.synchronise)
    with grad_mode(loaded.model, loaded.started.precision):
        return profile.profile(ready.torch, subject, count, ready.clock)


def by_device(ready: Ready, call_count: int) -> Dict[str, Any]:
    """The device's own time, and transfers. Raises WorkerFault NO_DEVICE_CLOCK on the processor."""
    loaded = ready.loaded
    if loaded.synchronise is None:
        raise WorkerFault("NO_DEVICE_CLOCK", "the calls run on the processor", "Ask for a device")
    subject = device_times.Subject(ready.call, ready.prepared.made, loaded.model.output_tensors)
    device = device_times.Device(loaded.device, loaded.synchronise)
    with grad_mode(loaded.model, loaded.started.precision):
        return device_times.measure(ready.torch, device, ready.clock, subject, call_count)

"""What a call takes on the device itself, what giving it the work takes, and transfers in and out.

The device's clock stamps events in its queue. These calls are calls of their own, never timed ones: an event costs the
processor some microseconds, which would lie in the figure. Two kinds of them:

span: as a call always runs, from its first work on the device to its last. Where the processor gives work more slowly
than the device does it, the device waits in between, and that waiting is in the span.
work: the same call queued up behind a delay, so that all of its work is there before the device begins with it. Nothing
waits, and the difference to the wall clock is what launching costs. A call that itself waits for the device can't be
queued up: there is no such figure then.

Source: CUDA C++ Programming Guide, section Events. What of this has met no GPU yet: docs/gpu.md.
"""

from typing import Any, Callable, Dict, NamedTuple, Optional

from suite.worker import tensors, timing
from suite.worker.outcome import WorkerFault

MOST_CALLS = 1000
_PROBE_CYCLES = 1000000
_DELAY_FACTOR = 2.0  # of a call's time: the processor is done with giving work by then
_MOST_DELAY_S = 0.5  # beyond it a screen's driver may stop what runs
_LEAST_DELAY_S = 1e-3
_MS = 1e-3


class Device(NamedTuple):
    name: str
    synchronise: Callable[[], Any]


class Subject(NamedTuple):
    """call gives outputs; inputs are those of the case, on the processor; outputs finds the tensors of an output."""

    call: Callable[[], Any]
    inputs: Callable[[], Dict[str, Any]]
    outputs: Callable[[Any], Any]


def measure(torch: Any, device: Device, clock: timing.Clock, subject: Subject, call_count: int) -> Dict[str, Any]:
    """The answer to `device_times`. Raises WorkerFault NO_DEVICE_CLOCK."""
    if not isinstance(call_count, int) or not 1 <= call_count <= MOST_CALLS:
        raise WorkerFault("BAD_REQUEST", "call_count is {!r}".format(call_count), "Ask for 1 to 1,000 calls")
    queue, synchronise = Queue(torch, device, clock), device.synchronise
    with timing.collector_off():
        spans = [queue.span(subject.call) for _ in range(call_count)]
        wall_s = sorted(each.wall_s for each in spans)[len(spans) // 2]
        works = [queue.work_s(subject.call, wall_s) for _ in range(call_count)]
        made = subject.inputs()
        ins = [_timed(lambda: _moved(made, device.name), synchronise, clock) for _ in range(call_count)]
        output = [tensor for _, tensor in tensors.leaves(subject.outputs(subject.call()))]
        outs = [_timed(lambda: [tensor.cpu() for tensor in output], synchronise, clock) for _ in range(call_count)]
    known = [each for each in works if each is not None]
    return {
        "wall_s": [each.wall_s for each in spans],
        "span_s": [each.device_s for each in spans],
        "work_s": known if len(known) == len(works) else [],
        "in_s": ins,
        "out_s": outs,
        "in_bytes": _bytes(tensor for _, tensor in tensors.leaves(made)),
        "out_bytes": _bytes(output),
    }


class Span(NamedTuple):
    wall_s: float
    device_s: float


class Queue:
    """A device's queue of work and the clock that it stamps events by."""

    def __init__(self, torch: Any, device: Device, clock: timing.Clock) -> None:
        self._synchronise, self._clock = device.synchronise, clock
        self._event = _events(torch, device.name)
        self._sleep: Any = getattr(torch.cuda, "_sleep", None) if device.name.startswith("cuda") else None
        self._cycles_per_s = None  # type: Optional[float]

    def span(self, call: Callable[[], Any]) -> Span:
        first, last = self._event(), self._event()
        self._synchronise()
        start_s = self._clock()
        first.record()
        call()
        last.record()
        self._synchronise()
        return Span(self._clock() - start_s, first.elapsed_time(last) * _MS)

    def work_s(self, call: Callable[[], Any], wall_s: float) -> Optional[float]:
        """None where the call can't be queued up whole: it waits for the device, or takes too long for a delay."""
        delay_s = max(_LEAST_DELAY_S, _DELAY_FACTOR * wall_s)
        if self._sleep is None or delay_s > _MOST_DELAY_S:
            return None
        cycles = int(delay_s * self._speed())
        first, last = self._event(), self._event()
        self._synchronise()
        self._sleep(cycles)
        first.record()
        call()
        last.record()
        has_waited = first.query()  # the device has come to it before all of the work was given
        self._synchronise()
        return None if has_waited else float(first.elapsed_time(last)) * _MS

    def _speed(self) -> float:
        """Cycles of a delay that pass in a second, as the device's own clock has it."""
        if self._cycles_per_s is None:
            first, last = self._event(), self._event()
            self._synchronise()
            first.record()
            self._sleep(_PROBE_CYCLES)
            last.record()
            self._synchronise()
            self._cycles_per_s = _PROBE_CYCLES / max(1e-9, first.elapsed_time(last) * _MS)
        return self._cycles_per_s


def _events(torch: Any, device: str) -> Callable[[], Any]:
    kind = device.partition(":")[0]
    if kind == "cuda":
        return lambda: torch.cuda.Event(enable_timing=True)
    made = getattr(getattr(getattr(torch, "mps", None), "event", None), "Event", None)
    if kind == "mps" and made is not None:
        return lambda: made(enable_timing=True)
    raise WorkerFault(
        "NO_DEVICE_CLOCK",
        "torch {} tells no times of {!r} itself".format(torch.__version__, kind),
        "Take the wall clock, which waits for the device; on a Mac, torch 2.1 or newer has events",
    )


def _timed(action: Callable[[], Any], synchronise: Callable[[], Any], clock: timing.Clock) -> float:
    synchronise()
    start_s = clock()
    action()
    synchronise()
    return clock() - start_s


def _moved(made: Dict[str, Any], device: str) -> Dict[str, Any]:
    return {name: tensors.moved(value, device) for name, value in made.items()}


def _bytes(found: Any) -> int:
    return sum(int(tensor.numel() * tensor.element_size()) for tensor in found)

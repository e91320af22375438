"""Where the time of a call goes, by torch's profiler: operators and modules, their own time, and what they multiply.

The profiler slows calls down, so that this is a measurement of its own, whose total the controller holds against
calls without it. Multiply-accumulates are counted in a further call. Works from torch 1.8 on; counts from 2.1 on.
"""

import contextlib
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from suite.worker import complexity, operators, timing
from suite.worker.loop import is_out_of_memory
from suite.worker.outcome import WorkerFault

MOST_CALLS = 1000
MOST_PARTS = 2000  # operators, or modules: those with the most time of their own
_MARK = "suite.module:"  # before a module's path, in the profiler's record of it
_US = 1e-6  # the profiler tells microseconds

Call = Callable[[], Any]


class Subject(NamedTuple):
    """What is profiled: a module, or what a runtime made of it, and the call of it."""

    target: Any
    device: str
    call: Call
    synchronise: timing.Synchronise


def profile(torch: Any, subject: Subject, call_count: int, clock: timing.Clock) -> Dict[str, Any]:
    """The answer to `profile`. Times are sums over the calls, counts those of one.

    Raises WorkerFault NO_PROFILER, NOTHING_SEEN where what runs is none of torch's operators, or NO_DEVICE_TIMES where
    it runs on a GPU that the profiler sees nothing of.
    """
    profiler = _profiler(torch, subject.device)
    parts = _parts(torch, subject.target)
    with contextlib.ExitStack() as stack:
        _mark_modules(torch, parts, stack)
        with profiler:
            timed = timing.time_calls(subject.call, subject.synchronise, call_count, clock)
    by_operator, by_module, uncounted = _counts(torch, parts, subject.call)
    events, on_device = profiler.events(), subject.device != "cpu"
    found = _operators(events, set(by_operator or {"convolution": 0}), on_device)
    if not found:
        raise WorkerFault(
            "NOTHING_SEEN",
            "the profiler saw no operator of torch in {} calls: what runs lies outside of it".format(call_count),
            "Profile the runtime eager",
        )
    if on_device and not any(each["device_self_s"] for each in found):
        raise WorkerFault(
            "NO_DEVICE_TIMES",
            "the profiler saw {} operators and no work of the GPU: it may not read the GPU's counters".format(
                len(found)
            ),
            "Run as root, or let the driver's module have NVreg_RestrictProfilingToAdminUsers=0",
        )
    modules = _modules(events, parts, on_device)
    for rows, name, counts in ((found, "operator", by_operator), (modules, "path", by_module)):
        for each in rows:
            each["mac_count"] = None if uncounted else counts.get(each[name], 0)
    return {"latency_s": timed.latency_s, "operators": found, "modules": modules, "uncounted": uncounted}


def _profiler(torch: Any, device: str) -> Any:
    try:
        from torch.profiler import ProfilerActivity
        from torch.profiler import profile as made
    except ImportError:
        raise WorkerFault(
            "NO_PROFILER", "torch {} has no profiler".format(torch.__version__), "Use torch 1.10 or newer"
        ) from None
    kind, activities = device.partition(":")[0], [ProfilerActivity.CPU]
    if kind == "cuda":
        activities.append(ProfilerActivity.CUDA)
    elif kind != "cpu":
        raise WorkerFault(
            "NO_DEVICE_TIMES",
            "torch's profiler tells no times of {!r}".format(kind),
            "Profile it on the CPU or on CUDA",
        )
    return made(activities=activities)


def _parts(torch: Any, target: Any) -> Dict[str, Any]:
    """Modules by their first path; the whole one's is ""."""
    return dict(target.named_modules()) if isinstance(target, torch.nn.Module) else {}


def _mark_modules(torch: Any, parts: Dict[str, Any], stack: contextlib.ExitStack) -> None:
    """Until the stack is left, each call of a module is a record of the profiler."""
    for path, part in parts.items():
        open_records = []  # type: List[Any]

        def begin(_part: Any, _inputs: Any, path: str = path, records: List[Any] = open_records) -> None:
            records.append(torch.autograd.profiler.record_function(_MARK + path))
            records[-1].__enter__()

        def end(_part: Any, _inputs: Any, _output: Any, records: List[Any] = open_records) -> None:
            records.pop().__exit__(None, None, None)

        stack.callback(part.register_forward_pre_hook(begin).remove)
        stack.callback(part.register_forward_hook(end).remove)


def _operators(events: Sequence[Any], counted: Set[str], on_device: bool) -> List[Dict[str, Any]]:
    """An operator's own time; what an operator that multiplies calls to do it (a library's kernel) is its own too."""
    found = {}  # type: Dict[str, Dict[str, Any]]
    for event in events:
        if not _is_operator(event):
            continue
        name, owner = _name(event.name), _owner(event, counted)
        row = found.setdefault(owner or name, _no_calls(owner or name, on_device))
        row["call_count"] += owner is None or name == owner
        row["self_s"] += max(0.0, float(event.self_cpu_time_total)) * _US
        if on_device:
            row["device_self_s"] += _device_s(event, "self_")
    rows = [row for row in found.values() if row["call_count"]]
    return sorted(rows, key=lambda row: -row["device_self_s" if on_device else "self_s"])[:MOST_PARTS]


def _no_calls(name: str, on_device: bool) -> Dict[str, Any]:
    return {"operator": name, "call_count": 0, "self_s": 0.0, "device_self_s": 0.0 if on_device else None}


def _owner(event: Any, counted: Set[str]) -> Optional[str]:
    """The operator that multiplies, of this one and those above it; None where none does."""
    while event is not None:
        if _is_operator(event) and _name(event.name) in counted:
            return _name(event.name)
        event = event.cpu_parent
    return None


def _is_operator(event: Any) -> bool:
    """As the processor has it: a GPU's kernels are in its device time."""
    is_named = "::" in event.name and not event.name.startswith((_MARK, "void ", "cuda", "hip"))
    return is_named and _is_of_processor(event)


def _is_of_processor(event: Any) -> bool:
    return "CPU" in str(getattr(event, "device_type", "CPU"))


def _name(key: str) -> str:
    """ "mm" of aten::mm, as the counts have it; "quantized.linear" of quantized::linear."""
    return key[len("aten::") :] if key.startswith("aten::") else key.replace("::", ".")


def _device_s(event: Any, prefix: str = "") -> float:
    """Newer torch names it for any device, older for CUDA."""
    for name in ("device_time_total", "cuda_time_total"):
        value = getattr(event, prefix + name, None)
        if value is not None:
            return max(0.0, float(value)) * _US
    return 0.0


def _modules(events: Sequence[Any], parts: Dict[str, Any], on_device: bool) -> List[Dict[str, Any]]:
    """Own time is the record's less that of the nearest modules within it."""
    found = {}  # type: Dict[str, Dict[str, Any]]
    for event in events:
        if not _is_mark(event):
            continue
        path = event.name[len(_MARK) :]
        total = _spent(event, on_device)
        for at in (path, _parent(event)):
            if at is not None and at not in found:
                found[at] = _nothing(at, parts, on_device)
        found[path]["call_count"] += 1
        _add(found[path], total, 1, ("self", "total"))
        parent = _parent(event)
        if parent is not None:
            _add(found[parent], total, -1, ("self",))
    for each in found.values():
        for name in ("self_s", "device_self_s"):  # sums of rounded times
            each[name] = None if each[name] is None else max(0.0, each[name])
    key = "device_self_s" if on_device else "self_s"
    return sorted(found.values(), key=lambda each: -each[key])[:MOST_PARTS]


def _is_mark(event: Any) -> bool:
    """A module's record as the processor has it; a GPU's has one of the same name."""
    return bool(event.name.startswith(_MARK)) and _is_of_processor(event)


def _spent(event: Any, on_device: bool) -> Tuple[float, Optional[float]]:
    return max(0.0, float(event.cpu_time_total)) * _US, _device_s(event) if on_device else None


def _parent(event: Any) -> Optional[str]:
    above = event.cpu_parent
    while above is not None:
        if _is_mark(above):
            return str(above.name[len(_MARK) :])
        above = above.cpu_parent
    return None


def _nothing(path: str, parts: Dict[str, Any], on_device: bool) -> Dict[str, Any]:
    zero = 0.0 if on_device else None
    return {
        "path": path or "(model)",
        "kind": type(parts[path]).__name__ if path in parts else "?",
        "call_count": 0,
        "self_s": 0.0,
        "total_s": 0.0,
        "device_self_s": zero,
        "device_total_s": zero,
    }


def _add(part: Dict[str, Any], spent: Tuple[float, Optional[float]], sign: int, kinds: Sequence[str]) -> None:
    for kind in kinds:
        part[kind + "_s"] += sign * spent[0]
        if spent[1] is not None:
            part["device_{}_s".format(kind)] += sign * spent[1]


Counts = Tuple[Dict[str, int], Dict[str, int], Optional[List[str]]]


def _counts(torch: Any, parts: Dict[str, Any], call: Call) -> Counts:
    """Multiply-accumulates of a call by operator and by module, a module's own without those of the modules within it;
    and, where they can't be counted, [code, reason, remedy]: the times stand without."""
    try:
        return _counted(torch, parts, call) + (None,)
    except WorkerFault as fault:
        return {}, {}, [fault.code, fault.reason, fault.remedy]
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return {}, {}, ["COUNT_FAILED", "the counted call failed: {!r}".format(error)[:500], "Take the times alone"]


def _counted(torch: Any, parts: Dict[str, Any], call: Call) -> Tuple[Dict[str, int], Dict[str, int]]:
    complexity.require_counter()
    from torch.utils.flop_counter import FlopCounterMode

    counter, seen = FlopCounterMode(display=False), complexity.operators_seen()

    def total() -> int:
        counted = counter.get_flop_counts().get("Global", {})
        return int(sum(counted.values()) // 2 + sum(seen.mac_counts.values()))

    with contextlib.ExitStack() as stack:
        by_module = _count_modules(parts, total, stack)
        with torch.no_grad(), seen, counter:
            call()
    by_operator = dict(seen.mac_counts)
    for operator, flop in counter.get_flop_counts().get("Global", {}).items():
        by_operator[operators.short_name(operator)] = flop // 2
    return by_operator, by_module


def _count_modules(parts: Dict[str, Any], total: Callable[[], int], stack: contextlib.ExitStack) -> Dict[str, int]:
    """Filled by the calls that are made until the stack is left."""
    found = {}  # type: Dict[str, int]
    begun = []  # type: List[List[int]]  # count at the start, and what modules within have taken

    def begin(_part: Any, _inputs: Any) -> None:
        begun.append([total(), 0])

    for path, part in parts.items():

        def end(_part: Any, _inputs: Any, _output: Any, path: str = path or "(model)") -> None:
            start, within = begun.pop()
            taken = total() - start
            found[path] = found.get(path, 0) + taken - within
            if begun:
                begun[-1][1] += taken

        stack.callback(part.register_forward_pre_hook(begin).remove)
        stack.callback(part.register_forward_hook(end).remove)
    return found


def checked_count(call_count: Any) -> int:
    """Raises WorkerFault BAD_REQUEST."""
    if not isinstance(call_count, int) or not 1 <= call_count <= MOST_CALLS:
        raise WorkerFault(
            "BAD_REQUEST", "call_count is {!r}".format(call_count), "Ask for 1 to {:,} calls".format(MOST_CALLS)
        )
    return call_count

"""The ceilings of a device: bytes moved and FLOPs computed a second, by short blocks of which the best one counts.

A ceiling is what the device does when nothing is in the way, so taking the best of many blocks is right here, and only
here. The duration of every block is handed back, so that the spread can be told.
"""

import glob
import os
import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Set

from suite.worker import devices, memory
from suite.worker.interference import Meter
from suite.worker.outcome import WorkerFault
from suite.worker.timing import Call, Clock, Synchronise, collector_off

MIB = 2**20
BLOCK_S = 0.05
LONGEST_CALL_S = 0.25  # work is made so small that a call takes no longer, on the slowest board too
MIN_BLOCK_COUNT, MAX_BLOCK_COUNT = 5, 100
MAX_CALL_COUNT = 100000
PROBE_BYTES = 4 * MIB
TIMES_THE_CACHE = 8  # so much larger than all caches together is a tensor that they can't serve
LEAST_BYTES, USUAL_BYTES, MOST_BYTES = 64 * MIB, 256 * MIB, 1024 * MIB  # usual: where the caches aren't known
MATMUL_SIZES = (128, 256, 512, 1024, 2048, 4096, 8192)
MATRIX_COUNT = 3
ELEMENT_TYPES = {"fp32": "float32"}


class Ceiling(NamedTuple):
    amount: int  # bytes or FLOPs of a call
    call_count: int  # in each block
    block_s: List[float]

    def fields(self) -> Dict[str, Any]:
        return {"amount": self.amount, "call_count": self.call_count, "block_s": self.block_s}


class Device(NamedTuple):
    """What is measured, and how its blocks are timed."""

    torch: Any
    name: str
    synchronise: Synchronise
    clock: Clock

    def block(self, call: Call, call_count: int) -> float:
        """Seconds of so many calls, the device synchronised at both edges."""
        if self.synchronise is not None:
            self.synchronise()
        started_s = self.clock()
        for _ in range(call_count):
            call()
        if self.synchronise is not None:
            self.synchronise()
        return self.clock() - started_s

    def once(self, call: Call) -> float:
        """Seconds of a call that is not the first one, and never quite none."""
        self.block(call, 1)
        return max(self.block(call, 1), 1e-7)


def answer(  # noqa: PLR0913 (the arguments of the protocol)
    clock: Clock,
    meter: Meter,
    *,
    device: str,
    thread_count: int,
    precisions: List[str],
    duration_s: float,
    memory_bytes: int,
) -> Dict[str, Any]:
    """The operation of the protocol: copies, sums and products for about duration_s, under the rules of the models."""
    import torch

    name = devices.check_device(torch, device)
    devices.set_threads(torch, thread_count)
    devices.make_repeatable(torch, 0)
    for precision in precisions:
        if precision not in ELEMENT_TYPES:
            raise WorkerFault(
                "UNSUPPORTED_PRECISION",
                "no product of matrices is known here for precision {!r}".format(precision),
                "Use one of {}".format(", ".join(ELEMENT_TYPES)),
            )
    synchronisation = devices.synchronisation(torch, name)
    meter.watch_gpu(torch, name)
    edge = meter.before()
    found = measure(Device(torch, name, synchronisation.call, clock), precisions, duration_s, memory_bytes)
    return dict(
        found,
        synchronisation=synchronisation.name,
        thread_count=int(torch.get_num_threads()),
        interference=meter.since(edge),
    )


def measure(device: Device, precisions: Sequence[str], duration_s: float, memory_bytes: int) -> Dict[str, Any]:
    """memory_bytes: the most that may be taken, of which a GPU of its own may have less free."""
    allowed_bytes = min(memory_bytes, _free_on(device, memory_bytes))
    caches = cache_bytes(device.torch, device.name)
    with device.torch.no_grad(), collector_off():
        tensor_bytes = _affordable(device, min(wanted_bytes(caches), allowed_bytes // 2))
        moved = bandwidths(device, tensor_bytes, duration_s / 4)
        memory.give_back(device.torch, device.name)
        share_s = duration_s / 2 / max(1, len(precisions))
        products = [matmul(device, name, share_s, allowed_bytes) for name in precisions]
        memory.give_back(device.torch, device.name)
    return dict(moved, matmul=products, cache_bytes=caches)


def ceiling(call: Call, amount: int, device: Device, budget_s: float) -> Ceiling:
    """Blocks until the budget is spent, but at least MIN_BLOCK_COUNT of them; how long one is, a first call tells."""
    count = min(MAX_CALL_COUNT, max(1, int(BLOCK_S / device.once(call))))
    started_s = device.clock()
    block_s = []  # type: List[float]
    while len(block_s) < MIN_BLOCK_COUNT or (len(block_s) < MAX_BLOCK_COUNT and device.clock() - started_s < budget_s):
        block_s.append(device.block(call, count))
    return Ceiling(amount, count, block_s)


def bandwidths(device: Device, tensor_bytes: int, budget_s: float) -> Dict[str, Any]:
    """copy and read, budget_s for each. Random values: a tensor of zeros may lie on one page that is never moved."""
    source, target = _tensors(device, tensor_bytes)
    copied = ceiling(lambda: target.copy_(source), 2 * tensor_bytes, device, budget_s)
    read = ceiling(source.sum, tensor_bytes, device, budget_s)
    return {"tensor_bytes": tensor_bytes, "copy": copied.fields(), "read": read.fields()}


def matmul(device: Device, precision: str, budget_s: float, allowed_bytes: int) -> Dict[str, Any]:
    """The rate at the size that does best: of every size whose call is short enough, one call is timed first."""
    torch = device.torch
    element_type = getattr(torch, ELEMENT_TYPES[precision])

    def product(size: int) -> Call:
        left, right = (torch.rand((size, size), device=device.name).to(element_type) for _ in range(2))
        result = torch.empty_like(left)
        return lambda: torch.mm(left, right, out=result)

    element_bytes = torch.empty((), dtype=element_type).element_size()
    size = best_size(product, device, lambda size: MATRIX_COUNT * element_bytes * size**2 <= allowed_bytes)
    found = ceiling(product(size), 2 * size**3, device, budget_s)
    return dict(found.fields(), precision=precision, size=size)


def best_size(product: Callable[[int], Call], device: Device, fits: Callable[[int], bool]) -> int:
    """The size of the highest rate; none is tried whose call would take longer than LONGEST_CALL_S."""
    best, highest, expected_s = MATMUL_SIZES[0], 0.0, 0.0
    for size in MATMUL_SIZES:
        if expected_s > LONGEST_CALL_S or (expected_s > 0 and not fits(size)):
            break
        spent_s = device.once(product(size))
        if size**3 / spent_s > highest:
            best, highest = size, size**3 / spent_s
        expected_s = 8 * spent_s  # of the next, twice as large
    return best


def wanted_bytes(caches: Optional[int]) -> int:
    """Of one tensor, so large that no cache serves it."""
    if caches is None:
        return USUAL_BYTES
    return min(MOST_BYTES, max(LEAST_BYTES, TIMES_THE_CACHE * caches))


def _affordable(device: Device, most_bytes: int) -> int:
    """At most so many bytes, whole elements of them, that a copy takes no longer than LONGEST_CALL_S here."""
    probe_bytes = max(MIB, min(PROBE_BYTES, most_bytes))
    source, target = _tensors(device, probe_bytes)
    copied_s = device.once(lambda: target.copy_(source))
    affordable = int(LONGEST_CALL_S / copied_s * probe_bytes)
    return max(probe_bytes, min(most_bytes, affordable)) // 4 * 4


def _tensors(device: Device, tensor_bytes: int) -> Any:
    source = device.torch.rand(tensor_bytes // 4, dtype=device.torch.float32, device=device.name)
    target = device.torch.empty_like(source)
    target.copy_(source)  # its pages are there before a block is timed
    return source, target


def _free_on(device: Device, otherwise: int) -> int:
    """A quarter of what the GPU has free; `otherwise` where the device has no memory of its own, or doesn't tell."""
    told = getattr(device.torch.cuda, "mem_get_info", None)
    if device.name.partition(":")[0] != "cuda" or told is None:
        return otherwise
    return int(told(device.name)[0]) // 4


def cache_bytes(torch: Any, device: str, root: str = "/") -> Optional[int]:
    """All caches from the second level on together; None where the device doesn't tell (Apple's don't in full)."""
    kind = device.partition(":")[0]
    if kind == "cuda":
        found = getattr(torch.cuda.get_device_properties(device), "L2_cache_size", None)
        return int(found) if found else None
    return cpu_cache_bytes(root, _own_cpus()) if kind == "cpu" else None


def _own_cpus() -> Optional[Set[int]]:
    """None where the system doesn't tell."""
    told = getattr(os, "sched_getaffinity", None)
    return None if told is None else set(told(0))


def cpu_cache_bytes(root: str, cpus: Optional[Set[int]]) -> Optional[int]:
    """Of these processors, a cache that several share counted once.

    Source: Documentation/ABI/testing/sysfs-devices-system-cpu of Linux, cache/index*.
    """
    sizes = {}  # type: Dict[str, int]
    for folder in glob.glob(os.path.join(root, "sys/devices/system/cpu/cpu[0-9]*/cache/index[0-9]*")):
        number = re.search(r"/cpu(\d+)/cache/", folder)
        if number is None or (cpus is not None and int(number.group(1)) not in cpus):
            continue
        found = _cache(folder)
        if found is None:
            return None  # a part of them would be taken for all
        level, kind, shared, size_bytes = found
        if level >= 2 and kind != "Instruction":
            sizes["{} {} {}".format(level, kind, shared)] = size_bytes
    return sum(sizes.values()) or None


def _cache(folder: str) -> Any:
    """(level, type, who shares it, bytes), or None where one of them can't be read."""
    told = []
    for name in ("level", "type", "shared_cpu_list", "size"):
        try:
            with open(os.path.join(folder, name)) as file:
                told.append(file.read().strip())
        except OSError:
            return None
    match = re.match(r"(\d+)([KMG]?)$", told[3])
    if match is None or not told[0].isdigit():
        return None
    size_bytes = int(match.group(1)) * {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}[match.group(2)]
    return int(told[0]), told[1], told[2], size_bytes

"""What this process and its device hold, in bytes, and a peak that can start anew where the system allows it."""

import os
import re
import subprocess
import sys
from typing import Any, Dict, NamedTuple, Optional

from suite.worker.outcome import WorkerFault

ACCOUNT = (
    "device_free_bytes",
    "device_total_bytes",
    "device_reserved_peak_bytes",
    "device_context_bytes",
    "device_is_unified",
)


class ProcessMemory(NamedTuple):
    resident_bytes: int
    peak_resident_bytes: int  # since the process began, or since reset_peak


def process_memory(root: str = "/", platform: str = sys.platform) -> ProcessMemory:
    """Resident memory of this process now and at most. Raises WorkerFault MEMORY_UNREADABLE.

    Linux: VmRSS and VmHWM of /proc/self/status, in kB of 1024 bytes (proc(5)). macOS: `ps` (KiB) and ru_maxrss, which
    is in bytes there (getrusage(2)).
    """
    if platform == "darwin":
        return _macos_memory()
    path = os.path.join(root, "proc/self/status")
    try:
        with open(path) as file:
            fields = dict(re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB$", file.read(), re.MULTILINE))
        return ProcessMemory(1024 * int(fields["VmRSS"]), 1024 * int(fields["VmHWM"]))
    except (OSError, KeyError) as error:
        raise WorkerFault(
            "MEMORY_UNREADABLE", "{} gives no VmRSS and VmHWM ({!r})".format(path, error), "Mount /proc"
        ) from error


def reset_peak(root: str = "/") -> bool:
    """Makes the peak start again from what is resident now; False where the system doesn't let us.

    Writing 5 to /proc/self/clear_refs resets VmHWM (proc(5), Linux >= 4.0). Its owner may write to it, and only the
    superuser may read it: it is opened for writing alone.
    """
    try:
        descriptor = os.open(os.path.join(root, "proc/self/clear_refs"), os.O_WRONLY)
    except OSError:
        return False
    try:
        return os.write(descriptor, b"5") == 1
    except OSError:
        return False
    finally:
        os.close(descriptor)


def held_bytes(torch: Any, device: str, root: str = "/", platform: str = sys.platform) -> int:
    """What process and device hold now, cheaply read: to see it grow, not to tell it.

    Linux: the second field of /proc/self/statm, in pages (proc(5)); elsewhere the process's peak.
    """
    kind = device.partition(":")[0]
    on_device = int(torch.cuda.memory_allocated(device)) if kind == "cuda" else 0
    if platform.startswith("linux"):
        try:
            with open(os.path.join(root, "proc/self/statm")) as file:
                return on_device + int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError, ValueError):
            return on_device
    import resource

    return on_device + resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if platform == "darwin" else 1024)


def device_peak_bytes(torch: Any, device: str) -> Optional[int]:
    """The most the device held since reset_device_peak; None for the CPU.

    CUDA: bytes in tensors (max_memory_allocated). MPS keeps no peak: what its driver holds for this process now, which
    doesn't fall while the process reuses it.
    """
    kind = device.partition(":")[0]
    if kind == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if kind == "mps":
        return int(torch.mps.driver_allocated_memory())
    return None


def device_account(torch: Any, device: str, own_bytes: Optional[int] = None) -> Dict[str, Any]:
    """What else can be told of a device's memory; None each where it can't.

    own_bytes: all that the driver books on this process. What of it lies outside torch's pool is context and libraries.
    is_unified: the device's memory is the machine's own, so that what it holds is not beside resident memory.
    """
    found = dict.fromkeys(ACCOUNT)  # type: Dict[str, Any]
    kind = device.partition(":")[0]
    if kind == "cuda":
        reserved_bytes = int(torch.cuda.memory_reserved(device))
        found["device_reserved_peak_bytes"] = int(torch.cuda.max_memory_reserved(device))
        if own_bytes is not None and own_bytes >= reserved_bytes:
            found["device_context_bytes"] = own_bytes - reserved_bytes
        if hasattr(torch.cuda, "mem_get_info"):  # torch >= 1.11
            free_bytes, total_bytes = torch.cuda.mem_get_info(device)
            found.update(device_free_bytes=int(free_bytes), device_total_bytes=int(total_bytes))
        is_integrated = getattr(torch.cuda.get_device_properties(device), "is_integrated", None)
        found["device_is_unified"] = None if is_integrated is None else bool(is_integrated)
    elif kind == "mps":
        found["device_is_unified"] = True
        if hasattr(torch.mps, "recommended_max_memory"):  # torch >= 2.3
            total_bytes = int(torch.mps.recommended_max_memory())
            held_bytes = int(torch.mps.driver_allocated_memory())
            found.update(device_total_bytes=total_bytes, device_free_bytes=max(0, total_bytes - held_bytes))
    return found


def available_bytes(root: str = "/") -> Optional[int]:
    """What programs can still take of the machine's memory (MemAvailable, proc(5)); None where nothing says."""
    try:
        with open(os.path.join(root, "proc/meminfo")) as file:
            found = re.search(r"^MemAvailable:\s+(\d+) kB$", file.read(), re.MULTILINE)
    except OSError:
        return None
    return None if found is None else 1024 * int(found.group(1))


def reset_device_peak(torch: Any, device: str) -> None:
    if device.partition(":")[0] == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def give_back(torch: Any, device: str) -> None:
    """Returns the device memory that torch keeps for later, so that the next peak is the next case's own."""
    kind = device.partition(":")[0]
    if kind == "cuda":
        torch.cuda.empty_cache()
    elif kind == "mps":
        torch.mps.empty_cache()


def _macos_memory() -> ProcessMemory:
    import resource

    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    command = ["/bin/ps", "-o", "rss=", "-p", str(os.getpid())]
    try:
        resident_bytes = 1024 * int(subprocess.check_output(command, stderr=subprocess.DEVNULL))
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        raise WorkerFault(
            "MEMORY_UNREADABLE", "{} failed ({!r})".format(" ".join(command), error), "Allow ps"
        ) from error
    return ProcessMemory(resident_bytes, max(peak_bytes, resident_bytes))

"""Devices as torch names them ("cpu", "cuda:0", "mps"): which are here, how to wait for one, how calls repeat."""

from typing import Any, Callable, List, NamedTuple, Optional

from suite.worker.outcome import WorkerFault


class Synchronisation(NamedTuple):
    name: str  # for the record
    call: Optional[Callable[[], Any]]  # None: a call returns when its work is done


def available_devices(torch: Any) -> List[str]:
    """Every device that this torch can run on here, the CPU first."""
    devices = ["cpu"]
    if torch.cuda.is_available():
        devices += ["cuda:{}".format(index) for index in range(torch.cuda.device_count())]
    mps = getattr(torch.backends, "mps", None)  # torch >= 1.12
    if mps is not None and mps.is_available():
        devices.append("mps")
    return devices


def check_device(torch: Any, name: str) -> str:
    """The device's full name ("cuda" is "cuda:0"). Raises WorkerFault UNSUPPORTED_DEVICE where it isn't here."""
    full_name = "cuda:0" if name == "cuda" else name
    devices = available_devices(torch)
    if full_name not in devices:
        raise WorkerFault(
            "UNSUPPORTED_DEVICE",
            "the worker's torch {} has no device {!r} here".format(torch.__version__, name),
            "Use one of {}, or install a torch built for that device".format(", ".join(devices)),
        )
    return full_name


def synchronisation(torch: Any, device: str) -> Synchronisation:
    """How to wait until everything given to a checked device is done."""
    kind = device.partition(":")[0]
    if kind == "cuda":
        return Synchronisation("torch.cuda.synchronize", lambda: torch.cuda.synchronize(device))
    if kind == "mps":
        return Synchronisation("torch.mps.synchronize", torch.mps.synchronize)
    return Synchronisation("none needed: cpu", None)


def set_threads(torch: Any, thread_count: int) -> int:
    """Threads of one operator on the CPU. Returns the count in force, which a build without threads keeps at 1."""
    if torch.get_num_threads() != thread_count:
        torch.set_num_threads(thread_count)
    return int(torch.get_num_threads())


def make_repeatable(torch: Any, seed: int) -> None:
    """Same seed, same kernels, true fp32.

    cuDNN may not choose a kernel by timing it (the choice would change between runs) nor round to TF32 (that would not
    be fp32). torch.use_deterministic_algorithms stays off: it swaps kernels that nobody runs in practice into the
    measurement.
    """
    torch.manual_seed(seed)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False

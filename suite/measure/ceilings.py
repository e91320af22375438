"""What a device can do, measured by a worker of its own once a run."""

from __future__ import annotations

from suite.errors import WorkerError
from suite.measure.bench import OpenWorker
from suite.records import HostState, Roofline, Task

DURATION_S = 10.0
MEMORY_SHARE = 0.25  # of what is available: a board of 2 GB must live
UNTOLD_BYTES = 128 * 2**20  # where the machine doesn't say what is available
LEAST_BYTES = 8 * 2**20


def measure(
    open_worker: OpenWorker, task: Task, before: HostState
) -> tuple[Roofline | WorkerError, tuple[tuple[str, str], ...]]:
    """The roofline, or why there is none; and the versions of the worker's libraries. before: the machine just now."""
    versions: tuple[tuple[str, str], ...] = ()
    try:
        worker = open_worker(task.thread_count)
    except WorkerError as error:
        return error, versions
    try:
        versions = worker.hello.versions
        return worker.roofline(task, DURATION_S, allowed_bytes(before.memory_available_bytes)), versions
    except WorkerError as error:
        return error, versions
    finally:
        worker.close()


def allowed_bytes(available_bytes: int | None) -> int:
    return UNTOLD_BYTES if available_bytes is None else max(LEAST_BYTES, int(MEMORY_SHARE * available_bytes))

"""Parameters and FLOPs of a task, and that a figure is of another network or input than its title stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from suite.client.replies import Axes, WorkerLike
from suite.errors import WorkerError
from suite.pinned import lock as models_lock
from suite.records import Flag, FlopCount, ParameterCount, RunRecord, Task


def count(worker: WorkerLike, task: Task, record: RunRecord) -> RunRecord:
    """The record with its parameters or FLOPs counted. Raises WorkerError."""
    if task.test == "params":
        parameters = count_parameters(worker, task)
        return replace(record, parameters=parameters, flags=origin_flags(task, parameters.configuration))
    flops = count_flops(worker, task)
    return replace(record, flops=flops, flags=origin_flags(task, flops.configuration))


def origin_flags(task: Task, configuration: Sequence[str], own_sizes: Axes = ()) -> tuple[Flag, ...]:
    """That a figure is of another network than the model's title stands for, or of a part of a trajectory."""
    found = []
    if configuration:
        found.append(Flag(code="NOT_AS_PUBLISHED", text="; ".join(configuration)))
    own = dict(own_sizes)
    cut = [f"{name}: the first {size} of {own[name]}" for name, size in task.axes if size < own.get(name, 0)]
    padded = [f"{name}: {own[name]} padded to {size}" for name, size in task.axes if size > own.get(name, size)]
    if cut:
        found.append(
            Flag(code="TRAJECTORY_CUT", text=f"the trajectory was longer than what was measured ({', '.join(cut)})")
        )
    if padded:
        found.append(
            Flag(
                code="TRAJECTORY_PADDED", text=f"the trajectory is shorter than what was measured ({', '.join(padded)})"
            )
        )
    return tuple(found)


def count_parameters(worker: WorkerLike, task: Task) -> ParameterCount:
    """Counted, and held against models.lock unless the user brought a checkpoint with sizes of its own."""
    counted = worker.count_parameters(task.model, task.checkpoint)
    expected = None if task.checkpoint else models_lock.expected_unique_count(task.model)
    if expected not in (None, counted.unique_count):
        raise WorkerError(
            "COUNT_DIFFERS",
            f"{task.model} has {counted.unique_count:,} unique parameters here and {expected:,} in models.lock",
            "install the transformers version of the lock (make setup)",
        )
    return replace(counted, expected_unique_count=expected)


def count_flops(worker: WorkerLike, task: Task) -> FlopCount:
    """Counted, or models.lock's figure for the same model and sizes where this torch has no counter.

    A checkpoint's network may be another one, of which models.lock says nothing.
    """
    try:
        return worker.count_flops(task.model, task.checkpoint, task.scenario, task.batch_size, task.axes)
    except WorkerError as error:
        locked = models_lock.locked_mac_count(task.model, task.scenario, task.axes, task.batch_size)
        if error.code != "NO_FLOP_COUNTER" or locked is None or task.checkpoint is not None:
            raise
        return FlopCount(mac_count=locked, by_operator=(), uncounted=(), source="models.lock")

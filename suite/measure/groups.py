"""Which tasks are done together: all counting, and then the variants of one model."""

from __future__ import annotations

from collections.abc import Iterable

from suite import registry
from suite.records import Task

COUNTING = ("params", "flops")


def grouped(tasks: Iterable[Task]) -> list[list[Task]]:
    """Tasks that are done together, in the order of the plan: all counting, then one group for each model's variants.

    Counting needs no weights, so one worker counts for all of the suite's own models and pays for its imports once.
    Code of others may change a default as it is imported: each such model has a worker of its own.
    """
    known = registry.models()
    groups: dict[object, list[Task]] = {}
    for task in tasks:
        counting = ("counting", known.origin(task.model))
        own = task if task.is_of_the_machine else _family(task)
        groups.setdefault(counting if task.test in COUNTING else own, []).append(task)
    return list(groups.values())


def _family(task: Task) -> tuple[object, ...]:
    """Tasks in which it is equal are of variants of one model, whose latencies are compared."""
    threads = task.thread_count if task.side is None else None
    return (task.model, threads, task.seed, task.weights, task.checkpoint)

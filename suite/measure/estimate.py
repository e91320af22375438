"""How long tasks may take, before they are measured: for a bar, and for who waits."""

from __future__ import annotations

from collections.abc import Iterable

from suite.records import Task

COUNT_S = 1.0  # what counting parameters or FLOPs of one model takes, roughly; measured tasks have a time limit
ENERGY_WINDOW_S = 10.0  # where the power source decides


def allowed_s(tasks: Iterable[Task], *, metered: bool) -> float:
    """Seconds that the tasks may take by their time limits: an upper guess, for a bar.

    metered: whether there is a power source; without one, a task of energy takes no time worth speaking of.
    """
    return sum(task_allowed_s(task) for task in tasks if metered or task.test != "energy")


def task_allowed_s(task: Task) -> float:
    if task.test == "latency":
        return task.repetition.time_limit_s
    if task.test == "energy":
        return 2 * task.energy.idle_s + task.energy.window_count * (task.energy.window_s or ENERGY_WINDOW_S)
    return COUNT_S

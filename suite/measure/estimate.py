"""How long tasks may take, before they are measured: for a bar, and for who waits."""

from __future__ import annotations

from collections.abc import Iterable

from suite.records import SustainedRule, Task

COUNT_S = 1.0  # what counting parameters or FLOPs of one model takes, roughly; measured tasks have a time limit
ROOFLINE_S = 15.0  # the measurement, and a worker's start
PROFILE_S = 15.0  # calls, and a worker's start
EVALUATION_S = 30.0  # nobody knows before; a small model's, roughly
ENERGY_WINDOW_S = 10.0  # where the power source decides


def allowed_s(tasks: Iterable[Task], *, metered: bool) -> float:
    """Seconds that the tasks may take by their time limits: an estimate, which each task's first call mends.

    metered: whether there is a power source; without one, a task of energy takes no time worth speaking of.
    """
    tasks = list(tasks)
    real_s = sum(2 * _windows_s(task) for task in tasks if task.evaluation is not None and task.evaluation.metered)
    allowed = sum(task_allowed_s(task) for task in tasks if metered or task.test != "energy")
    return allowed + real_s if metered else allowed


def expected_s(task: Task, call_s: float) -> float:
    """Seconds of a measured task, once a call was seen: a limit of time does not cut off the least number of calls."""
    rule = task.repetition
    least_s = (rule.warmup_min_call_count + rule.min_call_count) * call_s
    if task.test == "profile":
        return max(PROFILE_S, 2 * least_s)
    if task.test == "sustained":
        return (task.sustained or SustainedRule()).duration_s + rule.warmup_min_call_count * call_s
    if task.test == "energy":
        windows_s = task.energy.window_count * max(task.energy.window_s or ENERGY_WINDOW_S, call_s)
        return 2 * task.energy.idle_s + windows_s + rule.warmup_min_call_count * call_s
    return least_s if rule.target_relative_halfwidth is None else max(rule.time_limit_s, least_s)


def task_allowed_s(task: Task) -> float:
    if task.test == "latency":
        return task.repetition.time_limit_s
    if task.test == "sustained":
        return (task.sustained or SustainedRule()).duration_s
    if task.test == "energy":
        return _windows_s(task)
    if task.test == "profile":
        return PROFILE_S
    if task.test == "accuracy":
        return EVALUATION_S
    return ROOFLINE_S if task.test == "roofline" else COUNT_S


def _windows_s(task: Task) -> float:
    return 2 * task.energy.idle_s + task.energy.window_count * (task.energy.window_s or ENERGY_WINDOW_S)

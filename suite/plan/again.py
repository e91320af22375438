"""The tasks of a run that is there, to be measured again: all of them or some, and what is changed on purpose.

A run may come from anywhere. Files that it names are not read: who measures gives them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from suite.errors import UsageError
from suite.limits import FREE_THREAD_COUNT, THREADS_PER_CPU
from suite.outside import one_line
from suite.plan.load import Plan, Surroundings
from suite.records import TIMED, Run, Task, record
from suite.records.sweeps import base_of

QUICK_LIMIT_S = 2.0
QUICK_TESTS = ("params", "flops", "latency")


@record
class Changes:
    """What of a run is measured again, and what otherwise. None: as the run has it. quick: one point of each model."""

    models: tuple[str, ...] | None = None
    tests: tuple[str, ...] | None = None
    threads: int | str | None = None
    seed: int | None = None
    checkpoint: str | None = None
    trajectory: str | None = None
    time_limit_s: float | None = None
    quick: bool = False


def plan(run: Run, changes: Changes, around: Surroundings) -> Plan:
    """The same plan with those tasks. Raises UsageError where they can't be measured here."""
    tasks = _picked((*run.manifest.tasks, *run.added()), changes)
    _check_here(tasks, around)
    tasks = tuple(dict.fromkeys(_changed(task, changes, around) for task in tasks))
    return Plan(
        name=run.manifest.plan,
        description=f"again: {run.manifest.plan_description}",
        tasks=tasks,
        hypotheses=(),  # which would ask for sizes that the run does not have
    )


def _picked(tasks: Sequence[Task], changes: Changes) -> tuple[Task, ...]:
    for option, given, there in (
        ("--model", changes.models, {task.model for task in tasks if not task.is_of_the_machine}),
        ("--test", changes.tests, {task.test for task in tasks}),
    ):
        if unknown := sorted(set(given or ()) - there):
            raise UsageError(f"{option}: the run has no {one_line(unknown[0], 60)}; it has {', '.join(sorted(there))}")
    kept = [
        task
        for task in tasks
        if (changes.models is None or task.model in changes.models or task.is_of_the_machine)
        and (changes.tests is None or task.test in changes.tests)
    ]
    return tuple(_quick(kept) if changes.quick else kept)


def _quick(tasks: Iterable[Task]) -> list[Task]:
    """Counts, and one point of latency of each way to run each model."""
    kept = [task for task in tasks if task.test in QUICK_TESTS]
    ways: dict[tuple[object, ...], list[Task]] = {}
    for task in kept:
        if task.test == "latency" and task.scenario == "forward":
            way = (task.model, task.runtime, task.precision, task.device, task.weights, task.checkpoint)
            ways.setdefault(way, []).append(task)
    bases = {base_of(points) for points in ways.values()}
    return [task for task in kept if task.test != "latency" or task in bases]


def _check_here(tasks: Sequence[Task], around: Surroundings) -> None:
    for name in dict.fromkeys(task.model for task in tasks if not task.is_of_the_machine):
        if name not in around.models:
            raise UsageError(
                f"--model: the run's {name} is not here; name its folder in SUITE_MODELS_PATH, or others with --model"
            )
    most = max(FREE_THREAD_COUNT, THREADS_PER_CPU * around.cpu_count)
    if any(task.thread_count > most for task in tasks):
        raise UsageError(f"--threads: the run asks for more than {most}, which only wait here; give fewer")


def _changed(task: Task, changes: Changes, around: Surroundings) -> Task:
    checkpoint = _given(task, "--checkpoint", task.checkpoint, changes.checkpoint)
    trajectory = _given(task, "--trajectory", task.trajectory, changes.trajectory)
    task = replace(task, checkpoint=checkpoint, trajectory=trajectory)
    if changes.threads is not None and (task.test in TIMED or task.is_of_the_machine):
        count = around.thread_count if changes.threads == "all" else changes.threads
        if not isinstance(count, int):
            raise UsageError(f"--threads: {one_line(str(count), 40)} is no count; give a number or all")
        task = replace(task, thread_count=_counted(count))
    if changes.seed is not None and task.test in TIMED:
        task = replace(task, seed=changes.seed)
    limits_s = [task.repetition.time_limit_s, changes.time_limit_s, QUICK_LIMIT_S if changes.quick else None]
    least_s = min(limit_s for limit_s in limits_s if limit_s is not None)
    return replace(task, repetition=replace(task.repetition, time_limit_s=least_s))


def _counted(count: int) -> int:
    if count < 1:
        raise UsageError(f"--threads: must be at least 1, got {count}")
    return count


def _given(task: Task, option: str, then: str | None, now: str | None) -> str | None:
    """The file for a task that had one: the person's own. Raises UsageError where it was not given again."""
    if then is None:
        return None
    if now is None:
        raise UsageError(
            f"{option}: {task.model} was measured with {one_line(then, 200)}; what a run's folder names is not read: "
            f"give {option} again"
        )
    return now

"""`--dry-run`: what would be measured, how long it may take, the memory that it takes at least. Nothing is measured."""

from __future__ import annotations

from suite import battery, units
from suite.battery import Outline, Request
from suite.cli.answer import Answer, Row
from suite.cli.progress import counted, duration
from suite.cli.session import Session
from suite.measure.estimate import allowed_s
from suite.pinned import lock
from suite.records import TIMED, Precision, Task
from suite.report.content import Content, bullets, content
from suite.report.rows import task_columns
from suite.report.table import Cell, Column, table

UNKNOWN = "unknown"
_BYTES: dict[Precision, int] = {
    "fp32": 4,
    "tf32": 4,
    "bf16": 2,
    "fp16": 2,
}  # int8: some of its weights stay as they are


def outline(request: Request, session: Session) -> Answer:
    """The tasks, one a row. Raises UsageError for what would be refused."""
    found = battery.outline(request, session.tools)
    rows = [_row(task, found.is_metered) for task in found.tasks]
    columns = (Column("test"), Column("model"), Column("sizes"), Column("on"), Column("may take"), Column("weights"))
    return Answer(
        shown=content(table(columns, [_shown(task, found.is_metered) for task in found.tasks], left=4), _notes(found)),
        rows={"tasks": rows},
        data={"plan": found.plan, "allowed_s": _total_s(found), "tasks": rows},
    )


def weights_bytes(task: Task) -> int | None:
    """Of the parameters that models.lock pins: a bound from below of what a worker needs; None where nobody knows."""
    locked = lock.load().models.get(task.model)
    size = _BYTES.get(task.precision)
    return None if locked is None or size is None or task.checkpoint else locked.unique_parameter_count * size


def _notes(found: Outline) -> Content:
    fixed = sum(_is_fixed(task) for task in found.tasks)
    energy = any(task.test == "energy" for task in found.tasks)
    total_s = allowed_s((task for task in found.tasks if not _is_fixed(task)), metered=found.is_metered)
    return bullets(
        [
            f"Plan {found.plan}: {counted(len(found.tasks))}, estimated at {duration(total_s)}"
            + (f" and the calls of {counted(fixed)} with a fixed count" if fixed else "")
            + ". Nothing was measured.",
            "A task may take longer than its limit where its least number of calls does.",
            "weights: the parameters alone, by models.lock; a worker takes several hundred MB more, and more with the "
            "sizes of its inputs.",
            "There is no power source here: tasks of energy end at once, not measured."
            if energy and not found.is_metered
            else "",
        ]
    )


def _total_s(found: Outline) -> float | None:
    """None where a fixed count decides."""
    if any(map(_is_fixed, found.tasks)):
        return None
    return allowed_s(found.tasks, metered=found.is_metered)


def _is_fixed(task: Task) -> bool:
    return task.test == "latency" and task.repetition.target_relative_halfwidth is None


def _allowed_s(task: Task, is_metered: bool) -> float | None:
    if _is_fixed(task):
        return None
    return allowed_s([task], metered=is_metered)


def _row(task: Task, is_metered: bool) -> Row:
    is_fixed = _is_fixed(task)
    return {
        **task_columns(task),
        "allowed_s": _allowed_s(task, is_metered),
        "fixed_call_count": task.repetition.min_call_count if is_fixed else None,
        "weights_bytes": weights_bytes(task),
        "key": task.key,
    }


def _shown(task: Task, is_metered: bool) -> list[Cell]:
    sizes = [f"{name.replace('_', ' ')} {size}" for name, size in task.axes]
    sizes = [f"batch {task.batch_size}", *sizes] if task.test in TIMED else sizes
    scenario = [] if task.scenario == "forward" else [task.scenario]
    variant = [task.runtime, task.precision] if task.test in TIMED else []
    seconds = _allowed_s(task, is_metered)
    memory = weights_bytes(task)
    return [
        task.test,
        "the machine" if task.is_of_the_machine else task.model,
        ", ".join([*scenario, *sizes]) or "whole",
        ", ".join([task.device, units.counted(task.thread_count, "thread"), *variant]),
        f"{task.repetition.min_call_count} calls" if seconds is None else duration(seconds),
        UNKNOWN if memory is None else units.show(memory, "B"),
    ]

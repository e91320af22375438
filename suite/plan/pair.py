"""Two variants of one model as a plan of two tasks, which take turns when they are measured."""

from __future__ import annotations

import dataclasses
from typing import Literal

from suite.errors import PlanError
from suite.plan.load import Options, Plan, Surroundings, single
from suite.records import Task, record


@record
class Side:
    """What one of the two is: as a person wrote it, and as options."""

    text: str
    options: Options


def pair(first: Side, second: Side, around: Surroundings) -> Plan:
    """Both may be the same variant. Raises PlanError: which of the two it is, and what is wrong with it."""
    tasks = _task("A", first, around), _task("B", second, around)
    if tasks[0].model != tasks[1].model:
        raise PlanError(f"versus: A is {tasks[0].model} and B is {tasks[1].model}; name one model with --model")
    return Plan(name="versus", description=f"A: {first.text}; B: {second.text}", tasks=tasks)


def _task(name: Literal["A", "B"], side: Side, around: Surroundings) -> Task:
    """One point: the default sizes, but for those that the options name."""
    options = side.options
    try:
        task, *others = single("latency", dataclasses.replace(options, axes=None), around).tasks
        single("latency", options, around)  # each size alone is one that the model takes
    except PlanError as error:
        raise PlanError(f"versus {name} ({side.text}): {error}") from error
    several = [f"{key} has {len(sizes)} sizes" for key, sizes in options.axes or () if len(sizes) != 1]
    if others or several:
        what = f"it is {len(others) + 1} points" if others else several[0]
        raise PlanError(f"versus {name} ({side.text}): {what}, not one; name one size, device, runtime and precision")
    sizes = {key: size for key, (size,) in options.axes or ()}
    return dataclasses.replace(task, axes=tuple((key, sizes.get(key, size)) for key, size in task.axes), side=name)

"""The points at which a plan measures a model, and the tasks that they make."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from suite.plan.spec import PlanSpec
from suite.records import MACHINE, EnergyRule, Precision, Repetition, Task, Test, record
from suite.worker.model import Model


@record
class Point:
    """Where in the space of sizes a model is measured. `axes` holds all its axes, in its own order."""

    scenario: str
    batch_size: int
    axes: tuple[tuple[str, int], ...]
    repetition: Repetition


@record
class Way:
    """How models are run."""

    thread_count: int
    device: str
    runtime: str
    precision: Precision


def tasks_of(spec: PlanSpec, model: Model, way: Way) -> Iterator[Task]:
    """In the order of TESTS. Counts don't depend on device, variant, threads, inputs or repetition, so theirs stay
    default: the same count has the same key on every machine."""
    checkpoint = spec.checkpoint if model.takes_checkpoint else None
    trajectory = spec.trajectory if model.takes_trajectory else None
    counted = Task(test="params", model=model.name, checkpoint=checkpoint)
    measured = dataclasses.replace(
        counted,
        device=way.device,
        runtime=way.runtime,
        precision=way.precision,
        thread_count=way.thread_count,
        seed=spec.seed,
        weights=_weights(spec, model, checkpoint),
        trajectory=trajectory,
        quiet=spec.quiet,
        heat=spec.heat,
    )
    if model.one_batch:
        one = [1]  # whatever sweep of the batch the plan has for others
        spec = spec.model_copy(
            update={
                "batch_size": one,
                "energy": spec.energy.model_copy(update={"batch_size": one}),
                "sustained": spec.sustained.model_copy(update={"batch_size": one}),
            }
        )
    points = tuple(_points(spec, model))
    if "params" in spec.tests:
        yield counted
    if "flops" in spec.tests:  # linear in the batch: batch 1 says all
        for point in points:
            yield _at(counted, "flops", dataclasses.replace(point, batch_size=1, repetition=Repetition()))
    if "latency" in spec.tests:
        for point in points:
            yield _at(measured, "latency", point)
    if "energy" in spec.tests:
        rule = energy_rule(spec)
        for point in _sizes(spec.energy.batch_size, spec.energy.axes, model, spec.repetition):
            yield dataclasses.replace(_at(measured, "energy", point), energy=rule)
    if "sustained" in spec.tests:
        for point in _sizes(spec.sustained.batch_size, {}, model, spec.repetition):
            yield dataclasses.replace(_at(measured, "sustained", point), sustained=spec.sustained.rule())
    if "profile" in spec.tests:  # beside other tests at the default point alone
        forward = [point for point in points if point.scenario == "forward"]
        wanted = forward if spec.tests == ["profile"] else forward[:1]
        for point in wanted:
            yield _at(measured, "profile", dataclasses.replace(point, repetition=spec.repetition))


def _weights(spec: PlanSpec, model: Model, checkpoint: str | None) -> Literal["seeded", "pinned", "shipped"]:
    if checkpoint is not None:
        return "seeded"
    if model.takes_pinned:
        return spec.weights
    return "shipped" if model.shipped_weights else "seeded"


def tasks_of_machine(spec: PlanSpec, threads: int, device: str) -> Iterator[Task]:
    """Once a run, before all others: nothing that a model leaves behind lies beside it."""
    if "roofline" in spec.tests:
        yield Task(test="roofline", model=MACHINE, device=device, thread_count=threads)


def _at(task: Task, test: Test, point: Point) -> Task:
    return dataclasses.replace(
        task,
        test=test,
        scenario=point.scenario,
        batch_size=point.batch_size,
        axes=point.axes,
        repetition=point.repetition,
    )


def _points(spec: PlanSpec, model: Model) -> Iterator[Point]:
    yield from _sizes(spec.batch_size, spec.axes, model, spec.repetition)
    for name, scenario in spec.scenarios.items():
        if name in model.scenarios:
            axes = _axes(model, scenario.axes)
            yield Point(scenario=name, batch_size=1, axes=axes, repetition=scenario.repetition)


def _sizes(
    batch_sizes: Iterable[int], axes: Mapping[str, Iterable[int]], model: Model, repetition: Repetition
) -> Iterator[Point]:
    """The batch sizes at the default input, then the sizes of each axis at batch 1."""
    for batch_size in batch_sizes:
        yield Point(scenario="forward", batch_size=batch_size, axes=_axes(model, {}), repetition=repetition)
    for axis in model.axes:
        for size in axes.get(axis.name, ()):
            if axis.minimum <= size <= axis.maximum:
                changed = _axes(model, {axis.name: size})
                yield Point(scenario="forward", batch_size=1, axes=changed, repetition=repetition)


def left_out(spec: PlanSpec, model: Model) -> Iterator[str]:
    """What of the plan's sweeps the model can't take, in words: checks lets it pass for a model named beside a plan."""
    for axis in model.axes:
        asked = dict.fromkeys((*spec.axes.get(axis.name, ()), *spec.energy.axes.get(axis.name, ())))
        sizes = [str(size) for size in asked if not axis.minimum <= size <= axis.maximum]
        if sizes:
            yield (
                f"{model.name} takes {axis.minimum} to {axis.maximum} {axis.label}: {', '.join(sizes)} of the plan "
                f"{'is' if len(sizes) == 1 else 'are'} left out"
            )


def _axes(model: Model, changed: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple((axis.name, changed.get(axis.name, axis.default)) for axis in model.axes)


def within_budget(tasks: tuple[Task, ...], budget_s: float | None) -> tuple[Task, ...]:
    """Latency's time limits, shortened alike until their sum keeps the budget.

    A limit does not cut off the least number of calls, so a slow machine can still take longer.
    """
    total_s = sum(task.repetition.time_limit_s for task in tasks if task.test == "latency")
    if budget_s is None or total_s <= budget_s:
        return tasks
    return tuple(_shortened(task, budget_s / total_s) if task.test == "latency" else task for task in tasks)


def _shortened(task: Task, factor: float) -> Task:
    limit_s = round(task.repetition.time_limit_s * factor, 3)
    return dataclasses.replace(task, repetition=dataclasses.replace(task.repetition, time_limit_s=limit_s))


def energy_rule(spec: PlanSpec) -> EnergyRule:
    return EnergyRule(window_count=spec.energy.window_count, window_s=spec.energy.window_s, idle_s=spec.energy.idle_s)

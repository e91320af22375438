"""TOML and options -> a tuple of Task; every error is one line that names file, key, and what is allowed.

A sweep varies one size at a time from the default point (batch 1, the model's default input sizes). Points that two
sweeps share are measured once.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from suite import registry
from suite.errors import PlanError
from suite.plan_spec import PlanSpec, parse
from suite.records import TESTS, Repetition, Task, Test, record
from suite.worker.model import Axis, Model

SHIPPED = Path(__file__).resolve().parent.parent / "plans"


@record
class Options:
    """What the command line says beside the plan; None leaves the plan's own."""

    models: tuple[str, ...] | None = None
    tests: tuple[str, ...] | None = None
    batch_size: tuple[int, ...] | None = None
    axes: tuple[tuple[str, tuple[int, ...]], ...] | None = None
    device: str | None = None
    threads: int | None = None  # None: the plan's
    seed: int | None = None
    checkpoint: str | None = None
    trajectory: str | None = None
    time_limit_s: float | None = None  # of each point; the plan's budget over all of them is put aside

    def given(self) -> dict[str, Any]:
        """The options that were given, by plan key."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@record
class Plan:
    name: str
    description: str
    tasks: tuple[Task, ...]


@record
class Point:
    """Where in the space of sizes a model is measured. `axes` holds all its axes, in its own order."""

    scenario: str
    batch_size: int
    axes: tuple[tuple[str, int], ...]
    repetition: Repetition


def load(
    name_or_path: str, options: Options | None = None, *, shipped: Path = SHIPPED, cpu_count: int | None = None
) -> Plan:
    """The plan of that file, or the shipped plan of that name, with the options put over it.

    cpu_count: what `threads = "all"` means; None: the cores that this process may use.
    Raises PlanError.
    """
    path = find(name_or_path, shipped)
    return _build(_read(path), options or Options(), str(path), cpu_count)


def single(test: Test, options: Options, *, shipped: Path = SHIPPED, cpu_count: int | None = None) -> Plan:
    """The small plan behind `suite latency`: one test at the default point, or where the options say.

    Models and repetition are those of the standard plan. Raises PlanError.
    """
    path = find("standard", shipped)
    standard = _read(path)
    kept: dict[str, Any] = {key: standard[key] for key in ("models", "repetition") if key in standard}
    own = {"name": test, "description": f"{test} alone, at the default sizes unless told otherwise", "tests": [test]}
    window = {key: value for key, value in standard.get("energy", {}).items() if key != "batch_size"}
    return _build({**kept, **own, "energy": window}, options, str(path), cpu_count)


def find(name_or_path: str, shipped: Path = SHIPPED) -> Path:
    """The file of a plan. Raises PlanError where there is none."""
    if name_or_path in names(shipped):
        return shipped / f"{name_or_path}.toml"
    path = Path(name_or_path)
    if path.is_file():
        return path
    raise PlanError(f"{registry.unknown('plan', name_or_path, names(shipped))}, or give the path of a TOML file")


def names(shipped: Path = SHIPPED) -> list[str]:
    return sorted(path.stem for path in shipped.glob("*.toml"))


def describe(name: str, shipped: Path = SHIPPED) -> str:
    return str(_read(find(name, shipped)).get("description", ""))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise PlanError(f"{path}: this is not TOML: {error}; correct that line") from error
    except UnicodeDecodeError as error:
        raise PlanError(f"{path}: this is not UTF-8 text ({error.reason}); give a TOML file") from error
    except OSError as error:
        raise PlanError(f"{path}: can't be read: {error.strerror}; give a readable TOML file") from error


_OPTION_NAMES = {
    "models": "--model",
    "tests": "--test",
    "batch_size": "--batch-size",
    "axes": "--axis",
    "repetition": "--time-limit",
}


def _build(raw: Mapping[str, Any], options: Options, file: str, cpu_count: int | None) -> Plan:
    merged, origins = _merge(raw, options)
    spec = parse(merged, origins, file)
    models = _models(spec, origins.get("models", file))
    _check_tests(spec, origins.get("tests", file))
    _check_axes(spec, models, origins.get("axes", file), strict="axes" in origins)
    _check_scenarios(spec, file)
    _check_files(spec, models)
    threads = (cpu_count or _affinity_count()) if spec.threads == "all" else spec.threads
    tasks = dict.fromkeys(task for model in models for task in _tasks(spec, model, threads))
    return Plan(name=spec.name, description=spec.description, tasks=_within_budget(tuple(tasks), spec.time_budget_s))


def _merge(raw: Mapping[str, Any], options: Options) -> tuple[dict[str, Any], dict[str, str]]:
    """The plan with the options put over it, and the option that each overridden key came from."""
    given = options.given()
    time_limit_s = given.pop("time_limit_s", None)
    merged = {**raw, **{key: list(value) if isinstance(value, tuple) else value for key, value in given.items()}}
    if options.axes is not None:
        merged["axes"] = {name: list(sizes) for name, sizes in options.axes}
    if options.batch_size is not None and isinstance(raw.get("energy", {}), dict):
        merged["energy"] = {**raw.get("energy", {}), "batch_size": list(options.batch_size)}
    if time_limit_s is not None and isinstance(raw.get("repetition", {}), dict):
        merged["repetition"] = {**raw.get("repetition", {}), "time_limit_s": time_limit_s}
        merged["time_budget_s"] = None
        given["repetition"] = time_limit_s
    return merged, {key: _OPTION_NAMES.get(key, f"--{key}") for key in given}


def _models(spec: PlanSpec, origin: str) -> list[Model]:
    known = registry.discover(registry.MODELS)
    for name in spec.models:
        if name not in known:
            raise PlanError(f"{origin}: models: {registry.unknown('model', name, known)}")
    return [known[name] for name in dict.fromkeys(spec.models)]


def _check_tests(spec: PlanSpec, origin: str) -> None:
    for name in spec.tests:
        if name not in TESTS:
            raise PlanError(f"{origin}: tests: {registry.unknown('test', name, TESTS)}")


def _check_axes(spec: PlanSpec, models: Iterable[Model], origin: str, *, strict: bool) -> None:
    """strict: an axis that none of the chosen models has is an error; a plan's axes may be of models left out."""
    models = list(models)
    everyone = models if strict else registry.discover(registry.MODELS).values()
    known = dict.fromkeys(axis.name for model in everyone for axis in model.axes)
    for name, sizes in spec.axes.items():
        if name not in known:
            raise PlanError(f"{origin}: axes: {registry.unknown('axis', name, known)}")
        for model in models:
            for axis in model.axes:
                if axis.name == name:
                    _check_sizes(axis, model, sizes, f"{origin}: axes.{name}")


def _check_sizes(axis: Axis, model: Model, sizes: Iterable[int], where: str) -> None:
    for size in sizes:
        if not axis.minimum <= size <= axis.maximum:
            raise PlanError(f"{where}: {model.name} takes {axis.minimum} to {axis.maximum} {axis.label}, got {size}")


def _check_scenarios(spec: PlanSpec, file: str) -> None:
    models = registry.discover(registry.MODELS).values()
    known = dict.fromkeys(name for model in models for name in model.scenarios if name != "forward")
    for name, scenario in spec.scenarios.items():
        if name not in known:
            raise PlanError(f"{file}: scenarios: {registry.unknown('scenario', name, known)}")
        for model in models:
            if name not in model.scenarios:
                continue
            axes = {axis.name: axis for axis in model.axes}
            for axis_name, size in scenario.axes.items():
                where = f"{file}: scenarios.{name}.axes"
                if axis_name not in axes:
                    raise PlanError(f"{where}: {registry.unknown('axis', axis_name, axes)}")
                _check_sizes(axes[axis_name], model, [size], f"{where}.{axis_name}")


def _check_files(spec: PlanSpec, models: Iterable[Model]) -> None:
    if spec.checkpoint is not None:
        takers = [model.name for model in models if model.takes_checkpoint]
        if len(takers) != 1:
            which = ", ".join(takers) or "none of the chosen models"
            raise PlanError(f"--checkpoint: it fits one model and {which} would take it; choose one with --model")
        if not Path(spec.checkpoint).is_file():
            raise PlanError(f"--checkpoint: {spec.checkpoint} is not a file; give the path of the checkpoint")
    if spec.trajectory is not None:
        if not any(model.takes_trajectory for model in models):
            raise PlanError("--trajectory: none of the chosen models takes one; choose one with --model")
        if not Path(spec.trajectory).is_dir():
            raise PlanError(f"--trajectory: {spec.trajectory} is not a folder; give one that holds traj_data.json")


def _tasks(spec: PlanSpec, model: Model, threads: int) -> Iterator[Task]:
    """In the order of TESTS. Counts don't depend on device, threads, inputs or repetition, so theirs stay default:
    the same count has the same key on every machine."""
    checkpoint = spec.checkpoint if model.takes_checkpoint else None
    trajectory = spec.trajectory if model.takes_trajectory else None
    counted = Task(test="params", model=model.name, checkpoint=checkpoint)
    measured = dataclasses.replace(
        counted, device=spec.device, thread_count=threads, seed=spec.seed, trajectory=trajectory
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
        for batch_size in spec.energy.batch_size:
            yield _at(measured, "energy", _energy_point(spec, model, batch_size))


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
    for batch_size in spec.batch_size:
        yield Point(scenario="forward", batch_size=batch_size, axes=_axes(model, {}), repetition=spec.repetition)
    for name in (axis.name for axis in model.axes):
        for size in spec.axes.get(name, ()):
            axes = _axes(model, {name: size})
            yield Point(scenario="forward", batch_size=1, axes=axes, repetition=spec.repetition)
    for name, scenario in spec.scenarios.items():
        if name in model.scenarios:
            axes = _axes(model, scenario.axes)
            yield Point(scenario=name, batch_size=1, axes=axes, repetition=scenario.repetition)


def _energy_point(spec: PlanSpec, model: Model, batch_size: int) -> Point:
    """An energy task's repetition is the rule of its window: at least so many calls, and so many seconds."""
    window = dataclasses.replace(
        spec.repetition,
        min_call_count=spec.energy.min_call_count,
        max_call_count=max(spec.repetition.max_call_count, spec.energy.min_call_count),
        time_limit_s=spec.energy.window_s,
        target_relative_halfwidth=None,
    )
    return Point(scenario="forward", batch_size=batch_size, axes=_axes(model, {}), repetition=window)


def _axes(model: Model, changed: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple((axis.name, changed.get(axis.name, axis.default)) for axis in model.axes)


def _within_budget(tasks: tuple[Task, ...], budget_s: float | None) -> tuple[Task, ...]:
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


def _affinity_count() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

"""A plan against the models that there are: names, the sizes that a model takes, the files that a user brings."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from suite.errors import PlanError
from suite.limits import FREE_THREAD_COUNT, MAX_PATH_LENGTH, MAX_THREAD_COUNT, THREADS_PER_CPU
from suite.outside import REPLACEMENT, brief
from suite.pinned import lock as models_lock
from suite.plan.spec import PlanSpec, place
from suite.records import TESTS
from suite.registry import MODELS, RUNTIMES, Models, discover, missing, unknown
from suite.worker.model import Axis, Model


def check(spec: PlanSpec, known: Mapping[str, Model], origins: Mapping[str, str], file: str) -> tuple[Model, ...]:
    """The plan's models. Raises PlanError: one line that names the file (or option), the key, and what is allowed."""
    if spec.device is not None and spec.devices is not None:
        raise PlanError(f"{file}: device and devices are two names of one thing; keep one of them")
    models = _models(spec, known, place(origins, file, "models"))
    for name in spec.runtimes:
        if name not in discover(RUNTIMES):
            raise PlanError(f"{place(origins, file, 'runtimes')}: {missing(RUNTIMES, name, 'runtime')}")
    if "batch_size" in origins and spec.batch_size != [1]:
        fixed = [model.name for model in models if model.one_batch]
        if fixed:
            raise PlanError(
                f"{origins['batch_size']}: {' and '.join(fixed)} takes inputs of one fixed size; leave the option out"
            )
    _check_tests(spec, place(origins, file, "tests"))
    concerned = _concerned(spec, models, known)
    everyone = models if "axes" in origins else concerned
    # sizes of a plan that was written for other models are left out where one that was named beside it can't take them
    bound = () if "models" in origins and "axes" not in origins else models
    _check_axes(spec.axes, everyone, bound, place(origins, file, "axes"))
    energy = "axes" if "axes" in origins else "energy.axes"
    _check_axes(spec.energy.axes, everyone, bound, place(origins, file, energy))
    if spec.tests == ["sustained"] and "axes" in origins:
        _check_usual(spec, models, origins["axes"])
    _check_scenarios(spec, concerned, file)
    _check_checkpoint(spec, models)
    _check_trajectory(spec, models)
    _check_weights(spec, models, place(origins, file, "weights"))
    return models


def _models(spec: PlanSpec, known: Mapping[str, Model], where: str) -> tuple[Model, ...]:
    for name in spec.models:
        if name not in known:
            raise PlanError(f"{where}: {missing(MODELS, name, 'model', known)}")
    return tuple(known[name] for name in dict.fromkeys(spec.models))


def _concerned(spec: PlanSpec, models: tuple[Model, ...], known: Mapping[str, Model]) -> tuple[Model, ...]:
    """The models whose axes and scenarios the plan may name: the suite's own and the chosen ones, and all others only
    where those don't have a name, for that looks into every file of the user's."""
    own = known.own.values() if isinstance(known, Models) else known.values()
    near = tuple(dict.fromkeys((*own, *models)))
    axes = {axis.name for model in near for axis in model.axes}
    scenarios = {name for model in near for name in model.scenarios}
    if axes >= {*spec.axes, *spec.energy.axes} and scenarios >= set(spec.scenarios):
        return near
    return tuple(known.values())


def _check_tests(spec: PlanSpec, where: str) -> None:
    for name in spec.tests:
        if name not in TESTS:
            raise PlanError(f"{where}: {unknown('test', name, TESTS)}")
    if "roofline" in spec.tests and "latency" not in spec.tests:
        raise PlanError(f"{where}: a roofline says what latencies are near to; ask for latency too, or leave it out")


def _check_axes(
    axes: Mapping[str, Iterable[int]], everyone: Iterable[Model], models: Iterable[Model], where: str
) -> None:
    """everyone: the models whose axes may be named. A plan's axes may be of models that were left out this time; those
    of an option must be of a chosen one."""
    known = dict.fromkeys(axis.name for model in everyone for axis in model.axes)
    for name, sizes in axes.items():
        if name not in known:
            raise PlanError(f"{where}: {unknown('axis', name, known)}")
        for model in models:
            for axis in model.axes:
                if axis.name == name:
                    _check_sizes(axis, model, sizes, f"{where}: {name}")


def _check_sizes(axis: Axis, model: Model, sizes: Iterable[int], where: str) -> None:
    for size in sizes:
        if not axis.minimum <= size <= axis.maximum:
            raise PlanError(f"{where}: {model.name} takes {axis.minimum} to {axis.maximum} {axis.label}, got {size}")


def _check_usual(spec: PlanSpec, models: Iterable[Model], where: str) -> None:
    """Sustained calls run at a model's usual sizes alone, which a person chooses of one that they bring."""
    for model in models:
        for axis in model.axes:
            if spec.axes.get(axis.name, [axis.default]) != [axis.default]:
                raise PlanError(
                    f"{where}: sustained calls of {model.name} run at its usual {axis.default} {axis.label}; "
                    "leave it out"
                )


def _check_scenarios(spec: PlanSpec, everyone: Iterable[Model], file: str) -> None:
    takers = {name: [model for model in everyone if name in model.scenarios] for name in spec.scenarios}
    known = dict.fromkeys(name for model in everyone for name in model.scenarios if name != "forward")
    for name, scenario in spec.scenarios.items():
        if name not in known:
            raise PlanError(f"{file}: scenarios: {unknown('scenario', name, known)}")
        for model in takers[name]:
            axes = {axis.name: axis for axis in model.axes}
            for axis_name, size in scenario.axes.items():
                if axis_name not in axes:
                    raise PlanError(f"{file}: scenarios.{name}.axes: {unknown('axis', axis_name, axes)}")
                _check_sizes(axes[axis_name], model, [size], f"{file}: scenarios.{name}.axes.{axis_name}")


def check_count(thread_count: int, cpu_count: int, where: str) -> None:
    """Raises PlanError for more threads than could ever help: each is one of the machine's, for everybody."""
    limit = min(MAX_THREAD_COUNT, max(FREE_THREAD_COUNT, THREADS_PER_CPU * cpu_count))
    if thread_count > limit:
        raise PlanError(f"{where}: at most {limit} on the {cpu_count} processors here, got {brief(thread_count)}")


def is_file(path: Path) -> bool:
    """False for a name that no file can have, too: one of thousands of letters, one with a NUL."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _require_text(path: str, option: str) -> None:
    """A path goes into the records, and comes back from there when the run is resumed."""
    if REPLACEMENT in path or len(path) > MAX_PATH_LENGTH:
        raise PlanError(f"{option}: {brief(path)} can't be written down as text; rename the file, or shorten its path")


def _check_checkpoint(spec: PlanSpec, models: Iterable[Model]) -> None:
    if spec.checkpoint is None:
        return
    takers = [model.name for model in models if model.takes_checkpoint]
    if not takers:
        raise PlanError("--checkpoint: none of the chosen models takes one; choose one that does with --model")
    if len(takers) > 1:
        raise PlanError(f"--checkpoint: it fits one model, not {' and '.join(takers)}; choose one with --model")
    _require_text(spec.checkpoint, "--checkpoint")
    if not is_file(Path(spec.checkpoint)):
        raise PlanError(f"--checkpoint: {spec.checkpoint} is not a file; give the path of the checkpoint")


def _check_weights(spec: PlanSpec, models: Iterable[Model], where: str) -> None:
    """Published weights must be here before a run that asks for them begins: nothing is fetched at run time."""
    if spec.weights != "pinned":
        return
    takers = [model.name for model in models if model.takes_pinned]
    if not takers:
        raise PlanError(f"{where}: none of the chosen models has published weights; choose lxmert or visualbert")
    folder = models_lock.weights_folder(os.environ)
    for name in takers:
        if not models_lock.pinned_weights_path(name, folder).is_file():
            raise PlanError(
                f"{where}: the published weights of {name} are not in {folder}; suite models fetch --model {name}"
            )


def _check_trajectory(spec: PlanSpec, models: Iterable[Model]) -> None:
    if spec.trajectory is None:
        return
    if not any(model.takes_trajectory for model in models):
        raise PlanError("--trajectory: none of the chosen models takes one; choose one that does with --model")
    _require_text(spec.trajectory, "--trajectory")
    if not is_folder(Path(spec.trajectory)):
        raise PlanError(f"--trajectory: {spec.trajectory} is not a folder; give one that holds traj_data.json")

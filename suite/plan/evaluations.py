"""Which model answers which evaluation, and the tasks that it takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from suite.errors import PlanError
from suite.plan.spec import Evaluated, PlanSpec, place
from suite.plan.tasks import Way, energy_rule, tasks_of
from suite.records import EvaluationRule, Task, record
from suite.registry import EVALUATIONS, discover, missing
from suite.worker.evaluation import Evaluation
from suite.worker.model import Model

BESIDE = (
    "params",
    "latency",
    "energy",
)  # what a model that is there for an evaluation alone is measured for: a trade-off's axes


@record
class Asked:
    """One evaluation of one model. `is_companion`: the plan does not list the model; the evaluation brings it."""

    model: Model
    stated: Evaluated
    is_companion: bool


def asked(
    spec: PlanSpec, models: Iterable[Model], known: Mapping[str, Model], origins: Mapping[str, str], file: str
) -> tuple[Asked, ...]:
    """Raises PlanError for an evaluation that there is not, or that none of the models can answer."""
    if "accuracy" not in spec.tests:
        return ()
    models, there = tuple(models), discover(EVALUATIONS)
    where = place(origins, file, "evaluations")
    stated = spec.evaluations or _that_fit(models, there)
    if not stated:
        names = " or ".join(model.name for model in models)
        raise PlanError(f"{where}: no evaluation is for {names}; name one, there is {', '.join(there)}")
    found: list[Asked] = []
    overridden: dict[str, list[str]] = {name: [] for name in ("runtimes", "precisions") if name in origins}
    for each in (each.model_copy(update=overridden) for each in stated):
        if each.name not in there:
            raise PlanError(f"{where}: {missing(EVALUATIONS, each.name, 'evaluation')}")
        found += _answering(each, there[each.name], models, known, origins, where)
    if not found:
        raise PlanError(f"{where}: none of its evaluations is for a chosen model; choose one with --eval")
    return tuple(found)


def _that_fit(models: Iterable[Model], there: Mapping[str, Evaluation]) -> list[Evaluated]:
    """Those that need nothing of a user's and are for one of the models."""
    names = {model.name for model in models}
    return [Evaluated(name=name) for name, found in there.items() if not found.data_is and names & set(found.models)]


def _answering(  # noqa: PLR0913, PLR0917 (what an error names)
    stated: Evaluated,
    evaluation: Evaluation,
    models: tuple[Model, ...],
    known: Mapping[str, Model],
    origins: Mapping[str, str],
    where: str,
) -> Iterator[Asked]:
    _check_data(stated, evaluation, where)
    fitting = [model for model in models if not evaluation.models or model.name in evaluation.models]
    if fitting:
        yield from (Asked(model=model, stated=stated, is_companion=False) for model in fitting)
    elif "models" not in origins:  # a model of its own; who chooses models wants no others
        brought = next((known[name] for name in evaluation.models if name in known), None)
        if brought is not None:
            yield Asked(model=brought, stated=stated, is_companion=True)
    elif "evaluations" in origins:
        names = " or ".join(evaluation.models)
        chosen = " or ".join(model.name for model in models)
        raise PlanError(f"{where}: {stated.name} is not for {chosen}; choose --model {names}")


def _check_data(stated: Evaluated, evaluation: Evaluation, where: str) -> None:
    if evaluation.data_is and stated.data is None:
        raise PlanError(f"{where}: {stated.name} needs {evaluation.data_is}; give it by --eval-data")
    if stated.data is not None and not evaluation.data_is:
        raise PlanError(f"--eval-data: {stated.name} brings its own examples; leave the option out")
    if stated.data is not None and not _is_there(Path(stated.data).expanduser()):
        raise PlanError(f"--eval-data: {stated.data} is not there; give {evaluation.data_is}")


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def tasks_of_evaluation(spec: PlanSpec, found: Asked, ways: Iterable[Way]) -> Iterator[Task]:
    """Beside the accuracy of each way, what a companion is measured for: its size, and its costs at batch 1."""
    rule = EvaluationRule(
        name=found.stated.name,
        data=found.stated.data,
        limit=found.stated.limit,
        batch_size=found.stated.batch_size,
        alone_count=found.stated.alone_count,
        metered="energy" in spec.tests and found.stated.alone_count > 0,
    )
    windows = spec.energy.model_copy(update={"batch_size": [1], "axes": {}})
    tests = [test for test in BESIDE if test in spec.tests]
    alone = spec.model_copy(update={"tests": tests, "batch_size": [1], "axes": {}, "energy": windows})
    for way in _own(found.stated, ways):
        if found.is_companion:
            yield from tasks_of(alone, found.model, way)
        (base, *_) = tuple(tasks_of(spec.model_copy(update={"tests": ["latency"]}), found.model, way))
        energy = energy_rule(spec) if rule.metered else base.energy
        yield dataclasses.replace(
            base, test="accuracy", batch_size=1, scenario="forward", evaluation=rule, energy=energy
        )


def _own(stated: Evaluated, ways: Iterable[Way]) -> Iterator[Way]:
    """The plan's ways, or on each of its devices those that the evaluation itself names."""
    if not stated.runtimes and not stated.precisions:
        yield from ways
        return
    ways = tuple(ways)
    runtimes = stated.runtimes or tuple(dict.fromkeys(way.runtime for way in ways))
    precisions = stated.precisions or tuple(dict.fromkeys(way.precision for way in ways))
    for runtime in runtimes:
        for precision in precisions:
            own = (dataclasses.replace(way, runtime=runtime, precision=precision) for way in ways)
            yield from dict.fromkeys(own)

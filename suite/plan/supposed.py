"""A plan's own hypotheses against what it measures: sizes enough, axes that are there, figures that are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from suite.errors import PlanError
from suite.plan.spec import PlanSpec, Supposed, place
from suite.records.hypothesis import ACROSS_MODELS
from suite.registry import MODELS, missing, unknown
from suite.worker.model import Model

MIN_SIZE_COUNT = 3  # a line fits any two
MIN_MODEL_COUNT = 2
BATCH_SIZE = "batch_size"
# What must be measured for a figure to be there.
_TESTS = {"latency": "latency", "memory": "latency", "energy": "energy", "flops": "flops", "parameters": "params"}


def check(
    spec: PlanSpec, models: tuple[Model, ...], known: Mapping[str, Model], origins: Mapping[str, str], file: str
) -> None:
    """Raises PlanError for a hypothesis that the plan can't answer: one line that names the key and what is allowed.

    What an option has cut down (models, tests, sizes) is no mistake of the plan's: the report says what is missing.
    """
    for index, stated in enumerate(spec.hypotheses):
        where = place(origins, file, f"hypotheses[{index}]")
        for name in stated.models:
            if name not in known:
                raise PlanError(f"{where}.models: {missing(MODELS, name, 'model', known)}")
        if origins.keys() & {"models", "tests", "batch_size", "axes"}:
            continue
        for name in stated.models:
            if name not in spec.models:
                raise PlanError(f"{where}.models: the plan measures {', '.join(spec.models)}, not {name}")
        concerned = [model for model in models if not stated.models or model.name in stated.models]
        if stated.shape == "tracks":
            _check_across(stated, concerned, where)
        else:
            _check_sizes(spec, stated, concerned, where)
        _check_tests(spec, stated, where)


def _check_across(stated: Supposed, models: Iterable[Model], where: str) -> None:
    others = [name for name in ACROSS_MODELS if name != stated.quantity]
    if stated.against not in others:
        told = unknown("figure of a model", stated.against, others)
        raise PlanError(f"{where}.against: {told}")
    count = len(list(models))
    if count < MIN_MODEL_COUNT:
        raise PlanError(
            f"{where}: 'tracks' compares models, and it names {count}; name two or more, or leave models out"
        )


def _check_sizes(spec: PlanSpec, stated: Supposed, models: Iterable[Model], where: str) -> None:
    axes = dict.fromkeys(axis.name for model in models for axis in model.axes)
    if stated.against != BATCH_SIZE and stated.against not in axes:
        raise PlanError(f"{where}.against: {unknown('size', stated.against, [BATCH_SIZE, *axes])}")
    if stated.quantity == "flops" and stated.against == BATCH_SIZE:
        raise PlanError(f"{where}: FLOPs are counted at batch size 1, as they are in proportion to it; name an axis")
    most = max(len(_sizes(spec, stated, model)) for model in models)
    if most < MIN_SIZE_COUNT:
        raise PlanError(
            f"{where}: needs {MIN_SIZE_COUNT} sizes of {stated.against} or more, and the plan measures "
            f"{stated.quantity} at {most}"
        )


def _sizes(spec: PlanSpec, stated: Supposed, model: Model) -> set[int]:
    """At which sizes the plan gives the quantity, the others at their usual."""
    energy = stated.quantity == "energy"
    batch_sizes = spec.energy.batch_size if energy else spec.batch_size
    if stated.against == BATCH_SIZE:
        return set(batch_sizes)
    swept = (spec.energy.axes if energy else spec.axes).get(stated.against, [])
    default = {axis.default for axis in model.axes if axis.name == stated.against}
    if not default:
        return set()
    at_default = 1 in batch_sizes or stated.quantity == "flops"
    return {*swept, *(default if at_default else ())}


def _check_tests(spec: PlanSpec, stated: Supposed, where: str) -> None:
    figures = (stated.quantity, stated.against) if stated.shape == "tracks" else (stated.quantity,)
    for figure in figures:
        if _TESTS[figure] not in spec.tests:
            raise PlanError(f"{where}: {figure} asks for the test {_TESTS[figure]!r}; add it to tests")

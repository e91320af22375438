"""TOML and options -> a tuple of Task; every error is one line that names file, key, and what is allowed.

A sweep varies one size at a time from the default point (batch 1, the model's default input sizes). Points that two
sweeps share are measured once.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

import suite
from suite import registry
from suite.errors import PlanError
from suite.host import quota
from suite.host.system import System
from suite.limits import MAX_PLAN_BYTES, MAX_TASK_COUNT
from suite.outside import one_line
from suite.plan import supposed
from suite.plan.brought import Beside, Bring, named
from suite.plan.checks import check, check_count, is_file
from suite.plan.devices import There, nobody_asked
from suite.plan.evaluations import asked as asked_evaluations
from suite.plan.evaluations import tasks_of_evaluation
from suite.plan.spec import NONE, parse, place
from suite.plan.tasks import Way, left_out, tasks_of, tasks_of_machine, within_budget
from suite.plan.toml import toml
from suite.records import BroughtModel, Hypothesis, Task, Test, record
from suite.worker.model import Model

SHIPPED = Path(suite.__file__).resolve().parents[1] / "plans"


@record
class Options:
    """What the command line says beside the plan; None leaves the plan's own."""

    models: tuple[str, ...] | None = None
    tests: tuple[str, ...] | None = None
    batch_size: tuple[int, ...] | None = None
    axes: tuple[tuple[str, tuple[int, ...]], ...] | None = None
    device: str | None = None  # or several, "auto,cpu"
    runtimes: tuple[str, ...] | None = None
    precisions: tuple[str, ...] | None = None
    threads: int | str | None = None  # a number or "all"
    seed: int | None = None
    evaluations: tuple[str, ...] | None = None
    eval_data: str | None = None  # of the one evaluation that is named
    limit: int | None = None  # rows of each evaluation
    weights: str | None = None  # "seeded" or "pinned"
    checkpoint: str | None = None
    trajectory: str | None = None
    quiet: str | None = None  # "none": every block counts
    duration_s: float | None = None  # of sustained calls
    beside: Beside | None = None  # of models that are brought
    time_limit_s: float | None = None  # of each point; the plan's budget over all of them is put aside
    warmup_call_count: int | None = None  # so many, in scenarios too
    call_count: int | None = None  # so many that count, in scenarios too: a fixed count

    def given(self) -> dict[str, Any]:
        """The options that were given, by plan key."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@record
class Plan:
    name: str
    description: str
    tasks: tuple[Task, ...]
    hypotheses: tuple[Hypothesis, ...] = ()
    brought: tuple[BroughtModel, ...] = ()


@record
class Surroundings:
    """What a plan is read against: the folder of the shipped plans, the models, the CPUs that this process may use.

    devices: what the worker's torch has, asked where a plan says "auto".
    quota: CPUs' worth of time that a control group allows; None: no limit. "all" threads are as many as the time allows
    to run at once, and at least one: one more would only wait for the others' next period.
    """

    plans: Path
    models: Mapping[str, Model]
    cpu_count: int
    quota: float | None = None
    devices: There = nobody_asked
    bring: Bring = registry.bring

    @classmethod
    def here(cls) -> Surroundings:
        system = System()
        return cls(plans=SHIPPED, models=registry.models(), cpu_count=system.cpu_count, quota=quota.read(system).cpus)

    @property
    def thread_count(self) -> int:
        """What "all" means here."""
        return self.cpu_count if self.quota is None else max(1, min(self.cpu_count, math.floor(self.quota)))


def load(name_or_path: str, options: Options | None = None, around: Surroundings | None = None) -> Plan:
    """The plan of that file, or the shipped plan of that name, with the options put over it. Raises PlanError."""
    around = around or Surroundings.here()
    path = find(name_or_path, around.plans)
    return _build(_read(path), options or Options(), str(path), around)


def single(test: Test, options: Options, around: Surroundings | None = None) -> Plan:
    """The small plan behind `suite latency`: one test at the default point, or where the options say.

    Models and repetition are those of the standard plan. Raises PlanError.
    """
    around = around or Surroundings.here()
    path = find("standard", around.plans)
    standard = _read(path)
    kept: dict[str, Any] = {key: standard[key] for key in ("models", "repetition") if key in standard}
    own = {"name": test, "description": f"{test} alone, at the default sizes unless told otherwise", "tests": [test]}
    window = {key: value for key, value in standard.get("energy", {}).items() if key not in ("batch_size", "axes")}
    kept |= {"evaluations": standard["evaluations"]} if test == "accuracy" and "evaluations" in standard else {}
    kept |= {"sustained": {**standard["sustained"], "batch_size": [1]}} if "sustained" in standard else {}
    return _build({**kept, **own, "energy": window}, options, str(path), around)


def find(name_or_path: str, plans: Path = SHIPPED) -> Path:
    """The file of a plan. Raises PlanError where there is none."""
    if name_or_path in names(plans):
        return plans / f"{name_or_path}.toml"
    path = Path(name_or_path)
    if is_file(path):
        return path
    raise PlanError(f"{registry.unknown('plan', name_or_path, names(plans))}, or give the path of a TOML file")


def names(plans: Path = SHIPPED) -> list[str]:
    return sorted(path.stem for path in plans.glob("*.toml"))


def describe(name: str, plans: Path = SHIPPED) -> str:
    return str(_read(find(name, plans)).get("description", ""))


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_PLAN_BYTES + 1)
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PlanError(f"{path}: this is not UTF-8 text ({error.reason}); give a TOML file") from error
    except OSError as error:
        raise PlanError(f"{path}: can't be read: {error.strerror}; give a readable TOML file") from error
    return toml(text.replace("\r\n", "\n"), path)


def _counting(raw: dict[str, Any], warmup_call_count: int | None, call_count: int | None) -> dict[str, Any]:
    """The plan with so many calls of warm-up, and so many that count, of forward passes and of each scenario."""
    own: dict[str, Any] = {}
    if warmup_call_count is not None:
        own |= {"warmup_min_call_count": warmup_call_count, "warmup_max_call_count": warmup_call_count}
    if call_count is not None:
        own |= {"target_relative_halfwidth": NONE, "min_call_count": call_count, "max_call_count": call_count}

    def counting(table: Any) -> Any:
        rule = table.get("repetition", {}) if isinstance(table, dict) else None
        return {**table, "repetition": {**rule, **own}} if isinstance(rule, dict) else table

    if not own:
        return raw
    scenarios = raw.get("scenarios", {})
    named = {name: counting(table) for name, table in scenarios.items()} if isinstance(scenarios, dict) else scenarios
    merged: dict[str, Any] = counting(raw)
    return {**merged, "scenarios": named}


_OPTION_NAMES = {
    "models": "--model",
    "tests": "--test",
    "batch_size": "--batch-size",
    "axes": "--axis",
    "repetition": "--time-limit",
    "quiet": "--count-disturbed",
    "devices": "--device",
    "runtimes": "--runtime",
    "precisions": "--precision",
    "sustained": "--minutes",
    "evaluations": "--eval",
}


def _build(raw: Mapping[str, Any], options: Options, file: str, around: Surroundings) -> Plan:
    merged, origins = _merge(raw, options)
    merged, brought = _bring(merged, options, place(origins, file, "models"), around)
    spec = parse(merged, origins, file)
    models = check(spec, around.models, origins, file)
    supposed.check(spec, models, around.models, origins, file)
    thread_count = around.thread_count if spec.threads == "all" else spec.threads
    check_count(thread_count, around.cpu_count, place(origins, file, "threads"))
    devices = spec.on(around.devices)

    def ways_of(model: Model) -> list[Way]:
        return [
            Way(thread_count=thread_count, device=device, runtime=runtime, precision=precision)
            for device in devices
            for runtime, precision in spec.variants_of(model.runtimes, model.precisions, merged)
        ]

    of_models = (task for model in models for way in ways_of(model) for task in tasks_of(spec, model, way))
    answering = asked_evaluations(spec, models, around.models, origins, file)
    of_evaluations = (task for found in answering for task in tasks_of_evaluation(spec, found, ways_of(found.model)))
    asked = chain(*(tasks_of_machine(spec, thread_count, device) for device in devices), of_models, of_evaluations)
    try:
        tasks = dict.fromkeys(islice(asked, MAX_TASK_COUNT + 1))
    except ValueError as error:  # what a plug-in declares: a name that is none, an axis named twice
        where = place(origins, file, "models")
        raise PlanError(f"{where}: {one_line(str(error))}; correct the model's plug-in") from error
    if len(tasks) > MAX_TASK_COUNT:
        raise PlanError(f"{file}: asks for more than {MAX_TASK_COUNT} tasks; part it into several runs")
    return Plan(
        name=spec.name,
        description="; ".join([spec.description, *(text for model in models for text in left_out(spec, model))]),
        tasks=within_budget(tuple(tasks), spec.time_budget_s),
        hypotheses=tuple(dict.fromkeys(stated.as_record() for stated in spec.hypotheses)),
        brought=brought,
    )


def _bring(
    merged: dict[str, Any], options: Options, where: str, around: Surroundings
) -> tuple[dict[str, Any], tuple[BroughtModel, ...]]:
    """With names in the place of words, and of axes in the place of a file's own symbols."""
    models = merged.get("models")
    if not isinstance(models, list) or not all(isinstance(name, str) for name in models):
        return merged, ()
    names, brought = named(
        models, options.axes or (), options.beside or Beside(), where, known=around.models, bring=around.bring
    )
    symbols = {axis.label: axis.name for model in brought for axis in model.axes}
    if isinstance(axes := merged.get("axes"), dict):
        merged = {**merged, "axes": {symbols.get(name, name): sizes for name, sizes in axes.items()}}
    return {**merged, "models": names}, brought


def _merge(raw: Mapping[str, Any], options: Options) -> tuple[dict[str, Any], dict[str, str]]:
    """The plan with the options put over it, and the option that each overridden key came from."""
    given = options.given()
    if options.device is not None:  # an option takes the place of either key
        raw = {key: value for key, value in raw.items() if key not in ("device", "devices")}
        names = [name.strip() for name in given["device"].split(",")]
        given["device" if len(names) == 1 else "devices"] = names[0] if len(names) == 1 else tuple(names)
        if len(names) > 1:
            del given["device"]
    time_limit_s, duration_s = given.pop("time_limit_s", None), given.pop("duration_s", None)
    warmup_call_count, call_count = given.pop("warmup_call_count", None), given.pop("call_count", None)
    data, limit = given.pop("eval_data", None), given.pop("limit", None)
    given.pop("beside", None)
    merged = {**raw, **{key: list(value) if isinstance(value, tuple) else value for key, value in given.items()}}
    if options.axes is not None:
        merged["axes"] = {name: list(sizes) for name, sizes in options.axes}
    alone = merged.get("tests") == ["energy"]  # beside other tests a sweep of energy would take hours unasked
    if alone and options.axes is not None and isinstance(raw.get("energy", {}), dict):
        merged["energy"] = {**merged.get("energy", {}), "axes": merged["axes"]}
    if options.batch_size is not None and isinstance(raw.get("energy", {}), dict):
        merged["energy"] = {**merged.get("energy", {}), "batch_size": list(options.batch_size)}
    if isinstance(table := raw.get("sustained", {}), dict):
        own = {} if options.batch_size is None else {"batch_size": list(options.batch_size)}
        own |= {} if duration_s is None else {"duration_s": duration_s}
        merged |= {"sustained": {**table, **own}} if own else {}
    if duration_s is not None:
        given["sustained"] = duration_s
    if time_limit_s is not None and isinstance(raw.get("repetition", {}), dict):
        merged["repetition"] = {**raw.get("repetition", {}), "time_limit_s": time_limit_s}
        merged["time_budget_s"] = None
        given["repetition"] = time_limit_s
    merged |= _with_data(merged.get("evaluations"), data, limit)
    return _counting(merged, warmup_call_count, call_count), {key: _OPTION_NAMES.get(key, f"--{key}") for key in given}


def _with_data(stated: Any, data: str | None, limit: int | None) -> dict[str, Any]:
    """The evaluations with what the options say of them. Raises PlanError for data that nobody knows the place of."""
    if data is None and limit is None:
        return {}
    if limit is not None and limit < 1:
        raise PlanError(f"--limit: must be at least 1, got {limit}")
    if not isinstance(stated, list) or (data is not None and len(stated) != 1):
        raise PlanError(
            f"{'--limit' if data is None else '--eval-data'}: goes with one evaluation; name it with --eval"
        )
    own = {key: value for key, value in (("data", data), ("limit", limit)) if value is not None}
    tables = [{"name": each} if isinstance(each, str) else each for each in stated]
    return {"evaluations": [{**each, **own} if isinstance(each, dict) else each for each in tables]}

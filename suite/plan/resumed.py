"""What is asked for now beside what a run was begun with, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from suite.outside import one_line
from suite.plan.load import Options, Plan
from suite.records import TIMED, Manifest, SustainedRule, Task

# Fields of a task that an option sets as they are. Counts leave most of them at their defaults, whatever is asked for.
_FIELDS = {
    "--device": "device",
    "--seed": "seed",
    "--weights": "weights",
    "--checkpoint": "checkpoint",
    "--trajectory": "trajectory",
}
MAX_TOLD = 6
UNTIL_PRECISE = "until precise"


def difference(
    manifest: Manifest, plan: Plan | None, options: Options, power: str | None, cpu_count: int
) -> str | None:
    """How what is asked for now differs from the run's manifest; None where it does not.

    plan: with the options put over it, where a plan was named; None where only options were. An option is compared
    under its own name: whatever it leaves open is as the run has it. Of devices the options must say which `auto` is.
    """
    if power is not None and power != manifest.power:
        return f"the run has --power {manifest.power}, not {power}"
    if plan is not None and plan.name != manifest.plan:
        return f"the run follows plan {manifest.plan!r}, not {plan.name!r}"
    for option, then, now in _options(manifest.tasks, options, cpu_count):
        if not _same(option, then, now):
            return f"{option} was {_told(then)} and is {_told(now)} now"
    if plan is not None and plan.hypotheses != manifest.hypotheses:
        return f"the run has {len(manifest.hypotheses)} hypotheses, and the plan now states others"
    return None if plan is None else _tasks_differ(manifest.tasks, plan.tasks)


def _options(tasks: tuple[Task, ...], options: Options, cpu_count: int) -> Iterator[tuple[str, set[Any], set[Any]]]:
    """(option, its values in the run, its values now) for each option that is given."""
    timed = [task for task in tasks if task.test in TIMED]
    given, one = options.given(), {1} if timed else set()
    if options.models is not None:
        yield "--model", {task.model for task in tasks if not task.is_of_the_machine}, set(options.models)
    if options.tests is not None:
        yield "--test", {task.test for task in tasks}, set(options.tests)
    for option, field in _FIELDS.items():
        if field in given:
            values = {getattr(task, field) for task in timed}
            now = set(given[field].split(",")) if field == "device" else {given[field]}
            yield option, values - {None} or values, now  # of several models one takes a checkpoint
    for option, field, asked in (
        ("--runtime", "runtime", options.runtimes),
        ("--precision", "precision", options.precisions),
    ):
        if asked is not None:
            yield option, {getattr(task, field) for task in timed}, set(asked)
    if options.threads is not None:
        threads = cpu_count if options.threads == "all" else options.threads
        yield "--threads", {task.thread_count for task in timed}, {threads}
    if options.batch_size is not None:  # beside them, other sizes are swept at batch 1
        yield "--batch-size", {task.batch_size for task in timed} | one, set(options.batch_size) | one
    for name, sizes in options.axes or ():
        swept = _swept(timed, name)
        yield f"--axis {name}", set(swept), set(sizes) | {size for size, _ in swept.most_common(1)}
    yield from _rules(timed, options)


def _rules(timed: list[Task], options: Options) -> Iterator[tuple[str, set[Any], set[Any]]]:
    """The same of options that set how long is measured, and what counts."""
    if options.quiet is not None:
        yield "--count-disturbed", {"given" if task.quiet is None else "not given" for task in timed}, {"given"}
    if options.duration_s is not None:
        lasting = [task.sustained or SustainedRule() for task in timed if task.test == "sustained"]
        yield "--minutes", {rule.duration_s / 60 for rule in lasting}, {options.duration_s / 60}
    yield from _of_evaluations(timed, options)
    if options.time_limit_s is not None:
        limits = {task.repetition.time_limit_s for task in timed if task.test == "latency"}
        yield "--time-limit", limits, {options.time_limit_s}
    if options.warmup_call_count is not None:
        counts = {(task.repetition.warmup_min_call_count, task.repetition.warmup_max_call_count) for task in timed}
        yield "--warmup", {_one(*each) for each in counts}, {options.warmup_call_count}
    if options.call_count is not None:
        rules = [task.repetition for task in timed if task.test == "latency"]
        fixed = {rule.min_call_count if rule.target_relative_halfwidth is None else UNTIL_PRECISE for rule in rules}
        yield "--iterations", fixed, {options.call_count}


def _one(least: int, most: int) -> int | str:
    return least if least == most else f"{least} to {most}"


def _of_evaluations(tasks: Iterable[Task], options: Options) -> Iterator[tuple[str, set[Any], set[Any]]]:
    rules = [task.evaluation for task in tasks if task.evaluation is not None]
    if options.evaluations is not None:
        yield "--eval", {rule.name for rule in rules}, set(options.evaluations)
    if options.eval_data is not None:
        yield "--eval-data", {rule.data for rule in rules}, {options.eval_data}
    if options.limit is not None:
        yield "--limit", {rule.limit for rule in rules}, {options.limit}


def _same(option: str, then: set[Any], now: set[Any]) -> bool:
    if option == "--time-limit":  # a scenario has its own
        return not then or now <= then
    if option == "--weights":  # "pinned" concerns the models that have them
        return now <= then
    return then == now


def _swept(tasks: Iterable[Task], axis: str) -> Counter[int]:
    """The sizes along an axis, and how often each was asked for: the usual one is there beside a sweep too."""
    return Counter(dict(task.axes)[axis] for task in tasks if axis in dict(task.axes) and task.scenario == "forward")


def _tasks_differ(then: tuple[Task, ...], now: tuple[Task, ...]) -> str | None:
    lost, new = set(then) - set(now), set(now) - set(then)
    if not lost and not new:
        return None
    for name in _flat(next(iter(lost or new))):
        before, after = ({_flat(task)[name] for task in tasks} for tasks in (then, now))
        if before != after:
            return f"{name} was {_told(before)} and is {_told(after)} now"
    return f"{len(lost)} tasks of the run are not asked for now, and {len(new)} are new"


def _flat(task: Task) -> dict[str, Any]:
    """A task's fields, those of its rules by names of their own: "repetition.time_limit_s"."""
    flat: dict[str, Any] = {}
    for name, value in asdict(task).items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": part for inner, part in value.items()}
        else:
            flat[name] = ", ".join(f"{axis} {size}" for axis, size in value) if name == "axes" else value
    return flat


def _told(values: set[Any]) -> str:
    """Numbers in their order, then words; "none" for what is not set."""
    known = sorted((value for value in values if value is not None), key=lambda value: (isinstance(value, str), value))
    words = [one_line(str(value), 100) for value in known] + ["none"] * (None in values)
    more = f" and {len(words) - MAX_TOLD} more" if len(words) > MAX_TOLD else ""
    return (", ".join(words[:MAX_TOLD]) or "nothing") + more

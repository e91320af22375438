"""How it was measured, in the words of the records' own rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from suite import units
from suite.records import EnergyReading, LatencySamples, Repetition
from suite.report import quietness
from suite.report.content import Code, Content, Spans, bullets
from suite.report.escape import listed, words
from suite.report.plots import Plots
from suite.report.section import Section
from suite.report.view import RunView

_STOPS = {
    "target": "reached the target",
    "fixed": "made their fixed number of calls",
    "time_limit": "ran into the time limit",
    "call_limit": "ran into the limit of calls",
    "decided": "ended as their question needed no more",
    "disturbed": "were disturbed throughout, so that they are upper bounds",
    "failed": "were broken off by the loss of the worker",
}

MAX_RULES = 20


def render(view: RunView, _plots: Plots) -> Content:
    return bullets(_lines(view))


def _lines(view: RunView) -> Iterable[str | Spans]:
    if view.asked("params") or view.asked("flops"):
        yield (
            "Parameters and FLOPs are counted on the model as it is built, without weights and without running it on "
            "the device; they do not depend on the machine."
        )
    if view.asked("latency"):
        yield from _latency_lines(view)
    if any(isinstance(view.energy(point), EnergyReading) for point in view.points("energy")):
        yield (
            "Energy: calls run back to back in windows long enough for the sensor, with idle power taken before and "
            "after; power is sampled by a process of its own and integrated by the method named with the figures."
        )
    yield (
        "Raw samples are stored in ",
        Code("records.jsonl"),
        "; every figure here is computed from them, and ",
        Code("suite report"),
        " computes them again.",
    )


def _latency_lines(view: RunView) -> Iterable[str]:
    samples = [found for point in view.points("latency") if isinstance(found := view.latency(point), LatencySamples)]
    clocks = _join(found.clock for found in samples)
    waits = _join(found.synchronisation for found in samples)
    yield (
        "Only the forward pass is timed: inputs are on the device before it begins, the model is in evaluation mode "
        f"and no gradients are kept.{f' Clock: {clocks}; synchronisation: {waits}.' if samples else ''}"
    )
    rules = Counter(task.repetition for task in view.tasks if task.test == "latency")
    for rule, count in list(rules.items())[:MAX_RULES]:
        yield (f"{count} series: " if len(rules) > 1 else "") + _rule(rule)
    if len(rules) > MAX_RULES:
        yield f"{len(rules) - MAX_RULES} more rules, as the records have them."
    if samples:
        yield _interleaving(samples)
        yield from quietness.lines(view)
        yield "Outcome: " + _stops(samples)
    yield (
        "Standard deviations are those of the sample (n − 1). Samples in a series are correlated, and the interval of "
        "the median accounts for it. A percentile is shown only where n supports it. Outliers are flagged and kept."
    )


def _rule(rule: Repetition) -> str:
    warmup = (
        f"Warm-up lasts until steady state is detected, at least {rule.warmup_min_call_count} and at most "
        f"{rule.warmup_max_call_count} calls; it is stored and not counted."
        if rule.warmup_max_call_count > rule.warmup_min_call_count
        else f"The first {rule.warmup_min_call_count} calls are warm-up, stored and not counted."
        if rule.warmup_min_call_count > 1
        else "The first call is warm-up, stored and not counted."
    )
    if rule.target_relative_halfwidth is None:
        return f"{warmup} Then {rule.min_call_count} calls are timed, a fixed number."
    return (
        f"{warmup} Then calls are timed until the {rule.confidence * 100:g} % interval of the median is within "
        f"±{rule.target_relative_halfwidth * 100:g} % of it, with at least {rule.min_call_count} and at most "
        f"{rule.max_call_count} calls and a limit of {units.show(rule.time_limit_s, 's')} per series. The precision "
        "in the tables is what was reached; the time to a missed goal is an estimate at the pace of these calls."
    )


def _interleaving(samples: list[LatencySamples]) -> str:
    blocks = sum(len(found.blocks) for found in samples)
    interleaved = any(
        later.order_index - earlier.order_index > 1
        for found in samples
        for earlier, later in zip(found.blocks, found.blocks[1:], strict=False)
    )
    if interleaved:
        return (
            f"The {blocks} blocks of calls were run in randomised order, sizes interleaved, so that drift of the "
            "machine does not look like scaling."
        )
    return f"The {blocks} blocks of calls were run one series after the other."


def _stops(samples: list[LatencySamples]) -> str:
    counts = {stop: sum(found.stop == stop for found in samples) for stop in _STOPS}
    told = ", ".join(f"{count} {_STOPS[stop]}" for stop, count in counts.items() if count)
    unsteady = sum(not found.steady for found in samples)
    steady = (
        "all reached steady state in warm-up" if unsteady == 0 else f"{unsteady} did not reach steady state in warm-up"
    )
    return f"of {len(samples)} series {told}; {steady}."


def _join(parts: Iterable[str]) -> str:
    return words(listed(list(dict.fromkeys(parts)), " and "))


PLUGIN = Section(name="method", order=80, title="Method", render=render)

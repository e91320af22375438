"""Latencies below what the run's own roofline allows: fewer seconds than the call's bytes and FLOPs take."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from suite.compare.findings import Finding, Line, at
from suite.records import FlopCount, LatencySamples, ParameterCount, QuietRule, Roofline, Task
from suite.stats import roofline as stats
from suite.stats.quiet import disturbance
from suite.stats.roofline import Rate, Work
from suite.units import show

ALLOWED = 1.5  # times faster than the ceilings: they are measured too, on a machine that may change its pace
ALLOWED_ONCE = 3.0  # of a single call


def findings(lines: Sequence[Line]) -> Iterator[Finding]:
    """Of every forward pass whose parameters, FLOPs and ceilings the run has."""
    parameters = {line.record.task.model: line.record.parameters for line in lines if line.record.parameters}
    flops = {_work_of(line.record.task): line.record for line in lines if isinstance(line.record.flops, FlopCount)}
    roofs: dict[tuple[str, int, str], Roofline] = {}
    for line in lines:
        found, task = line.record.roofline, line.record.task
        if isinstance(found, Roofline) and _is_ceiling(found):
            roofs |= {(task.device, task.thread_count, product.precision): found for product in found.matmul}
    for line in lines:
        task, samples, count = line.record.task, line.record.latency, parameters.get(line.record.task.model)
        roof = roofs.get((task.device, task.thread_count, task.precision))
        counted = flops.get(_work_of(task))
        if not isinstance(samples, LatencySamples) or not isinstance(count, ParameterCount) or roof is None:
            continue
        if counted is None or not isinstance(counted.flops, FlopCount) or not samples.latency_s:
            continue
        flop_count = counted.flops.flop_count * task.batch_size / counted.task.batch_size
        yield from _beaten(line, samples, _least_s(count, flop_count, roof, task.precision))


def _is_ceiling(found: Roofline) -> bool:
    """Whether nothing took the processor while it was measured: what a busy machine did is no limit of a quiet one."""
    beside = found.interference
    return beside is not None and disturbance(beside, QuietRule(), found.thread_count) is None


def _work_of(task: Task) -> tuple[object, ...]:
    return (task.model, task.scenario, task.axes)


def _least_s(count: ParameterCount, flop_count: float, roof: Roofline, precision: str) -> float:
    arithmetic = roof.rate(precision)
    assert arithmetic is not None  # the roof was found by it
    bandwidth = Rate(best_per_s=roof.bandwidth.best_per_s, median_per_s=roof.bandwidth.median_per_s)
    rate = Rate(best_per_s=arithmetic.best_per_s, median_per_s=arithmetic.median_per_s)
    width = {"fp32": 1.0, "tf32": 1.0, "bf16": 0.5, "fp16": 0.5, "int8": 0.25}[precision]  # of the bytes as counted
    work = Work(read_bytes=width * stats.read_bytes(count), flop_count=flop_count)
    return stats.place(work, bandwidth, rate, roof.cache_bytes, 1.0).least_s


def _beaten(line: Line, samples: LatencySamples, least_s: float) -> Iterator[Finding]:
    median_s = statistics.median(samples.latency_s)
    if median_s * ALLOWED < least_s:
        text = f"a median of {show(median_s, 's')}, where its bytes and FLOPs take {show(least_s, 's')} on this machine"
        yield at(line, "latency", "FASTER_THAN_POSSIBLE", text)
        return
    for place, block in enumerate(samples.blocks):
        for call, value_s in enumerate(block.latency_s):
            if value_s * ALLOWED_ONCE < least_s:
                text = f"{show(value_s, 's')}, where its bytes and FLOPs take {show(least_s, 's')} on this machine"
                yield at(line, f"latency.blocks.{place}.latency_s.{call}", "FASTER_THAN_POSSIBLE", text)

"""Whether records can be what a machine measured: times in order, samples of their own, joules that are watts x time.

Each check asks for what can't be otherwise, with the slack of a clock's step; how likely a figure is, is not asked.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise

import numpy as np

from suite.compare.findings import Finding, Line, at
from suite.records import Block, EnergyReading, FlopCount, LatencySamples, MemoryUse, PowerTrace, RunRecord
from suite.units import show

SLACK_S = 1e-3  # between two readings of clocks
UTC_SLACK_S = 60.0  # by so much a machine's wall clock may be set while it runs
LEAST_COPY = 5  # calls of a block whose every digit another block has
LEAST_DISTINCT = 4  # of them: a coarse clock tells few durations
POWER_SLACK = 0.2  # of a window's joules against its trace, whose edges are interpolated
LEAST_SAMPLES = 5  # of a trace within a window


def findings(lines: Sequence[Line]) -> Iterator[Finding]:
    for line in lines:
        yield from _times(line)
        yield from _memory(line)
        yield from _counts(line)
        for place, reading in enumerate((line.record.energy, *line.record.energy_beside)):
            if isinstance(reading, EnergyReading):
                yield from _energy(line, "energy" if place == 0 else f"energy_beside.{place - 1}", reading)
    yield from _copies(lines)
    for boot in boots(lines):
        yield from _overlaps(boot)
    yield from _origins(lines)


def blocks_of(record: RunRecord) -> Sequence[Block]:
    samples = record.latency
    if record.sustained is not None:
        samples = getattr(record.sustained, "samples", None)
    return samples.blocks if isinstance(samples, LatencySamples) else ()


def field_of(record: RunRecord) -> str:
    return "latency.blocks" if isinstance(record.latency, LatencySamples) else "sustained.samples.blocks"


def spent_s(block: Block) -> float:
    """In its calls, at least: the last value of a window of very many may stand for fewer."""
    whole = math.fsum(block.latency_s)
    return whole if block.calls_per_value == 1 else block.calls_per_value * (whole - block.latency_s[-1])


def boots(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines whose monotonic clocks are one clock: a machine that was started again begins a new one."""
    found: list[list[Line]] = []
    last_s = 0.0
    for offset_s, line in sorted(((_offset_s(line.record), line) for line in lines), key=lambda pair: pair[0]):
        if found and offset_s - last_s <= UTC_SLACK_S:
            found[-1].append(line)
        else:
            found.append([line])
        last_s = offset_s
    return found


def _offset_s(record: RunRecord) -> float:
    """Between the wall clock and the monotonic one; one for all lines where the text is no time."""
    try:
        return datetime.fromisoformat(record.started_utc).timestamp() - record.before.time_s
    except ValueError:
        return 0.0


def _times(line: Line) -> Iterator[Finding]:
    record, field = line.record, field_of(line.record)
    start_s, end_s = record.before.time_s, record.after.time_s
    if end_s < start_s:
        text = f"it ends {show(start_s - end_s, 's')} before it begins"
        yield at(line, "after.time_s", "CLOCK_BACKWARDS", text)
        return
    if record.wall_s > end_s - start_s + 1.0:
        text = f"{show(record.wall_s, 's')}, and {show(end_s - start_s, 's')} passed"
        yield at(line, "wall_s", "TIME_TOO_LONG", text)
    blocks = blocks_of(record)
    for place, block in enumerate(blocks):
        where = f"{field}.{place}"
        end_of_block_s = block.started_s + spent_s(block)
        if block.started_s < start_s - SLACK_S or end_of_block_s > end_s + SLACK_S:
            yield at(line, where, "OUTSIDE_TASK", "its calls lie outside the time of their task")
        beside = block.interference
        if beside is not None and spent_s(block) > beside.wall_s * 1.001 + SLACK_S:
            text = f"its calls take {show(spent_s(block), 's')}, and {show(beside.wall_s, 's')} passed beside them"
            yield at(line, where, "SUM_TOO_LONG", text)
    in_order = sorted(enumerate(blocks), key=lambda pair: pair[1].order_index)
    for (_, before), (place, after) in pairwise(in_order):
        if after.started_s < before.started_s:
            text = "it began before the block that its order_index says it follows"
            yield at(line, f"{field}.{place}", "CLOCK_BACKWARDS", text)


def _overlaps(lines: Sequence[Line]) -> Iterator[Finding]:
    """One worker calls at a time, so no two blocks of a run share a moment."""
    found = [
        (block.started_s, block.started_s + spent_s(block), line, place)
        for line in lines
        for place, block in enumerate(blocks_of(line.record))
    ]
    found.sort(key=lambda each: each[:2])
    for (_, end_s, before, at_before), (start_s, _, after, at_after) in pairwise(found):
        if end_s > start_s + SLACK_S:
            other = f"records.jsonl:{after.number} {field_of(after.record)}.{at_after}"
            text = f"its calls go on for {show(end_s - start_s, 's')} after those of {other} began"
            yield at(before, f"{field_of(before.record)}.{at_before}", "BLOCKS_OVERLAP", text)


def _copies(lines: Sequence[Line]) -> Iterator[Finding]:
    seen: dict[tuple[float, ...], str] = {}
    for line in lines:
        for place, block in enumerate(blocks_of(line.record)):
            values = block.latency_s
            if len(values) < LEAST_COPY:
                continue
            where = f"{field_of(line.record)}.{place}"
            if len(set(values)) < LEAST_DISTINCT:
                if len(set(values)) == 1:
                    yield at(line, where, "SAMPLES_ALIKE", f"{len(values)} calls of one duration", "unknown")
                continue
            first = seen.setdefault(values, f"records.jsonl:{line.number} {where}")
            if first != f"records.jsonl:{line.number} {where}":
                yield at(
                    line, where, "SAMPLES_COPIED", f"its {len(values)} durations are those of {first}, to the digit"
                )


def _memory(line: Line) -> Iterator[Finding]:
    use = line.record.memory
    if isinstance(use, MemoryUse) and use.peak_resident_bytes < use.before_resident_bytes * 0.5:
        yield at(line, "memory.peak_resident_bytes", "PEAK_TOO_LOW", "a peak far below what was taken before it")


def _counts(line: Line) -> Iterator[Finding]:
    flops = line.record.flops
    if isinstance(flops, FlopCount) and flops.by_operator:
        total = sum(cost.mac_count for cost in flops.by_operator)
        if total != flops.mac_count:
            yield at(
                line, "flops.mac_count", "SUM_DIFFERS", f"{flops.mac_count:,}, and its operators come to {total:,}"
            )


def _energy(line: Line, field: str, reading: EnergyReading) -> Iterator[Finding]:
    if not (reading.source.strip() and reading.scope.strip()):
        yield at(line, field, "ENERGY_WITHOUT_SOURCE", "joules of which nobody says who measured them, or of what")
    for place, (before, after) in enumerate(pairwise(reading.windows), 1):
        if after.start_s < before.end_s - SLACK_S:
            yield at(line, f"{field}.windows.{place}", "WINDOWS_OVERLAP", "it begins before the one before it ends")
    for place, window in enumerate(reading.windows):
        told_j = _trace_j(reading.trace, window.start_s, window.end_s)
        if told_j is not None and abs(window.energy_j - told_j) > POWER_SLACK * abs(told_j) + reading.budget.total_j:
            text = f"{show(window.energy_j, 'J')}, and the power beside it comes to {show(told_j, 'J')}"
            yield at(line, f"{field}.windows.{place}.energy_j", "ENERGY_NOT_POWER", text)


def _trace_j(trace: PowerTrace, start_s: float, end_s: float) -> float | None:
    """Mean power of the samples within, times the time; None where they are too few."""
    time_s = np.array(trace.time_s)
    inside = (time_s >= start_s) & (time_s <= end_s)
    if np.count_nonzero(inside) < LEAST_SAMPLES:
        return None
    return float(np.array(trace.power_w).sum(axis=0)[inside].mean()) * (end_s - start_s)


def _origins(lines: Iterable[Line]) -> Iterator[Finding]:
    """The same model and seed have the same weights in every record of a precision, and so have inputs of one size."""
    weights: dict[object, tuple[str, int]] = {}
    inputs: dict[object, tuple[str, int]] = {}
    machines: dict[object, int] = {}
    for line in lines:
        task, found, host = line.record.task, line.record.provenance, line.record.host
        machines.setdefault((host.board, host.cpu_model, host.architecture, host.accelerators), line.number)
        if found is None:
            continue
        own = (task.model, task.seed, task.weights, task.checkpoint, found.weights_precision)
        source = (found.inputs_source, task.precision, task.evaluation)
        sized = (task.model, task.seed, task.trajectory, task.scenario, task.batch_size, task.axes, source)
        for field, known, key, value in (
            ("provenance.weights_sha256", weights, own, found.weights_sha256),
            ("provenance.inputs_sha256", inputs, sized, found.inputs_sha256),
        ):
            first, number = known.setdefault(key, (value, line.number))
            if first != value:
                yield at(
                    line, field, "HASH_DIFFERS", f"it is another than in line {number}, of the same model and seed"
                )
    if len(machines) > 1:
        numbers = ", ".join(map(str, sorted(machines.values())[:6]))
        text = f"its records are of {len(machines)} machines (from lines {numbers} on)"
        yield Finding(grade="unknown", code="MACHINES_MIXED", where="records.jsonl", text=text)

"""What of a record is compared: one figure a quantity, and how far it is known."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from suite.records import (
    Accuracy,
    ColdStart,
    EnergyReading,
    FlopCount,
    LatencySamples,
    MemoryUse,
    NotMeasured,
    ParameterCount,
    RunRecord,
)
from suite.report import accuracies
from suite.report.energies import inference_energy
from suite.report.gaps import no_latency
from suite.stats.ratio import Level, level

HALFWIDTH = 1.96  # of 95 %, in standard deviations
MANY = 1e6  # degrees of freedom of an error that a budget tells

Bound: TypeAlias = Literal["", "≤ ", "≥ "]


@dataclass(frozen=True, slots=True)
class Figure:
    """A value in SI units; level: its logarithm with its error, None for what is counted or has no logarithm.

    bound: what stands before a figure that is no value. about: what it is a figure of, apart from the model and its
    input: a figure about something else is never compared with it.
    """

    value: float
    level: Level | None = None
    exact: bool = False
    bound: Bound = ""
    about: str = ""


Found: TypeAlias = Figure | NotMeasured | None


def parameters(record: RunRecord) -> Found:
    found = record.parameters
    if not isinstance(found, ParameterCount):
        return found
    return Figure(found.unique_count, exact=True)


def flops(record: RunRecord) -> Found:
    """Of the whole call."""
    found = record.flops
    if not isinstance(found, FlopCount):
        return found
    return Figure(found.flop_count, exact=True, bound="≥ " if found.unknown else "")


def latency(record: RunRecord) -> Found:
    """The median of the undisturbed calls, its error by resampling their blocks."""
    found = record.latency
    if not isinstance(found, LatencySamples):
        return found
    if absence := no_latency(found):
        return absence
    spent_s = math.fsum(block.calls_per_value * sum(block.latency_s) for block in found.timed_blocks)
    reached = level([block.latency_s for block in found.counted_blocks], spent_s)
    steps = f"{found.step_count} steps a call" if found.step_count != 1 else ""
    return Figure(reached.median, reached, bound="≤ " if found.is_upper_bound else "", about=steps)


def score(record: RunRecord) -> Found:
    """Of the evaluation's first metric; of other examples it is another figure."""
    found = record.accuracy
    if not isinstance(found, Accuracy):
        return found
    reached = accuracies.scored(found)
    examples = hashlib.sha256(" ".join(found.examples).encode()).hexdigest()[:12]
    about = f"{found.metrics[0]} of {found.item_count} answers, examples {examples}"
    if reached.value <= 0 or reached.standard_error is None:
        return Figure(reached.value, about=about)
    error = reached.standard_error / reached.value
    known = Level(log_median=math.log(reached.value), error=error, freedom=max(reached.group_count - 1, 1))
    return Figure(reached.value, known if error > 0 else None, about=about)


def peak_memory(record: RunRecord) -> Found:
    found = record.memory
    if not isinstance(found, MemoryUse):
        return found
    since = "the task's own peak" if found.peak_is_task else "the peak since the worker began"
    return Figure(found.peak_resident_bytes, _single(found.peak_resident_bytes), about=since)


def device_memory(record: RunRecord) -> Found:
    found = record.memory
    if not isinstance(found, MemoryUse):
        return found
    return (
        None if found.device_peak_bytes is None else Figure(found.device_peak_bytes, _single(found.device_peak_bytes))
    )


def cold_start(record: RunRecord) -> Found:
    """From the start of the process to the first answer."""
    found = record.cold_start
    if not isinstance(found, ColdStart):
        return found
    total_s = math.fsum((found.process_s, found.import_s, found.build_s, found.weights_s, found.first_call_s))
    return Figure(total_s, _single(total_s))


def gross_energy(record: RunRecord, reading: EnergyReading) -> Found:
    figure = inference_energy(reading, record.task.batch_size)
    return _joules(figure.gross_j, figure.error_j, reading)


def net_energy(record: RunRecord, reading: EnergyReading) -> Found:
    figure = inference_energy(reading, record.task.batch_size)
    if isinstance(figure.net_j, NotMeasured):
        return figure.net_j
    return _joules(figure.net_j, figure.net_error_j, reading)


def _joules(value_j: float, error_j: float, reading: EnergyReading) -> Figure:
    spent_s = math.fsum(window.end_s - window.start_s for window in reading.windows)
    known = Level(log_median=math.log(value_j), error=None, spent_s=spent_s) if value_j > 0 else None
    if known is not None and 0 < error_j < value_j:
        relative = math.log1p(error_j / value_j) / HALFWIDTH
        known = Level(log_median=known.log_median, error=relative, freedom=MANY, spent_s=spent_s)
    return Figure(value_j, known, about=f"{reading.part}: {reading.scope}")


def _single(value: float) -> Level | None:
    """One value, of which nobody knows how far another one would be off."""
    return Level(log_median=math.log(value), error=None) if value > 0 else None

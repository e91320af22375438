"""The tables that the report and the terminal share: parameters, FLOPs, latency. Energy: energies.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from suite import units
from suite.records import (
    Flag,
    FlopCount,
    LatencySamples,
    NotMeasured,
    ParameterCount,
    Repetition,
    Summary,
)
from suite.report.points import Point, Sweep
from suite.report.table import Cell, Table, table
from suite.report.view import RunView
from suite.units import Scale

Row: TypeAlias = list[Cell]


def parameter_table(view: RunView) -> Table:
    """Counts per model, exact; `shared by name` is what a naive count has too much."""
    headers = ("Model", "Unique", "Registered", "Shared by name", "Trainable", "Embeddings", "Buffers", "Bytes")
    rows: list[Row] = []
    for model in view.models:
        value = view.parameters(model)
        if value is None:
            continue
        rows.append([view.title(model), *_parameter_cells(value)])
    return table(headers, rows)


def _parameter_cells(value: ParameterCount | NotMeasured) -> Row:
    if isinstance(value, NotMeasured):
        return [value] * 7
    counts = (
        value.unique_count,
        value.registered_count,
        value.registered_count - value.unique_count,
        value.trainable_count,
        value.embedding_count,
        value.buffer_element_count,
    )
    return [*(units.show_count(count) for count in counts), units.show(value.parameter_bytes, "B", 4)]


def flop_table(view: RunView) -> Table:
    """Multiply-accumulates and FLOPs of one call, for every input size that was asked for."""
    headers = ("Model", "Input", "MACs", "FLOPs = 2 x MACs", "Source")
    rows: list[Row] = []
    for point in view.points("flops"):
        value = view.flops(point.subject.model, point)
        start: Row = [view.title(point.subject.model), view.describe(point)]
        if isinstance(value, FlopCount):
            rows.append(
                [
                    *start,
                    value.sign + units.show_count(value.mac_count),
                    value.sign + units.show(value.flop_count, "FLOP", 4),
                    value.source,
                ]
            )
        else:
            rows.append([*start, value, value, value])
    return table(headers, rows, left=2, wordy=("Source",))


def latency_table(view: RunView, points: Sequence[Point]) -> Table:
    """One row per point: count, mean and sample deviation, median with its interval, and how far to trust them."""
    found = [view.summary(point) for point in points]
    scale = units.scale_of((value.median for value in found if isinstance(value, Summary)), "s")
    headers = (
        "Model",
        "Input",
        "n",
        f"Mean ± std ({scale.symbol})",
        f"Median ({scale.symbol})",
        f"{_confidence(view, points)} interval of the median ({scale.symbol})",
        f"Percentiles ({scale.symbol})",
        "Outliers",
        "Warm-up calls",
        "Verdict",
    )
    rows: list[Row] = []
    for point, value in zip(points, found, strict=True):
        start: Row = [view.label(point.subject), view.describe(point)]
        rows.append(start + (_latency_cells(view, point, value, scale) if isinstance(value, Summary) else [value] * 8))
    return table(headers, rows, left=2, wordy=("Verdict",))


def sweep_table(view: RunView, sweeps: Sequence[Sweep]) -> Table:
    """One row per size of every sweep along one axis."""
    points = [(sweep, point) for sweep in sweeps for point in sweep.points]
    found = [view.summary(point) for _, point in points]
    scale = units.scale_of((value.median for value in found if isinstance(value, Summary)), "s")
    label = view.axis_label(sweeps[0].axis)
    headers = (
        "Model",
        label[:1].upper() + label[1:],
        "n",
        f"Mean ± std ({scale.symbol})",
        f"Median ({scale.symbol})",
        f"{_confidence(view, [point for _, point in points])} interval ({scale.symbol})",
        "Outliers",
        "Inferences per s",
        "Verdict",
    )
    rows: list[Row] = []
    for (sweep, point), value in zip(points, found, strict=True):
        start: Row = [view.label(sweep.subject), str(point.size(sweep.axis))]
        rows.append(start + (_sweep_cells(view, point, value, scale) if isinstance(value, Summary) else [value] * 7))
    return table(headers, rows, wordy=("Verdict",))


def _sweep_cells(view: RunView, point: Point, summary: Summary, scale: Scale) -> Row:
    return [
        str(summary.count),
        mean_and_std(summary, scale),
        median(summary, scale),
        median_interval(summary, scale),
        str(summary.outlier_count),
        units.digits(throughput_per_s(point, summary)),
        verdict(summary, view.task("latency", point).repetition, view.samples(point), _flags(view, point)),
    ]


def _latency_cells(view: RunView, point: Point, summary: Summary, scale: Scale) -> Row:
    samples = view.samples(point)
    return [
        str(summary.count),
        mean_and_std(summary, scale),
        median(summary, scale),
        median_interval(summary, scale),
        percentiles(summary, scale),
        str(summary.outlier_count),
        f"{len(samples.warmup_latency_s)}{'' if samples.steady else ', not steady'}",
        verdict(summary, view.task("latency", point).repetition, samples, _flags(view, point)),
    ]


def mean_and_std(summary: Summary, scale: Scale) -> str:
    if summary.std is None:
        return f"{scale.value(summary.mean)} (n = 1: no std)"
    return scale.spread(summary.mean, summary.std)


def median_interval(summary: Summary, scale: Scale) -> str:
    found = summary.median_interval
    return scale.interval(found.low, found.high) if found else "n too small"


def median(summary: Summary, scale: Scale) -> str:
    """To the place to which its interval is known."""
    found = summary.median_interval
    return scale.within(summary.median, found.low, found.high) if found else scale.value(summary.median)


def percentiles(summary: Summary, scale: Scale) -> str:
    """Only those that the number of samples supports; the median has its own column."""
    told = [f"p{percent:g} {scale.value(value)}" for percent, value in summary.percentiles if percent != 50]
    return ", ".join(told) if told else "n too small"


def _flags(view: RunView, point: Point) -> tuple[Flag, ...]:
    record = view.record("latency", point)
    return record.flags if record else ()


def verdict(summary: Summary, rule: Repetition, samples: LatencySamples, flags: Sequence[Flag] = ()) -> str:
    """RESOLVED, or UNRESOLVED with the calls still needed; a series of fixed length has no target to reach, and what
    an emulated processor took gets no verdict."""
    if any(flag.code == "EMULATED" for flag in flags):
        return "none: emulated"
    lost = ", worker lost midway" if samples.stop == "failed" else ""
    if rule.target_relative_halfwidth is None:
        return f"fixed count{lost}"
    if summary.resolved:
        return f"RESOLVED{lost}"
    if summary.calls_needed is None:
        return f"UNRESOLVED{lost}"
    needed = int(float(f"{summary.calls_needed:.1e}"))  # an estimate: two digits
    return f"UNRESOLVED, about {units.show_count(needed)} more calls{lost}"


def _confidence(view: RunView, points: Sequence[Point]) -> str:
    levels = sorted({view.task("latency", point).repetition.confidence for point in points})
    return " and ".join(f"{level * 100:g} %" for level in levels)


def throughput_per_s(point: Point, summary: Summary) -> float:
    """Inferences (items of a batch) per second at the median latency."""
    return point.batch_size / summary.median


def r_squared(value: float) -> str:
    """Four decimals, which never round up to a perfect fit."""
    return "R² > 0.9999" if value > 0.99995 else f"R² = {value:.4f}"

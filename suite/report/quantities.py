"""The tables that the report and the terminal share: parameters, FLOPs, latency. Energy: energies.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from suite import units
from suite.records import (
    Flag,
    FlopCount,
    NotMeasured,
    ParameterCount,
    Summary,
)
from suite.report import precision
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
    """One row per point: counts, median with its interval, mean and sample deviation, and the precision reached."""
    found = [view.summary(point) for point in points]
    scale = units.scale_of((value.median for value in found if isinstance(value, Summary)), "s")
    headers = (
        "Model",
        "Input",
        "n",
        "Blocks (disturbed)",
        f"Median ({scale.symbol})",
        f"{_confidence(view, points)} interval of the median ({scale.symbol})",
        f"Mean ± std ({scale.symbol})",
        f"Percentiles ({scale.symbol})",
        "Outliers",
        "Warm-up calls",
        "Precision",
    )
    rows: list[Row] = []
    for point, value in zip(points, found, strict=True):
        start: Row = [view.label(point.subject), view.describe(point)]
        rows.append(start + (_latency_cells(view, point, value, scale) if isinstance(value, Summary) else [value] * 9))
    return table(headers, rows, left=2, wordy=("Precision",))


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
        "Blocks (disturbed)",
        f"Median ({scale.symbol})",
        f"{_confidence(view, [point for _, point in points])} interval ({scale.symbol})",
        f"Mean ± std ({scale.symbol})",
        "Outliers",
        "Inferences per s",
        "Precision",
    )
    rows: list[Row] = []
    for (sweep, point), value in zip(points, found, strict=True):
        start: Row = [view.label(sweep.subject), str(point.size(sweep.axis))]
        rows.append(start + (_sweep_cells(view, point, value, scale) if isinstance(value, Summary) else [value] * 8))
    return table(headers, rows, wordy=("Precision",))


def median_table(view: RunView, sweeps: Sequence[Sweep]) -> Table:
    """The medians alone: a row a subject, a column a size."""
    points = {(sweep.subject, point.size(sweep.axis)): point for sweep in sweeps for point in sweep.points}
    found = {place: view.summary(point) for place, point in points.items()}
    scale = units.scale_of((value.median for value in found.values() if isinstance(value, Summary)), "s")
    sizes = sorted({size for _, size in points})
    rows: list[Row] = []
    for sweep in sweeps:
        values = [found.get((sweep.subject, size)) for size in sizes]
        rows.append([view.label(sweep.subject), *(_median_cell(value, scale) for value in values)])
    axis = view.axis_label(sweeps[0].axis)
    return table((f"Median ({scale.symbol}) at {axis}", *map(str, sizes)), rows)


def _median_cell(value: Summary | NotMeasured | None, scale: Scale) -> Cell:
    return precision.median(value, scale) if isinstance(value, Summary) else value


def _sweep_cells(view: RunView, point: Point, summary: Summary, scale: Scale) -> Row:
    samples, task = view.samples(point), view.task("latency", point)
    return [
        str(summary.count),
        precision.blocks(samples, task),
        precision.median(summary, scale),
        precision.median_interval(summary, scale),
        precision.mean_and_std(summary, scale),
        str(summary.outlier_count),
        precision.at_least(summary) + units.digits(throughput_per_s(point, summary)),
        precision.verdict(summary, task.repetition, samples, _flags(view, point)),
    ]


def _latency_cells(view: RunView, point: Point, summary: Summary, scale: Scale) -> Row:
    samples, task = view.samples(point), view.task("latency", point)
    return [
        str(summary.count),
        precision.blocks(samples, task),
        precision.median(summary, scale),
        precision.median_interval(summary, scale),
        precision.mean_and_std(summary, scale),
        precision.percentiles(summary, scale),
        str(summary.outlier_count),
        f"{len(samples.warmup_latency_s)}{'' if samples.steady else ', not steady'}",
        precision.verdict(summary, task.repetition, samples, _flags(view, point)),
    ]


def _flags(view: RunView, point: Point) -> tuple[Flag, ...]:
    record = view.record("latency", point)
    return record.flags if record else ()


def _confidence(view: RunView, points: Sequence[Point]) -> str:
    levels = sorted({view.task("latency", point).repetition.confidence for point in points})
    return " and ".join(f"{level * 100:g} %" for level in levels)


def throughput_per_s(point: Point, summary: Summary) -> float:
    """Inferences (items of a batch) per second at the median latency."""
    return point.batch_size / summary.median


def r_squared(value: float) -> str:
    """Four decimals, which never round up to a perfect fit."""
    return "R² > 0.9999" if value > 0.99995 else f"R² = {value:.4f}"

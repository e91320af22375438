"""Energy as the report and the terminal show it: per inference, per call, with what follows from it.

An inference is one item of a batch, a call a whole batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import TypeAlias

from suite import units
from suite.records import Accuracy, EnergyReading, FlopCount, LatencySamples, NotMeasured, RunRecord, record
from suite.report import scaling
from suite.report.points import Point
from suite.report.table import Cell, Table, table
from suite.report.view import RunView
from suite.stats.orders import Figure
from suite.units import Scale

Row: TypeAlias = list[Cell]


@record
class InferenceEnergy:
    """Means over the windows, and half-widths (95 %) of their errors. net_j is absent where its error is larger."""

    gross_j: float
    error_j: float
    net_j: float | NotMeasured
    net_error_j: float
    load_w: float
    idle_w: float
    inference_count: int


def inference_energy(reading: EnergyReading, batch_size: int) -> InferenceEnergy:
    """Gross and idle-net energy of one inference.

    Idle-net: the mean of the idle power before and after, over the window, is taken off. The error budget is that of
    the mean window, so it is divided by the mean window's inferences.
    Source: docs/energy.md, section Error budget.
    """
    idle_w = (reading.idle_before_w + reading.idle_after_w) / 2
    inferences = sum(window.call_count for window in reading.windows) * batch_size
    energy_j = math.fsum(window.energy_j for window in reading.windows)
    duration_s = math.fsum(window.end_s - window.start_s for window in reading.windows)
    net_j, window_count = energy_j - idle_w * duration_s, len(reading.windows)
    net_error_j = _net_error_j(reading, energy_j / window_count, net_j / window_count, duration_s / window_count)
    return InferenceEnergy(
        gross_j=reading.inference_j(batch_size),
        error_j=reading.budget.total_j * window_count / inferences,
        net_j=net_j / inferences if net_j > net_error_j * window_count else _below(net_j / window_count, net_error_j),
        net_error_j=net_error_j * window_count / inferences,
        load_w=energy_j / duration_s,
        idle_w=idle_w,
        inference_count=inferences,
    )


def _net_error_j(reading: EnergyReading, gross_j: float, net_j: float, duration_s: float) -> float:
    """Of the mean window: gain acts on the difference, rounding comes twice, and idle power may have wandered."""
    budget = reading.budget
    wandered_j = abs(reading.idle_after_w - reading.idle_before_w) / 2 * duration_s
    gain_j = budget.gain_j * abs(net_j) / gross_j if gross_j else budget.gain_j
    return math.hypot(budget.scatter_j or 0.0, math.sqrt(2) * budget.resolution_j, gain_j, budget.edge_j, wandered_j)


def _below(net_j: float, error_j: float) -> NotMeasured:
    return NotMeasured(
        code="BELOW_RESOLUTION",
        reason=f"what a window drew over idle, {units.show(net_j, 'J')}, is no more than its error, "
        f"{units.show(error_j, 'J')}",
        remedy="Measure longer windows, a larger batch or input, or with a source of finer resolution, and let nothing "
        "else run meanwhile",
    )


def readings(view: RunView, point: Point) -> tuple[EnergyReading | NotMeasured, ...]:
    """Of one point: the source's, then those of other parts of the machine."""
    found = view.record("energy", point)
    first = view.energy(point)
    return (*((first,) if first is not None else ()), *(found.energy_beside if found else ()))


def below_resolution(found: RunRecord) -> Iterator[NotMeasured]:
    """The idle-net figures of a record that its errors swallow."""
    for reading in (found.energy, *found.energy_beside):
        if isinstance(reading, EnergyReading):
            net = inference_energy(reading, found.task.batch_size).net_j
            if isinstance(net, NotMeasured):
                yield net
    for real in found.accuracy.energies if isinstance(found.accuracy, Accuracy) else ():
        if isinstance(real.energy, EnergyReading):
            net = inference_energy(real.energy, real.example_count).net_j
            if isinstance(net, NotMeasured):
                yield net


def energy_table(view: RunView, points: Sequence[Point]) -> Table:
    """Joules per inference, gross and idle-net, each with its error's half-width; a row per source."""
    told = [(point, reading) for point in points for reading in readings(view, point)]
    figures = [_figure(point, reading) for point, reading in told]
    scale = units.scale_of((value.gross_j for value in figures if isinstance(value, InferenceEnergy)), "J")
    headers = (
        "Model",
        "Input",
        f"Gross ({scale.symbol} per inference)",
        f"Idle-net ({scale.symbol} per inference)",
        "Average power (W)",
        "Idle before, after (W)",
        "Inferences",
        "Source: what it measures",
    )
    rows: list[Row] = []
    for (point, reading), figure in zip(told, figures, strict=True):
        start: Row = [view.label(point.subject), view.describe(point)]
        if isinstance(reading, EnergyReading) and isinstance(figure, InferenceEnergy):
            rows.append(start + _cells(reading, figure, scale))
        else:
            rows.append([*start, *[reading if isinstance(reading, NotMeasured) else None] * 6])
    rows += [row for point in points for row in _sum(view, point, scale)]
    return table(headers, rows, left=2, wordy=("Source: what it measures",))


def _figure(point: Point, reading: EnergyReading | NotMeasured) -> InferenceEnergy | NotMeasured:
    return inference_energy(reading, point.batch_size) if isinstance(reading, EnergyReading) else reading


def _cells(reading: EnergyReading, figure: InferenceEnergy, scale: Scale) -> Row:
    return [
        scale.spread(figure.gross_j, figure.error_j),
        figure.net_j if isinstance(figure.net_j, NotMeasured) else scale.spread(figure.net_j, figure.net_error_j),
        units.digits(figure.load_w),
        f"{units.digits(reading.idle_before_w)}, {units.digits(reading.idle_after_w)}",
        units.show_count(figure.inference_count),
        f"{reading.source}: {reading.scope}",
    ]


def _sum(view: RunView, point: Point, scale: Scale) -> Iterator[Row]:
    """Parts of the machine that don't overlap, added: where every source gave its figure."""
    parts = [reading for reading in readings(view, point) if isinstance(reading, EnergyReading)]
    if len(parts) < 2 or len(parts) < len(readings(view, point)):
        return
    figures = [inference_energy(reading, point.batch_size) for reading in parts]
    nets = [figure.net_j for figure in figures if not isinstance(figure.net_j, NotMeasured)]
    net_error_j = math.hypot(*(figure.net_error_j for figure in figures))
    yield [
        view.label(point.subject),
        view.describe(point),
        scale.spread(
            math.fsum(figure.gross_j for figure in figures), math.hypot(*(figure.error_j for figure in figures))
        ),
        scale.spread(math.fsum(nets), net_error_j)
        if len(nets) == len(figures)
        else next(figure.net_j for figure in figures if isinstance(figure.net_j, NotMeasured)),
        units.digits(math.fsum(figure.load_w for figure in figures)),
        units.digits(math.fsum(figure.idle_w for figure in figures)),
        units.show_count(figures[0].inference_count),
        f"sum of {' and '.join(reading.part for reading in parts)}, which do not overlap",
    ]


def efficiency_table(view: RunView, points: Sequence[Point]) -> Table:
    """What follows from the source's gross energy: per call, times the delay, per operation."""
    known = [(point, reading) for point in points if isinstance(reading := view.energy(point), EnergyReading)]
    figures = [(point, inference_energy(reading, point.batch_size)) for point, reading in known]
    calls = units.scale_of((figure.gross_j * point.batch_size for point, figure in figures), "J")
    delays = [_delay_s(view, point) for point, _ in figures]
    products = [
        figure.gross_j * point.batch_size * delay_s if delay_s is not None else None
        for (point, figure), delay_s in zip(figures, delays, strict=True)
    ]
    product = units.scale_of((value for value in products if value is not None), "J·s")
    mega = [_per_mflop_j(view, point, figure) for point, figure in figures]
    per_mflop = units.scale_of((value for value in mega if isinstance(value, float)), "J")
    headers = (
        "Model",
        "Input",
        f"Gross ({calls.symbol} per call)",
        "Inferences per joule",
        f"Energy-delay product ({product.symbol})",
        f"Energy per MFLOP ({per_mflop.symbol})",
    )
    rows: list[Row] = [
        [
            view.label(point.subject),
            view.describe(point),
            calls.spread(figure.gross_j * point.batch_size, figure.error_j * point.batch_size),
            units.digits(1 / figure.gross_j) if figure.gross_j else None,
            product.value(found, 3) if found is not None else None,
            _upper(view, point) + per_mflop.value(each, 3) if isinstance(each, float) else each,
        ]
        for (point, figure), found, each in zip(figures, products, mega, strict=True)
    ]
    return table(headers, rows, left=2)


def _delay_s(view: RunView, point: Point) -> float | None:
    """Mean duration of the calls in the windows: of all, disturbed or not, since the windows' energy is that of all."""
    found = view.record("energy", point)
    durations = found.latency.all_latency_s if found and isinstance(found.latency, LatencySamples) else ()
    return fmean(durations) if durations else None


def _per_mflop_j(view: RunView, point: Point, figure: InferenceEnergy) -> float | NotMeasured | None:
    flop_count = scaling.flops(view, point)
    if flop_count is None:
        counted = view.flops(point.subject.model, point)
        return counted if isinstance(counted, NotMeasured) else None
    return figure.gross_j * point.batch_size / (flop_count / 1e6) if flop_count else None


def _upper(view: RunView, point: Point) -> str:
    """What stands before energy per operation where the operations are a lower bound."""
    counted = view.flops(point.subject.model, point)
    return "≤ " if isinstance(counted, FlopCount) and counted.unknown else ""


def gross_j(view: RunView, point: Point) -> Figure | None:
    """Gross joules per inference, within their error budget; a bound where the windows hold joules of others too."""
    reading, found = view.energy(point), view.record("energy", point)
    if not isinstance(reading, EnergyReading) or found is None:
        return None
    is_upper_bound = any(flag.code == "WINDOWS_DISTURBED" for flag in found.flags)
    figure = inference_energy(reading, point.batch_size)
    low_j, high_j = figure.gross_j - figure.error_j, figure.gross_j + figure.error_j
    return Figure(value=figure.gross_j, low=max(0.0, low_j), high=high_j, is_upper_bound=is_upper_bound)


@record
class LabFigure:
    """The lab's formula, average watts times time, for one inference, and why it differs from the integral."""

    average_w: float  # mean of the samples in the windows
    joules: float
    why: str


def lab_figure(found: RunRecord) -> LabFigure | None:
    """None where a window holds no sample or no call's duration is known."""
    reading, latency = found.energy, found.latency
    if not isinstance(reading, EnergyReading) or not isinstance(latency, LatencySamples) or not latency.all_latency_s:
        return None
    trace = reading.trace
    total_w = [math.fsum(values) for values in zip(*trace.power_w, strict=True)]
    inside = [
        power_w
        for time_s, power_w in zip(trace.time_s, total_w, strict=True)
        if any(window.start_s <= time_s <= window.end_s for window in reading.windows)
    ]
    if not inside:
        return None
    average_w = fmean(inside)
    figure = inference_energy(reading, found.task.batch_size)
    joules = average_w * fmean(latency.all_latency_s) / found.task.batch_size
    busy = math.fsum(latency.all_latency_s) / math.fsum(window.end_s - window.start_s for window in reading.windows)
    return LabFigure(average_w=average_w, joules=joules, why=_why(figure, joules, average_w, busy))


def _why(figure: InferenceEnergy, joules: float, average_w: float, busy: float) -> str:
    """busy: the share of the windows that the calls fill."""
    if abs(joules - figure.gross_j) <= figure.error_j:
        return "agrees within the error"
    if abs(busy - 1) >= abs(average_w / figure.load_w - 1):
        return f"the calls fill {busy * 100:.1f} % of the windows: the formula leaves out what is drawn between them"
    return (
        f"the mean of the samples is {abs(average_w / figure.load_w - 1) * 100:.1f} % "
        f"{'above' if average_w > figure.load_w else 'below'} the mean over time: the samples are not evenly spaced"
    )


def lab_table(view: RunView, points: Sequence[Point]) -> Table | None:
    """The lab's formula beside the integral."""
    known = [(point, found) for point in points if (found := view.record("energy", point)) is not None]
    told = [(point, found, lab) for point, found in known if (lab := lab_figure(found)) is not None]
    if not told:
        return None
    figures = [
        inference_energy(found.energy, point.batch_size)
        for point, found, _ in told
        if isinstance(found.energy, EnergyReading)
    ]
    scale = units.scale_of((figure.gross_j for figure in figures), "J")
    headers = (
        "Model",
        "Input",
        "Average power (W)",
        f"Average power x time ({scale.symbol})",
        f"Integral ({scale.symbol})",
        "Difference",
        "Why",
    )
    rows: list[Row] = [
        [
            view.label(point.subject),
            view.describe(point),
            units.digits(lab.average_w),
            scale.value(lab.joules),
            scale.spread(figure.gross_j, figure.error_j),
            f"{(lab.joules / figure.gross_j - 1) * 100:+.2f} %" if figure.gross_j else None,
            lab.why,
        ]
        for (point, _, lab), figure in zip(told, figures, strict=True)
    ]
    return table(headers, rows, left=2, wordy=("Why",))

"""Joules per inference, gross and idle-net, with their errors and where they come from; or why there are none."""

from __future__ import annotations

import math
from typing import TypeAlias

from suite import units
from suite.records import EnergyReading, NotMeasured
from suite.report import charts, energy_charts
from suite.report.content import (
    Code,
    Content,
    Details,
    Drawn,
    Gap,
    Heading,
    Note,
    Spans,
    Strong,
    bullets,
    content,
    folded,
    row,
    spans,
)
from suite.report.energies import (
    InferenceEnergy,
    efficiency_table,
    energy_table,
    inference_energy,
    lab_table,
    readings,
)
from suite.report.plots import MAX_CURVES, MAX_ROWS, Margins, Plots, first, panels, short
from suite.report.points import BATCH_SIZE, Point, Subject, Sweep
from suite.report.section import Section
from suite.report.view import RunView

Known: TypeAlias = list[tuple[Point, EnergyReading]]
MAX_TRACES = 6


def render(view: RunView, plots: Plots) -> Content:
    points = view.points("energy")
    if not points:
        return ()
    every = [(point, reading) for point in points for reading in readings(view, point)]
    known = [(point, reading) for point, reading in every if isinstance(reading, EnergyReading)]
    if not known:
        return _reasons([reading for _, reading in every if isinstance(reading, NotMeasured)])
    first = [(point, reading) for point, reading in known if reading is view.energy(point)]
    return content(
        folded("Energy at every point", energy_table(view, points), "energy.csv", most=16),
        _method(view, known),
        _picture(view, first, plots),
        *_growths(view, plots),
        _efficiency(view, first),
        _traces(view, first, plots),
        _lab(view, first),
        _budget(view, known),
    )


def _reasons(absences: list[NotMeasured]) -> Content:
    """No figure is better than an estimate from a rated power."""
    told = (
        (f" {absence.reason[:1].upper() + absence.reason[1:].rstrip('.')} (", Gap(absence), ").")
        for absence in dict.fromkeys(absences)
    )
    return content(spans("No energy was measured, and none is estimated.", *told))


def _method(view: RunView, known: Known) -> Content:
    kinds = sorted({(reading.source, reading.scope, reading.method) for _, reading in known})
    sources = row(((Code(source), f" measures {scope} (by {method})") for source, scope, method in kinds), "; ")
    periods = sorted({reading.sample_period_s for _, reading in known})
    period = units.show(periods[0], "s") if len(periods) == 1 else units.show_interval(periods[0], periods[-1], "s")
    return content(
        (
            "Per inference: one item of a batch. Gross is all that was drawn while the calls ran back to back; "
            "idle-net has the idle power (mean of before and after) taken off. ± is the 95 % half-width of the error "
            "budget. "
            "What was measured: ",
            *sources,
            f"; sample period {period}.",
        ),
        *_warnings(view, {source for source, _, _ in kinds}),
    )


def _warnings(view: RunView, sources: set[str]) -> list[Note]:
    told: list[tuple[str, str]] = []
    if any(source.startswith("simulated") for source in sources):
        told.append(("A simulated source is no measurement", "."))
    if "powertop" in sources:
        rest = (
            ": rates that the battery's gauge gave it, each of the iteration before; no measurement of the suite's own."
        )
        told.append(("Imported from powertop", rest))
    if sources & {"apple", "mac-helper"}:
        rest = (
            ": Apple calls these figures estimates, and says that they do not compare devices. They may be set beside "
            "others of the same Mac alone."
        )
        told.append(("On a Mac", rest))
    if "root=" in view.manifest.power:
        told.append(("Sensors and host facts were read from a folder that stands for a machine", " (--sysfs-root)."))
    return [Note("doubt", (Strong(head), rest)) for head, rest in told]


def _growths(view: RunView, plots: Plots) -> list[Content]:
    """Energy per inference against the batch size and each input size, where it was measured at several."""
    return [
        _growth(view, axis, sweeps, plots)
        for axis in (BATCH_SIZE, *view.energy_axes)
        if (sweeps := view.sweeps(axis, "energy"))
    ]


def _growth(view: RunView, axis: str, sweeps: tuple[Sweep, ...], plots: Plots) -> Content:
    known: list[tuple[Subject, list[tuple[int, InferenceEnergy]]]] = []
    for sweep in sweeps:
        found = [
            (point.size(axis), inference_energy(reading, point.batch_size))
            for point in sweep.points
            if isinstance(reading := view.energy(point), EnergyReading)
        ]
        if len(found) > 1:
            known.append((sweep.subject, found))
    drawn, note = first(known, MAX_CURVES)
    if not drawn:
        return ()
    scale = units.scale_of((figure.gross_j for _, found in drawn for _, figure in found), "J")
    figure, (gross, net) = panels(2, 2.5, Margins(top=0.26), foot_in=0.3)
    names = short([view.label(subject) for subject, _ in drawn])
    for name, (subject, found) in zip(names, drawn, strict=True):
        index = view.place(subject)
        energy_charts.growth(
            gross, name, [(size, e.gross_j / scale.factor, e.error_j / scale.factor) for size, e in found], index
        )
        nets = [
            (size, e.net_j / scale.factor, e.net_error_j / scale.factor)
            for size, e in found
            if not isinstance(e.net_j, NotMeasured)
        ]
        energy_charts.growth(net, name, nets, index)
    label = view.axis_label(axis)
    for axes, title in ((gross, "gross"), (net, "idle-net")):
        axes.set_title(title)
        axes.set_xlabel(label)
        axes.set_ylabel(f"energy per inference ({scale.symbol})")
        axes.set_ylim(0, None)
        axes.set_xlim(0, None)
    charts.legend_below(figure, gross)
    alternative = f"Energy per inference against {label}, gross and idle-net, with 95 % intervals{note}"
    picture = plots.add(f"energy-{axis.replace('_', '-')}", figure, alternative)
    return content(Heading(f"Energy against {label}"), picture)


def _efficiency(view: RunView, known: Known) -> Content:
    return content(
        Heading("What a joule gives"),
        "Gross energy throughout. The energy-delay product is the energy of a call times its mean duration; a MFLOP is "
        "a million floating-point operations as counted (1 MAC = 2 FLOP).",
        folded("Every point", efficiency_table(view, [point for point, _ in known]), "energy.csv", most=16),
    )


def _traces(view: RunView, known: Known, plots: Plots) -> Content:
    """Power over time at the base points."""
    bases = [(point, reading) for point, reading in known if view.base(point.subject) == point][:MAX_TRACES]
    if not bases:
        return ()
    figure, panel = panels(len(bases), 2.1, foot_in=0.3)
    names = short([view.label(point.subject) for point, _ in bases])
    for axes, name, (point, reading) in zip(panel, names, bases, strict=True):
        found = view.record("energy", point)
        energy_charts.power_trace(axes, reading, found.schedule if found else None)
        axes.set_title(name)
        axes.set_xlabel("time (s)")
        axes.set_ylabel("power (W)")
    charts.legend_below(figure, panel[0])
    alternative = "Power over time, with the windows whose energy is counted and the idle stretches before and after"
    return content(Heading("Power over time"), plots.add("power", figure, alternative))


def _lab(view: RunView, known: Known) -> Content:
    found = lab_table(view, [point for point, _ in known])
    if found is None:
        return ()
    return content(
        Heading("Average power x time"),
        "The lab's formula, the mean of the samples in the windows times the mean duration of a call, beside the "
        "integral over the same windows; both per inference.",
        found,
    )


def _budget(view: RunView, known: Known) -> Content:
    """What the error is made of, as shares of the gross energy of the mean window."""
    lines: list[Spans] = []
    for point, reading in known:
        mean_j = sum(window.energy_j for window in reading.windows) / len(reading.windows)
        if mean_j == 0:
            continue
        budget = reading.budget
        parts = (
            ("scatter", budget.scatter_j),
            ("resolution", budget.resolution_j),
            ("gain", budget.gain_j),
            ("edges", budget.edge_j),
        )
        told = ", ".join(
            f"{name} {f'{part_j / mean_j * 100:.2f} %' if part_j is not None else 'unknown (one window)'}"
            for name, part_j in parts
        )
        lines.append(
            (
                f"{view.label(point.subject)}, {view.describe(point)}, ",
                Code(reading.source),
                f": {told}; {units.counted(len(reading.windows), 'window')}.",
            )
        )
    return (
        content(
            Details(
                "Error budgets, relative to the gross energy of a window",
                bullets(lines),
                "energy.csv" if len(lines) > 5 else "",
            )
        )
        if lines
        else ()
    )


def _picture(view: RunView, known: Known, plots: Plots) -> Drawn | None:
    found = [(point, reading) for point, reading in known if view.base(point.subject) == point]
    bases, note = first(found, MAX_ROWS)
    if not bases:
        return None
    figures = [inference_energy(reading, point.batch_size) for point, reading in bases]
    scale = units.scale_of((figure.gross_j for figure in figures), "J")
    names = short([view.label(point.subject) for point, _ in bases])
    nets = [  # no bar where there is no figure
        (math.nan, 0.0) if isinstance(figure.net_j, NotMeasured) else (figure.net_j, figure.net_error_j)
        for figure in figures
    ]
    groups = [
        ("gross", [(figure.gross_j / scale.factor, figure.error_j / scale.factor) for figure in figures]),
        ("idle-net", [(net_j / scale.factor, error_j / scale.factor) for net_j, error_j in nets]),
    ]
    figure, (axes,) = panels(1, 0.85 + 0.5 * len(names), Margins.for_names(names))
    charts.bars(axes, names, groups)
    axes.set_xlabel(f"energy per inference ({scale.symbol})")
    return plots.add("energy", figure, f"Energy per inference by model, gross and idle-net, with error bars{note}")


PLUGIN = Section(name="energy", order=50, title="Energy", render=render)

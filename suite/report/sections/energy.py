"""Joules per inference, gross and idle-net, with the error budget; or why there are none."""

from __future__ import annotations

from suite import units
from suite.records import EnergyReading, NotMeasured
from suite.report import charts
from suite.report.plots import Margins, Plots, panels
from suite.report.points import Point
from suite.report.quantities import energy_table, inference_energy
from suite.report.section import Section, paragraphs
from suite.report.table import absent
from suite.report.view import RunView


def render(view: RunView, plots: Plots) -> str:
    points = view.points("energy")
    if not points:
        return ""
    readings = [(point, view.energy(point)) for point in points]
    known = [(point, reading) for point, reading in readings if isinstance(reading, EnergyReading)]
    if not known:
        return _reasons([reading for _, reading in readings if isinstance(reading, NotMeasured)])
    return paragraphs(
        energy_table(view, points).markdown(),
        _method(known),
        _picture(view, known, plots),
        _budget(view, known),
    )


def _reasons(absences: list[NotMeasured]) -> str:
    """No figure is better than an estimate from a rated power."""
    told = " ".join(f"{absence.reason.rstrip('.')} ({absent(absence)})." for absence in dict.fromkeys(absences))
    return f"No energy was measured, and none is estimated. {told}"


def _method(known: list[tuple[Point, EnergyReading]]) -> str:
    kinds = sorted({(reading.source, reading.scope, reading.method) for _, reading in known})
    sources = "; ".join(f"`{source}` ({scope}), {method}" for source, scope, method in kinds)
    periods = sorted({reading.sample_period_s for _, reading in known})
    simulated = (
        " **A simulated source is no measurement.**"
        if any(source.startswith("simulated") for source, _, _ in kinds)
        else ""
    )
    period = units.show(periods[0], "s") if len(periods) == 1 else units.show_interval(periods[0], periods[-1], "s")
    return (
        "Per inference: one item of a batch. Gross is all that was drawn while the calls ran back to back; idle-net "
        "has the idle power (mean of before and after) taken off. ± is the 95 % half-width of the error budget. "
        f"Source: {sources}; sample period {period}.{simulated}"
    )


def _budget(view: RunView, known: list[tuple[Point, EnergyReading]]) -> str:
    """What the error is made of, as shares of the gross energy of the mean window."""
    lines = []
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
            f"- {view.label(point.subject)}, {view.describe(point)}: {told}; "
            f"{len(reading.windows)} window{'s' if len(reading.windows) != 1 else ''}."
        )
    return paragraphs("Error budget, relative to the gross energy of a window:", "\n".join(lines)) if lines else ""


def _picture(view: RunView, known: list[tuple[Point, EnergyReading]], plots: Plots) -> str:
    bases = [(point, reading) for point, reading in known if view.base(point.subject) == point]
    if not bases:
        return ""
    figures = [inference_energy(reading, point.batch_size) for point, reading in bases]
    scale = units.scale_of((figure.gross_j for figure in figures), "J")
    names = [view.label(point.subject) for point, _ in bases]
    groups = [
        ("gross", [(figure.gross_j / scale.factor, figure.error_j / scale.factor) for figure in figures]),
        ("idle-net", [(figure.net_j / scale.factor, figure.error_j / scale.factor) for figure in figures]),
    ]
    figure, (axes,) = panels(1, 0.85 + 0.5 * len(names), Margins.for_names(names))
    charts.bars(axes, names, groups)
    axes.set_xlabel(f"energy per inference ({scale.symbol})")
    return plots.add("energy", figure, "Energy per inference by model, gross and idle-net, with error bars")


PLUGIN = Section(name="energy", order=50, title="Energy", render=render)

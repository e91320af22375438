"""Sustained calls: a table of how they began and ended, and latency, clock, temperature and power against time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from suite.records import Sustained
from suite.report import charts, endurances
from suite.report.content import Content, Drawn, Spans, Strong, bullets, content
from suite.report.plots import MAX_CURVES, Margins, Plots, colour, first, panels, short
from suite.report.points import Point
from suite.report.section import Section
from suite.report.view import RunView
from suite.stats.endurance import Endurance, warmest

Values = list[float | None]


class Curve(NamedTuple):
    """One model: minutes, and against them what was seen; `hollow` are disturbed slices."""

    name: str
    place: int
    throttle_min: float | None
    minutes: list[float]
    hollow: list[bool]
    latency: Values
    clock: Values
    temperature: Values
    power: Values


def render(view: RunView, plots: Plots) -> Content:
    if not view.asked("sustained"):
        return ()
    found = endurances.known(view)
    reasons: list[Spans] = [
        (f"{absence.code}: {absence.reason}. ", Strong("Remedy:"), f" {absence.remedy}.")
        for absence in endurances.unknown(view)
    ]
    return content(
        "Calls of one model after the other, back to back for minutes, as a device in use makes them.",
        endurances.sustained_table(view, found),
        *endurances.sentences(view, found),
        bullets(reasons),
        _picture(view, found, plots),
    )


def _picture(view: RunView, found: endurances.Known, plots: Plots) -> Drawn | None:
    drawn, note = first(list(found.items()), MAX_CURVES)
    if not drawn:
        return None
    names = short([_name(view, point, found) for point, _ in drawn])
    curves = [
        _curve(view.sustained(point), each, name, view.place(point.subject))
        for name, (point, each) in zip(names, drawn, strict=True)
    ]
    kinds = (
        ("latency", "latency against the start (%)"),
        ("clock", "clock (GHz)"),
        ("temperature", "temperature (°C)"),
        ("power", "power (W)"),
    )
    shown = [
        (kind, label)
        for kind, label in kinds
        if any(value is not None for curve in curves for value in getattr(curve, kind))
    ]
    foot_in = 0.15 + 0.22 * -(-len(curves) // 3)
    figure, axes = panels(len(shown), 2.4, Margins(left=0.66, top=0.14), foot_in=foot_in)
    for panel, (kind, label) in zip(axes, shown, strict=True):
        _draw(panel, curves, kind)
        panel.set_ylabel(label)
        panel.set_xlabel("minutes")
        panel.set_xlim(0, max(max(curve.minutes) for curve in curves) * 1.01)
    charts.legend_below(figure, axes[0])
    what = ", ".join(kind for kind, _ in shown)
    caption = (
        "A dot is a slice of calls; the line is the running median. Hollow: other programs disturbed it. Dashed: from "
        "there on the machine is throttled."
    )
    return plots.add("sustained", figure, f"Sustained calls against time: {what}{note}", caption)


def _name(view: RunView, point: Point, found: endurances.Known) -> str:
    several = len({other.batch_size for other in found}) > 1
    return f"{view.label(point.subject)}, batch {point.batch_size}" if several else view.label(point.subject)


def _curve(found: object, ended: Endurance, name: str, index: int) -> Curve:
    assert isinstance(found, Sustained)  # as it is known
    blocks = found.samples.timed_blocks
    hollow = [block.disturbed_by is not None for block in blocks]
    medians = [float(np.median(block.latency_s)) for block in blocks]
    calm = [value for value, is_hollow in zip(medians, hollow, strict=True) if not is_hollow] or medians
    reference = float(np.median(calm[:15]))
    place = warmest(found)
    return Curve(
        name=name,
        place=index,
        throttle_min=None if ended.throttle is None else ended.throttle.time_s / 60,
        minutes=[(each.start_s + each.end_s) / 120 for each in found.slices],
        hollow=hollow,
        latency=[(value / reference - 1) * 100 for value in medians],
        clock=[None if each.clock_hz is None else each.clock_hz / 1e9 for each in found.slices],
        temperature=[None if place is None else each.temperature_c[place] for each in found.slices],
        power=[each.power_w for each in found.slices],
    )


def _draw(axes: Axes, curves: Sequence[Curve], kind: str) -> None:
    for curve in curves:
        values: Values = getattr(curve, kind)
        known = [
            (minute, value, hollow)
            for minute, value, hollow in zip(curve.minutes, values, curve.hollow, strict=True)
            if value is not None
        ]
        if not known:
            continue
        tint = colour(curve.place)
        full = [(minute, value) for minute, value, hollow in known if not hollow or kind != "latency"]
        hollow_ones = [(minute, value) for minute, value, hollow in known if hollow and kind == "latency"]
        axes.plot(*_columns(full), ".", color=tint, alpha=0.3, markersize=2.5, markeredgewidth=0)
        axes.plot(
            *_columns(hollow_ones),
            "o",
            markeredgecolor=tint,
            markerfacecolor="none",
            markeredgewidth=0.6,
            markersize=3.2,
            linestyle="none",
        )
        minutes, smooth = _columns(full)
        axes.plot(minutes, _smoothed(smooth), color=tint, linewidth=1.3, label=curve.name)
        if curve.throttle_min is not None:
            axes.axvline(curve.throttle_min, color=tint, linestyle="--", linewidth=0.9)


def _columns(pairs: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in pairs], [y for _, y in pairs]


def _smoothed(values: Sequence[float]) -> list[float]:
    return [float(np.median(values[max(0, at - 4) : at + 5])) for at in range(len(values))]


PLUGIN = Section(name="sustained", order=55, title="Sustained calls", render=render)

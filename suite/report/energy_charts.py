"""The energy section's figures: power over time with what was done when, and energy against a size."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from suite.records import EnergyReading, Schedule
from suite.report.plots import INK, colour, marker

LOAD_SHADE, IDLE_SHADE = "#fbe3c8", "#d5e8f5"


def power_trace(axes: Axes, reading: EnergyReading, schedule: Schedule | None) -> None:
    """All rails together, with windows and idle stretches shaded, and the mean power of each as a dash."""
    trace = reading.trace
    zero_s = schedule.idle_before.start_s if schedule else trace.time_s[0]
    total_w = [math.fsum(values) for values in zip(*trace.power_w, strict=True)]
    for number, window in enumerate(reading.windows):
        start_s, end_s = window.start_s - zero_s, window.end_s - zero_s
        label = "window" if number == 0 else "_another"
        axes.axvspan(start_s, end_s, facecolor=LOAD_SHADE, edgecolor="white", linewidth=0.8, label=label)
    if schedule is not None:
        for number, stretch in enumerate((schedule.idle_before, schedule.idle_after)):
            label = "idle stretch" if number == 0 else "_another"
            axes.axvspan(stretch.start_s - zero_s, stretch.end_s - zero_s, color=IDLE_SHADE, linewidth=0, label=label)
    axes.plot([time_s - zero_s for time_s in trace.time_s], total_w, color=colour(0), linewidth=0.8, label="power")
    dashes = [(w.start_s, w.end_s, w.energy_j / (w.end_s - w.start_s)) for w in reading.windows]
    if schedule is not None:
        idle = zip(
            (schedule.idle_before, schedule.idle_after), (reading.idle_before_w, reading.idle_after_w), strict=True
        )
        dashes += [(stretch.start_s, stretch.end_s, idle_w) for stretch, idle_w in idle]
    for number, (start_s, end_s, mean_w) in enumerate(dashes):
        label = "mean" if number == 0 else "_another"  # a name with _ in front is left out of the legend
        axes.hlines(mean_w, start_s - zero_s, end_s - zero_s, color=INK, linewidth=1.4, label=label)
    axes.set_ylim(0, max(total_w) * 1.12 or 1.0)
    axes.set_xlim(trace.time_s[0] - zero_s, trace.time_s[-1] - zero_s)
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))


def growth(axes: Axes, name: str, points: Sequence[tuple[float, float, float]], index: int) -> None:
    """(size, value, half-width) of one subject: markers with whiskers, joined by a line that only leads the eye."""
    axes.errorbar(
        [size for size, _, _ in points],
        [value for _, value, _ in points],
        yerr=[half for _, _, half in points],
        color=colour(index),
        marker=marker(index),
        markersize=4.5,
        linewidth=1.0,
        elinewidth=1.2,
        capsize=2.5,
        label=name,
    )
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))

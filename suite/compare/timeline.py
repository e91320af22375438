"""The picture of a history: each figure with its interval, and the levels between the steps."""

from __future__ import annotations

import io
import statistics
from itertools import pairwise
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Drawing

from suite.compare.history import UNITS, History, Series
from suite.report.plots import COLOURS, DOTS_PER_INCH, FAINT, MARKERS, MAX_NAME, MAX_PANELS, STYLE, WIDTH_IN
from suite.units import scale_of


def picture(found: History) -> bytes:
    """PNG; the same history gives the same bytes. At most MAX_PANELS series."""
    shown = found.series[:MAX_PANELS]
    with mpl.rc_context(STYLE):
        drawing = Drawing(figsize=(WIDTH_IN, 1.0 + 2.2 * max(1, len(shown))), dpi=DOTS_PER_INCH, layout="constrained")
        FigureCanvasAgg(drawing)
        drawing.suptitle(f"{found.quantity} over time, {found.device}"[: 2 * MAX_NAME], fontsize=9.5, x=0.01, ha="left")
        for place, series in enumerate(shown, 1):
            _panel(drawing.add_subplot(len(shown), 1, place), series, UNITS[found.quantity], place - 1)
        file = io.BytesIO()
        drawing.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _panel(axes: Any, series: Series, unit: str, number: int) -> None:
    figures = series.figures
    scale = scale_of([each.value for each in figures], unit)
    colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
    for place, each in enumerate(figures):
        if each.interval is not None:
            edges = [each.interval.low / scale.factor, each.interval.high / scale.factor]
            axes.plot([place, place], edges, color=FAINT, linewidth=1.0)
        face = "none" if each.bound else colour
        axes.plot([place], [each.value / scale.factor], marker, color=colour, markerfacecolor=face, markersize=4)
    borders = [0, *(step.index for step in series.steps), len(figures)]
    for start, end in pairwise(borders):
        values = [each.value for each in figures[start:end] if not each.bound]
        if values:
            level = statistics.median(values) / scale.factor
            axes.plot([start - 0.4, end - 0.6], [level, level], color=colour, linewidth=1.0)
    for step in series.steps:
        axes.axvline(step.index - 0.5, color=FAINT, linestyle="--", linewidth=0.8)
    axes.set_title(series.subject[: 2 * MAX_NAME])
    axes.set_ylabel(scale.symbol)
    axes.set_ylim(bottom=0)
    axes.set_xticks([0, len(figures) - 1] if len(figures) > 1 else [0])
    axes.set_xticklabels([figures[0].started_utc[:10], figures[-1].started_utc[:10]][: min(2, len(figures))])

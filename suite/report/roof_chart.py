"""The picture of a roofline: FLOPs a second against FLOPs for each byte, both logarithmic, a marker for each call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from suite.report.plots import FAINT, INK, colour, marker
from suite.stats import roofline as stats
from suite.stats.roofline import Rate
from suite.units import Scale, digits

ROOM = 2.0  # beyond the outermost mark, as a factor
LABEL_POINTS = ((6, -9), (-9, 6))  # neighbours on either side of their curves


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One call: FLOPs for each byte of weights, FLOPs a second, and its batch size."""

    intensity: float
    flop_per_s: float
    text: str


def draw(
    axes: Axes, bandwidth: Rate, arithmetic: Rate, named: Sequence[tuple[str, int, Sequence[Mark]]], scale: Scale
) -> None:
    """The roof by best blocks as a line, by median ones dashed; each model's calls joined in their order."""
    marks = [mark for _, _, found in named for mark in found]
    ridge = stats.ridge(bandwidth.best_per_s, arithmetic.best_per_s)
    left = min([ridge, *(mark.intensity for mark in marks)]) / ROOM
    right = max([ridge, *(mark.intensity for mark in marks)]) * ROOM
    across = np.geomspace(left, right, 200)
    for memory, flop, line in (
        (bandwidth.best_per_s, arithmetic.best_per_s, "-"),
        (bandwidth.median_per_s, arithmetic.median_per_s, "--"),
    ):
        roof = [stats.attainable_per_s(float(at), memory, flop) / scale.factor for at in across]
        axes.plot(across, roof, line, color=INK if line == "-" else FAINT, linewidth=1.4, zorder=2)
    for name, index, found in named:
        _calls(axes, name, found, index, scale)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(left, right)
    lowest = min([stats.attainable_per_s(left, bandwidth.best_per_s, arithmetic.best_per_s), *_heights(marks)])
    highest = max([arithmetic.best_per_s, *_heights(marks)])
    axes.set_ylim(lowest / ROOM / scale.factor, highest * ROOM / scale.factor)
    for side in (axes.xaxis, axes.yaxis):
        side.set_major_locator(LogLocator(subs=(1, 2, 5)))
        side.set_major_formatter(FuncFormatter(lambda value, _: digits(value, 1)))
        side.set_minor_formatter(NullFormatter())
    flat = arithmetic.best_per_s / scale.factor
    axes.annotate("arithmetic", (right, flat), (-3, 4), textcoords="offset points", ha="right", fontsize=8.0)
    start = stats.attainable_per_s(left, bandwidth.best_per_s, arithmetic.best_per_s) / scale.factor
    axes.annotate("memory", (left, start), (14, -2), textcoords="offset points", va="top", fontsize=8.0)
    axes.set_xlabel("FLOPs for each byte of weights")
    axes.set_ylabel(scale.symbol)


def _heights(marks: Sequence[Mark]) -> list[float]:
    return [mark.flop_per_s for mark in marks]


def _calls(axes: Axes, name: str, found: Sequence[Mark], index: int, scale: Scale) -> None:
    x, y = [mark.intensity for mark in found], [mark.flop_per_s / scale.factor for mark in found]
    axes.plot(
        x,
        y,
        color=colour(index),
        marker=marker(index),
        markerfacecolor="none",  # calls that lie on one another must both show
        markeredgewidth=1.6,
        markersize=6.5,
        linewidth=0.8,
        zorder=3,
        label=name,
    )
    for mark, at, height in zip(found, x, y, strict=True):
        if mark in (found[0], found[-1]):
            axes.annotate(
                mark.text, (at, height), LABEL_POINTS[index % 2], textcoords="offset points", fontsize=7.5, color=INK
            )

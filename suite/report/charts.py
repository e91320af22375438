"""What the report's figures are made of: a sweep with its spread, strips of samples, stacked bars, labelled points."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from suite.report.drawings import CALLS, tip
from suite.report.plots import FAINT, INK, colour, marker
from suite.units import digits

# Places of samples beside their true x, as fractions of a jitter width: spread evenly, and the same on every run.
_GOLDEN_RATIO = 0.6180339887498949
_PLATE = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5}
_PARTS = ("#0072B2", "#E69F00", "#56B4E9", "#999999", "#009E73", "#CC79A7", "#D55E00")  # differ in lightness as well


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """Samples at one x, in the unit of the axis; those of disturbed blocks apart."""

    x: float
    samples: tuple[float, ...]
    median: float
    disturbed: tuple[float, ...] = ()
    is_upper_bound: bool = False
    told: str = ""  # what a pointer over the median tells
    place: int = 0  # of the subject: its colour

    @property
    def largest(self) -> float:
        """Of the samples and the median: disturbed ones have no say, as long as they leave others."""
        return max((*self.samples, self.median))

    @property
    def typical(self) -> float:
        """The median, for a frame: that of the undisturbed samples where the other is a bound alone."""
        return statistics.median(self.samples) if self.is_upper_bound and self.samples else self.median


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A fitted line and the words that stand for it."""

    predict: Callable[[float], float]
    text: str


def sweep(axes: Axes, clouds: Sequence[Cloud], curve: Curve | None, index: int) -> None:
    """Every sample as a dot, the median as a dash, and the fit with its equation; both axes begin at zero.

    The height follows the medians: a few calls that took many times as long lie on the upper edge as triangles. What
    is disturbed is hollow, and sets no height: an upper bound may lie beyond the frame.
    """
    right = max(cloud.x for cloud in clouds) * 1.06
    framing = [cloud for cloud in clouds if cloud.samples] or clouds
    top = min(max(cloud.largest for cloud in framing) * 1.08, max(cloud.typical for cloud in framing) * 1.6)
    placed = [mark for cloud in clouds for mark in _placed(cloud, right, cloud.samples)]
    hollow = [mark for cloud in clouds for mark in _placed(cloud, right, cloud.disturbed)]
    _dots_within(axes, hollow, (0.0, top), index, hollow=True)
    _dots_within(axes, placed, (0.0, top), index)
    for cloud in clouds:
        axes.hlines(
            cloud.median,
            cloud.x - right / 35,
            cloud.x + right / 35,
            zorder=4,
            gid=tip(cloud.told),
            **_median_style(cloud, 1.0),
        )
    if curve is not None:
        whole = (0.0, right)
        axes.plot(whole, [curve.predict(x) for x in whole], color=colour(index), linewidth=1.3, zorder=3)
        axes.text(0.97, 0.05, curve.text, transform=axes.transAxes, ha="right", fontsize=8.5, bbox=_PLATE)
    axes.set_xlim(0, right)
    axes.set_ylim(0, top)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))


def deviations(axes: Axes, clouds: Sequence[Cloud], curve: Curve | None, index: int) -> None:
    """The same samples as percent off the line (off their median where there is no line), so that spread shows.

    The strip is as high as nine tenths of the samples ask; those beyond it lie on its edge as triangles.
    """
    right = max(cloud.x for cloud in clouds) * 1.06
    centres = [curve.predict(cloud.x) if curve is not None else cloud.median for cloud in clouds]
    placed, hollow = (
        [
            (at, (value / centre - 1) * 100)
            for cloud, centre in zip(clouds, centres, strict=True)
            for at, value in _placed(cloud, right, cloud.disturbed if disturbed else cloud.samples)
        ]
        for disturbed in (False, True)
    )
    sizes = sorted(abs(value) for _, value in placed or hollow)
    limit = 1.5 * sizes[int(0.9 * (len(sizes) - 1))] or 1.0
    _dots_within(axes, hollow, (-limit, limit), index, hollow=True)
    _dots_within(axes, placed, (-limit, limit), index)
    axes.axhline(0, color=INK, linewidth=0.8, zorder=1)
    axes.set_ylim(-limit, limit)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3))


def _dots_within(
    axes: Axes, placed: Sequence[tuple[float, float]], limits: tuple[float, float], index: int, *, hollow: bool = False
) -> None:
    """Dots, and triangles on the edge for those that lie beyond it. One artist each, however many there are."""
    low, high = limits
    draw = _rings if hollow else _marks
    draw(axes, "o" if hollow else ".", [(at, value) for at, value in placed if low <= value <= high], index)
    draw(axes, "^", [(at, high) for at, value in placed if value > high], index)
    draw(axes, "v", [(at, low) for at, value in placed if value < low], index)


def _marks(axes: Axes, shape: str, placed: Sequence[tuple[float, float]], index: int, size: float = 3.5) -> None:
    if not placed:
        return
    x, y = [at for at, _ in placed], [value for _, value in placed]
    alpha = 0.5 if shape == "." else 1.0
    axes.plot(
        x, y, shape, color=colour(index), alpha=alpha, markersize=size, markeredgewidth=0, clip_on=False, gid=CALLS
    )


def _rings(axes: Axes, shape: str, placed: Sequence[tuple[float, float]], index: int, size: float = 3.5) -> None:
    """Hollow marks, which print tells from filled ones without colour too."""
    if not placed:
        return
    x, y = [at for at, _ in placed], [value for _, value in placed]
    axes.plot(
        x,
        y,
        shape,
        color=colour(index),
        markerfacecolor="none",
        markeredgewidth=0.7,
        markersize=size,
        clip_on=False,
        gid=CALLS,
    )


def _placed(cloud: Cloud, right: float, values: Sequence[float]) -> list[tuple[float, float]]:
    """Values around a cloud's x."""
    places = [cloud.x + right / 45 * (2 * offset - 1) for offset in _offsets(len(values))]
    return list(zip(places, values, strict=True))


def _median_style(cloud: Cloud, width: float) -> dict[str, Any]:
    """A bound's line is dotted."""
    return {"color": INK, "linewidth": width, "linestyles": "dotted" if cloud.is_upper_bound else "solid"}


def strips(axes: Axes, names: Sequence[str], clouds: Sequence[Cloud]) -> None:
    """One row per name, the first on top: every sample as a dot, the median as a tick.

    Disturbed calls beyond all others lie on the right edge as triangles.
    """
    right = max(cloud.largest for cloud in clouds) * 1.05
    for row, cloud in enumerate(clouds):
        hollow = _in_row(row, cloud.disturbed)
        _rings(axes, "o", [(value, at) for value, at in hollow if value <= right], cloud.place)
        _rings(axes, ">", [(right, at) for value, at in hollow if value > right], cloud.place)
        _marks(axes, ".", _in_row(row, cloud.samples), cloud.place, size=4.5)
        axes.vlines(cloud.median, row - 0.36, row + 0.36, zorder=4, gid=tip(cloud.told), **_median_style(cloud, 1.5))
    _name_rows(axes, names)
    axes.set_xlim(0, right)


def _in_row(row: int, values: Sequence[float]) -> list[tuple[float, float]]:
    return [(value, row + 0.25 * (2 * offset - 1)) for value, offset in zip(values, _offsets(len(values)), strict=True)]


def stacked_bars(axes: Axes, names: Sequence[str], parts: Sequence[tuple[str, Sequence[float]]]) -> None:
    """One bar per name, the first on top, of parts one behind the other; `parts` are (label, a size per name)."""
    left = [0.0] * len(names)
    for index, (label, sizes) in enumerate(parts):
        drawn = axes.barh(
            range(len(names)),
            sizes,
            left=left,
            height=0.6,
            color=_PARTS[index % len(_PARTS)],
            label=label,
            edgecolor="white",
            linewidth=0.8,
        )
        _tell(drawn, names, label, sizes)
        left = [start + size for start, size in zip(left, sizes, strict=True)]
    _name_rows(axes, names)
    axes.set_xlim(0, (max(left) or 1.0) * 1.04)  # zeros alone still need an axis
    _legend_above(axes)


def bars(axes: Axes, names: Sequence[str], groups: Sequence[tuple[str, Sequence[tuple[float, float]]]]) -> None:
    """Bars side by side with error whiskers; `groups` are (label, (value, half-width) per name)."""
    height = 0.7 / len(groups)
    for index, (label, values) in enumerate(groups):
        places = [row + (index - (len(groups) - 1) / 2) * height for row in range(len(names))]
        drawn = axes.barh(
            places,
            [value for value, _ in values],
            xerr=[error for _, error in values],
            height=height * 0.92,
            color=(_PARTS[0], _PARTS[2])[index % 2],
            label=label,
            error_kw={"elinewidth": 1.0, "capsize": 2.5, "ecolor": INK},
        )
        _tell(drawn, names, label, [value for value, _ in values])
    _name_rows(axes, names)
    _legend_above(axes)


def points(axes: Axes, named: Sequence[tuple[str, float, float, int]]) -> None:
    """A marker per (name, x, y, place of the subject); both axes begin at zero, so that a proportion looks like one."""
    for name, x, y, index in named:
        axes.plot(
            [x],
            [y],
            marker(index),
            markeredgecolor=colour(index),
            markerfacecolor="none",  # models of equal size lie on one another, and both must show
            markersize=8,
            markeredgewidth=1.8,
            linestyle="none",
            label=name,
            gid=tip(f"{name}: {digits(x)}, {digits(y)}"),
        )
    axes.set_xlim(0, (max(x for _, x, _, _ in named) or 1.0) * 1.12)
    axes.set_ylim(0, (max(y for _, _, y, _ in named) or 1.0) * 1.15)


def line(axes: Axes, name: str, x: Sequence[float], y: Sequence[float], index: int) -> None:
    """Markers joined by a line that only leads the eye."""
    axes.plot(x, y, color=colour(index), marker=marker(index), markersize=5, linewidth=1.2, label=name)


def hollowed(axes: Axes, placed: Sequence[tuple[float, float]], index: int) -> None:
    """Markers of bounds: hollow, and no line leads to them."""
    x, y = [at for at, _ in placed], [value for _, value in placed]
    axes.plot(x, y, marker(index), color=colour(index), markerfacecolor="white", markersize=5, zorder=3)


def _tell(drawn: BarContainer, names: Sequence[str], label: str, sizes: Sequence[float]) -> None:
    for patch, name, size in zip(drawn, names, sizes, strict=True):
        patch.set_gid(tip(f"{name}, {label}: {digits(size)}") if math.isfinite(size) else None)


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_color(FAINT)


def _legend_above(axes: Axes) -> None:
    axes.legend(
        loc="lower left", bbox_to_anchor=(0.0, 0.99), ncols=6, handlelength=1.0, columnspacing=1.4, borderaxespad=0.2
    )


def _offsets(count: int) -> list[float]:
    return [(0.5 + index * _GOLDEN_RATIO) % 1.0 for index in range(count)]


def legend_below(figure: Figure, axes: Axes) -> None:
    """One legend for all panels, from the first one's labels."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=min(4, len(labels)))

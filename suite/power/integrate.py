"""Joules from samples: pure functions over traces.

Source of the formulas: docs/energy.md, sections Integration and Error budget.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median, stdev

from suite.errors import SensorError
from suite.power.base import CounterTrace, Description
from suite.records import EnergyWindow, ErrorBudget, PowerTrace

GAP_PERIODS = 3
CONFIDENCE = 0.95
# 95 % half-widths of rounding errors, in counts: of one, of the difference of two, of a sum of many (1.96 / sqrt(12)).
UNIFORM, TRIANGULAR, ROUNDED = 0.475, 0.776, 0.566
NORMAL = 1.959964  # 95 % half-width of a normal error, in standard deviations
FINEST = 1e-12  # W: a count below it rounds nothing that matters
MANY = 1e9  # degrees of freedom at which Student's distribution is the normal one


class TraceGap(SensorError):
    """Samples are missing where energy was to be integrated."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "GAP", reason, "run again with less other load on this machine, or with a longer sensor period"
        )


def energy_j(trace: PowerTrace | CounterTrace, start_s: float, end_s: float, period_s: float) -> float:
    """Energy over [start_s, end_s], all rails together, in joules.

    Raises TraceGap where a sample on either side of the window is missing, or two samples that the window needs lie
    more than three periods apart.
    """
    if isinstance(trace, CounterTrace):
        series = [unwrap(rail, trace.range_j) for rail in trace.energy_j]
        return math.fsum(counter_j(trace.time_s, counter, start_s, end_s, period_s) for counter in series)
    return math.fsum(trapezoid_j(trace.time_s, rail, start_s, end_s, period_s) for rail in trace.power_w)


def mean_power_w(trace: PowerTrace | CounterTrace, start_s: float, end_s: float, period_s: float) -> float:
    """Mean power over a stretch, for instance an idle one, in watts. Raises TraceGap."""
    return energy_j(trace, start_s, end_s, period_s) / (end_s - start_s)


def trapezoid_j(
    time_s: Sequence[float], power_w: Sequence[float], start_s: float, end_s: float, period_s: float
) -> float:
    """Integral of one rail's power over [start_s, end_s] by the trapezoid rule, edges interpolated.

    time_s increases; at least one sample lies on each side of the window. Returns joules. Raises TraceGap.
    """
    first, last = _bracket(time_s, start_s, end_s, period_s)
    inside = [(time_s[i], power_w[i]) for i in range(first, last + 1) if start_s < time_s[i] < end_s]
    edges = [(edge_s, _interpolate(time_s, power_w, edge_s)) for edge_s in (start_s, end_s)]
    points = [edges[0], *inside, edges[1]]
    return math.fsum((b_s - a_s) * (a_w + b_w) / 2 for (a_s, a_w), (b_s, b_w) in pairwise(points))


def counter_j(
    time_s: Sequence[float], counter: Sequence[float], start_s: float, end_s: float, period_s: float
) -> float:
    """Difference of one unwrapped counter between the edges, where it is interpolated. Joules. Raises TraceGap."""
    _bracket(time_s, start_s, end_s, period_s)
    return _interpolate(time_s, counter, end_s) - _interpolate(time_s, counter, start_s)


def unwrap(counter: Sequence[float], range_j: float | None) -> tuple[float, ...]:
    """A counter that starts again from zero at range_j, as one that only grows (from its own first value).

    It must be read at least once a turn. Raises SensorError where it goes back and has no range.
    """
    turns, values = 0, list(counter[:1])
    for before_j, after_j in pairwise(counter):
        if after_j < before_j:
            if range_j is None:
                raise SensorError(
                    "COUNTER_RESET",
                    f"the energy counter went back from {before_j:g} J to {after_j:g} J",
                    "run again, and let nothing reset the counter meanwhile",
                )
            turns += 1
        values.append(after_j + turns * (range_j or 0.0))
    return tuple(values)


def power_trace(trace: PowerTrace | CounterTrace) -> PowerTrace:
    """A counter's trace as mean power since the reading before (the first stamp takes the second's value).

    No information is lost: the counter's growth is that power times the time between the stamps.
    """
    if isinstance(trace, PowerTrace):
        return trace
    series = []
    for rail in trace.energy_j:
        points = pairwise(zip(trace.time_s, unwrap(rail, trace.range_j), strict=True))
        power_w = [(b_j - a_j) / (b_s - a_s) for (a_s, a_j), (b_s, b_j) in points]
        series.append((*power_w[:1], *power_w))
    return PowerTrace(rails=trace.rails, time_s=trace.time_s, power_w=tuple(series))


def sample_period_s(time_s: Sequence[float]) -> float:
    """The period as achieved: the median distance of two stamps. Raises TraceGap below two samples."""
    if len(time_s) < 2:
        raise TraceGap(f"the sensor gave {len(time_s)} sample(s) in all")
    return median(b - a for a, b in pairwise(time_s))


def error_budget(
    trace: PowerTrace | CounterTrace, windows: Sequence[EnergyWindow], description: Description, period_s: float
) -> ErrorBudget:
    """What can be wrong with the mean window's energy, as 95 % half-widths in joules.

    Scatter: of the energy per call over the windows; one window has none. Resolution: rounding. Gain: relative. Edges:
    a shift of the stamps, times the difference of the power at both ends.
    Raises TraceGap. Source: docs/energy.md, section Error budget.
    """
    shift_s = period_s + description.clock_uncertainty_s
    resolution_j = _resolution_j(trace, windows, description)
    gain_j = description.gain_error * fmean(window.energy_j for window in windows)
    edge_j = shift_s * fmean(_edge_difference_w(trace, window, description.period_s) for window in windows)
    return ErrorBudget(
        scatter_j=_scatter_j(windows, math.hypot(resolution_j, gain_j, edge_j)),
        resolution_j=resolution_j,
        gain_j=gain_j,
        edge_j=edge_j,
    )


def _resolution_j(trace: PowerTrace | CounterTrace, windows: Sequence[EnergyWindow], description: Description) -> float:
    """Rounding errors of the mean window's energy.

    A counter is rounded down at either edge. Of a power, equal readings are rounded alike and different ones
    independently: the mean of n readings that show m values equally often has a mth of the variance of one.
    """
    if isinstance(trace, CounterTrace):
        return TRIANGULAR * math.sqrt(len(trace.rails)) * description.resolution
    inside = [
        index
        for window in windows
        for index in range(bisect_left(trace.time_s, window.start_s), bisect_right(trace.time_s, window.end_s))
    ]
    if not inside or description.resolution < FINEST:
        return 0.0
    shares = [
        count / len(inside)
        for rail in trace.power_w
        for count in Counter(round(rail[index] / description.resolution) for index in inside).values()
    ]
    factor = UNIFORM if len(shares) == 1 else ROUNDED * math.hypot(*shares)
    duration_s = fmean(window.end_s - window.start_s for window in windows)
    return factor * description.resolution * duration_s


def _edge_difference_w(trace: PowerTrace | CounterTrace, window: EnergyWindow, period_s: float) -> float:
    """How much the power at the end of a window differs from that at its start."""
    side_s = min(GAP_PERIODS * period_s, (window.end_s - window.start_s) / 2)
    first_w = mean_power_w(trace, window.start_s, window.start_s + side_s, period_s)
    return abs(mean_power_w(trace, window.end_s - side_s, window.end_s, period_s) - first_w)


def _scatter_j(windows: Sequence[EnergyWindow], rest_j: float) -> float | None:
    """What the scatter of the windows adds to the half-width rest_j of the other errors, in squares.

    Alone it is Student's interval. Beside other errors that holds too much, up to 97.6 % with three windows, while an
    interval by Welch and Satterthwaite's degrees of freedom holds as little as 92.2 %; the mean of the two squares
    holds 94.4 to 96.7 % (n = 3, normal errors of any ratio).
    """
    if len(windows) < 2:
        return None
    from scipy.special import stdtrit  # slow to import, and needed only after the measurement

    level, freedom = (1 + CONFIDENCE) / 2, len(windows) - 1
    per_call_j = [window.energy_j / window.call_count for window in windows]
    own_j = stdev(per_call_j) / math.sqrt(len(windows)) * fmean(window.call_count for window in windows)
    if own_j == 0:
        return 0.0
    student_j = float(stdtrit(freedom, level)) * own_j
    other_j = rest_j / NORMAL
    effective = freedom * (1 + (other_j / own_j) ** 2) ** 2
    welch_j = float(stdtrit(min(effective, MANY), level)) * math.hypot(own_j, other_j)
    return math.sqrt((student_j**2 + max(0.0, welch_j**2 - rest_j**2)) / 2)


def _bracket(time_s: Sequence[float], start_s: float, end_s: float, period_s: float) -> tuple[int, int]:
    """Indices of the last sample at or before the start and of the first at or after the end. Raises TraceGap."""
    first, last = bisect_right(time_s, start_s) - 1, bisect_left(time_s, end_s)
    if first < 0 or last == len(time_s):
        side = "before" if first < 0 else "after"
        raise TraceGap(f"there is no power sample {side} the window of {end_s - start_s:.3g} s")
    limit_s = GAP_PERIODS * period_s * (1 + 1e-9)  # the stamps are sums of rounded numbers
    for a_s, b_s in pairwise(time_s[first : last + 1]):
        if b_s - a_s > limit_s:
            raise TraceGap(f"no power sample for {b_s - a_s:.3g} s, more than {GAP_PERIODS} periods of {period_s:g} s")
    return first, last


def _interpolate(time_s: Sequence[float], values: Sequence[float], at_s: float) -> float:
    """Linear between the samples around at_s, which lies within them."""
    right = bisect_left(time_s, at_s)
    if time_s[right] == at_s:
        return values[right]
    left = right - 1
    weight = (at_s - time_s[left]) / (time_s[right] - time_s[left])
    return values[left] + weight * (values[right] - values[left])

"""Where a meter's log lies on the system-wide monotonic clock: by its stamps and an offset, or by the marker that the
load itself is, a step up where calls begin and a step down where they end.

Source: docs/energy.md, section An external meter.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import accumulate
from statistics import median
from typing import NamedTuple

from suite.errors import SensorError
from suite.power.imported.csv_log import Log
from suite.records import Schedule

LIKELIHOOD = 3.84  # how much worse than the best, in variances, a shift may fit that is still believed (95 %)
MIN_CONTRAST = 3.0  # between load and idle, in deviations of single readings about them, over the root of their number
RIVAL = 0.95  # a place that fits this nearly as well, of the best, could be the load too,
HILL = 0.5  # if the fit falls below this on the way there
MAX_SHIFT_COUNT = 20_000
MINUTE_S, QUARTER_S, MAX_ZONE_S = 60.0, 900.0, 54_000.0  # time zones differ by quarters of an hour, up to 14 h
MANY_LOADS = 200.0  # a log that lasts longer, of the load, is believed to be in another unit
# What the times would be in, and by which factor they would then be other than they were read.
RESCALED = {"ms": 1e-3, "us": 1e-6, "ns": 1e-9, "s": 1e3, "min": 60.0, "h": 3600.0}
FINE = 20  # steps of the last refinement in one period


class Aligned(NamedTuple):
    """Time of the meter + shift_s = system-wide monotonic clock, within uncertainty_s (95 %)."""

    shift_s: float
    uncertainty_s: float


def by_stamps(log: Log, schedule: Schedule, offset_s: float, uncertainty_s: float) -> Aligned:
    """By the stamps' own clock, which runs offset_s behind this machine's.

    A clock of this machine that was set during the measurement adds its step to the uncertainty.
    """
    if not log.unix:
        return Aligned(offset_s, uncertainty_s)
    first_s, last_s = schedule.unix_offset_s
    stepped_s = abs(last_s - first_s) / 2
    return Aligned(offset_s - (first_s + last_s) / 2, math.hypot(uncertainty_s, stepped_s))


def by_marker(log: Log, schedules: Sequence[Schedule], search_s: float) -> tuple[Aligned, ...]:
    """One alignment per schedule, from the steps that its load makes in the log.

    A log whose stamps are of the day is searched search_s around them, any other throughout. All
    schedules together find the place; each then finds its own within a few periods, since two clocks drift apart.
    Raises SensorError METER_ALIGNMENT where the load does not stand out, or does so in several places; with what would
    make it fit, if another clock or unit would.
    """
    try:
        return _by_marker(log, schedules, search_s)
    except SensorError as error:
        likely = _other_clock(log, schedules) if log.unix else _other_unit(log, schedules)
        if likely is None:
            raise
        raise likely from error


def _by_marker(log: Log, schedules: Sequence[Schedule], search_s: float) -> tuple[Aligned, ...]:
    fits = _Fits(log)
    shifts = list(_coarse(log, schedules, search_s))
    if not shifts:
        raise _refused("the log ends before the first measurement, or begins after the last one")
    scores = [(fits.score(schedules, shift_s), shift_s) for shift_s in shifts]
    best, near_s = min(scores)
    margin_s = max(5 * log.period_s, 2.0)
    if not math.isfinite(best):
        raise _refused("the log does not cover the measurements: start the meter before the run and stop it after it")
    if any(fits.contrast(schedule, near_s) < MIN_CONTRAST for schedule in schedules):
        raise _refused("the load does not stand out from idle in the meter's log")
    rival_s = _rival_s(scores, near_s)
    if rival_s is not None:
        raise _refused(f"the load fits the log {abs(rival_s - near_s):.3g} s further on as well")
    return tuple(_refined(fits, schedule, near_s, margin_s) for schedule in schedules)


def _other_clock(log: Log, schedules: Sequence[Schedule]) -> SensorError | None:
    """Where the load stands out further from the stamps than was searched: by a zone, summer time, or a wrong clock."""
    elapsed = replace(log, unix=False)  # searched throughout
    around_s = _around_s(schedules)
    try:
        places = _by_marker(elapsed, schedules, 0.0)
    except SensorError:
        return _elsewhere(log, schedules)
    off_s = places[0].shift_s - around_s
    if abs(off_s) > MAX_ZONE_S:  # a log of another day is of another run
        return _elsewhere(log, schedules)
    if abs(off_s) < MINUTE_S:
        return None
    quarters = round(off_s / QUARTER_S)
    is_zone = quarters != 0 and abs(off_s - quarters * QUARTER_S) < MINUTE_S
    told = f"{quarters / 4:+g} h" if is_zone else f"{off_s:+.0f} s"
    likely = "another time zone, or summer time" if is_zone else "the meter's clock was wrong"
    return SensorError(
        "METER_ALIGNMENT",
        f"the load stands out {told} from where the log's stamps put it: {likely}",
        f"export the stamps with their zone, or search that far: --power csv:search_s={math.ceil(abs(off_s)) + 60}",
    )


def _elsewhere(log: Log, schedules: Sequence[Schedule]) -> SensorError | None:
    """Where the stamps and the run have no moment in common."""
    around_s = _around_s(schedules)
    ends_s = (log.time_s[0], log.time_s[-1])
    run_s = (schedules[0].idle_before.start_s - around_s, schedules[-1].idle_after.end_s - around_s)
    if ends_s[1] >= run_s[0] and ends_s[0] <= run_s[1]:
        return None
    log_from, log_to, run_from, run_to = (_utc(moment_s) for moment_s in (*ends_s, *run_s))
    return SensorError(
        "METER_ALIGNMENT",
        f"the meter's log is from {log_from} to {log_to}, the run from {run_from} to {run_to} (UTC)",
        "bring in the log of this run; if it is that, say in which order its dates are: --power csv:dates=dmy, or mdy",
    )


def _utc(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _other_unit(log: Log, schedules: Sequence[Schedule]) -> SensorError | None:
    """The unit in which the log's times fit, if they are too short or too long for the run as they were read."""
    load_s = schedules[-1].load.end_s - schedules[0].load.start_s
    lasts_s = log.time_s[-1] - log.time_s[0]
    if load_s < lasts_s < MANY_LOADS * load_s:
        return None
    for name, factor in RESCALED.items():
        if not load_s < lasts_s * factor < MANY_LOADS * load_s:
            continue
        try:
            _by_marker(replace(log, time_s=tuple(time_s * factor for time_s in log.time_s)), schedules, 0.0)
        except SensorError:
            continue
        return SensorError(
            "METER_ALIGNMENT",
            f"the log, as read, lasts {lasts_s:.3g} s and fits the run with {factor:g} of that: a unit was misread",
            f"say what the times are in: --power csv:time_unit={name}, or what it is",
        )
    return None


def _around_s(schedules: Sequence[Schedule]) -> float:
    """The monotonic clock less the seconds since 1970."""
    return -median(offset for schedule in schedules for offset in schedule.unix_offset_s)


def _rival_s(scores: Sequence[tuple[float, float]], near_s: float) -> float | None:
    """A shift beyond the hill that the best one stands on, where the load fits nearly as well."""
    best_number = next(number for number, (_, shift_s) in enumerate(scores) if shift_s == near_s)
    best = scores[best_number][0]
    for side in (scores[best_number::-1], scores[best_number:]):
        left_hill = False
        for score, shift_s in side:
            left_hill = left_hill or score > HILL * best
            if left_hill and score <= RIVAL * best:
                return shift_s
    return None


def _coarse(log: Log, schedules: Sequence[Schedule], search_s: float) -> Iterator[float]:
    """Shifts to try, half a period apart, or further where that would be too many."""
    if log.unix:
        around_s = _around_s(schedules)
        low_s, high_s = around_s - search_s, around_s + search_s
    else:
        low_s = schedules[-1].load.end_s - log.time_s[-1]
        high_s = schedules[0].load.start_s - log.time_s[0]
    if high_s < low_s:
        return
    step_s = max(log.period_s / 2, (high_s - low_s) / MAX_SHIFT_COUNT)
    for number in range(int((high_s - low_s) / step_s) + 2):
        yield min(high_s, low_s + number * step_s)


def _refined(fits: _Fits, schedule: Schedule, near_s: float, margin_s: float) -> Aligned:
    """The best shift of one schedule, and how far those lie that fit as well as noise lets one tell."""
    step_s = fits.log.period_s / FINE
    count = min(int(margin_s / step_s), MAX_SHIFT_COUNT)
    tried = [near_s + number * step_s for number in range(-count, count + 1)]
    scores = [fits.score([schedule], shift_s) for shift_s in tried]
    best = min(scores)
    if not math.isfinite(best):
        raise _refused("the log does not cover the measurement: start the meter before the run and stop it after it")
    believed = [shift_s for score, shift_s in zip(scores, tried, strict=True) if score <= best + LIKELIHOOD]
    half_s = (believed[-1] - believed[0]) / 2
    return Aligned((believed[0] + believed[-1]) / 2, math.hypot(half_s, fits.log.period_s / 2))


class _Fits:
    """How well the log, shifted, is two levels: one in the load and one in the idle time around it."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self._sums = [0.0, *accumulate(log.power_w)]
        self._squares = [0.0, *accumulate(power_w * power_w for power_w in log.power_w)]

    def score(self, schedules: Sequence[Schedule], shift_s: float) -> float:
        """Twice the log-likelihood ratio of one level to two: the less, the better the step fits. Infinite where the
        log does not cover the load; zero where it shows less power under load."""
        total = 0.0
        for schedule in schedules:
            levels = self._levels(schedule, shift_s)
            if levels is None:
                return math.inf
            (load_n, load, _), (idle_n, idle, _) = levels
            count, squares = load_n + idle_n, math.fsum(squares for _, _, squares in levels)
            floor = 1e-9 * squares + 1e-12  # a log without noise
            one = max(0.0, squares - (load + idle) ** 2 / count) + floor
            two = math.fsum(max(0.0, each_2 - each * each / number) for number, each, each_2 in levels) + floor
            if load / load_n > idle / idle_n:
                total += count * math.log(two / one)
        return total

    def contrast(self, schedule: Schedule, shift_s: float) -> float:
        """Load over idle in standard errors; negative where the log shows less power under load."""
        levels = self._levels(schedule, shift_s)
        assert levels is not None  # its score is finite
        (load_n, load, load_2), (idle_n, idle, idle_2) = levels
        residual = max(0.0, load_2 - load * load / load_n) + max(0.0, idle_2 - idle * idle / idle_n)
        deviation = math.sqrt(residual / (load_n + idle_n)) or 1e-12
        return (load / load_n - idle / idle_n) / (deviation * math.sqrt(1 / load_n + 1 / idle_n))

    def _levels(self, schedule: Schedule, shift_s: float) -> tuple[tuple[int, float, float], ...] | None:
        """(number, sum, sum of squares) of the readings under load and of those around it; None: too few of one."""
        edges_s = (schedule.idle_before.start_s, schedule.load.start_s, schedule.load.end_s, schedule.idle_after.end_s)
        marks = [bisect_left(self.log.time_s, edge_s - shift_s) for edge_s in edges_s]
        end = len(self.log.time_s)
        if marks[1] == 0 or marks[2] >= end:
            return None
        load = (marks[2] - marks[1], *self._between(marks[1], marks[2]))
        before, after = self._between(marks[0], marks[1]), self._between(marks[2], marks[3])
        idle = (marks[1] - marks[0] + marks[3] - marks[2], before[0] + after[0], before[1] + after[1])
        return (load, idle) if load[0] >= 2 and idle[0] >= 2 else None

    def _between(self, first: int, last: int) -> tuple[float, float]:
        return self._sums[last] - self._sums[first], self._squares[last] - self._squares[first]


def _refused(reason: str) -> SensorError:
    return SensorError(
        "METER_ALIGNMENT",
        f"the meter's log can't be laid over the run by its steps: {reason}",
        "log from before the run until after it, or give the clocks' difference: "
        "suite power import RUN FILE --power csv:align=offset,offset_s=SECONDS",
    )

"""What minutes of back-to-back calls did to a machine: when it throttled, and how latency began and ended.

Pure functions over slices. Measured rates of false alarms and of detection: docs/statistics.md, section Endurance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from suite.records import Interval, Sustained, record, require
from suite.stats.correlation import Array, cosine_variance
from suite.stats.interval import median_interval

CLOCK_FALL, LATENCY_RISE = 0.10, 0.05  # beyond these, against the start, a machine has throttled
START_S = 15.0  # what is compared with
SMOOTH_COUNT = 15  # slices of the running median
LEAST_STAY_S, LEAST_STAY = 30.0, 0.1  # and of the whole: slower for less at the end has not been seen to stay so
LEAST_SLICES = 10
P_CHANGE = 1e-4
MINUTE_S = 60.0
CONFIDENCE = 0.95


@record
class Throttle:
    """time_s: since the calls began. change: of the quantity from then on against the start, -0.2 for 20 % less."""

    time_s: float
    quantity: Literal["clock", "latency"]
    change: float


@record
class Level:
    """Latency over a part of the calls."""

    start_s: float
    end_s: float
    median_s: float
    interval: Interval | None
    call_count: int


@record
class Endurance:
    """throttle None: none was seen by what told_by names; by nothing: unknown.
    first, last None: every slice there was disturbed."""

    duration_s: float
    throttle: Throttle | None
    told_by: tuple[str, ...]
    first: Level | None
    last: Level | None
    disturbed_count: int
    start_temperature_c: float | None
    end_temperature_c: float | None
    start_clock_hz: float | None
    end_clock_hz: float | None
    start_power_w: float | None
    end_power_w: float | None


def endurance(found: Sustained) -> Endurance:
    """What a person asks of sustained calls; disturbed slices count in no latency."""
    duration_s = found.slices[-1].end_s
    part_s = min(MINUTE_S, duration_s / 2)
    thermometer = warmest(found)
    temperature_c = [each.temperature_c[thermometer] if thermometer is not None else None for each in found.slices]
    clocks, powers = ([getattr(each, name) for each in found.slices] for name in ("clock_hz", "power_w"))
    temperatures, clock_ends, power_ends = (_ends(found, values) for values in (temperature_c, clocks, powers))
    return Endurance(
        duration_s=duration_s,
        throttle=throttle(found),
        told_by=told_by(found),
        first=level(found, 0.0, part_s),
        last=level(found, duration_s - part_s, duration_s),
        disturbed_count=len(found.samples.disturbed_blocks),
        start_temperature_c=temperatures[0],
        end_temperature_c=temperatures[1],
        start_clock_hz=clock_ends[0],
        end_clock_hz=clock_ends[1],
        start_power_w=power_ends[0],
        end_power_w=power_ends[1],
    )


def warmest(found: Sustained) -> int | None:
    """The sensor that shows the largest range: some show the same at all times, and others than what works."""
    ranges = {}
    for index in range(len(found.sensors)):
        known = [value for each in found.slices if (value := each.temperature_c[index]) is not None]
        if known:
            ranges[index] = (max(known) - min(known), max(known))
    return max(ranges, key=lambda index: ranges[index], default=None)


def level(found: Sustained, start_s: float, end_s: float) -> Level | None:
    """Of the undisturbed slices whose middle lies within; None without one."""
    kept = [
        (each, block)
        for each, block in zip(found.slices, found.samples.timed_blocks, strict=True)
        if start_s <= (each.start_s + each.end_s) / 2 <= end_s and block.disturbed_by is None
    ]
    if not kept:
        return None
    calls = [block.latency_s for _, block in kept]
    return Level(
        start_s=start_s,
        end_s=end_s,
        median_s=float(np.median([value for each in calls for value in each])),
        interval=median_interval(calls, CONFIDENCE),
        call_count=sum(each.call_count for each, _ in kept),
    )


def throttle(found: Sustained) -> Throttle | None:
    """The earlier of what clock and latency tell, each by `stays_beyond`."""
    seen: list[Throttle] = []
    times, latency_s = _calm(found)
    if is_told(found, times) and (rise := stays_beyond(times, latency_s, LATENCY_RISE)) is not None:
        seen.append(Throttle(time_s=rise[0], quantity="latency", change=rise[1]))
    times, clocks_hz = _clocked(found)
    # a clock that falls is its inverse that rises: to 1 / (1 - fall)
    inverse = [1 / value for value in clocks_hz]
    if is_told(found, times) and (rise := stays_beyond(times, inverse, CLOCK_FALL / (1 - CLOCK_FALL))) is not None:
        seen.append(Throttle(time_s=rise[0], quantity="clock", change=1 / (1 + rise[1]) - 1))
    return min(seen, key=lambda each: each.time_s, default=None)


def told_by(found: Sustained) -> tuple[str, ...]:
    """Which quantities can show whether the machine throttled."""
    known = (("latency", _calm(found)[0]), ("clock", _clocked(found)[0]))
    return tuple(name for name, times in known if is_told(found, times))


def _calm(found: Sustained) -> tuple[list[float], list[float]]:
    """When each undisturbed slice ended, and its median latency."""
    blocks = found.samples.timed_blocks
    calm = [pair for pair in zip(found.slices, blocks, strict=True) if pair[1].disturbed_by is None]
    return [each.end_s for each, _ in calm], [float(np.median(block.latency_s)) for _, block in calm]


def _clocked(found: Sustained) -> tuple[list[float], list[float]]:
    known = [(each.end_s, each.clock_hz) for each in found.slices if each.clock_hz]
    return [at for at, _ in known], [value for _, value in known]


def is_told(found: Sustained, time_s: Sequence[float]) -> bool:
    """Whether what is known at these times can show that a machine throttled, or that it did not: it must hold both
    ends of the calls, and enough of the time between them."""
    end_s = found.slices[-1].end_s
    if len(time_s) < LEAST_SLICES or end_s < LEAST_STAY_S:
        return False
    beginning = [at for at in time_s if at <= max(START_S, found.slices[0].end_s)]
    ending = [at for at in time_s if at >= min(end_s - START_S, found.slices[-1].start_s)]
    return bool(beginning and ending) and 2 * len(time_s) >= len(found.slices)


def stays_beyond(time_s: Sequence[float], values: Sequence[float], rise: float) -> tuple[float, float] | None:
    """(when, rise from then on) where the values end more than that share above their start and stay there.

    The last crossing of a running median: the median of the first START_S is the start; the time is that of the first
    slice after the last one at which the running median lies within the limit. Confirmed by a test: the mean logarithm
    from then on must differ from the start's by more than chance, p <= P_CHANGE, with the long-run variance of the
    residuals on both sides (Müller's cosines), since neighbouring slices are alike.
    """
    count = len(values)
    if count < LEAST_SLICES:
        return None
    times, logs = np.asarray(time_s, dtype=np.float64), np.log(np.asarray(values, dtype=np.float64))
    start = times <= max(START_S, float(times[2]))
    reference = float(np.median(logs[start]))
    smooth = running_median(logs, min(SMOOTH_COUNT, max(3, count // 5)))
    within = np.flatnonzero(smooth <= reference + math.log1p(rise))
    first = int(within[-1]) + 1 if len(within) else 0
    stay_s = max(LEAST_STAY_S, LEAST_STAY * float(times[-1]))
    if first >= count or times[-1] - times[first] < stay_s or not _differs(logs, start, first):
        return None
    change = math.expm1(float(np.median(logs[first:])) - reference)
    return (float(times[first]), change) if change > rise else None


def _differs(logs: Array, start: NDArray[np.bool_], first: int) -> bool:
    head, tail = logs[start], logs[first:]
    residuals = np.concatenate([head - head.mean(), tail - tail.mean()])
    cosine_count = min(max(3, round(0.4 * len(residuals) ** (2 / 3))), len(residuals) - 1)
    variance = cosine_variance(residuals, cosine_count)
    deviation = math.sqrt(variance * (1 / len(head) + 1 / len(tail)))
    difference = float(tail.mean() - head.mean())
    return difference > 0 and (deviation == 0 or float(ndtr(-difference / deviation)) <= P_CHANGE)


def running_median(values: Array, count: int) -> Array:
    """Centred; of fewer values at the edges."""
    half = count // 2
    return np.array([np.median(values[max(0, at - half) : at + half + 1]) for at in range(len(values))])


def _ends(found: Sustained, values: Sequence[float | None]) -> tuple[float | None, float | None]:
    """The medians of what is known of the first and the last START_S."""
    end_s = found.slices[-1].end_s
    length_s = min(START_S, end_s / 2)
    pairs = [(each, value) for each, value in zip(found.slices, values, strict=True) if value is not None]
    head = [value for each, value in pairs if each.end_s <= max(length_s, found.slices[0].end_s)]
    tail = [value for each, value in pairs if each.start_s >= min(end_s - length_s, found.slices[-1].start_s)]
    return (float(np.median(head)) if head else None, float(np.median(tail)) if tail else None)


@record
class Ranking:
    """Names from the fastest to the slowest, and the pairs whose order changed or can't be told.

    changed: (faster at first, faster at the end) of which both orders are clear; unclear: those whose intervals overlap
    at the beginning or at the end.
    """

    first: tuple[str, ...]
    last: tuple[str, ...]
    changed: tuple[tuple[str, str], ...]
    unclear: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        require(sorted(self.first) == sorted(self.last), "the same names at both ends")


def ranking(levels: Sequence[tuple[str, Level, Level]]) -> Ranking:
    """levels: (name, at first, at the end) of each model."""
    changed, unclear = [], []
    for (name, first, last), (other, other_first, other_last) in combinations(levels, 2):
        before, after = _order(first, other_first), _order(last, other_last)
        if 0 in (before, after):
            unclear.append((name, other))
        elif before != after:
            changed.append((name, other) if before < 0 else (other, name))
    return Ranking(
        first=tuple(name for name, first, _ in sorted(levels, key=lambda each: each[1].median_s)),
        last=tuple(name for name, _, last in sorted(levels, key=lambda each: each[2].median_s)),
        changed=tuple(changed),
        unclear=tuple(unclear),
    )


def _order(one: Level, other: Level) -> int:
    """-1 where one is faster, 1 where the other is, 0 where their intervals overlap or there is none."""
    if one.interval is None or other.interval is None:
        return 0
    if one.interval.high < other.interval.low:
        return -1
    return 1 if other.interval.high < one.interval.low else 0

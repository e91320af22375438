"""When a series is long enough."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from suite.records import Interval, Repetition, StopReason, record
from suite.stats.interval import MIN_BLOCK_COUNT, median_interval


@record
class Decision:
    """stop: why the series ends now; None: go on. calls_needed: see `calls_needed`."""

    stop: StopReason | None
    interval: Interval | None
    calls_needed: int | None


def decide(blocks: Sequence[Sequence[float]], repetition: Repetition, spent_s: float) -> Decision:
    """Whether to stop after the blocks (counted calls only, in run order), spent_s seconds into the series.

    Never below min_call_count. The target counts as reached only after MIN_BLOCK_COUNT blocks: before that an interval
    says nothing about the difference between blocks, and stopping at the first lucky one would cost coverage.
    Source: docs/statistics.md, section Stopping.
    """
    count = sum(map(len, blocks))
    target = repetition.target_relative_halfwidth
    interval = median_interval(blocks, repetition.confidence)
    needed = None
    reached = False
    if interval is not None and target is not None:
        median = float(np.median([value for block in blocks for value in block]))
        needed = calls_needed(count, interval.halfwidth / median, target)
        reached = needed is None and len(blocks) >= MIN_BLOCK_COUNT
    stop = None if count < repetition.min_call_count else _reason(count, repetition, spent_s, reached)
    return Decision(stop=stop, interval=interval, calls_needed=needed)


def calls_needed(count: int, relative_halfwidth: float, target: float) -> int | None:
    """Further calls until the half-width is at the target, if it goes on falling as 1 / sqrt(calls); None: it is."""
    if relative_halfwidth <= target:
        return None
    return max(1, math.ceil(count * ((relative_halfwidth / target) ** 2 - 1)))


def _reason(count: int, repetition: Repetition, spent_s: float, reached: bool) -> StopReason | None:
    if repetition.target_relative_halfwidth is None:
        return "fixed"
    if reached:
        return "target"
    if count >= repetition.max_call_count:
        return "call_limit"
    return "time_limit" if spent_s >= repetition.time_limit_s else None

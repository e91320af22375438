"""Samples -> Summary: what a table shows of one series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc

from suite.records import AllCalls, LatencySamples, Repetition, Summary
from suite.stats.correlation import Array, lag1
from suite.stats.interval import median_interval
from suite.stats.stopping import calls_needed

PERCENTILES = (50.0, 90.0, 95.0, 99.0)
FENCE_IQR_COUNT = 3.0  # Tukey's far fences


def summarise(samples: LatencySamples, repetition: Repetition, percentiles: Sequence[float] = PERCENTILES) -> Summary:
    """Statistics of the counted calls, in the unit of the samples (s). Raises ValueError if there are none.

    Of the percentiles those that so many calls support.

    Under a fixed count nothing was to be resolved, so it is resolved. Outliers are counted and stay in every figure.
    Disturbed blocks don't count, unless too few others are left: then every figure is an upper bound.
    """
    blocks = [block.latency_s for block in samples.counted_blocks]
    values = np.array(samples.latency_s, dtype=np.float64)
    if len(values) == 0:
        raise ValueError("a summary needs at least one call that is not warm-up and counts")
    median = float(np.median(values))
    interval = median_interval(blocks, repetition.confidence)
    target = repetition.target_relative_halfwidth
    relative = None if interval is None else interval.halfwidth / median
    needed = None
    resolved = target is None
    if relative is not None and target is not None:
        needed = calls_needed(len(values), relative, target)
        resolved = needed is None
    return Summary(
        count=len(values),
        mean=float(np.mean(values)),
        std=float(np.std(values, ddof=1)) if len(values) > 1 else None,
        median=median,
        minimum=float(np.min(values)),
        maximum=float(np.max(values)),
        median_interval=interval,
        percentiles=tuple(
            (percent, float(np.percentile(values, percent)))
            for percent in percentiles
            if supports(len(values), percent)
        ),
        outlier_count=int(np.count_nonzero(outliers(values))),
        lag1_autocorrelation=lag1(samples.latency_s),
        resolved=resolved,
        calls_needed=needed,
        relative_halfwidth=relative,
        needed_s=None if needed is None else needed * _counted_call_s(samples),
        is_upper_bound=samples.is_upper_bound,
    )


def all_calls(samples: LatencySamples) -> AllCalls:
    """The same calls and the disturbed ones, as if there were no rule. Raises ValueError if there are none."""
    values = np.array(samples.all_latency_s, dtype=np.float64)
    if len(values) == 0:
        raise ValueError("a summary needs at least one call that is not warm-up")
    return AllCalls(
        count=len(values),
        mean_s=float(np.mean(values)),
        std_s=float(np.std(values, ddof=1)) if len(values) > 1 else None,
        median_s=float(np.median(values)),
    )


def _counted_call_s(samples: LatencySamples) -> float:
    """Seconds in calls for each value that counted: those of disturbed blocks took time as well."""
    spent_s = sum(block.calls_per_value * sum(block.latency_s) for block in samples.timed_blocks)
    return spent_s / len(samples.latency_s)


def supports(count: int, percent: float, confidence: float = 0.99) -> bool:
    """Whether count calls say something about a percentile: the second largest exceeds it with that confidence.

    That is P(at most one of count calls lies above it) <= 1 - confidence, by the binomial distribution: 11 calls for
    p50, 64 for p90, 130 for p95, 662 for p99. Below the median the second smallest takes its place, so p10 needs what
    p90 does. Source: early stopping in MLPerf's LoadGen.
    """
    above = 1 - max(percent, 100 - percent) / 100
    return count > 1 and bool(1 - bdtrc(1, count, above) <= 1 - confidence)


def least_count(percent: float) -> int:
    """How few calls support a percentile: least_count(99) == 662."""
    low, high = 1, 2
    while not supports(high, percent):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if supports(middle, percent) else (middle, high)
    return high


def outliers(values: Array) -> NDArray[np.bool_]:
    """Which values lie more than three interquartile ranges outside the quartiles.

    Tukey's far fences flag 2 in a million normal values. Latencies are skewed to the right: a rule with one scale for
    both sides, like the deviation from the median, would flag their ordinary tail.
    Source: Tukey, Exploratory Data Analysis (1977).
    """
    low, high = np.percentile(values, [25, 75])
    margin = FENCE_IQR_COUNT * (high - low)
    beyond: NDArray[np.bool_] = (values < low - margin) | (values > high + margin)
    return beyond

"""Samples -> Summary: what a table shows of one series."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc

from suite.records import LatencySamples, Repetition, Summary
from suite.stats.correlation import Array, lag1
from suite.stats.interval import median_interval
from suite.stats.stopping import calls_needed

PERCENTILES = (50.0, 90.0, 95.0, 99.0)
FENCE_IQR_COUNT = 3.0  # Tukey's far fences


def summarise(samples: LatencySamples, repetition: Repetition) -> Summary:
    """Statistics of the counted calls, in the unit of the samples (s). Raises ValueError if there are none.

    Under a fixed count nothing was to be resolved, so it is resolved. Outliers are counted and stay in every figure.
    """
    blocks = [block.latency_s for block in samples.blocks if not block.warmup]
    values = np.array(samples.latency_s, dtype=np.float64)
    if len(values) == 0:
        raise ValueError("a summary needs at least one call that is not warm-up")
    median = float(np.median(values))
    interval = median_interval(blocks, repetition.confidence)
    target = repetition.target_relative_halfwidth
    needed = None
    resolved = target is None
    if interval is not None and target is not None:
        needed = calls_needed(len(values), interval.halfwidth / median, target)
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
            for percent in PERCENTILES
            if supports(len(values), percent)
        ),
        outlier_count=int(np.count_nonzero(outliers(values))),
        lag1_autocorrelation=lag1(samples.latency_s),
        resolved=resolved,
        calls_needed=needed,
    )


def supports(count: int, percent: float, confidence: float = 0.99) -> bool:
    """Whether count calls say something about a percentile: the second largest exceeds it with that confidence.

    That is P(at most one of count calls lies above it) <= 1 - confidence, by the binomial distribution: 11 calls for
    p50, 64 for p90, 130 for p95, 662 for p99. Source: early stopping in MLPerf's LoadGen.
    """
    above = 1 - percent / 100
    return count > 1 and bool(1 - bdtrc(1, count, above) <= 1 - confidence)


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

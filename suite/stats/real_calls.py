"""What real inputs cost beside synthetic ones: how latency grows with length, and what padding wastes.

Source: docs/accuracy.md, section Real inputs and synthetic ones.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from scipy.stats import theilslopes

from suite.records import Interval, RealCalls, record, require
from suite.stats.interval import median_interval

CONFIDENCE = 0.95
MOST = 1000  # calls that a line is laid through: all pairs of them are looked at
LEAST = 10


@record
class Line:
    """latency = at_zero_s + per_unit_s * length, through the medians of all pairs' slopes.

    Source: Theil (1950); Sen, JASA 63 (1968). No call, however slow, tilts it.
    """

    at_zero_s: float
    per_unit_s: float
    per_unit_interval: Interval

    def at(self, length: float) -> float:
        return self.at_zero_s + self.per_unit_s * length


@record
class RealLatency:
    """Calls of one example each, or of a batch. `per_example_s`: all seconds over all examples.

    `padding_share`: of what was computed on, the part that belongs to no example.
    """

    call_count: int
    example_count: int
    median_s: float
    mean_s: float
    std_s: float | None
    interval: Interval | None
    per_example_s: float
    least_length: int
    mean_length: float
    most_length: int
    padding_share: float
    line: Line | None


def real_latency(calls: RealCalls, lengths: Sequence[int]) -> RealLatency | None:
    """lengths: of each example, in the order of the calls; None where there is no call."""
    if not calls.latency_s:
        return None
    own = lengths[: sum(calls.example_counts)]
    require(len(own) == sum(calls.example_counts), "each example has a length")
    padded = sum(count * length for count, length in zip(calls.example_counts, calls.padded_lengths, strict=True))
    return RealLatency(
        call_count=len(calls.latency_s),
        example_count=len(own),
        median_s=statistics.median(calls.latency_s),
        mean_s=statistics.fmean(calls.latency_s),
        std_s=statistics.stdev(calls.latency_s) if len(calls.latency_s) > 1 else None,
        interval=median_interval([calls.latency_s], CONFIDENCE),
        per_example_s=sum(calls.latency_s) / len(own),
        least_length=min(own),
        mean_length=statistics.fmean(own),
        most_length=max(own),
        padding_share=1 - sum(own) / padded if padded else 0.0,
        line=line(calls.padded_lengths, calls.latency_s),
    )


def line(lengths: Sequence[int], latency_s: Sequence[float]) -> Line | None:
    """None of too few calls, and of calls that are all of one length."""
    step = -(-len(lengths) // MOST)
    lengths, latency_s = lengths[::step], latency_s[::step]
    if len(lengths) < LEAST or len(set(lengths)) < 2:
        return None
    slope, intercept, low, high = theilslopes(latency_s, lengths, CONFIDENCE)
    return Line(
        at_zero_s=float(intercept),
        per_unit_s=float(slope),
        per_unit_interval=Interval(low=float(low), high=float(high), confidence=CONFIDENCE),
    )

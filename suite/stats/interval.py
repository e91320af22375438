"""Confidence interval of the median of correlated calls in blocks that differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri, stdtrit

from suite.records import Interval
from suite.stats.correlation import Array, block_variance, cosine_variance

MIN_BLOCK_COUNT = 4  # fewer say too little about the difference between blocks


def median_interval(blocks: Sequence[Sequence[float]], confidence: float = 0.95) -> Interval | None:
    """Interval of the median by inverting a sign test whose variance allows for correlation and for blocks.

    blocks: calls in run order, grouped as they were measured. Its ends are order statistics (interpolated), so it
    follows the skew, moves with any monotone change of unit, and needs no random numbers. The ranks lie as far from
    the middle as the widest of three estimates asks: independent calls, serial correlation, differences of blocks.
    None where even the whole range of that many independent values would not reach the confidence (n < 6 at 95 %).
    Where the estimates ask for more than the range, the range is given: see the coverage table.
    Source: docs/statistics.md, section Interval of the median.
    """
    filled = [block for block in blocks if len(block) > 0]
    values = np.array([value for block in filled for value in block], dtype=np.float64)
    count = len(values)
    if count == 0 or 2.0 ** (1 - count) > 1 - confidence:
        return None
    ordered = np.sort(values)
    rank_halfwidth = _rank_halfwidth(values, [len(block) for block in filled], confidence)
    low_rank = max(0.0, (count - 1) / 2 - rank_halfwidth)
    low, high = np.interp([low_rank, count - 1 - low_rank], np.arange(count), ordered)
    return Interval(low=float(low), high=float(high), confidence=confidence)


def _rank_halfwidth(values: Array, block_sizes: Sequence[int], confidence: float) -> float:
    """How many ranks from the middle the interval's ends lie."""
    count, block_count = len(values), len(block_sizes)
    tail = (1 + confidence) / 2
    signs = np.sign(values - np.median(values)) / 2
    signs -= signs.mean()
    cosine_count = min(max(3, round(0.4 * count ** (2 / 3))), count - 1)
    if 1 < block_count < MIN_BLOCK_COUNT:
        cosine_count = min(3, count - 1)  # the lowest frequencies alone show a step between two or three blocks
    scales = [
        ndtri(tail) / 2,
        stdtrit(cosine_count, tail) * np.sqrt(cosine_variance(signs, cosine_count)),
    ]
    if block_count >= MIN_BLOCK_COUNT and block_count < count:
        scales.append(stdtrit(block_count - 1, tail) * np.sqrt(block_variance(signs, block_sizes)))
    return float(max(scales) * np.sqrt(count))

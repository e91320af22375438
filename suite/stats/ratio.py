"""Two series, or two groups of runs, measured apart: the ratio of their medians, and how far it can be told.

Blocks are resampled, never calls: the calls of a block share the machine's state. Source: docs/compare.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.special import stdtr, stdtrit

from suite.records import Interval, record, require
from suite.stats.correlation import Array

MIN_BLOCK_COUNT = 3  # fewer say nothing of the difference between blocks
REPLICATE_COUNT = 400
WINDOWED_BLOCKS = 4
MIN_ERROR = 1e-6  # relative: equal blocks still have the clock's resolution
GENERATOR_SEED = 20_261_125


@record
class Level:
    """Log of a median, and its standard error with the degrees of freedom behind that.

    error None: too few blocks (or runs) to tell one. spent_s: in timed calls, disturbed ones among them.
    """

    log_median: float
    error: float | None
    freedom: float = 0.0
    block_count: int = 0
    run_count: int = 1
    spent_s: float = 0.0

    @property
    def median(self) -> float:
        return math.exp(self.log_median)


@record
class Ratio:
    """Of the second's median to the first's. interval None: an error is unknown. p_value: of both being equal."""

    value: float
    interval: Interval | None = None
    p_value: float | None = None
    error: float | None = None  # of the logarithm
    freedom: float = 0.0

    def p_beyond(self, limit: float) -> float | None:
        """One-sided, of the claim that the true ratio lies beyond the limit, away from 1 (1 itself: above)."""
        if self.error is None:
            return None
        distance = math.log(limit) - math.log(self.value)
        return float(stdtr(self.freedom, (distance if limit >= 1 else -distance) / self.error))


def level(blocks: Sequence[Sequence[float]], spent_s: float = 0.0) -> Level:
    """Of one series; blocks: calls that count, as they were measured. Raises ValueError where there is none.

    The blocks get random weights of mean 1, each call that of its block: the medians of the replicates tell the error.
    Neighbours share their weights in part, so that what lasts over blocks shows. The error is stretched by what so few
    weights lack, and has the degrees of freedom that they have.
    Source: Rubin, Ann. Statist. 9 (1981); Shao, J. Am. Stat. Assoc. 105 (2010), for the dependent weights.
    """
    sizes = [len(block) for block in blocks if len(block) > 0]
    values = np.array([value for block in blocks for value in block], dtype=np.float64)
    require(len(values) > 0, "a level needs a call")
    order = np.argsort(values, kind="stable")
    ordered, middle, block_count = values[order], len(values) // 2, len(sizes)
    log_median = math.log(float(ordered[middle] + ordered[-1 - middle]) / 2)
    if block_count < MIN_BLOCK_COUNT:
        return Level(log_median=log_median, error=None, block_count=block_count, spent_s=spent_s)
    of_call = np.repeat(np.arange(block_count), sizes)[order]
    drawn, stretch, freedom = _draws(block_count, 1 + block_count // 3 if block_count >= WINDOWED_BLOCKS else 1)
    error = _deviation(np.log(_weighted_medians(ordered, drawn[of_call]))) * stretch
    return Level(
        log_median=log_median,
        error=max(error, MIN_ERROR),
        freedom=freedom,
        block_count=block_count,
        spent_s=spent_s,
    )


def pooled(levels: Sequence[Level]) -> Level:
    """Of several runs of one kind: runs are resampled, and blocks within them. One run stands for itself alone.

    Two runs of one kind differ by more than their blocks do, so the degrees of freedom are those of runs.
    """
    if len(levels) == 1:
        return levels[0]
    run_count = len(levels)
    found = np.array([each.log_median for each in levels])
    within = np.array([each.error or 0.0 for each in levels])
    rng = np.random.default_rng(GENERATOR_SEED)
    drawn, stretch, freedom = _draws(run_count, 1)
    noise = rng.standard_normal(drawn.shape)
    error = _deviation((drawn * (found[:, None] + within[:, None] * noise)).sum(axis=0) / run_count) * stretch
    return Level(
        log_median=float(np.mean(found)),
        error=max(error, MIN_ERROR),
        freedom=freedom,
        block_count=sum(each.block_count for each in levels),
        run_count=run_count,
        spent_s=math.fsum(each.spent_s for each in levels),
    )


def ratio(first: Level, second: Level, confidence: float = 0.95) -> Ratio:
    """Of the second to the first, with Student's interval of its logarithm (degrees of freedom by Satterthwaite)."""
    log_ratio = second.log_median - first.log_median
    value = math.exp(log_ratio)
    if first.error is None or second.error is None:
        return Ratio(value=value)
    error = math.hypot(first.error, second.error)
    freedom = error**4 / (first.error**4 / first.freedom + second.error**4 / second.freedom)
    halfwidth = float(stdtrit(freedom, (1 + confidence) / 2)) * error
    return Ratio(
        value=value,
        interval=Interval(
            low=math.exp(log_ratio - halfwidth), high=math.exp(log_ratio + halfwidth), confidence=confidence
        ),
        p_value=2 * float(stdtr(freedom, -abs(log_ratio) / error)),
        error=error,
        freedom=freedom,
    )


@lru_cache(maxsize=256)
def _draws(count: int, width: int) -> tuple[Array, float, float]:
    """drawn[place, replicate]: weights of mean 1 in every replicate, of which `width` neighbours share shocks.

    With them, by how much to stretch the deviation of the replicates so that for independent places it is that of
    their mean; and the degrees of freedom. Source: Satterthwaite, Biometrics Bull. 2 (1946).
    """
    shocks = np.random.default_rng((GENERATOR_SEED, count)).standard_exponential((REPLICATE_COUNT, count + width - 1))
    sums = np.cumsum(np.pad(shocks, ((0, 0), (1, 0))), axis=1)
    drawn = sums[:, width:] - sums[:, :-width]
    drawn = np.ascontiguousarray((drawn / drawn.mean(axis=1, keepdims=True)).T)
    drawn.setflags(write=False)
    covariance = np.cov(drawn)
    spread = float(np.trace(covariance))
    freedom = min(count - 1.0, spread**2 / float(np.sum(covariance**2)))
    return drawn, math.sqrt(count / spread), freedom


def _weighted_medians(ordered: Array, drawn: Array) -> Array:
    """Of each replicate, a column of weights: the value at which half of the weight is reached."""
    reached = np.cumsum(drawn, axis=0)
    places = np.add.reduce(reached < reached[-1] / 2, axis=0, dtype=np.intp)
    return np.asarray(ordered[places])


def _deviation(values: Array) -> float:
    away = values - values.mean()
    return math.sqrt(float(away @ away) / len(away))

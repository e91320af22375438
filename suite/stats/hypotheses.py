"""The lab's hypotheses, decided by intervals: SUPPORTED, REJECTED, or UNDECIDED where the data can't tell.

A verdict carries figures and a reason code; sentences are the report's.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Generic, Literal, TypeVar

import numpy as np
from scipy.special import ndtri

from suite.records import Interval, Summary, record, require_positive
from suite.stats.correlation import Array, midranks
from suite.stats.fit import Fit, polynomial

Answer = Literal["SUPPORTED", "REJECTED", "UNDECIDED"]
Reason = Literal[
    "within_margin",  # linear: curvature is at most MARGIN of the latency at the largest size
    "beyond_margin",  # linear: curvature is more than that
    "dominates",  # quadratic: the term makes up more than half
    "minor",  # quadratic: it makes up less than half
    "same_order",  # tracks: a significant positive rank correlation
    "opposite_order",  # tracks: a significant negative one
    "order_unclear",  # tracks: neither
    "interval_too_wide",  # the interval lies on both sides of the limit
    "too_few_sizes",  # fewer than three
    "too_few_models",  # even a perfect order of so few models comes about too easily by chance
    "no_spread",  # all models are equal in one of the two quantities
]

MARGIN = 0.05
DOMINANT_SHARE = 0.5
SIGNIFICANCE = 0.05
MIN_RELATIVE_SIGMA = 1e-6  # equal samples still have the clock's resolution
EXACT_MODEL_COUNT = 8  # 8! = 40,320 orders
SAMPLED_ORDER_COUNT = 20_000

Figures = TypeVar("Figures")


@record
class Verdict(Generic[Figures]):
    """figures: None where there are too few points for any."""

    answer: Answer
    reason: Reason
    figures: Figures | None


@record
class Point:
    """Latency at one size (batch, or input length) with its standard error."""

    size: float
    latency_s: float
    sigma_s: float

    def __post_init__(self) -> None:
        require_positive("point", self.size, self.latency_s, self.sigma_s)


@record
class LinearFigures:
    """latency = intercept_s + slope_s * size. proportional: the intercept's interval holds 0.

    curvature_share: interval of c N^2 / (a + b N + c N^2) at the largest size N.
    """

    size_count: int
    largest_size: float
    intercept_s: float
    intercept_interval_s: Interval
    slope_s: float
    slope_interval_s: Interval
    r_squared: float
    proportional: bool
    curvature_share: Interval
    margin: float


@record
class QuadraticFigures:
    """latency = constant_s + linear_s * n + quadratic_s * n^2; `share` is the last term's at the largest size.

    crossover_size: where the quadratic term would equal the linear one; None unless both are positive.
    """

    size_count: int
    largest_size: float
    constant_s: float
    linear_s: float
    quadratic_s: float
    quadratic_interval_s: Interval
    r_squared: float
    share: Interval
    crossover_size: float | None


@record
class RankFigures:
    """rank_correlation: Spearman's; p_value: two-sided, by permutation.

    models_needed: models in all that would decide it if the correlation stays as it is; None: decided, or no estimate.
    """

    model_count: int
    rank_correlation: float
    p_value: float
    models_needed: int | None


def point(size: float, summary: Summary) -> Point | None:
    """The median with the standard error that its interval implies; None if it has no interval."""
    interval = summary.median_interval
    if interval is None:
        return None
    sigma_s = interval.halfwidth / float(ndtri((1 + interval.confidence) / 2))
    return Point(size=size, latency_s=summary.median, sigma_s=max(sigma_s, MIN_RELATIVE_SIGMA * summary.median))


def linear(points: Sequence[Point]) -> Verdict[LinearFigures]:
    """Is latency an affine function of size? An equivalence test: the curvature must be shown to be small.

    Three sizes fix the curve exactly, so only the stated errors speak; from four on, scatter around it counts too.
    """
    straight, curve = _fit(points, 1), _fit(points, 2)
    if straight is None or curve is None:
        return Verdict(answer="UNDECIDED", reason="too_few_sizes", figures=None)
    largest = max(each.size for each in points)
    share = curve.share(2, largest)
    intercept = straight.intervals[0]
    figures = LinearFigures(
        size_count=len({each.size for each in points}),
        largest_size=largest,
        intercept_s=straight.coefficients[0],
        intercept_interval_s=intercept,
        slope_s=straight.coefficients[1],
        slope_interval_s=straight.intervals[1],
        r_squared=straight.r_squared,
        proportional=intercept.low <= 0 <= intercept.high,
        curvature_share=share,
        margin=MARGIN,
    )
    if abs(share.low) <= MARGIN and abs(share.high) <= MARGIN:
        return Verdict(answer="SUPPORTED", reason="within_margin", figures=figures)
    if share.low > MARGIN or share.high < -MARGIN:
        return Verdict(answer="REJECTED", reason="beyond_margin", figures=figures)
    return Verdict(answer="UNDECIDED", reason="interval_too_wide", figures=figures)


def quadratic(points: Sequence[Point]) -> Verdict[QuadraticFigures]:
    """Does the quadratic term make up more than half of the latency at the largest size?"""
    curve = _fit(points, 2)
    if curve is None:
        return Verdict(answer="UNDECIDED", reason="too_few_sizes", figures=None)
    largest = max(each.size for each in points)
    share = curve.share(2, largest)
    constant_s, linear_s, quadratic_s = curve.coefficients
    figures = QuadraticFigures(
        size_count=len({each.size for each in points}),
        largest_size=largest,
        constant_s=constant_s,
        linear_s=linear_s,
        quadratic_s=quadratic_s,
        quadratic_interval_s=curve.intervals[2],
        r_squared=curve.r_squared,
        share=share,
        crossover_size=linear_s / quadratic_s if min(linear_s, quadratic_s) > 0 else None,
    )
    if share.low > DOMINANT_SHARE:
        return Verdict(answer="SUPPORTED", reason="dominates", figures=figures)
    if share.high < DOMINANT_SHARE:
        return Verdict(answer="REJECTED", reason="minor", figures=figures)
    return Verdict(answer="UNDECIDED", reason="interval_too_wide", figures=figures)


def tracks(pairs: Sequence[tuple[float, float]]) -> Verdict[RankFigures]:
    """Do two quantities of the models (parameters and latency, say) rise together?

    Rejected only by a significant opposite order: that a correlation was not found is no evidence against it.
    Source: Spearman, Am. J. Psychol. 15 (1904), with the permutation distribution instead of tables.
    """
    first, second = (_centred_ranks([pair[side] for pair in pairs]) for side in (0, 1))
    if len(pairs) < 2:
        return Verdict(answer="UNDECIDED", reason="too_few_models", figures=None)
    if not (first.any() and second.any()):
        return Verdict(answer="UNDECIDED", reason="no_spread", figures=None)
    count = len(pairs)
    correlation = float(first @ second / math.sqrt((first @ first) * (second @ second)))
    p_value = _permutation_p_value(first, second)
    decided = p_value <= SIGNIFICANCE
    figures = RankFigures(
        model_count=count,
        rank_correlation=correlation,
        p_value=p_value,
        models_needed=None if decided else models_needed(count, correlation),
    )
    if decided and correlation > 0:
        return Verdict(answer="SUPPORTED", reason="same_order", figures=figures)
    if decided:
        return Verdict(answer="REJECTED", reason="opposite_order", figures=figures)
    too_few = count < min_model_count()
    return Verdict(answer="UNDECIDED", reason="too_few_models" if too_few else "order_unclear", figures=figures)


def min_model_count() -> int:
    """The fewest models whose perfect order is significant: two of n! orders are perfect."""
    return next(count for count in itertools.count(2) if 2 / math.factorial(count) <= SIGNIFICANCE)


def models_needed(count: int, correlation: float) -> int | None:
    """Models in all at which this correlation would be significant, by Fisher's transformation; None for none."""
    if correlation == 0:
        return None
    least = max(count + 1, min_model_count())
    if abs(correlation) > 1 - 1e-9:
        return least
    quantile = float(ndtri(1 - SIGNIFICANCE / 2))
    return max(least, math.ceil(3 + (quantile / math.atanh(correlation)) ** 2))


def _fit(points: Sequence[Point], degree: int) -> Fit | None:
    return polynomial(
        [each.size for each in points],
        [each.latency_s for each in points],
        [each.sigma_s for each in points],
        degree,
    )


def _centred_ranks(values: Sequence[float]) -> Array:
    ranks = midranks(np.asarray(values, dtype=np.float64))
    return ranks - (len(values) + 1) / 2


def _permutation_p_value(first: Array, second: Array) -> float:
    """Share of the orders of `second` that correlate at least as strongly; exact up to EXACT_MODEL_COUNT models."""
    observed = abs(first @ second) - 1e-9
    if len(first) <= EXACT_MODEL_COUNT:
        orders = np.array(list(itertools.permutations(second)))
        return float(np.mean(np.abs(orders @ first) >= observed))
    rng = np.random.default_rng(0)
    orders = rng.permuted(np.tile(second, (SAMPLED_ORDER_COUNT, 1)), axis=1)
    hit_count = int(np.count_nonzero(np.abs(orders @ first) >= observed))
    return (hit_count + 1) / (SAMPLED_ORDER_COUNT + 1)

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

from suite.records import Interval, record
from suite.stats.correlation import Array, midranks
from suite.stats.curves import Absence, Curve, Fits, Name
from suite.stats.rounds import MIN_AGREEING_SHARE

Answer = Literal["SUPPORTED", "REJECTED", "UNDECIDED"]
Reason = Literal[
    "within_margin",  # linear: curvature is at most MARGIN of the latency at the largest size
    "beyond_margin",  # linear: curvature is more than that, and held-out sizes say so too
    "off_the_line",  # linear: a size lies more than MARGIN off the straight line
    "dominates",  # quadratic: the term makes up more than half
    "minor",  # quadratic: it makes up less than half
    "same_order",  # tracks: a significant positive rank correlation
    "opposite_order",  # tracks: a significant negative one
    "order_unclear",  # tracks: neither
    "interval_too_wide",  # the interval lies on both sides of the limit
    "one_size_decides",  # without that size the answer would not be this one
    "blocks_disagree",  # so many blocks of one size were disturbed that the rest may not be the quiet ones
    "too_few_sizes",  # fewer than three
    "too_few_rounds",  # fewer than three in which sizes took turns
    "too_few_models",  # even a perfect order of so few models comes about too easily by chance
    "no_spread",  # all models are equal in one of the two quantities
]

MARGIN = 0.05
DOMINANT_SHARE = 0.5
SIGNIFICANCE = 0.05
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
class Choice:
    """The curve that stands for a sweep, its b, and the relative error of each at held-out sizes, root mean square."""

    curve: Name
    slope_s: float
    slope_interval_s: Interval
    errors: tuple[tuple[Name, float], ...]


@record
class SweepFigures:
    """What the fits to one sweep say, whatever the question. Latency in s.

    exponent: k of a + b n^k. share: interval of c N^2 / (a + b N + c N^2) at the largest size N. miss: at
    missed_size, of all sizes the farthest off the straight line, how far it lies off, relative to the line. choice:
    None below four sizes. disturbed_size: one whose blocks disagree.
    """

    size_count: int
    round_count: int
    largest_size: float
    exponent: float
    exponent_interval: Interval
    share: Interval
    missed_size: float
    miss: Interval
    choice: Choice | None
    disturbed_size: float | None


@record
class LinearFigures:
    """latency = intercept_s + slope_s * size. proportional: the intercept's interval holds 0."""

    sweep: SweepFigures
    intercept_s: float
    intercept_interval_s: Interval
    slope_s: float
    slope_interval_s: Interval
    r_squared: float
    proportional: bool
    margin: float


@record
class QuadraticFigures:
    """latency = constant_s + linear_s * n + quadratic_s * n^2.

    crossover_size: where the quadratic term would equal the linear one; None unless both are clearly positive.
    """

    sweep: SweepFigures
    constant_s: float
    linear_s: float
    quadratic_s: float
    quadratic_interval_s: Interval
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


def linear(fits: Fits | Absence) -> Verdict[LinearFigures]:
    """Is latency an affine function of size? An equivalence test: the curvature must be shown to be small.

    Rejected only where a curve also predicts held-out sizes better, or where a size lies off the line by more than the
    margin; and where that stays so whichever size is left out. So three sizes are too few to reject it.
    """
    if not isinstance(fits, Fits):
        return Verdict(answer="UNDECIDED", reason=fits, figures=None)
    line, sweep = fits.curves["affine"], sweep_figures(fits)
    intercept = line.interval(0)
    figures = LinearFigures(
        sweep=sweep,
        intercept_s=float(line.coefficients[0]),
        intercept_interval_s=intercept,
        slope_s=float(line.coefficients[1]),
        slope_interval_s=line.interval(1),
        r_squared=_r_squared(fits, line),
        proportional=intercept.low <= 0 <= intercept.high,
        margin=MARGIN,
    )
    if sweep.disturbed_size is not None:
        return Verdict(answer="UNDECIDED", reason="blocks_disagree", figures=figures)
    misses = line.misses(fits.profile)
    if _within(sweep.share) and all(map(_within, misses)):
        return Verdict(answer="SUPPORTED", reason="within_margin", figures=figures)
    curved = _beyond(sweep.share) and (sweep.choice is None or sweep.choice.curve != "affine")
    if not (curved or any(map(_beyond, misses))):
        return Verdict(answer="UNDECIDED", reason="interval_too_wide", figures=figures)
    if not _bent_without_any(fits):
        return Verdict(answer="UNDECIDED", reason="one_size_decides", figures=figures)
    return Verdict(answer="REJECTED", reason="beyond_margin" if curved else "off_the_line", figures=figures)


def quadratic(fits: Fits | Absence) -> Verdict[QuadraticFigures]:
    """Does the quadratic term make up more than half of the latency at the largest size? Also without any one size."""
    if not isinstance(fits, Fits):
        return Verdict(answer="UNDECIDED", reason=fits, figures=None)
    curve, sweep = fits.curves["quadratic"], sweep_figures(fits)
    constant_s, linear_s, quadratic_s = curve.coefficients.tolist()
    figures = QuadraticFigures(
        sweep=sweep,
        constant_s=constant_s,
        linear_s=linear_s,
        quadratic_s=quadratic_s,
        quadratic_interval_s=curve.interval(2),
        crossover_size=linear_s / quadratic_s if min(curve.interval(1).low, curve.interval(2).low) > 0 else None,
    )
    if sweep.disturbed_size is not None:
        return Verdict(answer="UNDECIDED", reason="blocks_disagree", figures=figures)
    without = curve.shares_without(sweep.largest_size)
    dominates, minor = sweep.share.low > DOMINANT_SHARE, sweep.share.high < DOMINANT_SHARE
    if dominates and all(share.low > DOMINANT_SHARE for share in without):
        return Verdict(answer="SUPPORTED", reason="dominates", figures=figures)
    if minor and all(share.high < DOMINANT_SHARE for share in without):
        return Verdict(answer="REJECTED", reason="minor", figures=figures)
    reason: Reason = "one_size_decides" if dominates or minor else "interval_too_wide"
    return Verdict(answer="UNDECIDED", reason=reason, figures=figures)


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


def sweep_figures(fits: Fits) -> SweepFigures:
    profile, power = fits.profile, fits.curves["power"]
    misses = fits.curves["affine"].misses(profile)
    worst = max(range(len(misses)), key=lambda index: abs(misses[index].low + misses[index].high))
    disagreeing = profile.sizes[profile.agreeing_share <= MIN_AGREEING_SHARE]
    largest = float(profile.sizes.max())
    return SweepFigures(
        size_count=len(profile.sizes),
        round_count=profile.round_count,
        largest_size=largest,
        exponent=float(power.coefficients[2]),
        exponent_interval=power.interval(2),
        share=fits.curves["quadratic"].share(largest),
        missed_size=float(profile.sizes[worst]),
        miss=misses[worst],
        choice=_choice(fits),
        disturbed_size=float(disagreeing[0]) if len(disagreeing) else None,
    )


def _bent_without_any(fits: Fits) -> bool:
    """Whether sizes lie off a straight line whichever is left out: one alone that was slow throughout can't do that."""
    shares = fits.curves["quadratic"].shares_without(float(fits.profile.sizes.max()))
    misses = fits.curves["affine"].misses_without(fits.profile)
    bent = [_beyond(share) or any(map(_beyond, others)) for share, others in zip(shares, misses, strict=False)]
    return len(bent) == len(fits.profile.sizes) and all(bent)


def _choice(fits: Fits) -> Choice | None:
    chosen = fits.chosen
    if chosen is None:
        return None
    errors = ((curve.name, curve.held_out_error) for curve in fits.curves.values())
    return Choice(
        curve=chosen.name,
        slope_s=float(chosen.coefficients[1]),
        slope_interval_s=chosen.interval(1),
        errors=tuple((name, error) for name, error in errors if error is not None),
    )


def _within(share: Interval) -> bool:
    return max(abs(share.low), abs(share.high)) <= MARGIN


def _beyond(share: Interval) -> bool:
    return share.low > MARGIN or share.high < -MARGIN


def _r_squared(fits: Fits, line: Curve) -> float:
    """Share of the levels' variance, in s, that the line explains."""
    levels_s = np.exp(fits.profile.log_latency)
    off_s = levels_s - [line.predict(size) for size in fits.profile.sizes]
    total = float(np.sum((levels_s - levels_s.mean()) ** 2))
    return 1 - float(off_s @ off_s) / total if total > 0 else 1.0


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

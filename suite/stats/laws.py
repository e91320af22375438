"""A hypothesis about a sweep, put to its fits: claims that must hold, the verdict, and which sizes would decide it.

A claim is a figure that must lie in a range. SUPPORTED: the interval of each lies inside. REJECTED: that of one lies
outside, also whichever size is left out. The lab's two are answered by `hypotheses`, and make their claims here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from suite.records import Interval, record
from suite.records.hypothesis import MAX_EXPONENT, MIN_EXPONENT, Shape
from suite.stats import hypotheses
from suite.stats.correlation import Array
from suite.stats.curves import Absence, Curve, Fits, between
from suite.stats.hypotheses import DOMINANT_SHARE, MARGIN, Answer, Reason, SweepFigures, Verdict

MIN_POWER_SIZE_COUNT = 4  # one more than a + b n^k has coefficients


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Claim:
    """replicates: of a figure that must lie from low to high. size: where it is a deviation at one size."""

    replicates: Array
    low: float
    high: float
    confidence: float
    size: float | None = None

    @property
    def interval(self) -> Interval:
        return between(self.replicates, self.confidence)

    @property
    def holds(self) -> bool:
        interval = self.interval
        return self.low <= interval.low and interval.high <= self.high

    @property
    def fails(self) -> bool:
        interval = self.interval
        return interval.high < self.low or interval.low > self.high


@record
class ShapeFigures:
    """What a verdict about a shape rests on.

    farthest: how far the size farthest off the shape, farthest_size,
    lies off it, relative to it; off the mean for `constant`, off the mean per unit for `proportional`.
    """

    sweep: SweepFigures
    farthest_size: float
    farthest: Interval


def answer(shape: Shape, exponent: tuple[float, float] | None, fits: Fits | Absence) -> Verdict[ShapeFigures]:
    """exponent: the range asked for, of `power`."""
    if not isinstance(fits, Fits):
        return Verdict(answer="UNDECIDED", reason=fits, figures=None)
    figures = _figures(shape, fits)
    if shape == "linear":
        found = hypotheses.linear(fits)
        return Verdict(answer=found.answer, reason=found.reason, figures=figures)
    if shape == "quadratic":
        told = hypotheses.quadratic(fits)
        return Verdict(answer=told.answer, reason=told.reason, figures=figures)
    if figures.sweep.disturbed_size is not None:
        return Verdict(answer="UNDECIDED", reason="blocks_disagree", figures=figures)
    if shape == "power" and len(fits.profile.sizes) < MIN_POWER_SIZE_COUNT:
        return Verdict(answer="UNDECIDED", reason="too_few_sizes", figures=figures)
    verdict, reason = _decided(claims(shape, exponent, fits), _without_each(shape, exponent, fits))
    return Verdict(answer=verdict, reason=reason, figures=figures)


def claims(shape: Shape, exponent: tuple[float, float] | None, fits: Fits) -> list[Claim]:
    """The first ones are those by which `quadratic` and `linear` are told too."""
    profile, confidence = fits.profile, fits.profile.confidence
    if shape in ("linear", "quadratic"):
        replicates = fits.curves["quadratic"].share_replicates(float(profile.sizes.max()))
        low, high = (DOMINANT_SHARE, math.inf) if shape == "quadratic" else (-MARGIN, MARGIN)
        share = Claim(replicates=replicates, low=low, high=high, confidence=confidence)
        misses = fits.curves["affine"].miss_replicates(profile) if shape == "linear" else None
        return [share, *(() if misses is None else _deviations(misses, profile.sizes, confidence))]
    if shape == "power":
        curve = fits.curves["power"]
        found = _deviations(curve.miss_replicates(profile), profile.sizes, confidence)
        return [*_exponent(curve.replicates, exponent, confidence), *found]
    return _deviations(_off_mean(shape, profile.replicates, profile.sizes), profile.sizes, confidence)


def _decided(found: Sequence[Claim], without_each: Sequence[bool]) -> tuple[Answer, Reason]:
    """without_each: whether some claim still fails with that size left out."""
    if all(claim.holds for claim in found):
        return "SUPPORTED", "within_margin"
    if not any(claim.fails for claim in found):
        return "UNDECIDED", "interval_too_wide"
    return ("REJECTED", "beyond_margin") if without_each and all(without_each) else ("UNDECIDED", "one_size_decides")


def _without_each(shape: Shape, exponent: tuple[float, float] | None, fits: Fits) -> list[bool]:
    profile, confidence = fits.profile, fits.profile.confidence
    if shape == "power":
        curve = fits.curves["power"]
        ranges = [_exponent(replicates, exponent, confidence) for replicates in curve.without]
        misses = curve.misses_without(profile)
        return [
            any(claim.fails for claim in asked) or any(_beyond(miss) for miss in others)
            for asked, others in zip(ranges, misses, strict=True)
        ]
    found = []
    for left_out in range(len(profile.sizes)):
        sizes = np.delete(profile.sizes, left_out)
        off = _off_mean(shape, np.delete(profile.replicates, left_out, axis=1), sizes)
        found.append(any(claim.fails for claim in _deviations(off, sizes, confidence)))
    return found


def _exponent(replicates: Array, asked: tuple[float, float] | None, confidence: float) -> list[Claim]:
    """None where every exponent will do. One at the end of the search's range may lie beyond it."""
    if asked is None:
        return []
    values = replicates[:, 2]
    values = np.where(values >= MAX_EXPONENT, MAX_EXPONENT + 1, np.where(values <= MIN_EXPONENT, 0.0, values))
    return [Claim(replicates=values, low=asked[0], high=asked[1], confidence=confidence)]


def _off_mean(shape: Shape, log_levels: Array, sizes: Array) -> Array:
    """How far each size lies off the mean of all, or of all per unit of size, relative to it."""
    levels = log_levels - np.log(sizes) if shape == "proportional" else log_levels
    return np.asarray(np.exp(levels - levels.mean(axis=1, keepdims=True)) - 1)


def _deviations(off: Array, sizes: Array, confidence: float) -> list[Claim]:
    return [
        Claim(replicates=column, low=-MARGIN, high=MARGIN, confidence=confidence, size=float(size))
        for column, size in zip(off.T, sizes, strict=True)
    ]


def _beyond(miss: Interval) -> bool:
    return miss.low > MARGIN or miss.high < -MARGIN


def _figures(shape: Shape, fits: Fits) -> ShapeFigures:
    profile, power = fits.profile, fits.curves["power"]
    curve: Curve | None = {"linear": fits.curves["affine"], "power": power, "quadratic": fits.curves["quadratic"]}.get(
        shape
    )
    off = _off_mean(shape, profile.replicates, profile.sizes) if curve is None else curve.miss_replicates(profile)
    misses = [between(column, profile.confidence) for column in off.T]
    farthest = max(range(len(misses)), key=lambda index: abs(misses[index].low + misses[index].high))
    return ShapeFigures(
        sweep=hypotheses.sweep_figures(fits),
        farthest_size=float(profile.sizes[farthest]),
        farthest=misses[farthest],
    )


def weights(found: Sequence[Claim], fits: Fits) -> Mapping[float, float]:
    """Of each size, by how much its level's error widens the claims that are open: shares of 1.

    From the replicates: a claim's slope on each level, squared, times that level's variance, over the claim's own.
    """
    levels = fits.profile.replicates
    levels = levels - levels.mean(axis=1, keepdims=True)  # what all share decides nothing
    levels = levels - levels.mean(axis=0)
    total = np.zeros(levels.shape[1])
    for claim in found:
        spread = claim.replicates - claim.replicates.mean()
        if claim.holds or claim.fails or not spread.any():
            continue
        slopes = np.linalg.lstsq(levels, spread, rcond=1e-9)[0]
        total += slopes**2 * levels.var(axis=0) / spread.var()
    whole = float(total.sum())
    shares = total / whole if whole > 0 else np.full(len(total), 1 / len(total))
    return dict(zip(fits.profile.sizes.tolist(), shares.tolist(), strict=True))

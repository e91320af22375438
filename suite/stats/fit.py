"""Weighted polynomial fits with an intercept, and how far their coefficients can be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri, stdtrit

from suite.records import Interval, record, require_positive
from suite.stats.correlation import Array


@record
class Fit:
    """y = coefficients[0] + coefficients[1] x + ...

    covariance: from the stated errors of y alone. multiplier: half-widths per standard error, at `confidence`; it holds
    both the stated errors and the scatter around the curve, see `polynomial`. r_squared: weighted like the fit.
    """

    coefficients: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    intervals: tuple[Interval, ...]
    multiplier: float
    confidence: float
    degrees_of_freedom: int
    chi_square: float
    r_squared: float

    def predict(self, x: float) -> float:
        return sum(coefficient * x**power for power, coefficient in enumerate(self.coefficients))

    def halfwidth(self, weights: Sequence[float]) -> float:
        """Half-width of the interval of sum(weights[i] * coefficients[i])."""
        vector = np.asarray(weights, dtype=np.float64)
        variance = float(vector @ np.asarray(self.covariance) @ vector)
        return self.multiplier * math.sqrt(max(0.0, variance))

    def predict_interval(self, x: float) -> Interval:
        """Interval of the curve at x (not of one more observation)."""
        return around(self.predict(x), self.halfwidth([x**power for power in range(len(self.coefficients))]), self)

    def share(self, power: int, x: float) -> Interval:
        """Interval of the part of the curve's value at x that the term x**power makes up, by the delta method."""
        value = self.predict(x)
        share = self.coefficients[power] * x**power / value
        gradient = [-share * x**other / value for other in range(len(self.coefficients))]
        gradient[power] += x**power / value
        return around(share, self.halfwidth(gradient), self)


def around(centre: float, halfwidth: float, fit: Fit) -> Interval:
    return Interval(low=centre - halfwidth, high=centre + halfwidth, confidence=fit.confidence)


def polynomial(
    x: Sequence[float], y: Sequence[float], sigma: Sequence[float], degree: int, confidence: float = 0.95
) -> Fit | None:
    """Least squares weighted by 1 / sigma**2; None unless x has more than `degree` distinct values.

    sigma: standard errors of y, positive. The half-widths are the larger of two: normal quantile times the stated
    errors, and Student's quantile times the errors scaled by the scatter of the residuals, sqrt(chi-square / dof). The
    first holds if sigma is right, the second also where points scatter more than sigma says. Without a degree of
    freedom only the first can be had. Source: docs/statistics.md, section Fits.
    """
    require_positive("sigma", *sigma)
    sizes, values, weights = np.asarray(x, float), np.asarray(y, float), 1 / np.asarray(sigma, float)
    term_count = degree + 1
    if len(np.unique(sizes)) < term_count:
        return None
    scale = np.abs(sizes).max() ** np.arange(term_count)  # columns of like size keep the solution accurate
    design = np.vander(sizes, term_count, increasing=True) / scale
    orthogonal, triangle = np.linalg.qr(design * weights[:, None])
    inverse = np.linalg.inv(triangle)
    coefficients = inverse @ (orthogonal.T @ (values * weights)) / scale
    covariance = inverse @ inverse.T / np.outer(scale, scale)
    chi_square = float(np.sum(((values - design @ (coefficients * scale)) * weights) ** 2))
    freedom = len(values) - term_count
    multiplier = _multiplier(chi_square, freedom, confidence)
    halfwidths = multiplier * np.sqrt(np.diag(covariance))
    return Fit(
        coefficients=tuple(coefficients.tolist()),
        covariance=tuple(map(tuple, covariance.tolist())),
        intervals=tuple(
            Interval(low=float(centre - halfwidth), high=float(centre + halfwidth), confidence=confidence)
            for centre, halfwidth in zip(coefficients, halfwidths, strict=True)
        ),
        multiplier=multiplier,
        confidence=confidence,
        degrees_of_freedom=freedom,
        chi_square=chi_square,
        r_squared=_r_squared(values, weights, chi_square),
    )


def _multiplier(chi_square: float, freedom: int, confidence: float) -> float:
    tail = (1 + confidence) / 2
    stated = float(ndtri(tail))
    if freedom == 0:
        return stated
    return max(stated, float(stdtrit(freedom, tail)) * math.sqrt(chi_square / freedom))


def _r_squared(values: Array, weights: Array, chi_square: float) -> float:
    mean = np.average(values, weights=weights**2)
    total = float(np.sum(((values - mean) * weights) ** 2))
    return 1 - chi_square / total if total > 0 else 1.0

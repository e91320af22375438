"""Curves of latency against size, fitted to the levels of a profile, and the choice between them by held-out sizes.

Least squares on the logarithm: an error of 1 % weighs the same at every size. Source: docs/statistics.md, section
Curves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from suite.records import Interval
from suite.records.hypothesis import MAX_EXPONENT, MIN_EXPONENT
from suite.stats.correlation import Array
from suite.stats.rounds import Profile, Series, grid, profile

Name = Literal["affine", "quadratic", "power"]
Absence = Literal["too_few_sizes", "too_few_rounds"]
NAMES: tuple[Name, ...] = ("affine", "quadratic", "power")
MIN_SIZE_COUNT = 3  # a line fits any two
TERM_COUNT: Mapping[Name, int] = {"affine": 2, "quadratic": 3, "power": 3}
EXPONENTS = np.linspace(MIN_EXPONENT, MAX_EXPONENT, 39)  # where the search for k begins
STEPS = 12
REPLICATE_STEPS = 3  # from the fit to the profile itself
FLOOR = 0.05  # a value of the curve below this share of the level is taken for it: a logarithm needs it positive
KEPT_SHARE = 0.2  # a step takes no value of the curve below this share of itself
CHOICE_QUANTILE = 0.05  # in so many replicates a straight line may predict as well as the curve that replaces it
SMALL = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """a + b n, a + b n + c n^2 or a + b n^k: coefficients (a, b), (a, b, c) or (a, b, k), latency in s.

    replicates[r]: the coefficients of each replicate of the profile; without[size, r]: those with that size left out,
    empty where too few are left. held_out_errors[0] is the root mean square of
    the relative errors at sizes that were left out one at a time, the others are those of the replicates; None where
    there are none.
    """

    name: Name
    coefficients: Array
    replicates: Array
    without: Array
    held_out_errors: Array | None
    confidence: float

    @property
    def held_out_error(self) -> float | None:
        return None if self.held_out_errors is None else float(self.held_out_errors[0])

    def predict(self, size: float) -> float:
        return float(_values(self.name, self.coefficients[None], np.array([size]))[0, 0])

    def interval(self, index: int) -> Interval:
        """Of a coefficient."""
        return between(self.replicates[:, index], self.confidence)

    def share(self, size: float) -> Interval:
        """Of the last term, c n^2 or b n^k, in the curve's value at a size."""
        return between(self.share_replicates(size), self.confidence)

    def share_replicates(self, size: float) -> Array:
        return self._shares(self.replicates, size)

    def shares_without(self, size: float) -> list[Interval]:
        """The same with each size left out."""
        return [between(self._shares(replicates, size), self.confidence) for replicates in self.without]

    def misses(self, profile: Profile) -> list[Interval]:
        """By how much each size lies off the curve, relative to it."""
        return self._between(self.miss_replicates(profile))

    def miss_replicates(self, profile: Profile) -> Array:
        """[replicate, size]"""
        return self._misses(self.replicates, profile)

    def misses_without(self, profile: Profile) -> list[list[Interval]]:
        """By how much the other sizes lie off the curve that is fitted without one, for each."""
        found = [self._between(self._misses(replicates, profile)) for replicates in self.without]
        return [misses[:left_out] + misses[left_out + 1 :] for left_out, misses in enumerate(found)]

    def _shares(self, replicates: Array, size: float) -> Array:
        whole = _values(self.name, replicates, np.array([size]))[:, 0]
        rest = _values(self.name, _without_last(self.name, replicates), np.array([size]))[:, 0]
        return np.asarray(1 - rest / whole)

    def _misses(self, replicates: Array, profile: Profile) -> Array:
        return np.asarray(np.exp(profile.replicates) / _values(self.name, replicates, profile.sizes) - 1)

    def _between(self, replicates: Array) -> list[Interval]:
        return [between(column, self.confidence) for column in replicates.T]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fits:
    profile: Profile
    curves: Mapping[Name, Curve]

    @property
    def chosen(self) -> Curve | None:
        """The straight line, unless another curve clearly predicts held-out sizes better; then the best of those.

        None where no two can be compared: a curve of three coefficients needs four sizes.
        """
        line, *rivals = (self.curves[name] for name in NAMES)
        if any(curve.held_out_errors is None for curve in (line, *rivals)):
            return None
        better = [curve for curve in rivals if _clearly_better(curve, line)]
        return min(better, key=lambda curve: curve.held_out_error or 0.0, default=line)


def _without_last(name: Name, replicates: Array) -> Array:
    """The coefficients with those of the last term at zero: b of the power, whose k stays."""
    rest = replicates.copy()
    rest[:, 1 if name == "power" else -1] = 0.0
    return rest


def between(replicates: Array, confidence: float) -> Interval:
    low, high = np.quantile(replicates, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(low=float(low), high=float(high), confidence=confidence)


def fit(name: Name, profile: Profile) -> Curve | None:
    """None where the profile has fewer sizes than the curve has coefficients.

    Every row of the profile (itself, then its replicates) is fitted once with all sizes and once without each.
    """
    size_count, term_count = len(profile.sizes), TERM_COUNT[name]
    if size_count < term_count:
        return None
    rows = np.vstack([profile.log_latency, profile.replicates])
    held = np.vstack([np.ones(size_count), 1 - np.eye(size_count)])[: None if size_count > term_count else 1]
    largest = float(profile.sizes.max())
    x, centres = profile.sizes / largest, rows.mean(axis=1, keepdims=True)
    levels = rows - centres
    found = _start(name, x, levels[:1], held)
    for _ in range(STEPS):
        found = _improved(name, x, levels[:1], held, found)
    drawn = np.repeat(found, len(rows) - 1, axis=1)
    for _ in range(REPLICATE_STEPS):
        drawn = _improved(name, x, levels[1:], held, drawn)
    found = np.concatenate([found, drawn], axis=1)  # [left out, row, coefficient]
    errors = _held_out(name, x, levels, found[1:]) if len(held) > 1 else None
    coefficients = _unscaled(name, found, np.exp(centres), largest)
    return Curve(
        name=name,
        coefficients=coefficients[0, 0],
        replicates=coefficients[0, 1:],
        without=coefficients[1:, 1:],
        held_out_errors=errors,
        confidence=profile.confidence,
    )


def fits(series: Sequence[Series], confidence: float = 0.95) -> Fits | Absence:
    """Every curve that the sizes allow, or why there is none."""
    found = profile(grid(series), confidence)
    if len({member.size for member in series if any(member.kept())}) < MIN_SIZE_COUNT:
        return "too_few_sizes"
    return "too_few_rounds" if found is None else through(found)


def through(found: Profile) -> Fits | Absence:
    """Every curve through the levels of a profile, wherever it comes from."""
    curves = {name: curve for name in NAMES if (curve := fit(name, found)) is not None}
    return Fits(profile=found, curves=curves) if len(found.sizes) >= MIN_SIZE_COUNT else "too_few_sizes"


def _clearly_better(curve: Curve, line: Curve) -> bool:
    errors, others = curve.held_out_errors, line.held_out_errors
    if errors is None or others is None or errors[0] >= others[0]:
        return False
    return float(np.quantile(others[1:] ** 2 - errors[1:] ** 2, CHOICE_QUANTILE)) > 0


def _held_out(name: Name, x: Array, levels: Array, found: Array) -> Array:
    """Root mean square, of every row, of the relative errors at the sizes that were left out."""
    errors = []
    for index, coefficients in enumerate(found):
        predicted = _values(name, coefficients, x[index : index + 1])[:, 0] / np.exp(levels[:, index])
        errors.append(predicted - 1)
    return np.asarray(np.sqrt(np.mean(np.square(errors), axis=0)))


def _values(name: Name, coefficients: Array, x: Array) -> Array:
    """Of every row of coefficients at every x."""
    first, second, last = coefficients[..., :1], coefficients[..., 1:2], coefficients[..., -1:]
    if name == "power":
        return np.asarray(first + second * x**last)
    return np.asarray(first + second * x + (last * x**2 if name == "quadratic" else 0.0))


def _gradient(name: Name, coefficients: Array, x: Array) -> Array:
    """Of the values with respect to the coefficients, on a new last axis."""
    if name != "power":
        columns = np.vander(x, TERM_COUNT[name], increasing=True)
        return np.broadcast_to(columns, (*coefficients.shape[:-1], *columns.shape))
    powers = x ** coefficients[..., -1:]
    return np.stack([np.ones_like(powers), powers, coefficients[..., 1:2] * powers * np.log(x)], axis=-1)


def _start(name: Name, x: Array, levels: Array, held: Array) -> Array:
    """Coefficients by linear least squares on relative errors; for a power the best of many exponents."""
    if name != "power":
        return _linear(np.vander(x, TERM_COUNT[name], increasing=True)[None], levels, held)
    designs = np.stack([np.ones((len(EXPONENTS), len(x))), x ** EXPONENTS[:, None]], axis=-1)
    solved = _linear(designs, np.repeat(levels, len(EXPONENTS), axis=0), held)
    tried = np.concatenate([solved, np.broadcast_to(EXPONENTS[:, None], (*solved.shape[:2], 1))], axis=-1)
    misses = held[:, None] * (_values(name, tried, x) / np.exp(levels) - 1)
    best = np.sum(misses**2, axis=-1).argmin(axis=1)
    return np.asarray(tried[np.arange(len(held)), best][:, None])


def _linear(designs: Array, levels: Array, held: Array) -> Array:
    """[left out, row, coefficient] that minimise the held squares of design @ coefficients / exp(levels) - 1."""
    columns = designs / np.exp(levels)[:, :, None]
    return _solved(columns, np.ones_like(columns[..., :1]), held)


def _solved(columns: Array, target: Array, held: Array) -> Array:
    """Least squares for every row, over the sizes that are held."""
    transposed = np.swapaxes(columns, -1, -2) * held[:, None, None]
    matrix = transposed @ columns
    places = range(matrix.shape[-1])
    matrix[..., places, places] *= 1 + SMALL
    return np.asarray(np.linalg.solve(matrix, transposed @ target)[..., 0])


def _improved(name: Name, x: Array, levels: Array, held: Array, found: Array) -> Array:
    """A Gauss-Newton step on log values for every row, none so long that a value would come near zero."""
    values = np.maximum(_values(name, found, x), FLOOR * np.exp(levels))
    columns = _gradient(name, found, x) / values[..., None]
    step = _solved(columns, (levels - np.log(values))[..., None], held)
    falls = (columns @ step[..., None])[..., 0] * held[:, None]
    if falls.min() < KEPT_SHARE - 1:
        step *= np.minimum(1.0, (KEPT_SHARE - 1) / np.minimum(falls.min(axis=-1, keepdims=True), -SMALL))
    found = found + step
    if name == "power":
        found[..., -1] = found[..., -1].clip(MIN_EXPONENT, MAX_EXPONENT)
    return found


def _unscaled(name: Name, found: Array, scales: Array, largest: float) -> Array:
    """Coefficients in s per power of the size, from those of latency / scale against size / largest."""
    if name != "power":
        return np.asarray(found * scales / largest ** np.arange(TERM_COUNT[name]))
    first, second, exponent = found[..., :1], found[..., 1:2], found[..., 2:]
    return np.concatenate([first * scales, second * scales / largest**exponent, exponent], axis=-1)

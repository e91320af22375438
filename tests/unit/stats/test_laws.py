"""Shapes of known laws, decided by claims; what an open question takes; figures that are told once for each size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from suite.stats import levels
from suite.stats.curves import Fits, fits
from suite.stats.laws import Claim, answer, claims, weights
from suite.stats.levels import Level
from suite.stats.takes import Takes, narrowing, round_s, takes
from tests.unit.stats.sweeps import Rounds

SIZES = (1, 2, 4, 6, 8)
LAWS: dict[str, Callable[[float], float]] = {
    "line": lambda n: 0.065 + 0.063 * n,
    "through zero": lambda n: 0.063 * n,
    "flat": lambda n: 0.05 + 0 * n,
    "square": lambda n: 0.01 + 0.02 * n**2,
    "power": lambda n: 0.065 + 0.063 * n**1.5,
}


def fitted(law: str, sizes: Sequence[float] = SIZES, **changes: Any) -> Fits:
    found = fits(Rounds(**changes).sweep(LAWS[law], sizes))
    assert isinstance(found, Fits)
    return found


@pytest.mark.parametrize(
    ("law", "shape", "exponent", "told"),
    [
        ("line", "linear", None, ("SUPPORTED", "within_margin")),
        ("line", "proportional", None, ("REJECTED", "beyond_margin")),
        ("line", "constant", None, ("REJECTED", "beyond_margin")),
        ("line", "quadratic", None, ("REJECTED", "minor")),
        ("line", "power", (0.9, 1.1), ("SUPPORTED", "within_margin")),
        ("line", "power", (1.3, 1.7), ("REJECTED", "beyond_margin")),
        ("through zero", "proportional", None, ("SUPPORTED", "within_margin")),
        ("flat", "constant", None, ("SUPPORTED", "within_margin")),
        ("flat", "proportional", None, ("REJECTED", "beyond_margin")),
        ("square", "quadratic", None, ("SUPPORTED", "dominates")),
        ("square", "linear", None, ("REJECTED", "beyond_margin")),
        ("power", "power", (1.4, 1.6), ("SUPPORTED", "within_margin")),
        ("power", "power", None, ("SUPPORTED", "within_margin")),
    ],
)
def test_a_shape_is_decided_as_the_law_is(law: str, shape: Any, exponent: Any, told: tuple[str, str]) -> None:
    verdict = answer(shape, exponent, fitted(law, drift=0.05))
    assert (verdict.answer, verdict.reason) == told


def test_errors_too_large_leave_every_shape_open() -> None:
    found = fitted("line", noise=0.3, round_count=4)
    for shape in ("linear", "proportional", "power"):
        assert answer(shape, None, found).reason in ("interval_too_wide", "one_size_decides")  # type: ignore[arg-type]


def test_an_exponent_takes_a_size_more_than_its_curve_has_coefficients() -> None:
    verdict = answer("power", (0.5, 1.5), fitted("line", (1, 2, 4)))
    assert (verdict.answer, verdict.reason) == ("UNDECIDED", "too_few_sizes")


def test_a_size_that_was_slow_throughout_rejects_nothing() -> None:
    found = fitted("flat", slowed={(4, index): 1.5 for index in range(10)})
    assert answer("constant", None, found).answer != "SUPPORTED"
    three = fitted("flat", (1, 2, 4), slowed={(4, index): 1.5 for index in range(10)})
    verdict = answer("constant", None, three)
    assert (verdict.answer, verdict.reason) == ("UNDECIDED", "one_size_decides")


def claim(low: float, high: float, limits: tuple[float, float] = (-0.05, 0.05)) -> Claim:
    """Its 95 % interval is low..high."""
    return Claim(replicates=np.linspace(low, high, 1001), low=limits[0], high=limits[1], confidence=1.0)


def test_intervals_must_shrink_until_each_lies_inside_or_one_outside() -> None:
    assert narrowing([claim(-0.04, 0.04)]) == 1.0
    assert narrowing([claim(-0.10, 0.10)]) == pytest.approx(2.0)  # about 0: to a half
    assert narrowing([claim(-0.10, 0.10), claim(-0.02, 0.06)]) == pytest.approx(2.0)
    assert narrowing([claim(0.0, 0.15)]) == pytest.approx(3.0)  # its middle lies 2.5 % beyond
    assert narrowing([claim(0.0, 0.10)]) == math.inf  # its middle is the limit
    assert narrowing([claim(0.0, 0.10)], luck=0.5) == pytest.approx(2.0)
    assert narrowing([claim(0.3, 0.6, (0.5, math.inf))]) == pytest.approx(3.0)


def test_what_it_takes_follows_the_law_of_the_square_root() -> None:
    found = fitted("line", noise=0.02, round_count=8)
    verdict = answer("linear", None, found)
    assert verdict.answer == "UNDECIDED"
    needed = takes("linear", None, found, verdict)
    assert needed is not None
    factor = narrowing(claims("linear", None, found))
    assert needed.round_count == pytest.approx(max(1.0, 8 * (factor**2 - 1)))
    assert needed.at_best is not None
    assert needed.at_best <= needed.round_count


def test_time_is_no_remedy_for_a_size_or_for_what_is_decided() -> None:
    three = fitted("square", (1, 2, 4))
    verdict = answer("linear", None, three)
    assert takes("linear", None, three, verdict) == Takes(remedy="another_size")
    five = fitted("line")
    assert takes("linear", None, five, answer("linear", None, five)) is None
    few = fits(Rounds(round_count=2).sweep(LAWS["line"], SIZES))
    assert takes("linear", None, few, answer("linear", None, few)) == Takes(
        remedy="rounds", round_count=3.0, at_best=3.0
    )


def test_a_round_takes_a_block_of_each_size_and_an_uncounted_call() -> None:
    series = Rounds(noise=0.0, round_count=4).sweep(LAWS["flat"], (1, 2))
    assert round_s(series) == pytest.approx(2 * (3 + 1) * 0.05)


def test_the_size_whose_error_widens_the_claims_weighs_most() -> None:
    found = fitted("line", noise=0.02, round_count=6)
    shares = weights(claims("linear", None, found), found)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert min(shares, key=lambda size: shares[size]) == 6.0  # whose level the curve hardly hangs on


def test_exact_figures_decide_a_shape_at_once() -> None:
    found = levels.fits([Level(size=size, value=100.0 + 7 * size, halfwidth=0.0) for size in SIZES])
    assert answer("linear", None, found).answer == "SUPPORTED"
    assert answer("proportional", None, found).answer == "REJECTED"


def test_figures_without_a_known_error_are_told_by_their_scatter() -> None:
    def figures(*factors: float) -> list[Level]:
        pairs = zip(SIZES, factors, strict=False)
        return [Level(size=size, value=(100.0 + 7 * size) * factor, halfwidth=None) for size, factor in pairs]

    assert answer("linear", None, levels.fits(figures(1, 1, 1, 1, 1))).answer == "SUPPORTED"
    assert answer("linear", None, levels.fits(figures(1.0, 1.1, 0.9, 1.1, 0.9))).answer == "UNDECIDED"
    assert levels.fits(figures(1, 1, 1)) == "too_few_sizes"


def test_errors_of_figures_widen_their_intervals() -> None:
    def halfwidth(error: float) -> float:
        found = levels.fits([Level(size=size, value=1.0 + size, halfwidth=error * (1 + size)) for size in SIZES])
        assert isinstance(found, Fits)
        return claims("linear", None, found)[0].interval.halfwidth

    assert halfwidth(0.02) == pytest.approx(2 * halfwidth(0.01), rel=0.05)

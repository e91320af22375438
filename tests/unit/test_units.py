"""Quantities become text in one place."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite import units

SHOWN = [
    (0.0123, "s", "12.3 ms"),
    (1.0, "s", "1.00 s"),
    (999.6e-6, "s", "1.00 ms"),
    (0.0000012, "J", "1.20 µJ"),
    (10_586_655_744, "FLOP", "10.6 GFLOP"),
    (0, "s", "0 s"),
    (-0.002, "s", "-2.00 ms"),
    (50.04, "%", "50.0 %"),
    (41.5, "°C", "41.5 °C"),
    (512, "B", "512 B"),
    (1536, "B", "1.50 KiB"),
    (2**30, "B", "1.00 GiB"),
]


@pytest.mark.parametrize(("value", "unit", "text"), SHOWN)
def test_a_quantity_is_shown_with_three_digits_and_a_prefix(value: float, unit: str, text: str) -> None:
    assert units.show(value, unit) == text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_was_not_measured_has_no_text(value: float) -> None:
    with pytest.raises(ValueError, match="no measured value"):
        units.show(value, "s")


def test_counts_are_exact_with_thousands_apart() -> None:
    assert units.show_count(213930297) == "213,930,297"


@pytest.mark.parametrize(
    ("value", "text"), [(0.012345, "0.0123"), (9.996, "10.0"), (12345.0, "12300"), (0, "0"), (-1.5, "-1.50")]
)
def test_digits_are_significant_ones(value: float, text: str) -> None:
    assert units.digits(value) == text


@given(st.floats(1e-12, 1e15))
def test_what_is_shown_is_within_half_a_percent_of_the_value(value: float) -> None:
    number, unit = units.show(value, "s").split()
    exponents = {"p": -12, "n": -9, "µ": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15}
    assert float(number) * 10.0 ** exponents[unit.removesuffix("s")] == pytest.approx(value, rel=0.0051)

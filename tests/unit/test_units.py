"""Display of quantities: prefixes, digits that belong together, one unit for a column."""

from __future__ import annotations

import math

import pytest

from suite import units
from suite.units import Scale, scale_of, show, show_count, show_interval, show_spread


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0123, "s", "12.3 ms"),
        (0.0009996, "s", "1.00 ms"),
        (0.0, "J", "0 J"),
        (-0.004, "s", "-4.00 ms"),
        (2.4e9, "Hz", "2.40 GHz"),
        (1536, "B", "1.50 KiB"),
        (51.5, "°C", "51.5 °C"),
        (1.25, "", "1.25"),
    ],
)
def test_show_has_three_digits_and_a_prefix(value: float, unit: str, text: str) -> None:
    assert show(value, unit) == text


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_show_refuses_what_is_no_measured_value(value: float) -> None:
    with pytest.raises(ValueError, match="no measured value"):
        show(value, "s")


def test_counts_are_exact_with_thousands_apart() -> None:
    assert show_count(213_930_297) == "213,930,297"


@pytest.mark.parametrize(
    ("value", "uncertainty", "text"),
    [
        (0.1284, 0.0021, "128.4 ± 2.1 ms"),
        (1.3123, 0.1527, "1.31 ± 0.15 s"),
        (0.128, 0.0999, "130 ± 100 ms"),
        (0.0099996, 0.00001, "10.000 ± 0.010 ms"),
        (3.0, 0.0, "3.000 ± 0 J"),
        (0.1284, 1e-9, "128.400 ± 0.0000010 ms"),
        (-0.02, 0.0035, "-20.0 ± 3.5 ms"),
    ],
)
def test_a_value_and_its_uncertainty_end_at_the_same_place(value: float, uncertainty: float, text: str) -> None:
    assert show_spread(value, uncertainty, text.rpartition(" ")[2][-1]) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.1279, 0.1288, "127.9–128.8 ms"),
        (0.12790, 0.12795, "127.900–127.950 ms"),
        (1.0, 1.0, "1.000–1.000 s"),
        (0.05, 0.15, "50–150 ms"),
    ],
)
def test_the_last_digit_of_an_interval_is_a_quarter_of_its_half_width(low: float, high: float, text: str) -> None:
    assert show_interval(low, high, "s") == text


def test_a_value_is_shown_to_the_place_of_its_interval() -> None:
    assert Scale(1e-3, "ms").within(0.12834567, 0.1279, 0.1288) == "128.3"
    assert Scale(1e-3, "ms").within(0.12834567, 0.128, 0.128) == "128.3"


@pytest.mark.parametrize(
    ("value", "low", "high", "shown", "interval"),
    [
        (269e-6, 230e-6, 8.0, "0.27", "0.23–8000"),  # two modes: the median lies in the lower one
        (269e-6, 0.0, 8.0, "0.27", "0–8000"),
        (0.4e-3, -0.4e-3, 0.08, "0.40", "-0.40–80"),
    ],
)
def test_what_is_not_zero_is_never_shown_as_zero(
    value: float, low: float, high: float, shown: str, interval: str
) -> None:
    scale = Scale(1e-3, "ms")
    assert scale.within(value, low, high) == shown
    assert scale.interval(low, high) == interval


def test_an_uncertainty_far_above_its_value_leaves_the_value_its_digits() -> None:
    assert Scale(1e-3, "ms").spread(269e-6, 8.0) == "0.27 ± 8000"


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (128e-9, 2, "0.00000013"),
        (0.0049, 2, "0.0049"),
        (0.005001, 2, "0.01"),
        (6.547, 2, "6.55"),
        (6547.5, 2, "6,547.50"),
        (0.0, 3, "0.000"),
        (-1e-5, 2, "-0.000010"),
    ],
)
def test_decimals_are_as_many_as_asked_for_unless_they_show_nothing(value: float, places: int, text: str) -> None:
    assert units.decimals(value, places) == text


def test_a_part_of_a_byte_is_shown() -> None:
    assert show(0.25, "B") == "0.25 B"
    assert show(3.0, "B") == "3 B"


def test_one_of_a_noun_is_singular() -> None:
    assert [units.counted(count, "thread") for count in (0, 1, 2, 1200)] == [
        "0 threads",
        "1 thread",
        "2 threads",
        "1,200 threads",
    ]


def test_one_scale_serves_a_column() -> None:
    assert scale_of([0.012, 0.128, 1.3], "s") == Scale(1e-3, "ms")
    assert scale_of([0.0, 5e8, 9e8], "B") == Scale(1024.0**2, "MiB")
    assert scale_of([], "J") == Scale(1.0, "J")
    assert Scale(1e-3, "ms").value(1.3) == "1300"
    assert Scale(1.0, "s").value(12345.6) == "12346"


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e3])
def test_scaling_value_and_uncertainty_by_a_thousand_keeps_the_figures(factor: float) -> None:
    assert show_spread(0.1284 * factor, 0.0021 * factor, "s").startswith("128.4 ± 2.1 ")

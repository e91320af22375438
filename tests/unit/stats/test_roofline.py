"""Calls on ceilings of known height."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.records import ParameterCount
from suite.stats import roofline
from suite.stats.roofline import Placement, Rate, Span, Work

BANDWIDTH = Rate(best_per_s=20e9, median_per_s=16e9)
ARITHMETIC = Rate(best_per_s=100e9, median_per_s=80e9)
POSITIVE = st.floats(min_value=1e-3, max_value=1e12)


def placed(
    read_bytes: float = 800e6, flop_count: float = 1e9, measured_s: float = 0.1, cache_bytes: int | None = None
) -> Placement:
    work = Work(read_bytes=read_bytes, flop_count=flop_count)
    return roofline.place(work, BANDWIDTH, ARITHMETIC, cache_bytes, measured_s)


def count(parameter_bytes: int, embedding_count: int, dtype: str = "float32") -> ParameterCount:
    return ParameterCount(
        unique_count=parameter_bytes // 4,
        registered_count=parameter_bytes // 4,
        trainable_count=0,
        embedding_count=embedding_count,
        buffer_element_count=0,
        parameter_bytes=parameter_bytes,
        buffer_bytes=0,
        bytes_by_dtype=((dtype, parameter_bytes),),
        shared=(),
        expected_unique_count=None,
    )


def test_800_mb_at_20_gb_a_second_take_40_ms_and_at_the_usual_16_take_50() -> None:
    found = placed()
    assert found.memory == Span(low_s=0.04, high_s=0.05)
    assert found.compute == Span(low_s=0.01, high_s=0.0125)
    assert (found.bound, found.least_s, found.share, found.beaten) == ("memory", 0.04, 0.04 / 0.1, False)


def test_10_gflop_at_100_gflop_a_second_take_100_ms() -> None:
    found = placed(flop_count=10e9, measured_s=0.2)
    assert (found.bound, found.least_s, found.share) == ("compute", 0.1, 0.5)


@pytest.mark.parametrize("flop_count", [3.5e9, 4e9, 4.9e9])
def test_bounds_whose_spreads_meet_are_not_told_apart(flop_count: float) -> None:
    assert placed(flop_count=flop_count).bound == "either"


def test_what_a_cache_could_keep_need_not_be_read() -> None:
    found = placed(cache_bytes=200_000_000)
    assert found.memory == Span(low_s=0.03, high_s=0.05)
    assert not found.cached


def test_weights_that_fit_the_caches_bound_nothing() -> None:
    found = placed(read_bytes=50e6, cache_bytes=64_000_000, flop_count=1e9)
    assert found.cached
    assert found.memory.low_s == 0
    assert (found.bound, found.least_s) == ("compute", 0.01)
    assert placed(read_bytes=400e6, cache_bytes=500_000_000, flop_count=1e9).bound == "either"


def test_no_weights_are_not_cached_weights() -> None:
    assert not placed(read_bytes=0, cache_bytes=64_000_000).cached
    assert Work(read_bytes=0, flop_count=1.0).intensity is None
    assert Work(read_bytes=4, flop_count=8.0).intensity == 2.0


def test_a_bound_that_is_beaten_says_so() -> None:
    found = placed(measured_s=0.032)
    assert found.beaten
    assert found.share == 1.25


def test_tables_of_embeddings_are_looked_up_and_not_read() -> None:
    assert roofline.read_bytes(count(4_000_000, 100_000)) == 3_600_000
    assert roofline.read_bytes(count(8_000_000, 100_000, "float64")) == 7_200_000
    assert roofline.read_bytes(count(100, 1000)) == 0


def test_below_the_ridge_memory_bounds_and_above_it_arithmetic() -> None:
    assert roofline.ridge(20e9, 100e9) == 5.0
    assert roofline.attainable_per_s(2.5, 20e9, 100e9) == 50e9
    assert roofline.attainable_per_s(50.0, 20e9, 100e9) == 100e9


@given(POSITIVE, POSITIVE, POSITIVE, st.floats(min_value=0.1, max_value=10))
def test_twice_the_machine_takes_half_the_time(read: float, flop: float, measured: float, factor: float) -> None:
    work = Work(read_bytes=read, flop_count=flop)
    slow = roofline.place(work, BANDWIDTH, ARITHMETIC, None, measured)
    rates = [
        Rate(best_per_s=rate.best_per_s * factor, median_per_s=rate.median_per_s * factor)
        for rate in (BANDWIDTH, ARITHMETIC)
    ]
    fast = roofline.place(work, rates[0], rates[1], None, measured)
    assert math.isclose(fast.least_s * factor, slow.least_s, rel_tol=1e-9)
    assert fast.bound == slow.bound


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_nonsense_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        Rate(best_per_s=value, median_per_s=1.0)
    with pytest.raises(ValueError, match="positive and finite"):
        placed(measured_s=value)
    with pytest.raises(ValueError, match="flop_count must be positive"):
        Work(read_bytes=1, flop_count=value)

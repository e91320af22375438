import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.coverage import warmup
from suite.stats.steady import is_steady

RUN_COUNT = 300


def rates(excess: float, decay_calls: float, noise: float) -> tuple[float, float]:
    """(mean calls until steady, share that ran into the limit)"""
    rng = np.random.default_rng(0)
    runs = [warmup(excess, decay_calls, noise, rng) for _ in range(RUN_COUNT)]
    return float(np.mean([count for count, _ in runs])), float(np.mean([ended for _, ended in runs]))


def test_equal_calls_are_steady_from_the_fifth_on():
    assert [is_steady([1.0] * count) for count in (0, 3, 4, 5, 20)] == [False, False, False, True, True]


def test_a_slow_first_call_leaves_the_window():
    assert [is_steady([9.0] + [1.0] * count) for count in (3, 4, 5)] == [False, False, True]


@pytest.mark.parametrize("fall", [0.5, 0.9, 0.97, 0.99])
def test_a_steady_fall_is_never_steady(fall):
    series = [fall**call for call in range(20)]
    assert not any(is_steady(series[:count]) for count in range(1, 21))


def test_a_slow_exponential_approach_is_not_taken_for_its_end():
    series = [1 + np.exp(-call / 5) for call in range(20)]
    assert not any(is_steady(series[:count]) for count in range(1, 17))


def test_a_series_that_gets_slower_is_steady():
    assert is_steady([1.0, 1.1, 1.2, 1.3, 1.4])


@given(st.lists(st.floats(min_value=1e-3, max_value=1e3), max_size=20), st.integers(-10, 10))
def test_the_unit_does_not_matter(series, exponent):
    assert is_steady(series) == is_steady([value * 2.0**exponent for value in series])


@pytest.mark.parametrize("noise", [0.002, 0.01, 0.03, 0.1])
def test_a_flat_noisy_series_is_steady_soon(noise):
    calls, limit_share = rates(0.0, 1.0, noise)
    assert calls < 8
    assert limit_share < 0.02


def test_a_noisy_fall_runs_into_the_limit():
    assert rates(0.5, 5.0, 0.01)[1] > 0.97
    assert rates(0.5, 20.0, 0.01)[1] > 0.97

import numpy as np
import pytest

from benchmarks.coverage import autocorrelated
from suite.stats.correlation import block_variance, cosine_variance, lag1, midranks


def test_lag1_of_a_ramp_and_of_an_alternation():
    assert lag1([1.0, 2.0, 3.0, 4.0]) == pytest.approx(0.25)  # ranks -1.5 -.5 .5 1.5: (.75 - .25 + .75) / 5
    assert lag1([1.0, 2.0] * 10) == pytest.approx(-0.95)


def test_lag1_needs_four_values_that_differ():
    assert lag1([1.0, 2.0, 3.0]) is None
    assert lag1([2.0] * 10) is None


def test_lag1_does_not_depend_on_the_size_of_an_outlier():
    assert lag1([1.0, 2.0, 3.0, 4.0, 9.0]) == lag1([1.0, 2.0, 3.0, 4.0, 9e9])


def test_lag1_finds_the_correlation_of_a_series():
    values = autocorrelated(4000, 0.6, np.random.default_rng(0))
    assert lag1(values.tolist()) == pytest.approx(0.58, abs=0.03)  # of the ranks of an AR(1) with 0.6


def test_equal_values_share_the_mean_of_their_ranks():
    assert midranks(np.array([5.0, 1.0, 5.0, 9.0])).tolist() == [2.5, 1.0, 2.5, 4.0]


def test_the_first_cosine_is_found_by_the_first_coefficient_alone():
    count = 16
    scores = np.cos(np.pi * (np.arange(count) + 0.5) / count)
    assert cosine_variance(scores, 1) == pytest.approx(count / 2)
    assert cosine_variance(scores, 4) == pytest.approx(count / 8)


def test_the_long_run_variance_of_an_autocorrelated_series_is_found():
    rng = np.random.default_rng(0)
    found = np.mean([cosine_variance(autocorrelated(1000, 0.6, rng), 40) for _ in range(200)])
    assert found == pytest.approx(4.0, rel=0.1)  # (1 + rho) / (1 - rho)


def test_block_variance_of_two_opposite_blocks():
    assert block_variance(np.array([1.0, 1.0, -1.0, -1.0]), [2, 2]) == 4.0  # (4 + 4) / 4 * 2

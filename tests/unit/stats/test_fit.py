import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import bdtrik

from suite.stats.fit import polynomial


def test_exact_points_give_the_exact_line():
    fit = polynomial([1, 2, 4, 8], [128, 191, 317, 569], [1, 1, 1, 1], 1)
    assert fit is not None
    assert fit.coefficients == pytest.approx((65, 63))
    assert (fit.degrees_of_freedom, fit.chi_square) == (2, pytest.approx(0, abs=1e-20))
    assert fit.r_squared == pytest.approx(1)
    assert fit.predict(16) == pytest.approx(65 + 63 * 16)
    assert fit.multiplier == pytest.approx(1.959964)


def test_covariance_of_a_line_by_hand():
    fit = polynomial([-1, 0, 1], [0, 0, 0], [2, 2, 2], 1)
    assert fit is not None
    assert np.array(fit.covariance) == pytest.approx(np.array([[4 / 3, 0], [0, 2]]))
    assert fit.halfwidth([1, 1]) == pytest.approx(1.959964 * np.sqrt(4 / 3 + 2))


def test_points_that_scatter_more_than_stated_widen_the_interval():
    fit = polynomial([-1, 0, 1], [1, -2, 1], [0.1, 0.1, 0.1], 1)
    assert fit is not None
    assert fit.chi_square == pytest.approx(600)
    assert fit.multiplier == pytest.approx(12.7062 * np.sqrt(600), rel=1e-5)  # Student's quantile, one degree


def test_a_heavy_point_draws_the_mean():
    fit = polynomial([1, 2], [0, 1], [1, 0.5], 0)
    assert fit is not None
    assert fit.coefficients == pytest.approx((0.8,))


def test_too_few_distinct_sizes_give_no_fit():
    assert polynomial([1, 1, 2], [1, 1, 2], [1, 1, 1], 2) is None
    assert polynomial([1, 2, 3], [1, 1, 2], [1, 1, 1], 2) is not None


def test_a_standard_error_of_zero_is_refused():
    with pytest.raises(ValueError, match="sigma"):
        polynomial([1, 2], [1, 2], [1, 0], 1)


def test_the_share_of_a_term_at_a_size():
    fit = polynomial([1, 2, 3, 4], [2 + x + x**2 for x in (1, 2, 3, 4)], [1e-6] * 4, 2)
    assert fit is not None
    share = fit.share(2, 4)
    assert (share.low, share.high) == (pytest.approx(16 / 22, rel=1e-5), pytest.approx(16 / 22, rel=1e-5))


def test_the_interval_of_a_share_is_that_of_the_delta_method():
    fit = polynomial([1, 2, 3, 4], [2 + x + x**2 for x in (1, 2, 3, 4)], [0.1] * 4, 2)
    assert fit is not None

    def share(coefficients):
        return coefficients[2] * 16 / (coefficients[0] + 4 * coefficients[1] + 16 * coefficients[2])

    base, step = np.array(fit.coefficients), 1e-6
    gradient = np.array([(share(base + step * unit) - share(base)) / step for unit in np.eye(3)])
    assert fit.share(2, 4).halfwidth == pytest.approx(fit.halfwidth(gradient.tolist()), rel=1e-4)


@given(st.integers(-10, 10), st.integers(-10, 10))
def test_units_of_both_axes_only_scale_the_coefficients(x_exponent, y_exponent):
    x, y, sigma = np.array([1.0, 2, 4, 8]), np.array([1.0, 2.2, 3.7, 8.1]), np.full(4, 0.1)
    x_factor, y_factor = 2.0**x_exponent, 2.0**y_exponent
    before = polynomial(x, y, sigma, 2)
    after = polynomial(x * x_factor, y * y_factor, sigma * y_factor, 2)
    assert before is not None
    assert after is not None
    scaled = [value * y_factor / x_factor**power for power, value in enumerate(before.coefficients)]
    assert after.coefficients == pytest.approx(scaled, rel=1e-9)
    assert after.share(2, 8 * x_factor).high == pytest.approx(before.share(2, 8).high)


@pytest.mark.parametrize("true_over_stated", [1.0, 5.0])
def test_the_interval_holds_the_slope_whether_or_not_the_stated_errors_are_right(true_over_stated):
    rng = np.random.default_rng(0)
    x, run_count = np.array([1.0, 2, 4, 8, 16]), 400
    hits = 0
    for _ in range(run_count):
        fit = polynomial(x, 3 + 2 * x + true_over_stated * rng.standard_normal(5), np.ones(5), 1)
        assert fit is not None
        hits += fit.intervals[1].low <= 2 <= fit.intervals[1].high
    assert hits >= bdtrik(0.001, run_count, 0.95)

import itertools

import numpy as np
import pytest

from suite.records import Interval, Summary
from suite.stats.hypotheses import Point, linear, min_model_count, models_needed, point, quadratic, tracks


def points(curve, sizes=(1, 2, 4, 8, 16), relative_sigma=0.001, scatter=None):
    factors = 1 + relative_sigma * (np.zeros(len(sizes)) if scatter is None else scatter)
    return [
        Point(size=size, latency_s=curve(size) * factor, sigma_s=relative_sigma * curve(size))
        for size, factor in zip(sizes, factors, strict=True)
    ]


def lxmert(size):
    return 0.065 + 0.063 * size


def test_an_affine_latency_is_linear_and_not_proportional():
    verdict = linear(points(lxmert))
    assert (verdict.answer, verdict.reason) == ("SUPPORTED", "within_margin")
    assert verdict.figures is not None
    assert verdict.figures.intercept_s == pytest.approx(0.065)
    assert verdict.figures.slope_s == pytest.approx(0.063)
    assert not verdict.figures.proportional
    assert (verdict.figures.size_count, verdict.figures.largest_size) == (5, 16)


def test_a_latency_through_the_origin_is_proportional():
    verdict = linear(points(lambda size: 0.01 * size))
    assert verdict.answer == "SUPPORTED"
    assert verdict.figures is not None
    assert verdict.figures.proportional


def test_a_curved_latency_is_not_linear():
    assert linear(points(lambda size: 1 + size + size**2)).answer == "REJECTED"
    assert linear(points(lambda size: 1 + size - 0.02 * size**2)).answer == "REJECTED"  # it bends down


def test_errors_too_large_to_see_curvature_leave_it_open():
    verdict = linear(points(lxmert, relative_sigma=0.05))
    assert (verdict.answer, verdict.reason) == ("UNDECIDED", "interval_too_wide")


def test_three_sizes_are_judged_by_the_stated_errors_alone():
    assert linear(points(lxmert, sizes=(1, 2, 4))).answer == "SUPPORTED"
    assert linear(points(lxmert, sizes=(1, 2, 4), relative_sigma=0.01)).answer == "UNDECIDED"


def test_two_sizes_are_too_few():
    for hypothesis in (linear, quadratic):
        verdict = hypothesis(points(lxmert, sizes=(1, 2)))
        assert (verdict.answer, verdict.reason, verdict.figures) == ("UNDECIDED", "too_few_sizes", None)


def test_scatter_beyond_the_stated_errors_undoes_a_verdict():
    scatter = np.array([0, 40, -40, 40, 0])
    assert linear(points(lxmert, scatter=scatter)).answer == "UNDECIDED"


def test_a_wrong_verdict_on_linearity_is_rare():
    rng = np.random.default_rng(0)
    at_the_margin = [
        linear(points(lambda n: 1 + n + 0.003495 * n**2, relative_sigma=0.004, scatter=rng.standard_normal(5))).answer
        for _ in range(400)
    ]  # curvature: 5.0 % of the latency at 16
    assert at_the_margin.count("SUPPORTED") <= 20
    assert at_the_margin.count("REJECTED") <= 20


def test_a_dominant_square_is_found_and_its_crossover_named():
    verdict = quadratic(points(lambda n: 1 + n + n**2))
    assert (verdict.answer, verdict.reason) == ("SUPPORTED", "dominates")
    assert verdict.figures is not None
    assert verdict.figures.crossover_size == pytest.approx(1.0)
    assert verdict.figures.share.low < 256 / 273 < verdict.figures.share.high


def test_a_minor_square_is_rejected():
    verdict = quadratic(points(lambda n: 10 + n + n**2 / 4608, sizes=(32, 64, 128, 256, 512)))
    assert (verdict.answer, verdict.reason) == ("REJECTED", "minor")
    assert verdict.figures is not None
    assert verdict.figures.crossover_size == pytest.approx(4608, rel=0.01)


def test_a_square_of_about_half_is_left_open():
    verdict = quadratic(points(lambda n: 16 + 15 * n + n**2, relative_sigma=0.02))
    assert (verdict.answer, verdict.reason) == ("UNDECIDED", "interval_too_wide")


def test_a_latency_that_bends_down_has_no_crossover():
    verdict = quadratic(points(lambda n: 1 + n**0.5))
    assert verdict.answer == "REJECTED"
    assert verdict.figures is not None
    assert verdict.figures.crossover_size is None


def test_four_models_in_perfect_order_are_one_too_few():
    verdict = tracks([(21.7, 0.03), (21.8, 0.032), (114, 0.09), (214, 0.13)])
    assert (verdict.answer, verdict.reason) == ("UNDECIDED", "too_few_models")
    assert verdict.figures is not None
    assert (verdict.figures.rank_correlation, verdict.figures.models_needed) == (pytest.approx(1.0), 5)
    assert verdict.figures.p_value == pytest.approx(2 / 24)


def test_five_models_in_perfect_order_decide_it_either_way():
    rising = [(float(rank), float(rank)) for rank in range(5)]
    falling = [(float(rank), -float(rank)) for rank in range(5)]
    assert tracks(rising).answer == "SUPPORTED"
    assert (tracks(falling).answer, tracks(falling).reason) == ("REJECTED", "opposite_order")
    verdict = tracks(rising)
    assert verdict.figures is not None
    assert verdict.figures.p_value == pytest.approx(2 / 120)
    assert verdict.figures.models_needed is None


def test_no_correlation_is_no_evidence_against_it():
    verdict = tracks([(1, 2), (2, 4), (3, 1), (4, 3), (5, 2.5)])
    assert (verdict.answer, verdict.reason) == ("UNDECIDED", "order_unclear")


def test_one_model_and_equal_models_say_nothing():
    assert tracks([]).reason == "too_few_models"
    assert tracks([(1, 1)]).reason == "too_few_models"
    assert tracks([(1, 1), (1, 2), (1, 3)]).reason == "no_spread"


def test_the_sampled_p_value_is_near_the_exact_one():
    first, second = range(9), [1, 0, 3, 2, 5, 4, 8, 7, 6]
    verdict = tracks(list(zip(first, second, strict=True)))
    assert verdict.figures is not None
    ranks = np.arange(9) - 4.0
    orders = np.array(list(itertools.permutations(ranks)))
    exact = np.mean(np.abs(orders @ ranks) >= abs((np.array(second) - 4.0) @ ranks) - 1e-9)
    assert verdict.figures.p_value == pytest.approx(exact, abs=0.002)


def test_a_weaker_correlation_needs_more_models():
    assert min_model_count() == 5
    assert models_needed(4, 1.0) == 5
    assert models_needed(7, 1.0) == 8
    assert models_needed(4, 0.8) == 7
    assert models_needed(4, 0.2) == 97
    assert models_needed(4, 0.0) is None


def summary(interval):
    return Summary(
        count=10,
        mean=2.0,
        std=0.1,
        median=2.0,
        minimum=1.9,
        maximum=2.1,
        median_interval=interval,
        percentiles=(),
        outlier_count=0,
        lag1_autocorrelation=None,
        resolved=True,
        calls_needed=None,
    )


def test_a_point_takes_its_error_from_the_interval_of_the_median():
    found = point(4, summary(Interval(low=1.9, high=2.1, confidence=0.95)))
    assert found is not None
    assert (found.size, found.latency_s, found.sigma_s) == (4, 2.0, pytest.approx(0.1 / 1.959964))


def test_equal_calls_have_a_small_error_and_too_few_have_no_point():
    found = point(4, summary(Interval(low=2.0, high=2.0, confidence=0.95)))
    assert found is not None
    assert found.sigma_s == pytest.approx(2e-6)
    assert point(4, summary(None)) is None

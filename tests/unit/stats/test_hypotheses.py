import itertools

import numpy as np
import pytest

from suite.stats.curves import fits
from suite.stats.hypotheses import linear, min_model_count, models_needed, quadratic, tracks
from tests.unit.stats.sweeps import Rounds

SIZES = (1, 2, 4, 6, 8)


def answered(question, curve, sizes=SIZES, noise=0.002, **changes):
    return question(fits(Rounds(noise=noise, **changes).sweep(curve, sizes)))


def lxmert(size):
    return 0.065 + 0.063 * size


def test_an_affine_latency_is_linear_and_not_proportional():
    verdict = answered(linear, lxmert)
    assert (verdict.answer, verdict.reason) == ("SUPPORTED", "within_margin")
    assert verdict.figures is not None
    assert verdict.figures.intercept_s == pytest.approx(0.065, rel=0.02)
    assert verdict.figures.slope_s == pytest.approx(0.063, rel=0.01)
    assert verdict.figures.intercept_interval_s.low < 0.065 < verdict.figures.intercept_interval_s.high
    assert not verdict.figures.proportional
    found = verdict.figures.sweep
    assert (found.size_count, found.largest_size, found.round_count) == (5, 8, 10)
    assert found.exponent_interval.low < 1 < found.exponent_interval.high
    assert found.choice is not None
    assert found.choice.curve == "affine"


def test_a_latency_through_the_origin_is_proportional():
    verdict = answered(linear, lambda size: 0.01 * size)
    assert verdict.answer == "SUPPORTED"
    assert verdict.figures is not None
    assert verdict.figures.proportional


@pytest.mark.parametrize(
    ("curve", "chosen"),
    [
        (lambda n: 1 + n + n**2, "quadratic"),
        (lambda n: 1 + n - 0.05 * n**2, "quadratic"),  # it bends down
        (lambda n: 1 + n**1.5, "power"),
    ],
)
def test_a_curved_latency_is_not_linear_and_its_curve_is_chosen(curve, chosen):
    verdict = answered(linear, curve)
    assert (verdict.answer, verdict.reason) == ("REJECTED", "beyond_margin")
    assert verdict.figures is not None
    assert verdict.figures.sweep.choice is not None
    assert verdict.figures.sweep.choice.curve == chosen


def test_steps_that_no_curve_follows_are_not_linear():
    verdict = answered(linear, lambda n: 1 + n + (n % 2), sizes=(1, 2, 3, 4, 5, 6, 7, 8))
    assert (verdict.answer, verdict.reason) == ("REJECTED", "off_the_line")


def test_errors_too_large_to_see_curvature_leave_it_open():
    verdict = answered(linear, lxmert, noise=0.1)
    assert (verdict.answer, verdict.reason) == ("UNDECIDED", "interval_too_wide")


@pytest.mark.parametrize("factor", [2.0, 3.5, 5.0])
@pytest.mark.parametrize("size", SIZES)
def test_three_slowed_blocks_of_ten_reject_no_line(size, factor):
    verdict = answered(linear, lxmert, slowed={(size, index): factor for index in (2, 3, 7)})
    assert verdict.answer == "SUPPORTED"


@pytest.mark.parametrize("slowed_count", range(4, 11))
def test_a_size_that_was_slowed_most_of_the_time_rejects_no_line(slowed_count):
    verdict = answered(linear, lxmert, slowed={(4, index): 3.0 for index in range(slowed_count)})
    assert verdict.answer == "UNDECIDED"
    assert verdict.reason in {"blocks_disagree", "interval_too_wide", "one_size_decides"}


def test_what_disagrees_is_named_with_its_size():
    verdict = answered(linear, lxmert, slowed={(4, index): 3.0 for index in range(4)})
    assert verdict.reason == "blocks_disagree"
    assert verdict.figures is not None
    assert verdict.figures.sweep.disturbed_size == 4


def test_blocks_marked_as_disturbed_do_not_count():
    slowed = {(4, index): 3.0 for index in range(6)}
    assert answered(linear, lxmert, slowed=slowed, counted=lambda size, index: (size, index) not in slowed).answer == (
        "SUPPORTED"
    )


def test_drift_from_round_to_round_is_no_curve():
    assert answered(linear, lxmert, drift=0.2).answer == "SUPPORTED"


def test_three_sizes_can_support_a_line_and_not_reject_it():
    assert answered(linear, lxmert, sizes=(1, 2, 4)).answer == "SUPPORTED"
    verdict = answered(linear, lambda n: 1 + n**2, sizes=(1, 2, 4))
    assert (verdict.answer, verdict.reason) == ("UNDECIDED", "one_size_decides")
    assert verdict.figures is not None
    assert verdict.figures.sweep.choice is None


def test_two_sizes_or_two_rounds_are_too_few():
    for hypothesis in (linear, quadratic):
        verdict = answered(hypothesis, lxmert, sizes=(1, 2))
        assert (verdict.answer, verdict.reason, verdict.figures) == ("UNDECIDED", "too_few_sizes", None)
        verdict = answered(hypothesis, lxmert, round_count=2)
        assert (verdict.answer, verdict.reason, verdict.figures) == ("UNDECIDED", "too_few_rounds", None)


def test_a_wrong_verdict_on_linearity_is_rare():
    at_the_margin = [
        answered(linear, lambda n: 1 + n + 0.007401 * n**2, noise=0.004, seed=seed).answer for seed in range(60)
    ]  # curvature: 5.0 % of the latency at 8
    assert at_the_margin.count("SUPPORTED") <= 6
    assert at_the_margin.count("REJECTED") <= 6


def test_a_dominant_square_is_found_and_its_crossover_named():
    verdict = answered(quadratic, lambda n: 1 + n + n**2, sizes=(4, 8, 16, 24, 32))
    assert (verdict.answer, verdict.reason) == ("SUPPORTED", "dominates")
    assert verdict.figures is not None
    assert verdict.figures.sweep.share.low < 1024 / 1057 < verdict.figures.sweep.share.high


def test_a_minor_square_is_rejected():
    verdict = answered(quadratic, lambda n: 10 + n + n**2 / 1024, sizes=(32, 64, 128, 256, 512))
    assert (verdict.answer, verdict.reason) == ("REJECTED", "minor")
    assert verdict.figures is not None
    assert verdict.figures.crossover_size == pytest.approx(1024, rel=0.05)


def test_a_square_of_about_half_is_left_open():
    verdict = answered(quadratic, lambda n: 16 + 6 * n + n**2, noise=0.02)
    assert (verdict.answer, verdict.reason) == ("UNDECIDED", "interval_too_wide")


def test_a_latency_that_bends_down_has_no_crossover():
    verdict = answered(quadratic, lambda n: 1 + n**0.5)
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

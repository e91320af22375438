import numpy as np
import pytest
from scipy.special import bdtrik

from benchmarks.coverage import SCENARIOS, stop_by_rule
from suite.records import Repetition
from suite.stats.stopping import calls_needed, decide

CONSTANT = [[1.0] * 5] * 4
NOISY = [[1.0, 2.0, 3.0, 2.0, 1.5]] * 4
FIXED = Repetition(min_call_count=10, target_relative_halfwidth=None)


def test_a_fixed_count_stops_at_exactly_that_count():
    assert decide([[1.0] * 9], FIXED, spent_s=100.0).stop is None
    assert decide([[1.0] * 10], FIXED, spent_s=0.0).stop == "fixed"


def test_a_fixed_count_has_an_interval_and_needs_nothing():
    decision = decide([[1.0, 2.0] * 5], FIXED, spent_s=0.0)
    assert decision.interval is not None
    assert decision.calls_needed is None


def test_the_target_is_reached_once_four_blocks_agree():
    rule = Repetition(min_call_count=10)
    assert decide(CONSTANT[:3], rule, spent_s=0.0).stop is None
    assert decide(CONSTANT, rule, spent_s=0.0).stop == "target"


def test_nothing_stops_a_series_below_its_minimum():
    rule = Repetition(min_call_count=21, max_call_count=21, time_limit_s=1.0)
    assert decide(CONSTANT, rule, spent_s=1e6).stop is None


def test_the_time_limit_stops_an_unresolved_series():
    rule = Repetition(min_call_count=10, time_limit_s=2.0)
    assert decide(NOISY, rule, spent_s=1.999).stop is None
    assert decide(NOISY, rule, spent_s=2.0).stop == "time_limit"


def test_the_call_limit_stops_an_unresolved_series():
    assert decide(NOISY, Repetition(max_call_count=20), spent_s=0.0).stop == "call_limit"


def test_the_target_goes_before_the_limits():
    assert decide(CONSTANT, Repetition(max_call_count=20, time_limit_s=1.0), spent_s=1.0).stop == "target"


def test_too_few_calls_for_an_interval_go_on():
    decision = decide([[1.0, 2.0, 3.0]], Repetition(min_call_count=3), spent_s=0.0)
    assert (decision.stop, decision.interval, decision.calls_needed) == (None, None, None)


def test_twice_the_half_width_needs_four_times_the_calls():
    assert calls_needed(100, 0.02, 0.01) == 300
    assert calls_needed(100, 0.01, 0.01) is None
    assert calls_needed(10, 0.010001, 0.01) == 1


def test_the_estimate_of_calls_needed_is_of_the_right_size():
    rng = np.random.default_rng(0)
    estimates = []
    for _ in range(100):
        blocks = np.exp(0.05 * rng.standard_normal((10, 10))).tolist()
        estimates.append(100 + (decide(blocks, Repetition(), spent_s=0.0).calls_needed or 0))
    truth = (1.96 * 1.2533 * 0.05 / 0.01) ** 2  # normal quantile, error of a median
    assert truth < np.median(estimates) < 2 * truth


@pytest.mark.parametrize("block_size", [10, 25])
@pytest.mark.parametrize("scenario", SCENARIOS[1:5], ids=lambda scenario: scenario.name)
def test_stopping_early_keeps_the_stated_confidence(scenario, block_size):
    """At least 93 %, less the error of so few runs; docs/statistics.md has the figure of each."""
    rng = np.random.default_rng(block_size)
    run_count = 150
    hits = sum(stop_by_rule(scenario, block_size, 0.02, rng)[0] for _ in range(run_count))
    assert hits >= bdtrik(0.001, run_count, 0.93)

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.errors import SensorError
from suite.power.base import CounterTrace, Description
from suite.power.integrate import (
    TraceGap,
    energy_j,
    error_budget,
    mean_power_w,
    power_trace,
    sample_period_s,
    unwrap,
)
from suite.records import EnergyWindow, PowerTrace


def trace(time_s, *power_w):
    rails = tuple(f"rail{index}" for index in range(len(power_w)))
    return PowerTrace(rails=rails, time_s=tuple(time_s), power_w=tuple(map(tuple, power_w)))


def counter(time_s, *energy_j, range_j=None):
    rails = tuple(f"rail{index}" for index in range(len(energy_j)))
    return CounterTrace(rails=rails, time_s=tuple(time_s), energy_j=tuple(map(tuple, energy_j)), range_j=range_j)


def description(**changes):
    fields = {
        "scope": "test",
        "rails": ("a",),
        "quantity": "power",
        "period_s": 1.0,
        "minimum_window_s": 1.0,
        "resolution": 0.0,
        "gain_error": 0.0,
    }
    return Description(**(fields | changes))


def window(energy_j, call_count=10, duration_s=10.0):
    return EnergyWindow(start_s=0.0, end_s=duration_s, call_count=call_count, energy_j=energy_j)


def test_2_w_for_3_s_is_6_j():
    assert energy_j(trace(range(6), [2.0] * 6), 1.0, 4.0, 1.0) == 6.0


def test_a_ramp_is_integrated_exactly_between_samples():
    assert energy_j(trace(range(5), [0.0, 1.0, 2.0, 3.0, 4.0]), 0.5, 3.5, 1.0) == pytest.approx(6.0, abs=1e-15)


def test_a_step_inside_the_window_counts_from_the_middle_of_its_interval():
    assert energy_j(trace(range(6), [2.0, 2.0, 2.0, 7.0, 7.0, 7.0]), 1.0, 4.0, 1.0) == 2.0 + 4.5 + 7.0


def test_a_window_inside_one_sampling_interval_uses_both_neighbours():
    assert energy_j(trace([0.0, 1.0], [1.0, 3.0]), 0.25, 0.75, 1.0) == 1.0


def test_rails_add_up():
    assert energy_j(trace(range(4), [1.0] * 4, [2.5] * 4), 0.5, 2.5, 1.0) == 7.0


def test_the_mean_power_of_an_idle_stretch():
    assert mean_power_w(trace(range(5), [2.0, 2.0, 4.0, 2.0, 2.0]), 1.0, 3.0, 1.0) == 3.0


def test_a_counter_is_a_difference_interpolated_at_the_edges():
    assert energy_j(counter(range(4), [100.0, 110.0, 114.0, 124.0]), 0.5, 2.5, 1.0) == 119.0 - 105.0


def test_a_counter_that_wraps_twice_loses_nothing():
    wrapped = counter(range(5), [90.0, 20.0, 50.0, 10.0, 40.0], range_j=100.0)
    assert energy_j(wrapped, 0.0, 4.0, 1.0) == 150.0


def test_each_rail_wraps_on_its_own():
    wrapped = counter(range(3), [95.0, 5.0, 15.0], [10.0, 20.0, 30.0], range_j=100.0)
    assert energy_j(wrapped, 0.0, 2.0, 1.0) == 20.0 + 20.0


def test_a_counter_without_a_range_that_goes_back_is_refused():
    with pytest.raises(SensorError, match="went back from 9 J to 1 J") as caught:
        unwrap([5.0, 9.0, 1.0], None)
    assert caught.value.code == "COUNTER_RESET"


def test_three_missing_periods_are_a_gap_and_two_are_none():
    samples = trace([0.0, 1.0, 4.0, 5.0], [2.0] * 4)
    assert energy_j(samples, 0.5, 4.5, 1.0) == 8.0
    with pytest.raises(TraceGap, match=r"no power sample for 3 s, more than 3 periods of 0.9 s") as caught:
        energy_j(samples, 0.5, 4.5, 0.9)
    assert caught.value.code == "GAP"


def test_a_gap_outside_the_window_does_not_matter():
    assert energy_j(trace([0.0, 9.0, 10.0, 11.0], [2.0] * 4), 9.0, 11.0, 1.0) == 4.0


@pytest.mark.parametrize(("start_s", "end_s", "side"), [(-0.5, 2.0, "before"), (1.0, 3.5, "after")])
def test_a_window_needs_a_sample_on_each_side(start_s, end_s, side):
    with pytest.raises(TraceGap, match=f"no power sample {side} the window"):
        energy_j(trace(range(4), [2.0] * 4), start_s, end_s, 1.0)


def test_an_empty_trace_is_a_gap():
    with pytest.raises(TraceGap):
        energy_j(trace([], []), 0.0, 1.0, 1.0)
    with pytest.raises(TraceGap, match=r"1 sample\(s\)"):
        sample_period_s([1.0])


@given(
    power_w=st.lists(st.floats(0, 1000), min_size=4, max_size=30),
    factor=st.floats(0.001, 1000),
    cut=st.floats(0.1, 0.9),
)
def test_energy_scales_with_power_and_adds_over_neighbouring_windows(power_w, factor, cut):
    end_s = len(power_w) - 1.5
    samples = trace(range(len(power_w)), power_w)
    scaled = trace(range(len(power_w)), [factor * value for value in power_w])
    whole_j, middle_s = energy_j(samples, 0.5, end_s, 1.0), 0.5 + cut * (end_s - 0.5)
    parts_j = energy_j(samples, 0.5, middle_s, 1.0) + energy_j(samples, middle_s, end_s, 1.0)
    assert energy_j(scaled, 0.5, end_s, 1.0) == pytest.approx(factor * whole_j, rel=1e-9)
    assert parts_j == pytest.approx(whole_j, rel=1e-9, abs=1e-9)


def test_a_counter_as_power_keeps_every_joule():
    shown = power_trace(counter([0.0, 1.0, 3.0], [90.0, 10.0, 30.0], range_j=100.0))
    assert shown.power_w == ((20.0, 20.0, 10.0),)
    assert shown.time_s == (0.0, 1.0, 3.0)
    assert math.fsum(p * dt for p, dt in zip(shown.power_w[0][1:], [1.0, 2.0], strict=True)) == 40.0


def test_a_power_trace_is_shown_as_it_is():
    samples = trace([0.0, 1.0], [1.0, 2.0])
    assert power_trace(samples) is samples


def test_the_period_is_the_median_distance_of_stamps():
    assert sample_period_s([0.0, 1.0, 2.0, 7.0]) == 1.0


def steady(power_w=5.0, duration_s=40.0, rails=1):
    stamps = [0.25 * index - 1.0 for index in range(int(4 * duration_s) + 9)]
    return trace(stamps, *[[power_w] * len(stamps)] * rails)


def test_scatter_alone_is_students_interval_of_the_energy_per_call():
    # 9, 10, 11 J over 10 calls each: s = 0.1 J per call, t(0.975, 2) = 4.302652730
    budget = error_budget(steady(), [window(9.0), window(10.0), window(11.0)], description(), 0.1)
    assert budget.scatter_j == pytest.approx(4.302652730 * 0.1 / math.sqrt(3) * 10, rel=1e-9)
    assert budget.total_j == budget.scatter_j


def test_windows_that_differ_only_in_their_call_count_scatter_by_nothing():
    budget = error_budget(steady(), [window(10.0, 10), window(12.0, 12)], description(), 0.1)
    assert budget.scatter_j == pytest.approx(0.0, abs=1e-12)


def test_beside_a_large_error_scatter_adds_what_a_normal_error_of_its_size_adds():
    windows = [window(99.9), window(100.0), window(100.1)]
    budget = error_budget(steady(), windows, description(gain_error=0.1), 0.1)
    own_j = 0.1 / math.sqrt(3)
    student_j, normal_j = 4.302652730 * own_j, 1.959964 * own_j
    assert normal_j < budget.scatter_j < student_j
    assert budget.scatter_j == pytest.approx(math.sqrt((student_j**2 + normal_j**2) / 2), rel=0.01)


def test_one_window_has_no_scatter_and_the_rest_adds_up():
    budget = error_budget(steady(), [window(50.0)], description(resolution=0.01, gain_error=0.02), 0.1)
    assert budget.scatter_j is None
    assert budget.resolution_j == pytest.approx(0.475 * 0.01 * 10.0)
    assert budget.gain_j == pytest.approx(0.02 * 50.0)
    assert budget.edge_j == 0.0
    assert budget.total_j == pytest.approx(math.hypot(0.0475, 1.0))


def test_rounding_of_rails_adds_in_squares_and_of_different_readings_averages_out():
    described = description(resolution=0.01, rails=("a", "b", "c"))
    assert error_budget(steady(rails=3), [window(50.0)], described, 0.1).resolution_j == pytest.approx(
        0.566 * math.sqrt(3) * 0.01 * 10.0
    )
    stamps = [0.25 * index for index in range(41)]
    rising = trace(stamps, [5.0 + 0.01 * index for index in range(41)])
    budget = error_budget(rising, [window(50.0)], description(resolution=0.01), 0.25)
    assert budget.resolution_j == pytest.approx(0.566 / math.sqrt(41) * 0.01 * 10.0)


def test_a_counter_is_rounded_at_both_edges_whatever_the_duration():
    counters = description(quantity="counter", rails=("a", "b"), resolution=0.25)
    stamps = range(12)
    read = counter(stamps, *[[2.5 * stamp for stamp in stamps]] * 2)
    assert error_budget(read, [window(50.0)], counters, 0.1).resolution_j == pytest.approx(0.776 * math.sqrt(2) * 0.25)


def test_the_edges_cost_a_shift_of_the_stamps_times_the_difference_of_power():
    stamps = [0.5 * index for index in range(25)]
    ramp = trace(stamps, [4.0 + 0.1 * stamp for stamp in stamps])
    described = description(period_s=0.5, clock_uncertainty_s=0.3)
    # first 1.5 s: 4.075 W in the mean, last 1.5 s: 4.925 W
    assert error_budget(ramp, [window(45.0)], described, 0.5).edge_j == pytest.approx(0.8 * 0.85)

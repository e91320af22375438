"""Durations are exact up to a count, and means of equal numbers of consecutive calls beyond it."""

import pytest

from suite.worker.durations import MOST, Durations


def binned(call_count, most):
    durations = Durations(most)
    for number in range(call_count):
        durations.append(float(number))
    assert durations.call_count == call_count
    return durations.binned()


@pytest.mark.parametrize(
    ("call_count", "calls_per_value", "values"),
    [
        (0, 1, []),
        (3, 1, [0.0, 1.0, 2.0]),
        (4, 1, [0.0, 1.0, 2.0, 3.0]),
        (5, 2, [0.5, 2.5, 4.0]),  # the last value is of the one call that is left
        (8, 2, [0.5, 2.5, 4.5, 6.5]),
        (12, 2, [0.5, 2.5, 4.5, 6.5, 8.5, 10.5]),
        (13, 4, [1.5, 5.5, 9.5, 12.0]),
    ],
)
def test_beyond_the_limit_a_value_is_the_mean_of_calls_in_a_row(call_count, calls_per_value, values):
    assert binned(call_count, 4) == (calls_per_value, values)


@pytest.mark.parametrize("call_count", [*range(1, 40), 100, 1001])
def test_the_sum_of_the_durations_is_kept(call_count):
    each, values = binned(call_count, 4)
    last = call_count - (len(values) - 1) * each
    assert 1 <= last <= each
    assert sum(values[:-1]) * each + values[-1] * last == pytest.approx(sum(range(call_count)))


def test_a_million_calls_are_a_line_of_some_megabytes_at_most():
    durations = Durations()
    for _ in range(10**6):
        durations.append(1e-6)
    each, values = durations.binned()
    assert each == 16
    assert MOST / 2 < len(values) < 2 * MOST
    assert max(values) == pytest.approx(1e-6)

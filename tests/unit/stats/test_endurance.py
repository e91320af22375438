"""Throttling, levels and ranking of made-up slices; rates of false alarms by seeded simulation."""

from __future__ import annotations

import numpy as np
import pytest

from suite.records import Interval
from suite.stats.endurance import LATENCY_RISE, Level, ranking, running_median, stays_beyond
from tests.unit.stats.noise import ar1

SECONDS = [float(second) for second in range(1, 301)]


def test_the_time_is_that_of_the_last_crossing() -> None:
    values = [1.0] * 100 + [1.2] * 20 + [1.0] * 30 + [1.2] * 150
    assert stays_beyond(SECONDS, values, LATENCY_RISE) == (pytest.approx(151.0), pytest.approx(0.2))


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([1.0] * 300, "level"),
        ([1.0] * 100 + [1.5] * 100 + [1.0] * 100, "it came back"),
        ([1.0] * 285 + [1.5] * 15, "too short at the end to have stayed"),
        ([1.0] * 100 + [1.04] * 200, "below the limit"),
        ([1.5] * 20 + [1.0] * 280, "it got faster"),
    ],
)
def test_what_is_no_throttling(values: list[float], why: str) -> None:
    assert stays_beyond(SECONDS, values, LATENCY_RISE) is None, why


def test_few_slices_tell_nothing() -> None:
    assert stays_beyond([10.0 * at for at in range(1, 9)], [1.0] * 4 + [2.0] * 4, LATENCY_RISE) is None


@pytest.mark.parametrize("coefficient", [0.0, 0.6, 0.9])
def test_noise_throttles_no_machine(coefficient: float) -> None:
    rng = np.random.default_rng(5)
    found = [
        stays_beyond(SECONDS * 2, np.exp(ar1(rng, 600, coefficient, 0.02)).tolist(), LATENCY_RISE) for _ in range(200)
    ]
    assert sum(each is not None for each in found) <= 2


def test_ten_percent_at_half_time_are_found_where_they_are() -> None:
    rng = np.random.default_rng(6)
    found = [
        stays_beyond(
            SECONDS, np.exp(ar1(rng, 300, 0.6, 0.02) + 0.0953 * (np.arange(300) >= 150)).tolist(), LATENCY_RISE
        )
        for _ in range(100)
    ]
    times = [each[0] for each in found if each is not None]
    assert len(times) >= 97
    assert np.median(times) == pytest.approx(151.0, abs=2.0)


def test_a_running_median_of_what_there_is_at_the_edges() -> None:
    assert running_median(np.array([1.0, 9.0, 2.0, 3.0]), 3).tolist() == [5.0, 2.0, 3.0, 2.5]


def level(low: float, high: float) -> Level:
    interval = Interval(low=low, high=high, confidence=0.95)
    return Level(start_s=0.0, end_s=60.0, median_s=(low + high) / 2, interval=interval, call_count=100)


def test_an_order_changed_where_it_is_clear_at_both_ends() -> None:
    found = ranking(
        [
            ("a", level(1.0, 1.1), level(3.0, 3.1)),
            ("b", level(2.0, 2.1), level(2.0, 2.1)),
            ("c", level(2.05, 2.2), level(5.0, 5.1)),
        ]
    )
    assert found.first == ("a", "b", "c")
    assert found.last == ("b", "a", "c")
    assert found.changed == (("a", "b"),)
    assert found.unclear == (("b", "c"),)

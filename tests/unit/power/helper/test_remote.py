from __future__ import annotations

import random

import pytest

from suite.errors import SensorError
from suite.power.helper.remote import Clocks, align


class TwoClocks:
    """Ours runs at the true rate; theirs is ahead by offset_s at 0, and fast by drift. A ping takes time each way."""

    def __init__(self, offset_s=3600.0, drift=0.0, seed=1, fastest_s=0.0005, spread_s=0.004):
        self.now_s = 50.0
        self.offset_s, self.drift = offset_s, drift
        self.random, self.fastest_s, self.spread_s = random.Random(seed), fastest_s, spread_s

    def ours(self):
        return self.now_s

    def theirs(self):
        return self.now_s * (1 + self.drift) + self.offset_s

    def ping(self):
        self.now_s += self.fastest_s + self.random.random() ** 2 * self.spread_s
        told_s = self.theirs()
        self.now_s += self.fastest_s + self.random.random() ** 2 * self.spread_s
        return told_s


@pytest.mark.parametrize("seed", range(20))
def test_an_hour_between_the_clocks_is_found_within_half_the_fastest_round_trip(seed):
    clocks = TwoClocks(seed=seed)
    found = align(clocks.ping, clocks.ours, 16)
    assert abs(found.offset_s - 3600.0) <= found.half_trip_s + 1e-9
    assert 0.0005 <= found.half_trip_s <= 0.0025


def test_the_fastest_of_the_round_trips_is_believed():
    clocks = TwoClocks()
    stamps = iter([0.0, 1.0, 2.0, 2.25, 3.0, 5.0])
    told = iter([10.0, 12.0, 13.0])
    found = align(lambda: next(told), lambda: next(stamps), 3)
    assert (found.at_s, found.offset_s, found.half_trip_s) == (2.125, 12.0 - 2.125, 0.125)
    assert clocks.ours() == 50.0


@pytest.mark.parametrize("seed", range(20))
def test_with_a_drift_of_50_ppm_every_stamp_lies_within_the_stated_uncertainty(seed):
    between = TwoClocks(drift=50e-6, seed=seed)
    clocks = Clocks(between.ping, between.ours, 0.2)
    errors_s = []
    for _ in range(600):  # ten minutes, a reading a second
        between.now_s += 1.0
        clocks.refresh_if_due()
        errors_s.append(abs(clocks.here_s(between.theirs()) - between.ours()))
    clocks.refresh()
    assert max(errors_s) <= clocks.uncertainty_s
    assert clocks.uncertainty_s < 0.01  # without repetition the drift alone would be 0.03 s


def test_an_hour_of_drift_that_was_never_asked_for_is_uncertainty_at_the_end():
    between = TwoClocks(drift=50e-6, spread_s=0.0)
    clocks = Clocks(between.ping, between.ours, 0.5)
    assert clocks.uncertainty_s == pytest.approx(0.0005)
    between.now_s += 3600.0
    clocks.refresh()
    assert clocks.uncertainty_s == pytest.approx(0.0005 + 3600 * 50e-6, rel=0.01)


def test_a_mac_that_slept_is_an_error_and_not_an_uncertainty():
    between = TwoClocks()
    clocks = Clocks(between.ping, between.ours, 0.2)
    between.offset_s -= 30.0  # its monotonic clock stands still in its sleep
    with pytest.raises(SensorError, match="moved apart by 30 s: one of them slept") as caught:
        clocks.refresh()
    assert caught.value.code == "CLOCK_STEPPED"
    assert "caffeinate" in caught.value.remedy


def test_the_clocks_are_compared_again_only_after_a_while():
    between = TwoClocks()
    clocks = Clocks(between.ping, between.ours, 0.2)
    before_s = between.now_s
    clocks.refresh_if_due()
    assert between.now_s == before_s
    between.now_s += 5.0
    clocks.refresh_if_due()
    assert between.now_s > before_s + 5.0

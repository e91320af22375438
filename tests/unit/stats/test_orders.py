"""Pairs of models in two quantities: in order, in the opposite order, or not told apart."""

import math

import pytest

from suite.stats.orders import Figure, exact, orders


def within(value, halfwidth):
    return Figure(value=value, low=value - halfwidth, high=value + halfwidth)


def outcomes(models):
    return [(pair.less, pair.more, pair.outcome) for pair in orders(models).pairs]


def test_every_pair_is_told_with_its_ratios():
    found = orders([(exact(214.0), within(100.0, 1)), (exact(21.4), within(40.0, 1)), (exact(107.0), within(80.0, 1))])
    assert [(pair.less, pair.more, pair.outcome) for pair in found.pairs] == [
        (1, 2, "same"),
        (1, 0, "same"),
        (2, 0, "same"),
    ]
    assert (found.extreme.less, found.extreme.more) == (1, 0)
    assert (found.extreme.first_ratio, found.extreme.second_ratio) == (pytest.approx(10.0), 2.5)


def test_an_opposite_pair_is_one_that_both_quantities_tell_apart():
    assert outcomes([(exact(1.0), within(5.0, 0.4)), (exact(2.0), within(4.0, 0.4))]) == [(0, 1, "opposite")]
    assert outcomes([(exact(1.0), within(5.0, 0.6)), (exact(2.0), within(4.0, 0.6))]) == [(0, 1, "open")]


def test_intervals_that_touch_are_not_told_apart():
    (pair,) = orders([(exact(1.0), within(5.0, 0.5)), (exact(2.0), within(4.0, 0.5))]).pairs
    assert (pair.outcome, pair.first_open, pair.second_open) == ("open", False, True)


def test_equal_counts_tell_nothing_apart():
    (pair,) = orders([(exact(3.0), within(5.0, 0.1)), (exact(3.0), within(4.0, 0.1))]).pairs
    assert (pair.outcome, pair.first_open, pair.second_open, pair.first_ratio) == ("open", True, False, 1.0)


def test_a_figure_without_an_interval_is_told_from_none():
    unknown = Figure(value=1.0, low=0.0, high=math.inf)
    assert outcomes([(exact(1.0), unknown), (exact(9.0), within(100.0, 1))]) == [(0, 1, "open")]


def test_nothing_has_no_ratio():
    (pair,) = orders([(exact(0.0), within(5.0, 0.1)), (exact(3.0), within(8.0, 0.1))]).pairs
    assert (pair.outcome, pair.first_ratio, pair.second_ratio) == ("same", None, 1.6)


def test_one_model_has_no_order():
    assert orders([]) is None
    assert orders([(exact(1.0), exact(1.0))]) is None


@pytest.mark.parametrize("low", [-1.0, 2.0])
def test_a_figure_outside_its_own_interval_is_refused(low):
    with pytest.raises(ValueError, match="between its low and its high"):
        Figure(value=1.0, low=low, high=3.0)

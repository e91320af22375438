"""Two series in turns: ratios within rounds, verdicts, and what the intervals hold by seeded simulation."""

from dataclasses import replace

import numpy as np
import pytest

from suite.records import Block
from suite.stats.paired import MIN_ROUND_COUNT, log_ratios, middle, paired
from tests.unit.stats.sweeps import Rounds


def pair(ratio, **scenario):
    return (series.blocks for series in Rounds(**scenario).sweep(lambda size: size, (1.0, ratio)))


def test_ratios_are_those_of_rounds_that_both_have():
    first, second = pair(1.5, noise=0.0, drift=0.3, round_count=4)
    assert np.exp(log_ratios(first, second)) == pytest.approx([1.5] * 4)
    assert np.exp(log_ratios(first[1:], second[:3])) == pytest.approx([1.5] * 2)
    assert len(log_ratios(first[:2], second[2:])) == 0


def test_a_difference_is_told_with_which_is_faster_and_by_how_much():
    found = paired(*pair(1.2, drift=0.3))
    assert (found.answer, found.reason, found.faster, found.round_count) == ("DIFFERENT", "apart", "first", 10)
    assert found.ratio == pytest.approx(1.2, rel=0.005)
    assert found.interval.low < 1.2 < found.interval.high
    turned = paired(*reversed(list(pair(1.2, drift=0.3))))
    assert turned.faster == "second"
    assert turned.ratio == pytest.approx(1 / found.ratio, rel=1e-12)
    assert turned.interval.low == pytest.approx(1 / found.interval.high, rel=1e-12)


def test_what_certainly_lies_within_the_margin_is_the_same_also_if_it_is_apart():
    found = paired(*pair(1.005, noise=0.0005))
    assert (found.answer, found.reason, found.faster) == ("SAME", "within_margin", None)
    assert found.is_apart
    assert paired(*pair(1.005, noise=0.0005), margin=0.001).answer == "DIFFERENT"


def test_a_wide_interval_leaves_it_unresolved_and_says_what_could_have_been_seen():
    found = paired(*pair(1.0, noise=0.1))
    assert (found.answer, found.reason) == ("UNRESOLVED", "interval_too_wide")
    halfwidth = np.log(found.interval.high / found.interval.low) / 2
    assert found.resolution == pytest.approx(np.expm1(1.4294 * halfwidth), rel=1e-4)


def test_too_few_rounds_give_no_figure():
    first, second = pair(2.0, round_count=MIN_ROUND_COUNT)
    assert paired(first, second).answer == "DIFFERENT"
    found = paired(first, second[1:])
    assert (found.answer, found.reason, found.ratio, found.interval) == ("UNRESOLVED", "too_few_rounds", None, None)
    assert (found.resolution, found.is_apart) == (None, False)


def test_series_of_two_sessions_share_no_round():
    first, second = pair(1.2)
    later = [replace(block, started_s=block.started_s + 1000) for block in second]
    assert paired(first, later).reason == "too_few_rounds"


def test_rounds_that_disagree_are_no_difference():
    slowed = {(1.2, index): 3.0 for index in range(4)}
    assert paired(*pair(1.2, slowed={(1.2, 0): 3.0})).ratio == pytest.approx(1.2, rel=0.01)
    assert paired(*pair(1.2, slowed=slowed)).reason == "rounds_disagree"


def test_equal_ratios_have_an_interval_of_no_width():
    centre, halfwidth, agreeing_share = middle(np.full(6, 0.25), 0.95)
    assert (centre, agreeing_share) == (0.25, 1.0)
    assert halfwidth == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("rho", [0.0, 0.6])
def test_intervals_hold_a_correlated_truth(rho):
    """200 seeded series; a true coverage of 95 % gives at least 91 % in 99 of 100 such tests."""
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(200):
        values = rng.standard_normal(12)
        for index in range(1, 12):
            values[index] = rho**5 * values[index - 1] + np.sqrt(1 - rho**10) * values[index]
        centre, halfwidth, _ = middle(values, 0.95)
        hits += abs(centre) <= halfwidth
    assert hits / 200 >= 0.91


def test_blocks_of_several_calls_count_by_their_median():
    def block(round_index, *latency_s):
        return Block(
            order_index=round_index,
            warmup=False,
            started_s=float(round_index),
            latency_s=latency_s,
            round_index=round_index,
        )

    first = [block(index, 1.0, 1.0, 50.0) for index in range(6)]
    second = [block(index, 2.0, 0.1, 2.0) for index in range(6)]
    assert paired(first, second).ratio == pytest.approx(2.0)

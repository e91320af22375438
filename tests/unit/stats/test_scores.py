"""Scores with intervals, against figures by hand."""

from __future__ import annotations

import math
import random

import pytest

from suite.stats.scores import score, wilson


def test_wilson_is_as_published() -> None:
    """Ten of ten: 0.7225 to 1, Brown, Cai and DasGupta (2001), as R's binom gives it."""
    found = wilson(1.0, 10)
    assert found.low == pytest.approx(0.7224672, abs=1e-6)
    assert found.high == 1.0
    found = wilson(0.5, 100)
    assert (found.low, found.high) == (pytest.approx(0.4038315, abs=1e-6), pytest.approx(0.5961685, abs=1e-6))


def test_items_of_their_own_count_one_each() -> None:
    found = score([1.0, 0.0, 1.0, 1.0], [0, 1, 2, 3])
    assert found.value == 0.75
    assert (found.item_count, found.group_count, found.effective_count) == (4, 4, 4.0)
    assert found.interval == wilson(0.75, 4)
    assert found.standard_error == pytest.approx(math.sqrt(4 / 3 * 0.75) / 4)


def test_answers_that_always_agree_within_a_group_count_once() -> None:
    """20 groups of 5 equal answers say no more than 20 answers."""
    values = [float(group % 4 != 0) for group in range(20) for _ in range(5)]
    groups = [group for group in range(20) for _ in range(5)]
    found = score(values, groups)
    assert found.value == 0.75
    assert found.effective_count == 20.0
    assert found.interval == wilson(0.75, 20)


def test_all_right_is_not_certain_of_it() -> None:
    found = score([1.0] * 50, [place // 5 for place in range(50)])
    assert found.effective_count == 10
    assert found.interval is not None
    assert found.interval.low == pytest.approx(0.7224672, abs=1e-6)


def test_one_group_tells_no_interval() -> None:
    found = score([1.0, 0.0], [7, 7])
    assert (found.value, found.standard_error, found.interval) == (0.5, None, None)


def test_a_rate_is_a_sum_over_a_sum() -> None:
    """Two characters wrong of 20, 0 of 10: 2 / 30; residuals 2/3 and -2/3, n / (n - 1) = 2."""
    found = score([2.0, 0.0], [0, 1], weights=[20.0, 10.0])
    assert found.value == pytest.approx(2 / 30)
    assert found.standard_error == pytest.approx(math.sqrt(2 * 2 * (2 / 3) ** 2) / 30)
    assert found.interval is not None
    assert found.interval.low == 0.0


def test_partial_scores_stay_between_0_and_1() -> None:
    found = score([0.3, 1.0, 1.0, 0.9], [0, 1, 2, 3])
    assert found.value == pytest.approx(0.8)
    assert found.interval is not None
    assert 0 < found.interval.low < 0.8 < found.interval.high == 1.0


def test_without_items_there_is_no_score() -> None:
    with pytest.raises(ValueError, match="needs an item"):
        score([], [])


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """400 samples of 60 images with 5 questions, whose answers hang together: 95 % intervals hold in 91 to 99 %."""
    rng, hits = random.Random(1), 0
    for _ in range(400):
        values, groups = [], []
        for group in range(60):
            chance = rng.choice((0.75, 0.95, 1.0))  # 0.9 on average
            values += [float(rng.random() < chance) for _ in range(5)]
            groups += [group] * 5
        interval = score(values, groups).interval
        assert interval is not None
        hits += interval.low <= 0.9 <= interval.high
    assert 0.91 * 400 <= hits <= 0.99 * 400

"""Variants on the same items: tests, corrections and verdicts."""

from __future__ import annotations

import random

import pytest
from scipy.stats import binomtest

from suite.stats.same_items import difference, judge, sign_flip_p


def scores(count: int, *wrong: int) -> list[float]:
    return [float(place not in wrong) for place in range(count)]


def test_discordant_items_alone_decide() -> None:
    """7 lost, 1 won: McNemar's exact p is the binomial one, 0.0703."""
    reference = scores(100, 50)
    variant = scores(100, *range(7))
    found = difference(variant, reference, range(100))
    assert (found.lost_count, found.won_count, found.item_count) == (7, 1, 100)
    assert found.value == pytest.approx(-0.06)
    assert found.p == pytest.approx(binomtest(1, 8, 0.5).pvalue) == pytest.approx(0.0703125)


def test_equal_answers_leave_a_difference_unlikely_not_impossible() -> None:
    found = difference(scores(100), scores(100), range(100))
    assert (found.value, found.p) == (0.0, 1.0)
    assert found.interval.low == -found.interval.high
    assert found.interval.high == pytest.approx(1.6449 * (2 / 102 / 102) ** 0.5, rel=1e-4)


def test_groups_are_flipped_whole() -> None:
    """One image whose five answers are lost is one witness: p is 1, not 0.06."""
    variant = scores(50, 0, 1, 2, 3, 4)
    assert difference(variant, scores(50), range(50)).p == pytest.approx(0.0625)
    assert difference(variant, scores(50), [place // 5 for place in range(50)]).p == pytest.approx(1.0, abs=0.001)


def test_the_draws_agree_with_the_exact_test() -> None:
    """Doubled sums take the draws: 9 of 10 groups lost is p = 0.0215 either way."""
    import numpy as np

    sums = np.array([2.0] * 9 + [-2.0])
    assert sign_flip_p(sums) == pytest.approx(binomtest(1, 10, 0.5).pvalue, abs=0.004)
    assert sign_flip_p(sums) == sign_flip_p(sums)


def test_verdicts() -> None:
    same = difference(scores(5000), scores(5000), range(5000))
    worse = difference(scores(5000, *range(200)), scores(5000), range(5000))
    better = difference(scores(5000), scores(5000, *range(200)), range(5000))
    close = difference(scores(200), scores(200), range(200))
    told = [found.verdict for found in judge([same, worse, better, close])]
    assert told == ["SAME", "WORSE", "BETTER", "UNRESOLVED"]


def test_a_difference_that_shows_and_is_within_the_margin_is_the_same() -> None:
    found = difference(scores(20_000, *range(20)), scores(20_000), range(20_000))
    assert found.p < 0.001
    assert judge([found])[0].verdict == "SAME"


def test_what_is_open_says_how_many_items_it_would_take() -> None:
    """As many as its own estimate says do settle it, if they answer as these do."""
    few = judge([difference(scores(100), scores(100), range(100))])[0]
    assert few.verdict == "UNRESOLVED"
    assert few.needed_count is not None
    enough = 100 + few.needed_count
    assert judge([difference(scores(enough), scores(enough), range(enough))])[0].verdict == "SAME"


def test_other_items_are_no_pair() -> None:
    with pytest.raises(ValueError, match="same items"):
        difference([1.0], [1.0, 0.0], [0])


def test_variants_without_a_difference_are_seldom_called_worse_or_better() -> None:
    """200 pairs of equal chances: at most 10 % are told apart, at an error of 5 %."""
    rng, told = random.Random(2), 0
    for _ in range(200):
        pairs = [(rng.random() < 0.9, rng.random() < 0.9) for _ in range(300)]
        found = difference([float(a) for a, _ in pairs], [float(b) for _, b in pairs], range(300))
        told += judge([found])[0].verdict in ("WORSE", "BETTER")
    assert told <= 20

"""The ratio of two medians: exact where it can be, and as wide as blocks and runs ask for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from suite.stats.ratio import Level, level, pooled, ratio


def blocks(seed: int, count: int = 6, block: float = 0.02, call: float = 0.02, calls: int = 5) -> list[list[float]]:
    rng = np.random.default_rng(seed)
    shifts = block * rng.standard_normal((count, 1))
    return [list(each) for each in np.exp(shifts + call * rng.standard_normal((count, calls)))]


def test_a_level_is_the_log_of_the_median_of_all_calls() -> None:
    found = level([[1.0, 3.0], [2.0, 5.0], [4.0]], spent_s=15.0)
    assert found.median == pytest.approx(3.0)
    assert (found.block_count, found.run_count, found.spent_s) == (3, 1, 15.0)
    assert level([[1.0, 2.0, 4.0, 8.0]] * 3).median == pytest.approx(3.0)


def test_two_blocks_tell_no_error_and_the_ratio_has_no_interval() -> None:
    few = level([[1.0, 1.1], [1.2]])
    assert few.error is None
    found = ratio(few, level(blocks(1)))
    assert (found.interval, found.p_value, found.p_beyond(1.05)) == (None, None, None)
    assert found.value == pytest.approx(math.exp(level(blocks(1)).log_median) / 1.1)


def test_a_level_needs_a_call() -> None:
    with pytest.raises(ValueError, match="a level needs a call"):
        level([[], []])


def test_scaling_a_series_scales_the_ratio_and_nothing_else() -> None:
    first, second = level(blocks(1)), level(blocks(2))
    scaled = level([[7.0 * value for value in block] for block in blocks(2)])
    once, again = ratio(first, second), ratio(first, scaled)
    assert once.interval is not None
    assert again.interval is not None
    assert again.value == pytest.approx(7 * once.value)
    assert again.interval.high == pytest.approx(7 * once.interval.high)
    assert again.error == pytest.approx(once.error)


def test_the_same_samples_give_the_same_interval_each_time() -> None:
    assert ratio(level(blocks(1)), level(blocks(2))) == ratio(level(blocks(1)), level(blocks(2)))


def test_swapping_the_two_inverts_the_ratio() -> None:
    there, back = ratio(level(blocks(1)), level(blocks(2))), ratio(level(blocks(2)), level(blocks(1)))
    assert there.interval is not None
    assert back.interval is not None
    assert there.value * back.value == pytest.approx(1)
    assert there.interval.low * back.interval.high == pytest.approx(1)
    assert there.p_value == pytest.approx(back.p_value)


def test_calls_that_share_their_block_widen_the_interval_as_their_count_does_not() -> None:
    shared = level(blocks(3, block=0.05, call=0.001, calls=50)).error
    apart = level(blocks(3, block=0.0, call=0.05, calls=50)).error
    assert shared is not None
    assert apart is not None
    assert shared > 3 * apart


def test_equal_blocks_still_have_an_error() -> None:
    assert level([[0.1] * 5] * 6).error == 1e-6


def test_a_one_sided_p_value_is_of_the_side_away_from_one() -> None:
    found = ratio(level(blocks(1, block=0.005, call=0.005)), level([[1.1 * v for v in b] for b in blocks(1)]))
    slower, faster = found.p_beyond(1.05), found.p_beyond(0.95)
    assert slower is not None
    assert faster is not None
    assert slower < 0.5 < faster


def test_runs_of_a_kind_have_the_freedom_of_runs_and_the_spread_between_them() -> None:
    levels = [Level(log_median=value, error=0.001, freedom=4.0, block_count=6) for value in (0.0, 0.02, 0.04, 0.06)]
    found = pooled(levels)
    assert found.log_median == pytest.approx(0.03)
    assert (found.run_count, found.block_count) == (4, 24)
    assert found.freedom <= 3
    assert found.error == pytest.approx(0.0258 / 2, rel=0.15)  # the standard error of a mean of four runs


def test_a_single_run_stands_for_itself() -> None:
    one = level(blocks(1))
    assert pooled([one]) is one


def test_single_values_of_several_runs_have_an_error_between_them() -> None:
    found = pooled([Level(log_median=value, error=None) for value in (0.0, 0.01, 0.02)])
    assert found.error is not None
    assert 0.004 < found.error < 0.009


@pytest.mark.parametrize("machine", [{"block": 0.0}, {"block": 0.02}, {"block": 0.02, "count": 10}])
def test_nineteen_of_twenty_intervals_hold_the_truth(machine: dict[str, float]) -> None:
    """200 seeded pairs: the whole table is benchmarks/compare_coverage.py."""
    held = 0
    for seed in range(200):
        found = ratio(level(blocks(2 * seed, **machine)), level(blocks(2 * seed + 1, **machine)))  # type: ignore[arg-type]
        assert found.interval is not None
        held += found.interval.low <= 1 <= found.interval.high
    assert 184 <= held <= 200

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import bdtrik

from benchmarks.coverage import BEYOND, LAYOUTS, SCENARIOS, Scenario, coverage
from suite.stats.interval import median_interval

RUN_COUNT = 400
NOMINAL_FLOOR = 0.93
# A true coverage at the floor passes 999 times in 1000.
LEAST_SHARE = bdtrik(0.001, RUN_COUNT, NOMINAL_FLOOR) / RUN_COUNT

latencies = st.floats(min_value=1e-6, max_value=1e3)
block_lists = st.lists(st.lists(latencies, min_size=1, max_size=20), min_size=1, max_size=8)
powers_of_two = st.integers(-20, 20).map(lambda exponent: 2.0**exponent)


def ends(blocks):
    interval = median_interval(blocks)
    return None if interval is None else (interval.low, interval.high)


def test_five_calls_have_no_interval_and_six_have_their_range():
    assert median_interval([[1.0, 2.0, 3.0, 4.0, 5.0]]) is None
    assert ends([[3.0, 1.0, 6.0, 2.0, 5.0, 4.0]]) == (1.0, 6.0)


def test_less_confidence_needs_fewer_calls():
    assert median_interval([[1.0, 2.0, 3.0]], confidence=0.75) is not None


def test_no_calls_have_no_interval():
    assert median_interval([]) is None
    assert median_interval([[], []]) is None


def test_equal_calls_have_an_interval_of_no_width():
    assert ends([[0.25] * 5] * 4) == (0.25, 0.25)


def test_it_is_the_sign_test_where_calls_alternate_around_the_median():
    values = [float(value) for pair in zip(range(50, 0, -1), range(51, 101), strict=True) for value in pair]
    halfwidth = 1.959963984540054 * np.sqrt(100) / 2  # ranks; no positive correlation is left to widen it
    assert ends([values]) == pytest.approx((50.5 - halfwidth, 50.5 + halfwidth), rel=1e-12)


def test_an_outlier_does_not_move_it():
    values = np.random.default_rng(0).lognormal(size=60)
    worse = np.where(values == values.max(), 1e6, values)
    assert ends([values.tolist()]) == ends([worse.tolist()])


def test_blocks_that_differ_widen_it():
    values = np.random.default_rng(1).permutation(80) + 1.0
    alike = np.split(values, 8)
    sorted_blocks = np.split(np.sort(values), 8)
    first, second = median_interval(alike), median_interval(sorted_blocks)
    assert first is not None
    assert second is not None
    assert second.halfwidth > 2 * first.halfwidth


def test_empty_blocks_change_nothing():
    assert ends([[1.0, 5.0, 2.0], [], [4.0, 3.0, 6.0]]) == ends([[1.0, 5.0, 2.0], [4.0, 3.0, 6.0]])


@given(block_lists, powers_of_two)
def test_scaling_the_samples_scales_the_interval(blocks, factor):
    before, after = ends(blocks), ends([[value * factor for value in block] for block in blocks])
    assert after == (None if before is None else (before[0] * factor, before[1] * factor))


@given(block_lists)
def test_it_holds_the_median_and_lies_within_the_range(blocks):
    values = [value for block in blocks for value in block]
    found = ends(blocks)
    if found is None:
        assert len(values) < 6
    else:
        slack = 1e-12 * max(values)
        assert min(values) <= found[0] <= np.median(values) + slack
        assert np.median(values) - slack <= found[1] <= max(values)


@given(block_lists)
def test_reversing_the_whole_series_changes_nothing_but_rounding(blocks):
    before, after = median_interval(blocks), median_interval([block[::-1] for block in blocks[::-1]])
    if before is None or after is None:
        assert before is after
    else:
        assert (after.low, after.high) == pytest.approx((before.low, before.high), rel=1e-6)


@given(block_lists, st.sampled_from([(0.5, 0.8), (0.8, 0.9), (0.9, 0.95)]))
def test_more_confidence_never_narrows_it(blocks, levels):
    narrow, wide = (median_interval(blocks, level) for level in levels)
    if narrow is not None and wide is not None:
        assert wide.low <= narrow.low
        assert narrow.high <= wide.high


@pytest.mark.parametrize("call_count", LAYOUTS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_stated_confidence_is_kept(scenario: Scenario, call_count: int):
    share, _ = coverage(scenario, LAYOUTS[call_count], RUN_COUNT, seed=call_count)
    assert share >= LEAST_SHARE


def test_it_is_not_needlessly_wide():
    share, width = coverage(SCENARIOS[1], LAYOUTS[300], RUN_COUNT)
    assert share <= 0.99
    assert width < 1.35 * 1.96 * np.sqrt(np.pi / 2 / 300)  # of the shortest honest one, for 300 independent calls


@pytest.mark.parametrize("scenario", BEYOND[:1], ids=lambda scenario: scenario.name)
def test_the_documented_shortfall_is_still_there(scenario: Scenario):
    share, _ = coverage(scenario, LAYOUTS[10], RUN_COUNT)
    assert share < NOMINAL_FLOOR  # docs/statistics.md says so: mend it there when this fails

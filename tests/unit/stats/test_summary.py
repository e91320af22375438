from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.records import Block, LatencySamples, Repetition
from suite.stats.summary import all_calls, outliers, summarise, supports

FIXED = Repetition(target_relative_halfwidth=None)


def samples(*blocks, warmup=()):
    parts = [(True, warmup)] if warmup else []
    parts += [(False, block) for block in blocks]
    return LatencySamples(
        blocks=tuple(
            Block(order_index=index, warmup=is_warmup, started_s=float(index), latency_s=tuple(values))
            for index, (is_warmup, values) in enumerate(parts)
        ),
        clock="fake",
        synchronisation="none needed: fake",
        steady=True,
        stop="fixed",
    )


def test_the_first_pass_is_left_out_and_the_rest_is_summed_up():
    summary = summarise(samples([1.0, 2.0], [3.0, 6.0], warmup=[50.0]), FIXED)
    assert (summary.count, summary.mean, summary.median) == (4, 3.0, 2.5)
    assert (summary.minimum, summary.maximum) == (1.0, 6.0)
    assert summary.std == pytest.approx(np.sqrt(14 / 3))


def test_one_call_has_no_deviation_no_interval_and_no_correlation():
    summary = summarise(samples([2.0]), FIXED)
    assert summary.std is None
    assert summary.median_interval is None
    assert summary.lag1_autocorrelation is None
    assert summary.percentiles == ()


def test_warm_up_alone_is_no_sample():
    with pytest.raises(ValueError, match="not warm-up"):
        summarise(samples(warmup=[1.0]), FIXED)


@pytest.mark.parametrize(("percent", "least"), [(50.0, 11), (90.0, 64), (95.0, 130), (99.0, 662)])
def test_a_percentile_needs_as_many_calls_as_loadgen_asks(percent, least):
    assert next(count for count in range(1, 2000) if supports(count, percent)) == least
    assert all(supports(count, percent) for count in range(least, 2000))


def test_percentiles_are_shown_where_the_calls_support_them():
    values = [float(value) for value in range(1, 102)]
    assert summarise(samples(values), FIXED).percentiles == ((50.0, 51.0), (90.0, 91.0))
    assert summarise(samples(values[:10]), FIXED).percentiles == ()


def test_a_far_value_is_flagged_and_kept():
    summary = summarise(samples([1.0, 1.1, 0.9, 1.05, 0.95, 1.0, 1.02, 30.0]), FIXED)
    assert summary.outlier_count == 1
    assert summary.maximum == 30.0
    assert summary.mean > 4


def test_the_tail_of_a_skewed_series_is_hardly_flagged():
    values = np.random.default_rng(0).lognormal(sigma=0.3, size=10_000)
    assert np.count_nonzero(outliers(values)) < 20


def test_a_fixed_count_is_resolved_and_an_open_one_says_how_many_calls_are_missing():
    blocks = [[1.0, 2.0, 1.5, 1.7, 1.2]] * 4
    assert summarise(samples(*blocks), FIXED).resolved
    summary = summarise(samples(*blocks), Repetition())
    assert not summary.resolved
    assert summary.calls_needed is not None
    assert summary.calls_needed > 100


def test_a_series_within_the_target_is_resolved():
    summary = summarise(samples(*[[1.0] * 5] * 4), Repetition())
    assert summary.resolved
    assert summary.calls_needed is None


def test_too_few_calls_for_an_interval_are_unresolved():
    summary = summarise(samples([1.0, 1.0]), Repetition(min_call_count=2))
    assert not summary.resolved
    assert summary.calls_needed is None


@given(st.lists(st.floats(min_value=1e-3, max_value=1e3), min_size=1, max_size=80), st.integers(-8, 8))
def test_scaling_the_samples_scales_every_time_and_no_count(values, exponent):
    factor = 2.0**exponent
    before = summarise(samples(values), Repetition())
    after = summarise(samples([value * factor for value in values]), Repetition())
    assert after.median == before.median * factor
    assert after.mean == pytest.approx(before.mean * factor)
    assert after.percentiles == tuple((percent, value * factor) for percent, value in before.percentiles)
    assert (after.outlier_count, after.resolved, after.calls_needed) == (
        before.outlier_count,
        before.resolved,
        before.calls_needed,
    )


@given(st.permutations(range(1, 30)))
def test_the_order_of_calls_changes_the_interval_alone(order):
    values = [float(value) for value in order]
    found, ordered = (summarise(samples(series), FIXED) for series in (values, sorted(values)))
    assert (found.median, found.percentiles, found.outlier_count) == (
        ordered.median,
        ordered.percentiles,
        ordered.outlier_count,
    )


def half_disturbed(stop="target"):
    found = samples([1.0, 1.0, 1.0, 1.2, 1.0, 1.0], [9.0, 9.0], [1.0, 1.1], warmup=[50.0])
    blocks = [replace(block, disturbed_by="others" if max(block.latency_s) == 9.0 else None) for block in found.blocks]
    return replace(found, blocks=tuple(blocks), stop=stop)


def test_disturbed_blocks_are_in_no_figure_and_stand_beside_them():
    summary = summarise(half_disturbed(), FIXED)
    assert (summary.count, summary.maximum, summary.median) == (8, 1.2, 1.0)
    assert summary.median_interval.high <= 1.2
    assert not summary.is_upper_bound
    beside = all_calls(half_disturbed())
    assert (beside.count, beside.median_s, beside.mean_s) == (10, 1.0, pytest.approx(2.63))
    assert beside.std_s == pytest.approx(np.std([1, 1, 1, 1.2, 1, 1, 9, 9, 1, 1.1], ddof=1))


def test_where_quiet_never_came_every_block_counts_and_the_figure_is_a_bound():
    summary = summarise(half_disturbed("disturbed"), FIXED)
    assert (summary.count, summary.maximum, summary.is_upper_bound) == (10, 9.0, True)


def test_time_still_needed_holds_the_calls_that_will_be_lost():
    rule = Repetition()
    found = half_disturbed()
    summary = summarise(found, rule)
    assert summary.relative_halfwidth == pytest.approx(summary.median_interval.halfwidth / summary.median)
    spent_s = 1.0 * 7 + 1.2 + 1.1 - 1.0 + 18.0
    assert summary.needed_s == pytest.approx(summary.calls_needed * spent_s / 8)
    binned = replace(found, blocks=tuple(replace(block, calls_per_value=10) for block in found.blocks))
    assert summarise(binned, rule).needed_s == pytest.approx(10 * summary.needed_s)


def test_one_disturbed_call_alone_is_no_figure():
    found = samples([9.0])
    found = replace(found, blocks=(replace(found.blocks[0], disturbed_by="others"),), stop="failed")
    with pytest.raises(ValueError, match="and counts"):
        summarise(found, FIXED)
    assert (all_calls(found).median_s, all_calls(found).std_s) == (9.0, None)
    with pytest.raises(ValueError, match="not warm-up"):
        all_calls(samples(warmup=[1.0]))

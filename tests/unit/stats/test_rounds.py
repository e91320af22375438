from dataclasses import replace

import numpy as np
import pytest

from suite.records import Block
from suite.stats.rounds import Series, grid, profile
from tests.unit.stats.sweeps import Rounds

SIZES = (1, 2, 4, 8)


def line(size):
    return 0.065 + 0.063 * size


def blocks(*latencies_s, rounds=None):
    """Started when their round was, if they name one."""
    return tuple(
        Block(order_index=place, warmup=False, started_s=float(index or place), latency_s=calls, round_index=index)
        for place, (calls, index) in enumerate(zip(latencies_s, rounds or [None] * len(latencies_s), strict=True))
    )


def found(rounds, law=line, sizes=SIZES):
    result = profile(grid(rounds.sweep(law, sizes)))
    assert result is not None
    return result


def test_a_grid_holds_the_logarithm_of_each_block_s_median():
    made = grid([Series(size=1, blocks=blocks((1.0, 2.0, 9.0), (3.0,))), Series(size=2, blocks=blocks((4.0,), (5.0,)))])
    assert made.sizes.tolist() == [1, 2]
    assert np.exp(made.log_latency) == pytest.approx(np.array([[2.0, 4.0], [3.0, 5.0]]))


def test_an_older_block_s_round_is_its_place_among_the_counted_ones():
    named, unnamed = (grid(Rounds(named=named).sweep(line, SIZES)) for named in (True, False))
    assert unnamed.log_latency == pytest.approx(named.log_latency)


def test_a_named_round_holds_where_blocks_are_missing():
    short = Series(size=1, blocks=blocks((1.0,), (3.0,), rounds=[0, 2]))
    made = grid([short, Series(size=2, blocks=blocks((4.0,), (5.0,), (6.0,), rounds=[0, 1, 2]))])
    assert np.isnan(made.log_latency).tolist() == [[False, False], [True, False], [False, False]]


def test_rounds_stand_in_run_order_whichever_size_ended_first():
    short = Series(size=1, blocks=blocks((2.0,), (2.0,), rounds=[1, 2]))
    made = grid([short, Series(size=2, blocks=blocks((3.0,), (4.0,), (5.0,), rounds=[0, 1, 2]))])
    assert np.exp(made.log_latency[:, 1]) == pytest.approx([3.0, 4.0, 5.0])


def test_a_block_that_does_not_count_leaves_its_round_to_the_others():
    marked = Series(size=1, blocks=blocks((1.0,), (9.0,), (3.0,)), counts=(True, False, True))
    made = grid([marked, Series(size=2, blocks=blocks((4.0,), (5.0,), (6.0,)))])
    assert np.isnan(made.log_latency[:, 0]).tolist() == [False, True, False]
    with pytest.raises(ValueError, match="counts"):
        Series(size=1, blocks=blocks((1.0,)), counts=(True, False))


def test_sizes_of_a_resumed_run_share_no_round_with_those_before_it():
    first = Rounds(round_count=5).sweep(line, (1, 2, 4))
    second = Rounds(round_count=5, start_s=1000.0).sweep(line, (6, 8))
    assert grid([*first, *second]).sizes.tolist() == [1, 2, 4]
    together = Rounds(round_count=5).sweep(line, (1, 2, 4, 6, 8))
    assert grid(together).sizes.tolist() == [1, 2, 4, 6, 8]


def test_a_size_that_joins_in_a_later_round_is_of_the_same_session():
    first = Rounds(round_count=8).sweep(line, (1, 2, 4))
    joined = tuple(replace(block, started_s=block.started_s + 0.5) for block in first[2].blocks[3:])
    assert grid([*first[:2], replace(first[2], blocks=joined)]).sizes.tolist() == [1, 2, 4]


def test_two_blocks_of_a_size_in_one_round_are_one_entry():
    twice = Series(size=1, blocks=blocks((1.0,), (4.0,), (3.0,), rounds=[0, 0, 1]))
    made = grid([twice, Series(size=2, blocks=blocks((4.0,), (5.0,), rounds=[0, 1]))])
    assert np.exp(made.log_latency[:, 0]) == pytest.approx([2.0, 3.0])


def test_nothing_that_counts_is_no_profile():
    assert profile(grid([])) is None
    assert profile(grid([Series(size=1, blocks=blocks((1.0,), (1.0,), (1.0,)))])) is None
    assert profile(grid(Rounds(round_count=2).sweep(line, SIZES))) is None


def test_levels_are_those_of_the_law():
    result = found(Rounds(noise=0.001))
    assert np.exp(result.log_latency) == pytest.approx([line(size) for size in SIZES], rel=0.002)
    assert result.round_count == 10
    assert result.agreeing_share.tolist() == [1, 1, 1, 1]


def test_equal_blocks_have_exact_levels_and_almost_no_error():
    result = found(Rounds(noise=0.0))
    assert np.exp(result.log_latency) == pytest.approx([line(size) for size in SIZES])
    assert np.std(result.replicates, axis=0) == pytest.approx(np.zeros(4), abs=1e-6)


@pytest.mark.parametrize("round_count", [4, 5, 10])
def test_drift_moves_all_sizes_and_not_what_lies_between_them(round_count):
    quiet, drifting = (found(Rounds(round_count=round_count, drift=drift)) for drift in (0.0, 0.2))
    between = [np.ptp(result.replicates[:, 3] - result.replicates[:, 0]) for result in (quiet, drifting)]
    assert between[1] == pytest.approx(between[0], rel=0.05)
    assert np.ptp(drifting.replicates[:, 0]) > 10 * np.ptp(quiet.replicates[:, 0])


@pytest.mark.parametrize(("round_count", "slowed_count"), [(4, 1), (5, 1), (10, 3), (20, 6)])
def test_slowed_blocks_move_no_level(round_count, slowed_count):
    slowed = {(4, index): 2.0 + index / 4 for index in range(slowed_count)}
    result = found(Rounds(round_count=round_count, slowed=slowed))
    assert np.exp(result.log_latency) == pytest.approx([line(size) for size in SIZES], rel=0.004)
    assert result.agreeing_share.tolist() == [1, 1, 1 - slowed_count / round_count, 1]


def test_rounds_that_were_slow_as_a_whole_move_no_level():
    slowed = {(size, index): 3.0 for size in SIZES for index in (1, 4, 7)}
    result = found(Rounds(slowed=slowed))
    assert np.exp(result.log_latency) == pytest.approx([line(size) for size in SIZES], rel=0.004)
    assert result.agreeing_share.tolist() == [1, 1, 1, 1]


def test_a_size_half_of_whose_blocks_were_slowed_sways_no_other():
    result = found(Rounds(slowed={(4, index): 3.0 for index in range(5)}))
    others = [0, 1, 3]
    assert np.exp(result.log_latency)[others] == pytest.approx([line(size) for size in (1, 2, 8)], rel=0.004)
    spread = np.std(result.replicates, axis=0)
    assert spread[2] > 50 * spread[others].max()


def test_a_series_that_ended_early_is_compared_in_the_rounds_it_was_in():
    series = Rounds(round_count=12, drift=0.2).sweep(line, SIZES)
    short = replace(series[0], blocks=series[0].blocks[:5])
    result = profile(grid([short, *series[1:]]))
    assert result is not None
    ratio = np.exp(result.log_latency[3] - result.log_latency[0])
    assert ratio == pytest.approx(line(8) / line(1), rel=0.005)


def test_a_factor_on_all_latencies_only_shifts_the_levels():
    base = found(Rounds(drift=0.05))
    scaled = found(Rounds(drift=0.05), law=lambda size: 1000 * line(size))
    assert scaled.replicates - base.replicates == pytest.approx(np.full(base.replicates.shape, np.log(1000)))

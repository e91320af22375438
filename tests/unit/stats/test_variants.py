"""Verdicts on variants: ratios by rounds, and no more of them than the whole table allows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from suite.records import Block
from suite.stats.paired import MIN_ROUND_COUNT
from suite.stats.variants import compared


def blocks(latencies_s: Sequence[float], disturbed: Sequence[int] = ()) -> list[Block]:
    return [
        Block(
            order_index=place,
            warmup=False,
            started_s=float(place),
            latency_s=(latency_s,) * 3,
            round_index=place,
            disturbed_by="other processes took 34 % of its 2 cores" if place in disturbed else None,
        )
        for place, latency_s in enumerate(latencies_s)
    ]


def noisy(level_s: float, seed: int, count: int = 12, noise: float = 0.002) -> list[Block]:
    draw = random.Random(seed)
    return blocks([level_s * (1 + draw.gauss(0, noise)) for _ in range(count)])


def test_each_is_told_by_its_latency_over_the_first_s() -> None:
    found = compared(noisy(0.1, 1), [noisy(0.05, 2), noisy(0.2, 3), noisy(0.1005, 4)])
    assert [each.verdict for each in found] == ["FASTER", "SLOWER", "SAME"]
    assert [each.ratio for each in found] == pytest.approx([0.5, 2.0, 1.005], rel=0.005)


def test_a_drift_in_both_is_in_no_ratio() -> None:
    drift = [0.1 * (1 + 0.1 * place) for place in range(10)]
    (found,) = compared(blocks(drift), [blocks([2 * latency_s for latency_s in drift])])
    assert (found.verdict, found.round_count) == ("SLOWER", 10)
    assert found.ratio == pytest.approx(2.0)


def test_a_round_in_which_one_of_both_was_disturbed_is_left_out() -> None:
    first = blocks([0.1] * 8, disturbed=(0, 3))
    second = blocks([0.5, *[0.1] * 7], disturbed=(0, 5))
    (found,) = compared(first, [second])
    assert found.round_count == 5
    assert (found.verdict, found.reason, found.ratio) == ("UNRESOLVED", "too_few_rounds", None)
    (whole,) = compared(blocks([0.1] * 8, disturbed=(0,)), [second])
    assert (whole.verdict, whole.round_count) == ("SAME", MIN_ROUND_COUNT)


def test_warm_up_counts_nowhere() -> None:
    cold = [replace(block, warmup=True, latency_s=(9.0,)) for block in blocks([0.1] * 3)]
    (found,) = compared([*cold, *blocks([0.1] * 8)], [[*cold, *blocks([0.1] * 8)]])
    assert (found.verdict, found.round_count, found.ratio) == ("SAME", 8, 1.0)


def test_a_verdict_that_holds_alone_is_withdrawn_beside_many() -> None:
    first = noisy(0.1, 1, noise=0.03)
    near = next(
        other
        for seed in range(2, 400)
        if 0.02 < compared(first, [other := noisy(0.106, seed, noise=0.03)])[0].p_value < 0.05
    )
    (alone,) = compared(first, [near])
    assert alone.verdict == "SLOWER"
    open_ones = [noisy(0.1, seed, count=6, noise=0.2) for seed in (500, 501, 502)]
    beside = compared(first, [near, *open_ones])
    assert (beside[0].verdict, beside[0].reason) == ("UNRESOLVED", "other_variants")
    assert beside[0].ratio == alone.ratio
    assert beside[0].interval == alone.interval


def test_the_smallest_p_value_stands_though_another_does_not() -> None:
    first = noisy(0.1, 1)
    found = compared(first, [noisy(0.2, 2), noisy(0.1, 3, noise=0.3)])
    assert [each.verdict for each in found] == ["SLOWER", "UNRESOLVED"]
    assert found[0].p_value < 1e-3
    assert found[1].p_value == 1.0


def test_no_others_give_no_verdicts() -> None:
    assert compared(noisy(0.1, 1), []) == ()

"""What real inputs cost, on calls whose seconds are known: 10 ms and 2 ms for each unit of length."""

from __future__ import annotations

import pytest

from suite.records import RealCalls
from suite.stats.real_calls import line, real_latency

LENGTHS = tuple(range(5, 17))  # twelve, 10.5 on average


def calls(lengths: tuple[int, ...], size: int = 1, slowest_s: float | None = None) -> RealCalls:
    """In batches of `size`, each padded to its longest."""
    batches = [lengths[start : start + size] for start in range(0, len(lengths), size)]
    latency_s = [0.010 + 0.002 * max(batch) for batch in batches]
    if slowest_s is not None:
        latency_s[0] = slowest_s
    return RealCalls(
        example_counts=tuple(map(len, batches)),
        padded_lengths=tuple(map(max, batches)),
        latency_s=tuple(latency_s),
    )


def test_calls_alone_tell_their_median_their_mean_and_what_a_unit_costs() -> None:
    found = real_latency(calls(LENGTHS), LENGTHS)
    assert found is not None
    assert (found.call_count, found.example_count) == (12, 12)
    assert (found.median_s, found.mean_s, found.per_example_s) == pytest.approx((0.031, 0.031, 0.031))
    assert (found.least_length, found.mean_length, found.most_length) == (5, 10.5, 16)
    assert found.padding_share == 0.0
    assert found.line is not None
    assert (found.line.at_zero_s, found.line.per_unit_s) == pytest.approx((0.010, 0.002))
    assert found.line.at(10.5) == pytest.approx(0.031)


def test_one_slow_call_tilts_no_line() -> None:
    found = real_latency(calls(LENGTHS, slowest_s=5.0), LENGTHS)
    assert found is not None
    assert found.line is not None
    assert found.line.per_unit_s == pytest.approx(0.002)
    assert found.median_s == pytest.approx(0.033)  # of the eleven others and one above them all
    assert found.mean_s == pytest.approx((12 * 0.031 - 0.020 + 5.0) / 12)


def test_padding_is_what_belongs_to_no_example() -> None:
    """Batches of 4 are padded to 8, 12 and 16: 144 positions for 126 of their own."""
    found = real_latency(calls(LENGTHS, size=4), LENGTHS)
    assert found is not None
    assert (found.call_count, found.example_count) == (3, 12)
    assert found.padding_share == pytest.approx(1 - 126 / 144)
    assert found.per_example_s == pytest.approx((0.026 + 0.034 + 0.042) / 12)
    assert found.line is None  # of three calls


def test_lengths_that_are_all_alike_tell_no_slope() -> None:
    assert line((7,) * 20, (0.1,) * 20) is None
    assert line((1, 2, 3), (0.1, 0.2, 0.3)) is None


def test_of_many_calls_every_second_one_is_looked_at() -> None:
    lengths = [1 + index % 50 for index in range(1999)]
    found = line(lengths, [0.010 + 0.002 * length for length in lengths])
    assert found is not None
    assert found.per_unit_s == pytest.approx(0.002)


def test_without_a_call_there_is_nothing() -> None:
    none = RealCalls(example_counts=(), padded_lengths=(), latency_s=())
    assert real_latency(none, ()) is None


def test_each_example_needs_a_length() -> None:
    with pytest.raises(ValueError, match="each example has a length"):
        real_latency(calls(LENGTHS), LENGTHS[:-1])

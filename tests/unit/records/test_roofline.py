"""Ceilings as a record keeps them: the best block, the median one, and what is no ceiling."""

from __future__ import annotations

import math

import pytest

from suite.records import Ceiling, Matmul, Roofline


def ceiling(amount: int = 1_000_000, call_count: int = 10, block_s: tuple[float, ...] = (0.5, 0.25, 1.0)) -> Ceiling:
    return Ceiling(amount=amount, call_count=call_count, block_s=block_s)


def roofline(copy: Ceiling, read: Ceiling, precisions: tuple[str, ...] = ("fp32",)) -> Roofline:
    return Roofline(
        thread_count=2,
        synchronisation="none needed: cpu",
        tensor_bytes=500_000,
        cache_bytes=None,
        copy=copy,
        read=read,
        matmul=tuple(Matmul(precision=name, size=100, ceiling=ceiling(2_000_000)) for name in precisions),
    )


def test_a_ceiling_is_the_best_block_and_tells_the_median_one() -> None:
    assert ceiling().best_per_s == 40e6
    assert ceiling().median_per_s == 20e6


def test_the_bandwidth_is_the_faster_of_copy_and_read() -> None:
    fast, slow = ceiling(), ceiling(block_s=(0.5,))
    assert roofline(fast, slow).bandwidth is fast
    assert roofline(slow, fast).bandwidth is fast


def test_rates_are_by_precision() -> None:
    found = roofline(ceiling(), ceiling(), ("fp32", "bf16"))
    assert found.rate("bf16") == ceiling(2_000_000)
    assert found.rate("int8") is None


def test_nonsense_is_refused() -> None:
    for wrong in ((), (0.0,), (math.nan,), (-1.0,), (0.5,) * 1001):
        with pytest.raises(ValueError, match="block"):
            ceiling(block_s=wrong)
    with pytest.raises(ValueError, match="amount"):
        ceiling(amount=0)
    with pytest.raises(ValueError, match="1 to 20 precisions"):
        roofline(ceiling(), ceiling(), ())
    with pytest.raises(ValueError, match="measured twice"):
        roofline(ceiling(), ceiling(), ("fp32", "fp32"))

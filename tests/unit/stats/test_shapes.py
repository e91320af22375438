"""Two modes, a drift and a step: named with their figures where they are, and not where they aren't."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest

from suite.records import Block, LatencySamples
from suite.stats import shapes
from tests.unit.stats.noise import ar1


def series(blocks: Sequence[Sequence[float]], disturbed: frozenset[int] = frozenset()) -> LatencySamples:
    """Blocks that begin 10 s apart; the first is warm-up."""
    made = [Block(order_index=0, warmup=True, started_s=0.0, latency_s=(9.0,))]
    for at, values in enumerate(blocks):
        cause = "others took 40 %" if at in disturbed else None
        made.append(
            Block(
                order_index=at + 1,
                warmup=False,
                started_s=10.0 * at + 10.0,
                latency_s=tuple(values),
                disturbed_by=cause,
            )
        )
    return LatencySamples(blocks=tuple(made), clock="fake", synchronisation="none", steady=True, stop="target")


def noisy(seed: int, levels: Sequence[float], calls: int = 20, sigma: float = 0.003) -> list[list[float]]:
    rng = np.random.default_rng(seed)
    return [(level * np.exp(rng.normal(0, sigma, calls))).tolist() for level in levels]


def test_two_modes_are_named_with_their_places_and_shares() -> None:
    blocks = [[0.030 if call % 4 else 0.033 for call in range(20)] for _ in range(6)]
    blocks = [[value * (1 + 1e-4 * call) for call, value in enumerate(block)] for block in blocks]
    (flag,) = shapes.found(series(blocks))
    assert flag.code == "BIMODAL"
    assert flag.text == (
        "two modes: 75 % of the calls near 30.0 ms, and 25 % near 33.0 ms, 10 % above: the median tells of one of "
        "them, or of neither"
    )


def test_a_drift_is_told_per_minute_and_in_all() -> None:
    (flag,) = shapes.found(series(noisy(1, [0.03 * (1 + 0.01 * at) for at in range(12)])))
    assert flag.code == "DRIFT"
    a_minute, in_all = map(float, re.findall(r"([+-][\d.]+) %", flag.text))
    assert a_minute == pytest.approx(5.8, abs=0.3)  # 1.06 in six blocks, 10 s apart; geometrically a little less
    assert in_all == pytest.approx(11.0, abs=0.6)


def test_a_step_is_told_with_its_place_and_size() -> None:
    (flag,) = shapes.found(series(noisy(2, [0.03] * 7 + [0.0315] * 5)))
    assert flag.code == "STEP"
    assert "became 5.0 % slower at once, 65 s into the series, after 7 of its 12 blocks" in flag.text


def test_what_is_faster_is_told_as_faster() -> None:
    (flag,) = shapes.found(series(noisy(3, [0.03] * 6 + [0.027] * 6)))
    assert "10.1 % faster" in flag.text or "10.0 % faster" in flag.text


def test_disturbed_blocks_have_no_say() -> None:
    blocks = noisy(2, [0.03] * 7 + [0.045] * 5)
    assert shapes.found(series(blocks, disturbed=frozenset(range(7, 12)))) == ()


@pytest.mark.parametrize(
    ("blocks", "why"),
    [
        (noisy(4, [0.03] * 8), "nothing is there"),
        (
            noisy(5, [0.03 * (1 + 0.001 * at) for at in range(12)], sigma=1e-5),
            "a drift of 1.1 % is too small to matter",
        ),
        (noisy(6, [0.03] * 6 + [0.0303] * 6, sigma=1e-5), "a step of 1 % is"),
        (noisy(7, [0.03, 0.04] * 6), "blocks that differ are no modes, no drift and no step"),
        (noisy(8, [0.03] * 11 + [0.06]), "one odd block is no step"),
        (noisy(9, [0.03] * 5), "five blocks are too few"),
        ([[0.03] * 20] * 8, "all calls are equal"),
        ([], "there are none"),
    ],
)
def test_what_is_not_named(blocks: list[list[float]], why: str) -> None:
    assert shapes.found(series(blocks)) == (), why


def test_a_change_of_unit_changes_no_verdict() -> None:
    blocks = noisy(2, [0.03] * 7 + [0.0315] * 5)
    (small,) = shapes.found(series([[value * 1e-3 for value in block] for block in blocks]))
    assert small == shapes.found(series(blocks))[0]


@pytest.mark.parametrize("coefficient", [0.0, 0.6])
def test_noise_with_block_effects_is_named_in_at_most_one_of_a_hundred(coefficient: float) -> None:
    """benchmarks/shapes.py has the whole table, with 1,000 runs a cell."""
    rng = np.random.default_rng(11)
    named = 0
    for _ in range(150):
        logs = ar1(rng, 160, coefficient, 0.03).reshape(8, 20) + rng.normal(0, 0.03, (8, 1))
        named += len(shapes.found(series((0.03 * np.exp(logs)).tolist())))
    assert named <= 1

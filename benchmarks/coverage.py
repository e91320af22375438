"""How often the stated 95 % interval of the median holds the true median, in simulated series whose truth is known.

.venv/bin/python benchmarks/coverage.py [RUNS]   (default 4000, about a minute and a half)
.venv/bin/python benchmarks/coverage.py sweeps [RUNS]   (default 400, some eight minutes: fits by rounds, see sweeps.py)
.venv/bin/python benchmarks/coverage.py pairs [RUNS]   (default 1000, some minutes: two series in turns, see pairs.py)

They print tables of docs/statistics.md. Intervals of order statistics move with the unit, so the size of the noise
matters only where a rule looks at it: in the stopping rule and in the one for steady state.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from tabulate import tabulate

from suite.records import Interval, Repetition
from suite.stats.interval import median_interval
from suite.stats.steady import is_steady
from suite.stats.stopping import decide

Blocks = list[list[float]]
RESAMPLE_COUNT = 400
OUTLIER_SHARE, OUTLIER_FACTOR = 0.1, 3.0
SEQUENCE_LIMIT = 600
WARMUP_LIMIT = 20


@dataclass(frozen=True)
class Scenario:
    """Log-latency of a call = noise x (autocorrelated unit normal + its block's effect); the true median is 1."""

    name: str
    rho: float = 0.0
    block_effect: float = 0.0
    outliers: bool = False
    skewed: bool = True

    def blocks(self, block_sizes: Sequence[int], noise: float, rng: np.random.Generator) -> Blocks:
        call_count = sum(block_sizes)
        deviation = autocorrelated(call_count, self.rho, rng)
        effects = rng.standard_normal(len(block_sizes)) * self.block_effect
        deviation += np.repeat(effects, block_sizes)
        latency = np.exp(noise * deviation) if self.skewed else 1 + noise * deviation
        if self.outliers:
            latency[rng.random(call_count) < OUTLIER_SHARE] *= OUTLIER_FACTOR
            latency /= np.exp(noise * ndtri(0.5 / (1 - OUTLIER_SHARE)))  # outliers on one side move the median
        return [part.tolist() for part in np.split(latency, np.cumsum(block_sizes)[:-1])]


SCENARIOS = (
    Scenario("normal", skewed=False),
    Scenario("lognormal"),
    Scenario("AR(1) 0.3", rho=0.3),
    Scenario("AR(1) 0.6", rho=0.6),
    Scenario("block drift", block_effect=0.5),
    Scenario("drift + AR(1) 0.3", rho=0.3, block_effect=0.5),
    Scenario("10 % outliers", outliers=True),
)
BEYOND = (
    Scenario("AR(1) 0.8", rho=0.8),
    Scenario("AR(1) 0.9", rho=0.9),
    Scenario("drift of two sigma", block_effect=2.0),
)
LAYOUTS = {10: (2,) * 5, 30: (5,) * 6, 100: (10,) * 10, 300: (30,) * 10}
FEW_BLOCKS = {"1 x 100": (100,), "2 x 50": (50,) * 2, "3 x 33": (33,) * 3, "4 x 25": (25,) * 4, "6 x 50": (50,) * 6}
NOISE = 0.05
SEQUENCE_NOISE = (0.01, 0.02, 0.04)
SEQUENCE_BLOCKS = (2, 10, 25)

Estimator = Callable[[Blocks], Interval | None]


def autocorrelated(call_count: int, rho: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A stationary AR(1) series with unit variance; it runs on across blocks."""
    shocks = rng.standard_normal(call_count)
    innovation = np.sqrt(1 - rho**2)
    for index in range(1, call_count if rho else 0):
        shocks[index] = rho * shocks[index - 1] + innovation * shocks[index]
    return shocks


def coverage(
    scenario: Scenario,
    block_sizes: Sequence[int],
    run_count: int,
    estimator: Estimator = median_interval,
    seed: int = 0,
) -> tuple[float, float]:
    """Share of runs whose interval holds the truth, and the mean half-width relative to NOISE."""
    rng = np.random.default_rng(seed)
    intervals = [estimator(scenario.blocks(block_sizes, NOISE, rng)) for _ in range(run_count)]
    found = [interval for interval in intervals if interval is not None]
    hits = [interval.low <= 1 <= interval.high for interval in found]
    return float(np.mean(hits)), float(np.mean([interval.halfwidth for interval in found])) / NOISE


def moving_block_bootstrap(blocks: Blocks) -> Interval:
    """The percentile interval of the usual block bootstrap, for comparison; block length n^(1/3). Künsch (1989)."""
    values = np.concatenate(blocks)
    count = len(values)
    length = max(1, round(count ** (1 / 3)))
    rng = np.random.default_rng(0)
    starts = rng.integers(0, count - length + 1, (RESAMPLE_COUNT, -(-count // length)))
    resampled = values[(starts[:, :, None] + np.arange(length)).reshape(RESAMPLE_COUNT, -1)[:, :count]]
    low, high = np.percentile(np.median(resampled, axis=1), [2.5, 97.5])
    return Interval(low=float(low), high=float(high), confidence=0.95)


def stop_by_rule(scenario: Scenario, block_size: int, noise: float, rng: np.random.Generator) -> tuple[bool, int, bool]:
    """(interval holds the truth, calls made, target reached) of one series under the stopping rule for 1 %."""
    rule = Repetition(min_call_count=10, max_call_count=SEQUENCE_LIMIT)
    blocks = scenario.blocks((block_size,) * (SEQUENCE_LIMIT // block_size), noise, rng)
    for count in range(1, len(blocks) + 1):
        decision = decide(blocks[:count], rule, spent_s=0)
        if decision.stop is not None:
            assert decision.interval is not None
            holds = decision.interval.low <= 1 <= decision.interval.high
            return holds, count * block_size, decision.stop == "target"
    raise AssertionError("a series ends at its call limit")


def warmup(excess: float, decay_calls: float, noise: float, rng: np.random.Generator) -> tuple[int, bool]:
    """(calls until steady, or the limit; whether the limit ended it) for 1 + excess * exp(-call / decay_calls)."""
    calls = np.arange(WARMUP_LIMIT)
    latency_s = (1 + excess * np.exp(-calls / decay_calls)) * np.exp(noise * rng.standard_normal(WARMUP_LIMIT))
    ended = (count for count in range(3, WARMUP_LIMIT + 1) if is_steady(latency_s[:count].tolist()))
    count = next(ended, None)
    return (WARMUP_LIMIT, True) if count is None else (count, False)


def fixed_table(run_count: int, scenarios: Sequence[Scenario], estimator: Estimator = median_interval) -> str:
    rows = [
        [scenario.name, *(f"{coverage(scenario, sizes, run_count, estimator)[0]:.1%}" for sizes in LAYOUTS.values())]
        for scenario in scenarios
    ]
    heads = [f"n = {count} ({len(sizes)} blocks)" for count, sizes in LAYOUTS.items()]
    return tabulate(rows, ["series", *heads], tablefmt="github")


def few_blocks_table(run_count: int) -> str:
    scenarios = (SCENARIOS[1], SCENARIOS[3], SCENARIOS[4])
    rows = [
        [name, *(f"{coverage(scenario, sizes, run_count)[0]:.1%}" for scenario in scenarios)]
        for name, sizes in FEW_BLOCKS.items()
    ]
    return tabulate(rows, ["blocks x calls", *(scenario.name for scenario in scenarios)], tablefmt="github")


def stopping_table(run_count: int) -> str:
    rng = np.random.default_rng(0)
    rows = []
    for scenario in (SCENARIOS[1], SCENARIOS[2], SCENARIOS[3], SCENARIOS[4]):
        for block_size in SEQUENCE_BLOCKS:
            cells = []
            for noise in SEQUENCE_NOISE:
                runs = [stop_by_rule(scenario, block_size, noise, rng) for _ in range(run_count)]
                hit, calls, reached = (float(np.mean(column)) for column in zip(*runs, strict=True))
                cells.append(f"{hit:.1%} ({calls:.0f} calls, {reached:.0%} reached)")
            rows.append([scenario.name, block_size, *cells])
    return tabulate(rows, ["series", "calls a block", *(f"noise {n:.0%}" for n in SEQUENCE_NOISE)], tablefmt="github")


def warmup_table(run_count: int) -> str:
    rng = np.random.default_rng(0)
    rows = []
    for excess, decay_calls in ((0.0, 1.0), (2.0, 0.5), (0.5, 2.0), (0.5, 5.0), (0.5, 20.0)):
        cells = []
        for noise in (0.002, 0.01, 0.03, 0.1):
            runs = [warmup(excess, decay_calls, noise, rng) for _ in range(run_count)]
            calls = np.array([count for count, _ in runs])
            left = float(np.mean(excess * np.exp(-calls / decay_calls)))
            cells.append(
                f"{calls.mean():.1f} calls, {left:.1%} left, {np.mean([ended for _, ended in runs]):.0%} limit"
            )
        rows.append([f"1 + {excess:g} exp(-i / {decay_calls:g})", *cells])
    return tabulate(rows, ["warm-up", *(f"noise {n:.1%}" for n in (0.002, 0.01, 0.03, 0.1))], tablefmt="github")


def main() -> None:
    if sys.argv[1:2] == ["pairs"]:
        import pairs  # as sweeps below

        pairs.tables(int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
        return
    if sys.argv[1:2] == ["sweeps"]:
        import sweeps  # beside this script; tests import this module as benchmarks.coverage

        sweeps.tables(int(sys.argv[2]) if len(sys.argv) > 2 else 400)
        return
    run_count = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    print(f"Interval of the median, fixed n, {run_count} runs a cell\n\n{fixed_table(run_count, SCENARIOS)}\n")
    print(f"Harder than it is made for\n\n{fixed_table(run_count, BEYOND)}\n")
    print(f"Few blocks\n\n{few_blocks_table(run_count)}\n")
    few = max(1, run_count // 8)
    print(f"Moving-block bootstrap, percentiles, {few} runs\n\n{fixed_table(few, SCENARIOS, moving_block_bootstrap)}\n")
    print(f"Stopped by the rule at 1 %, {few} runs\n\n{stopping_table(few)}\n")
    print(f"Steady state, {few} runs\n\n{warmup_table(few)}")


if __name__ == "__main__":
    main()

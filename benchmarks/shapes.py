"""How often suite/stats/shapes.py names a shape that is not there, and finds one that is: tables of docs/statistics.md.

    .venv/bin/python benchmarks/shapes.py [runs]

Seeded: the same numbers on every machine. The last table is of throttling (suite/stats/endurance.py).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import numpy as np

from suite.records import Block, LatencySamples
from suite.stats import shapes
from suite.stats.endurance import LATENCY_RISE, stays_beyond

RUN_COUNT = 1000
LAYOUTS = ((6, 12), (8, 30), (12, 8), (16, 8), (20, 50))  # blocks x calls
Noise = Callable[[np.random.Generator, int, int], np.ndarray]  # of the logarithm, by block and call


def independent(sigma: float) -> Noise:
    return lambda rng, blocks, calls: rng.normal(0, sigma, (blocks, calls))


def skewed(sigma: float) -> Noise:
    """Lognormal excess over a floor, as latencies have."""
    return lambda rng, blocks, calls: np.log1p(sigma * rng.lognormal(0, 1, (blocks, calls)))


def correlated(coefficient: float, sigma: float) -> Noise:
    """AR(1) through all calls, blocks touching: the hardest case, as of a series that is measured alone."""

    def noise(rng: np.random.Generator, blocks: int, calls: int) -> np.ndarray:
        values = rng.normal(0, sigma, blocks * calls)
        for at in range(1, len(values)):
            values[at] = coefficient * values[at - 1] + np.sqrt(1 - coefficient**2) * values[at]
        return values.reshape(blocks, calls)

    return noise


def blocky(noise: Noise, sigma: float) -> Noise:
    """Each block has a level of its own."""
    return lambda rng, blocks, calls: noise(rng, blocks, calls) + rng.normal(0, sigma, (blocks, 1))


NOISES: dict[str, Noise] = {
    "normal 3 %": independent(0.03),
    "lognormal 3 %": skewed(0.03),
    "lognormal 10 %": skewed(0.10),
    "AR(1) 0.6, 3 %": correlated(0.6, 0.03),
    "AR(1) 0.9, 3 %": correlated(0.9, 0.03),
    "blocks 3 % + normal 1 %": blocky(independent(0.01), 0.03),
    "blocks 3 % + lognormal 3 %": blocky(skewed(0.03), 0.03),
    "blocks 3 % + AR(1) 0.6, 3 %": blocky(correlated(0.6, 0.03), 0.03),
}


def samples(logs: np.ndarray, gap_s: float = 8.0) -> LatencySamples:
    """Calls of about 30 ms in blocks that begin every gap_s."""
    blocks = tuple(
        Block(order_index=at, warmup=False, started_s=at * gap_s, latency_s=tuple(0.03 * np.exp(row)))
        for at, row in enumerate(logs)
    )
    return LatencySamples(blocks=blocks, clock="simulated", synchronisation="none", steady=True, stop="fixed")


def two_modes(gap: float, share: float, noise: Noise, stay: float = 0.0) -> Noise:
    """A share of the calls takes longer by the gap; stay: how likely a call keeps the mode of the one before."""

    def made(rng: np.random.Generator, blocks: int, calls: int) -> np.ndarray:
        mode = rng.random(blocks * calls) < share
        for at in range(1, len(mode)):
            mode[at] = mode[at - 1] if rng.random() < stay else mode[at]
        return noise(rng, blocks, calls) + np.log1p(gap) * mode.reshape(blocks, calls)

    return made


def drifting(change: float, noise: Noise) -> Noise:
    return lambda rng, blocks, calls: noise(rng, blocks, calls) + np.log1p(change) * np.linspace(0, 1, blocks)[:, None]


def stepping(change: float, at: float, noise: Noise) -> Noise:
    return lambda rng, blocks, calls: (
        noise(rng, blocks, calls) + np.log1p(change) * (np.arange(blocks) >= at * blocks)[:, None]
    )


QUIET = blocky(correlated(0.3, 0.01), 0.003)
SHAPES: dict[str, Noise] = {
    "two modes 4 % apart, 20 %": two_modes(0.04, 0.2, independent(0.005)),
    "two modes 6 % apart, 50 %": two_modes(0.06, 0.5, QUIET),
    "two modes 10 % apart, 15 %": two_modes(0.10, 0.15, QUIET),
    "two modes 10 % apart, 50 %, staying 0.7": two_modes(0.10, 0.5, QUIET, stay=0.7),
    "drift of 3 %": drifting(0.03, QUIET),
    "drift of 6 %": drifting(0.06, QUIET),
    "step of 3 % in the middle": stepping(0.03, 0.5, QUIET),
    "step of 6 % in the middle": stepping(0.06, 0.5, QUIET),
    "step of 6 % after two thirds": stepping(0.06, 0.67, QUIET),
}
CODES = ("BIMODAL", "DRIFT", "STEP")


def rates(noise: Noise, blocks: int, calls: int, run_count: int) -> dict[str, float]:
    """How often each shape is named."""
    rng = np.random.default_rng(20261126)
    counts = dict.fromkeys(CODES, 0)
    for _ in range(run_count):
        for flag in shapes.found(samples(noise(rng, blocks, calls))):
            counts[flag.code] += 1
    return {code: count / run_count for code, count in counts.items()}


def rows(kinds: dict[str, Noise], run_count: int) -> Iterator[str]:
    heads = " | ".join(f"{blocks} x {calls}" for blocks, calls in LAYOUTS)
    yield f"| series (BIMODAL / DRIFT / STEP, %) | {heads} |"
    yield "| --- " * (len(LAYOUTS) + 1) + "|"
    for name, noise in kinds.items():
        found = [rates(noise, blocks, calls, run_count) for blocks, calls in LAYOUTS]
        cells = [" / ".join(f"{rate[code] * 100:.1f}" for code in CODES) for rate in found]
        yield f"| {name} | {' | '.join(cells)} |"


THROTTLED: dict[str, Noise] = {
    "normal 3 %": independent(0.03),
    "lognormal 10 %": skewed(0.10),
    "AR(1) 0.6, 3 %": correlated(0.6, 0.03),
    "AR(1) 0.9, 3 %": correlated(0.9, 0.03),
    "AR(1) 0.6, 2 %, then 8 % slower": stepping(0.08, 0.5, correlated(0.6, 0.02)),
    "AR(1) 0.6, 2 %, then 12 % slower": stepping(0.12, 0.5, correlated(0.6, 0.02)),
    "AR(1) 0.6, 2 %, then 30 % slower": stepping(0.30, 0.5, correlated(0.6, 0.02)),
}
LENGTHS_S = (120, 600)


def throttling(run_count: int) -> Iterator[str]:
    """How often slices of a second are called throttled, and how far off the time is (5 to 95 % of runs)."""
    yield f"| medians of slices | {' | '.join(f'{length} s' for length in LENGTHS_S)} |"
    yield "| --- " * (len(LENGTHS_S) + 1) + "|"
    for name, noise in THROTTLED.items():
        cells = []
        for length in LENGTHS_S:
            rng = np.random.default_rng(20261126)
            logs = [noise(rng, length, 1)[:, 0] for _ in range(run_count)]
            times = [float(second) for second in range(1, length + 1)]
            found = [stays_beyond(times, np.exp(each).tolist(), LATENCY_RISE) for each in logs]
            off_s = [each[0] - (length // 2 + 1) for each in found if each is not None]
            late = f" ({np.percentile(off_s, 5):+.0f} to {np.percentile(off_s, 95):+.0f} s)" if "then" in name else ""
            cells.append(f"{len(off_s) / run_count * 100:.1f} %{late}")
        yield f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    run_count = int(sys.argv[1]) if len(sys.argv) > 1 else RUN_COUNT
    for kinds in (NOISES, SHAPES):
        for line in rows(kinds, run_count):
            print(line, flush=True)
        print()
    for line in throttling(run_count):
        print(line, flush=True)


if __name__ == "__main__":
    main()

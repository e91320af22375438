"""How often `suite history` finds a step that isn't there, and one that is: simulated runs over time.

    PYTHONPATH=. .venv/bin/python benchmarks/history_steps.py --count 2000

Each history is a series of figures about one level: independent, skewed with outliers, correlated from run to run
(AR 1), or of a machine that has two states 25 % apart. Goal: a step in at most 1 % of those that are independent.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from suite.stats.steps import steps

Array = NDArray[np.float64]
Make = Callable[[np.random.Generator, int], Array]
SCATTER = 0.03


def independent(rng: np.random.Generator, count: int) -> Array:
    return np.exp(SCATTER * rng.standard_normal(count))


def skewed(rng: np.random.Generator, count: int) -> Array:
    """One of ten figures up to twice as large."""
    return independent(rng, count) * np.where(rng.random(count) < 0.1, 1 + rng.random(count), 1.0)


def two_states(rng: np.random.Generator, count: int) -> Array:
    """Each run in one of two states at random."""
    return independent(rng, count) * np.where(rng.random(count) < 0.5, 1.25, 1.0)


def correlated(strength: float) -> Make:
    def make(rng: np.random.Generator, count: int) -> Array:
        noise, found = rng.standard_normal(count), np.zeros(count)
        for place in range(count):
            before = found[place - 1] if place else 0.0
            found[place] = strength * before + np.sqrt(1 - strength**2) * noise[place]
        return np.exp(SCATTER * found)

    return make


KINDS: dict[str, Make] = {
    "independent": independent,
    "skewed, with outliers": skewed,
    "two states, 25 % apart": two_states,
    "correlated, 0.3": correlated(0.3),
    "correlated, 0.6": correlated(0.6),
}


def alarms(make: Make, length: int, count: int, size: float, seed: int) -> float:
    """The share of histories with a step; size: of one that is put in the middle, 0 for none."""
    rng, found = np.random.default_rng(seed), 0
    for _ in range(count):
        values = make(rng, length)
        values[length // 2 :] *= 1 + size
        found += bool(steps(values.tolist(), rng))
    return found / count


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print("| figures | 12 runs, no step | 30 runs, no step | 30 runs, +5 % | 30 runs, +10 % |\n|---|---|---|---|---|")
    worst = 0.0
    for name, make in KINDS.items():
        cells = [alarms(make, length, given.count, size, given.seed) for length, size in ((12, 0.0), (30, 0.0))]
        power = [alarms(make, 30, given.count // 4, size, given.seed) for size in (0.05, 0.1)]
        print(f"| {name} | {' | '.join(f'{cell:.1%}' for cell in [*cells, *power])} |")
        worst = max([worst, *cells]) if "correlated" not in name else worst
    return 0 if worst <= 0.01 + 3 * (0.01 / given.count) ** 0.5 else 1


if __name__ == "__main__":
    sys.exit(main())

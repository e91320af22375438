"""Where a series of figures has stepped to another level: ranks alone are looked at, so no outlier makes a step.

Each split is where the rank sums of both sides lie farthest apart (Pettitt's statistic, standardised so that a split
near an end counts as much as one in the middle); how often chance alone lies as far apart is told by shuffling. Each
side is then looked at for itself (binary segmentation).
Source: Pettitt, A non-parametric approach to the change-point problem (1979); docs/reproduce.md, section History.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from suite.records import record
from suite.stats.correlation import Array, midranks

LEAST_SIDE = 3  # figures on each side of a step
LEAST_COUNT = 10  # below, no order of the figures is rarer than 1 %
SHUFFLE_COUNT = 1999
ALPHA = 0.01
LEAST_STEP = 0.02  # of the level: a smaller one is kept to itself
MAX_COUNT = 2000


@record
class Step:
    """index: of the first figure on the new level. before, after: medians of the levels on both sides."""

    index: int
    p_value: float
    before: float
    after: float

    @property
    def ratio(self) -> float:
        return self.after / self.before


def steps(values: Sequence[float], rng: np.random.Generator, alpha: float = ALPHA) -> tuple[Step, ...]:
    """In order. Positive figures; of more than MAX_COUNT the last ones alone are looked at."""
    skipped = max(0, len(values) - MAX_COUNT)
    found = np.asarray(values[skipped:], dtype=np.float64)
    splits = sorted(_splits(found, 0, len(found), rng, alpha))
    edges = [0, *(place for place, _ in splits), len(found)]
    told = []
    for number, (place, p_value) in enumerate(splits, 1):
        before = float(np.median(found[edges[number - 1] : place]))
        after = float(np.median(found[place : edges[number + 1]]))
        if abs(after / before - 1) >= LEAST_STEP:
            told.append(Step(index=place + skipped, p_value=p_value, before=before, after=after))
    return tuple(told)


def _splits(values: Array, start: int, end: int, rng: np.random.Generator, alpha: float) -> list[tuple[int, float]]:
    """(place, p) of every split of values[start:end] that chance does not explain."""
    count = end - start
    if count < LEAST_COUNT:
        return []
    ranks = midranks(values[start:end]) - (count + 1) / 2
    reach, places = _farthest(ranks[None, :])
    shuffled = rng.permuted(np.tile(ranks, (SHUFFLE_COUNT, 1)), axis=1)
    chance, _ = _farthest(shuffled)
    p_value = (1 + int(np.count_nonzero(chance >= reach[0] - 1e-9))) / (SHUFFLE_COUNT + 1)
    if p_value > alpha:
        return []
    place = start + int(places[0])
    return [(place, p_value), *_splits(values, start, place, rng, alpha), *_splits(values, place, end, rng, alpha)]


def _farthest(ranks: Array) -> tuple[Array, Array]:
    """Of each row of centred ranks the largest standardised rank sum, and where its right side begins."""
    count = ranks.shape[1]
    sizes = np.arange(LEAST_SIDE, count - LEAST_SIDE + 1)
    sums = np.abs(np.cumsum(ranks, axis=1)[:, sizes - 1]) / np.sqrt(sizes * (count - sizes))
    best = np.argmax(sums, axis=1)
    return sums[np.arange(len(sums)), best], sizes[best]

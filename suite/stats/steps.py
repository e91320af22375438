"""Where a series of figures has stepped to another level: ranks alone are looked at, so no outlier makes a step.

Circular binary segmentation: of all stretches the one whose ranks lie farthest from those of the rest, by the
standardised sum of ranks; how often chance alone lies as far is told by shuffling. Each piece is then looked at alone.
Source: Olshen, Venkatraman, Lucito, Wigler, Biostatistics 5 (2004), with ranks in the place of values;
docs/reproduce.md, section History.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from suite.records import record
from suite.stats.correlation import Array, midranks

LEAST_SIDE = 3  # figures of a level
LEAST_COUNT = 10  # below, hardly any order of the figures is rarer than 1 %
SHUFFLE_COUNT = 1999
ALPHA = 0.01
LEAST_STEP = 0.02  # of the level: a smaller one is kept to itself
MAX_COUNT = 300


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
    while splits:
        levels = _levels(found, [place for place, _ in splits])
        sizes = [abs(after / before - 1) for before, after in pairwise(levels)]
        least = int(np.argmin(sizes))
        if sizes[least] >= LEAST_STEP:
            return tuple(
                Step(index=place + skipped, p_value=p_value, before=before, after=after)
                for (place, p_value), (before, after) in zip(splits, pairwise(levels), strict=True)
            )
        del splits[least]
    return ()


def _levels(values: Array, places: Sequence[int]) -> list[float]:
    return [float(np.median(piece)) for piece in np.split(values, places)]


def _splits(values: Array, start: int, end: int, rng: np.random.Generator, alpha: float) -> list[tuple[int, float]]:
    """(place, p) of every split of values[start:end] that chance does not explain."""
    count = end - start
    if count < LEAST_COUNT:
        return []
    ranks = midranks(values[start:end]) - (count + 1) / 2
    reach, first, last = _farthest(ranks[None, :])
    chance, _, _ = _farthest(rng.permuted(np.tile(ranks, (SHUFFLE_COUNT, 1)), axis=1))
    p_value = (1 + int(np.count_nonzero(chance >= reach[0] - 1e-9))) / (SHUFFLE_COUNT + 1)
    if p_value > alpha:
        return []
    places = [start + place for place in (first, last) if 0 < place < count]
    found = [(place, p_value) for place in places]
    for piece in pairwise([start, *places, end]):
        found += _splits(values, *piece, rng, alpha)
    return found


def _farthest(ranks: Array) -> tuple[Array, int, int]:
    """Of each row of centred ranks the largest standardised sum of a stretch; and the first row's stretch."""
    count = ranks.shape[1]
    sums = np.concatenate([np.zeros((len(ranks), 1)), np.cumsum(ranks, axis=1)], axis=1)
    edges = np.array([0, *range(LEAST_SIDE, count - LEAST_SIDE + 1), count])
    best, stretch = np.full(len(ranks), -1.0), (0, count)
    for number, first in enumerate(edges[:-1]):
        lasts = edges[number + 1 :]
        lasts = lasts[(lasts - first >= LEAST_SIDE) & (count - (lasts - first) >= LEAST_SIDE)]
        if not len(lasts):
            continue
        sizes = lasts - first
        reached = np.abs(sums[:, lasts] - sums[:, [first]]) / np.sqrt(sizes * (count - sizes))
        place = int(np.argmax(reached[0]))
        if reached[0, place] > best[0]:
            stretch = (int(first), int(lasts[place]))
        best = np.maximum(best, reached.max(axis=1))
    return best, stretch[0], stretch[1]

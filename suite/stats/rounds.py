"""Sizes measured in turns: the blocks of one round share the machine's state, so sizes are compared within rounds.

Log-latency of a block = its size's level + its round's level + noise. The fit is robust against blocks that something
else slowed down, and its errors come from a bootstrap over rounds. No curve is in it: a size is never an outlier.
Source: docs/statistics.md, section Rounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from suite.records import Block, record, require, require_positive
from suite.stats.correlation import Array, cosine_variance

MIN_ROUND_COUNT = 3
MIN_AGREEING_SHARE = 2 / 3  # of a size's blocks; at or below it the majority may be the disturbed one
REPLICATE_COUNT = 400
BISQUARE = 4.685  # scales from the centre at which a block stops counting: 95 % efficient for normal noise
MIDDLE_CUT = 6.0  # the same for whole rounds, of which there are few
WINDOWED_ROUNDS = 5
MAD_SCALE = 1.4826  # median absolute deviation -> standard deviation of normal noise
MIN_SCALE = 1e-6  # relative: equal blocks still have the clock's resolution
STEPS = 10
REPLICATE_STEPS = 3  # from the fit to all rounds
SMALL = 1e-9


@record
class Series:
    """The counted blocks of one size, in run order. counts: which of them count; None: all."""

    size: float
    blocks: tuple[Block, ...]
    counts: tuple[bool, ...] | None = None

    def __post_init__(self) -> None:
        require_positive("size", self.size)
        require(self.counts is None or len(self.counts) == len(self.blocks), "counts must have an entry a block")

    def kept(self) -> Iterator[tuple[int, Block]]:
        """(round, block): the round that the block names; in older records the how manieth counted block it is."""
        for place, block in enumerate(self.blocks):
            if self.counts is None or self.counts[place]:
                yield (place if block.round_index is None else block.round_index), block


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """log_latency[round, size]: of the block's median in s; NaN where a size has no block that counts."""

    sizes: Array
    log_latency: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Profile:
    """Log-latency (s) by size, in the middle round. replicates[b, size]: as it might have come out.

    The percentiles of any figure of the replicates are the ends of its interval, at `confidence`: they already hold
    what few rounds ask for. agreeing_share[size]: of its blocks, those that the fit counts as undisturbed.
    """

    sizes: Array
    log_latency: Array
    replicates: Array
    agreeing_share: Array
    round_count: int
    confidence: float


def grid(series: Sequence[Series]) -> Grid:
    """Rounds by sizes; sizes that share no round with the others, directly or by way of third ones, are left out.

    Sizes that a run measured before and after it was resumed share none, although their rounds have the same numbers.
    Of several blocks of a size in one round the mean stands.
    """
    cells: dict[tuple[int, int], dict[float, list[float]]] = {}
    for session, member in _by_session(series):
        for place, block in member.kept():
            found = cells.setdefault((session, place), {}).setdefault(member.size, [])
            found.append(float(np.median(np.log(block.latency_s))))
    in_order = [{size: float(np.mean(found)) for size, found in cells[place].items()} for place in sorted(cells)]
    sizes = _largest_group([set(row) for row in in_order])
    rows = [[row.get(size, np.nan) for size in sizes] for row in in_order if set(sizes) & set(row)]
    return Grid(sizes=np.array(sizes), log_latency=np.array(rows, dtype=np.float64).reshape(len(rows), len(sizes)))


def _by_session(series: Sequence[Series]) -> Iterator[tuple[int, Series]]:
    """Each series with the number of the session that measured it.

    In one session every round lies before the next. Blocks of older records don't name their round, and count as of
    one session.
    """
    sessions: list[list[tuple[int, float]]] = []
    for member in sorted(series, key=lambda each: each.blocks[0].started_s if each.blocks else 0.0):
        named = [(block.round_index, block.started_s) for block in member.blocks if block.round_index is not None]
        number = next((at for at, known in enumerate(sessions) if _in_order(known, named)), len(sessions))
        if number == len(sessions):
            sessions.append([])
        sessions[number] += named
        yield number, member


def _in_order(known: list[tuple[int, float]], named: list[tuple[int, float]]) -> bool:
    """Whether of every two (round, start), one from each, none of the later round starts earlier."""
    rounds, starts = np.array(known, dtype=np.float64).reshape(-1, 2).T
    others, other_starts = np.array(named, dtype=np.float64).reshape(-1, 2).T
    return bool(np.all((rounds - others[:, None]) * (starts - other_starts[:, None]) >= 0))


def _largest_group(rows: list[set[float]]) -> list[float]:
    """The most sizes that rounds link together, in order."""
    groups: list[set[float]] = []
    for row in rows:
        apart = [group for group in groups if not group & row]
        groups = [*apart, row.union(*(group for group in groups if group & row))]
    largest: set[float] = set()
    for group in groups:
        largest = group if len(group) > len(largest) else largest
    return sorted(largest)


def profile(rounds: Grid, confidence: float = 0.95) -> Profile | None:
    """The level of each size and its replicates; None below three rounds with two sizes or more."""
    present = ~np.isnan(rounds.log_latency)
    paired_count = int(np.count_nonzero(present.sum(axis=1) > 1))
    if paired_count < MIN_ROUND_COUNT:
        return None
    centre = float(np.median(rounds.log_latency[present]))
    fit = _Fit(np.where(present, rounds.log_latency - centre, 0.0), present)
    agreeing = fit.agreeing
    rng = np.random.default_rng(0)
    draws = _draws(len(present), rng)
    quantile = float(ndtri((1 + confidence) / 2))
    stretch = _stretch(draws, float(np.mean(agreeing)), confidence) / quantile
    drawn = fit.levels_of(draws)
    middle, halfwidth = middle_round(fit.effects, confidence)
    shifts = middle + halfwidth / quantile * rng.standard_normal((REPLICATE_COUNT, 1))
    return Profile(
        sizes=rounds.sizes,
        log_latency=fit.levels + middle + centre,
        replicates=fit.levels + stretch * (drawn - fit.levels) + shifts + centre,
        agreeing_share=agreeing / present.sum(axis=0),
        round_count=paired_count,
        confidence=confidence,
    )


def _draws(round_count: int, rng: np.random.Generator) -> Array:
    """Random weights of the rounds, of mean 1 in every row: a smooth bootstrap, in which no size ever goes missing.

    From WINDOWED_ROUNDS on neighbours share their weights in part, so that what lasts over rounds shows.
    Source: Rubin, Ann. Statist. 9 (1981); Shao, J. Am. Stat. Assoc. 105 (2010), for the dependent weights.
    """
    width = 1 + round_count // 3 if round_count >= WINDOWED_ROUNDS else 1
    shocks = rng.standard_exponential((REPLICATE_COUNT, round_count + width - 1))
    sums = np.cumsum(np.pad(shocks, ((0, 0), (1, 0))), axis=1)
    draws = sums[:, width:] - sums[:, :-width]
    return np.asarray(draws / draws.mean(axis=1, keepdims=True))


def _stretch(draws: Array, block_count: float, confidence: float) -> float:
    """Half-width of an interval in standard deviations of the replicates.

    Student's quantile over the deviation that a mean of independent rounds, each of deviation 1, has in the draws.
    block_count: that a size has on average; with the draws it gives the degrees of freedom.
    """
    covariance = np.cov(draws, rowvar=False)
    spread = np.trace(covariance)
    freedom = spread**2 / np.sum(covariance**2) * (block_count - 1) / (len(covariance) - 1)
    return float(stdtrit(max(1.0, freedom), (1 + confidence) / 2) * np.sqrt(len(covariance) / spread))


def middle_round(effects: Array, confidence: float) -> tuple[float, float]:
    """Centre of the rounds' effects, in run order, and the half-width of its interval.

    Rounds that were slow as a whole don't move the centre. The half-width is the larger of two: as if rounds were
    independent, and from what is slowest in them.
    """
    count, tail = len(effects), (1 + confidence) / 2
    centre = float(np.median(effects))
    scale = MAD_SCALE * float(np.median(np.abs(effects - centre))) * count / (count - 0.8)
    for _ in range(STEPS):
        weights = bisquare((effects - centre) / max(MIDDLE_CUT * scale, MIN_SCALE))
        centre = float(weights @ effects / weights.sum())
    scores = weights * (effects - centre)
    held = max(2.0, float(weights.sum()))
    independent = stdtrit(held - 1, tail) * np.sqrt(float(scores @ scores) / (held - 1) / held)
    slow = stdtrit(2, tail) * np.sqrt(cosine_variance(scores - scores.mean(), 2) * count) / held
    return centre, float(max(independent, slow))


def bisquare(scaled: Array) -> Array:
    """Weights: 1 at the centre, 0 from 1 on. Source: Beaton & Tukey, Technometrics 16 (1974)."""
    return np.asarray(np.where(np.abs(scaled) < 1, (1 - scaled**2) ** 2, 0.0))


def _medians(values: Array, present: NDArray[np.bool_]) -> Array:
    """Of each column, over what is present."""
    ordered = np.sort(np.where(present, values, np.inf), axis=0)
    counts, columns = np.count_nonzero(present, axis=0), np.arange(values.shape[1])
    return np.asarray((ordered[(counts - 1) // 2, columns] + ordered[counts // 2, columns]) / 2)


class _Fit:
    """values[round, size] = level + effect + noise, by reweighted least squares. Levels have mean 0."""

    def __init__(self, values: Array, present: NDArray[np.bool_]) -> None:
        self.values, self.present = values, present
        self.levels, self.effects, self.scales = self._polished()
        self.precision = (self.scales.min() / self.scales) ** 2
        levels, effects = self.levels[None], self.effects[None]
        for _ in range(STEPS):
            levels, effects = self._step(levels, effects, np.ones((1, len(values))))
        self.levels, self.effects = levels[0], effects[0]

    @property
    def agreeing(self) -> Array:
        """Of each size, how many blocks count at all."""
        return np.asarray(np.count_nonzero(self._weights(self.levels[None], self.effects[None])[0], axis=0))

    def levels_of(self, draws: Array) -> Array:
        """Levels for every row of draws: weights of the rounds, of mean 1."""
        levels = np.repeat(self.levels[None], len(draws), axis=0)
        effects = np.repeat(self.effects[None], len(draws), axis=0)
        for _ in range(REPLICATE_STEPS):
            levels, effects = self._step(levels, effects, draws)
        moved = (levels - self.levels) @ self.precision / self.precision.sum()
        return np.asarray(levels - moved[:, None])  # a size that scatters must not sway the others

    def _polished(self) -> tuple[Array, Array, Array]:
        """Levels and effects by medians alone, and a scale of each size's noise: a start that no outlier moves.

        As many residuals are zero as medians were fitted; those say nothing about the scale.
        """
        levels = _medians(self.values, self.present)
        for _ in range(STEPS):
            effects = _medians((self.values - levels).T, self.present.T)[:, None]
            levels = _medians(self.values - effects, self.present)
        deviations = np.abs(self.values - effects - levels)
        fitted_count = sum(self.values.shape) - 1
        pooled = np.median(np.sort(deviations[self.present])[fitted_count:])
        scales = MAD_SCALE * np.maximum(_medians(deviations, self.present), pooled)
        mean = levels.mean()
        return levels - mean, effects[:, 0] + mean, np.maximum(scales, MIN_SCALE)

    def _weights(self, levels: Array, effects: Array) -> Array:
        residuals = self.values - effects[:, :, None] - levels[:, None, :]
        return np.where(self.present, bisquare(residuals / (BISQUARE * self.scales)) * self.precision, 0.0)

    def _step(self, levels: Array, effects: Array, draws: Array) -> tuple[Array, Array]:
        """One step for every row of draws. A round or size without a block that counts stays as it is."""
        weights = self._weights(levels, effects)
        totals = weights.sum(axis=2)
        shares = weights / np.maximum(totals, SMALL)[:, :, None]
        means = (shares * self.values).sum(axis=2)
        held = draws[:, :, None] * weights
        matrix = -np.matmul(shares.transpose(0, 2, 1), held)
        diagonal, places = held.sum(axis=1), range(len(self.scales))
        matrix[:, places, places] += diagonal + SMALL
        matrix += diagonal.mean(axis=1)[:, None, None]  # holds the mean of the levels at 0
        target = (held * (self.values - means[:, :, None])).sum(axis=1) + SMALL * levels
        levels = np.linalg.solve(matrix, target[:, :, None])[:, :, 0]
        found = means - (shares * levels[:, None, :]).sum(axis=2)
        return levels, np.where(totals > SMALL, found, effects)

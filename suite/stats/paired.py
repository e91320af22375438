"""Two series measured in turns: which is faster and by how much, the same within a margin, or not to be told.

The blocks of one round share the machine's state, so only rounds in which both have a block that counts say something,
each the logarithm of one ratio. Source: docs/statistics.md, section Pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from suite.records import Block, Interval, record
from suite.stats.correlation import Array, cosine_variance
from suite.stats.rounds import MAD_SCALE, MIN_AGREEING_SHARE, MIN_SCALE, STEPS, Series, bisquare, grid

Answer = Literal["DIFFERENT", "SAME", "UNRESOLVED"]
Reason = Literal[
    "apart",  # the interval lies on one side of 1, and not within the margin
    "within_margin",  # the interval lies within the margin
    "interval_too_wide",  # neither
    "too_few_rounds",  # in which both have a block that counts
    "rounds_disagree",  # so many rounds lie far from the others that these may not be the undisturbed ones
]

MIN_ROUND_COUNT = 6  # below, the intervals don't hold what they state where calls are correlated
MARGIN = 0.01
CUT = 6.0  # scales from the centre at which a round stops counting
LEAST_SLOPE = 0.3  # of the score, a round: a floor for few rounds that happen to lie close together
FEW_ROUNDS = 8  # below, one frequency fewer
SEEN = 1 + float(ndtri(0.8) / ndtri(0.975))  # half-widths from 0 at which most intervals leave 0 out


@record
class Paired:
    """ratio: latency of the second series over that of the first, with its interval. None below MIN_ROUND_COUNT."""

    answer: Answer
    reason: Reason
    round_count: int
    margin: float
    ratio: float | None = None
    interval: Interval | None = None

    @property
    def is_apart(self) -> bool:
        """Whether the interval lies on one side of 1, however near."""
        return self.interval is not None and not self.interval.low <= 1 <= self.interval.high

    @property
    def faster(self) -> Literal["first", "second"] | None:
        """None unless they are DIFFERENT."""
        if self.answer != "DIFFERENT" or self.ratio is None:
            return None
        return "first" if self.ratio > 1 else "second"

    @property
    def resolution(self) -> float | None:
        """The relative difference that about three of four such measurements would have seen."""
        if self.interval is None:
            return None
        return float(np.expm1(SEEN * np.log(self.interval.high / self.interval.low) / 2))


def paired(first: Sequence[Block], second: Sequence[Block], margin: float = MARGIN, confidence: float = 0.95) -> Paired:
    """Compares the blocks that count of two series that took turns; rounds are told by the blocks' round_index.

    SAME goes before DIFFERENT: a difference that certainly lies within the margin is told as a ratio, and is none.
    """
    ratios = log_ratios(first, second)
    count = len(ratios)
    if count < MIN_ROUND_COUNT:
        return Paired(answer="UNRESOLVED", reason="too_few_rounds", round_count=count, margin=margin)
    centre, halfwidth, agreeing_share = middle(ratios, confidence)
    low, high = np.exp([centre - halfwidth, centre + halfwidth]).tolist()
    answer, reason = _answer(low, high, margin, agreeing_share)
    return Paired(
        answer=answer,
        reason=reason,
        round_count=count,
        margin=margin,
        ratio=float(np.exp(centre)),
        interval=Interval(low=low, high=high, confidence=confidence),
    )


def log_ratios(first: Sequence[Block], second: Sequence[Block]) -> Array:
    """Of the second's block medians over the first's, of each round that has both, in run order."""
    found = grid((Series(size=1, blocks=tuple(first)), Series(size=2, blocks=tuple(second))))
    if len(found.sizes) < 2:
        return np.empty(0)
    ratios = found.log_latency[:, 1] - found.log_latency[:, 0]
    return np.asarray(ratios[~np.isnan(ratios)])


def middle(values: Array, confidence: float) -> tuple[float, float, float]:
    """Robust centre of a series, the half-width of its interval, and the share of the values that count at all.

    The half-width is the larger of two: as if values were independent, and from what is slowest in them.
    Source: Huber, Robust Statistics (1981), for the variance; the weights are rounds.py's.
    """
    count, tail = len(values), (1 + confidence) / 2
    centre = float(np.median(values))
    scale = max(CUT * MAD_SCALE * float(np.median(np.abs(values - centre))) * count / (count - 0.8), MIN_SCALE)
    for _ in range(STEPS):
        weights = bisquare((values - centre) / scale)
        centre = float(weights @ values / weights.sum())
    square = ((values - centre) / scale) ** 2
    inside: NDArray[np.bool_] = square < 1
    held = int(np.count_nonzero(inside))
    scores = bisquare((values - centre) / scale) * (values - centre)
    slope = max(float(np.sum(np.where(inside, (1 - square) * (1 - 5 * square), 0.0))), LEAST_SLOPE * held)
    freedom = max(1, held - 1)
    independent = stdtrit(freedom, tail) * np.sqrt(float(scores @ scores) * held / freedom)
    frequencies = max(2 if count < FEW_ROUNDS else 3, round(0.5 * held ** (2 / 3)))
    slow = stdtrit(frequencies, tail) * np.sqrt(cosine_variance(scores - scores.mean(), frequencies) * count)
    return centre, float(max(independent, slow)) / slope, held / count


def _answer(low: float, high: float, margin: float, agreeing_share: float) -> tuple[Answer, Reason]:
    if agreeing_share <= MIN_AGREEING_SHARE:
        return "UNRESOLVED", "rounds_disagree"
    if 1 / (1 + margin) <= low and high <= 1 + margin:
        return "SAME", "within_margin"
    if low > 1 or high < 1:
        return "DIFFERENT", "apart"
    return "UNRESOLVED", "interval_too_wide"

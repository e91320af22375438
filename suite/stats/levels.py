"""Levels of a quantity that is told once for each size (joules, bytes, FLOPs), as a profile that curves go through.

Errors are those of the figures where they have any; else they are taken from how far these lie off a smooth curve.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri, stdtrit

from suite.records import record, require, require_non_negative, require_positive
from suite.stats.correlation import Array
from suite.stats.curves import TERM_COUNT, Absence, Fits, through
from suite.stats.rounds import REPLICATE_COUNT, Profile


@record
class Level:
    """A value at a size. halfwidth: of its interval, in its unit; 0: it is exact; None: nobody knows."""

    size: float
    value: float
    halfwidth: float | None

    def __post_init__(self) -> None:
        require_positive("size and value", self.size, self.value)
        if self.halfwidth is not None:
            require_non_negative("halfwidth", self.halfwidth)


def fits(figures: Sequence[Level], confidence: float = 0.95) -> Fits | Absence:
    """Every curve through the figures, one a size, or why there is none.

    Figures without a known error need a size more than the smooth curve has coefficients.
    """
    require(len({figure.size for figure in figures}) == len(figures), "one figure a size")
    ordered = sorted(figures, key=lambda figure: figure.size)
    sizes = np.array([figure.size for figure in ordered])
    levels = np.log([figure.value for figure in ordered])
    known = [figure.halfwidth / figure.value for figure in ordered if figure.halfwidth is not None]
    errors = np.array(known) if len(known) == len(ordered) else _scatter(sizes, levels, confidence)
    if errors is None:
        return "too_few_sizes"
    draws = np.random.default_rng(0).standard_normal((REPLICATE_COUNT, len(sizes)))
    return through(
        Profile(
            sizes=sizes,
            log_latency=levels,
            replicates=levels + draws * errors / float(ndtri((1 + confidence) / 2)),
            agreeing_share=np.ones(len(sizes)),
            round_count=0,
            confidence=confidence,
        )
    )


def _scatter(sizes: Array, levels: Array, confidence: float) -> Array | None:
    """Half-widths of all levels: from their deviations off a + b n + c n^2, by Student's quantile."""
    freedom = len(sizes) - TERM_COUNT["quadratic"]
    if freedom < 1:
        return None
    columns = np.vander(sizes / sizes.max(), TERM_COUNT["quadratic"], increasing=True) / np.exp(levels)[:, None]
    found = np.linalg.lstsq(columns, np.ones(len(sizes)), rcond=None)[0]
    deviation = float(np.sqrt(np.sum((columns @ found - 1) ** 2) / freedom))
    return np.full(len(sizes), float(stdtrit(freedom, (1 + confidence) / 2)) * deviation)

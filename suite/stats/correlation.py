"""How far the calls of a series are from independent: autocorrelation and long-run variances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def lag1(values: Sequence[float]) -> float | None:
    """Lag-1 autocorrelation of the ranks of values in run order; None below four values or if all are equal.

    Ranks, because one outlier would otherwise hide the correlation of all other calls.
    """
    if len(values) < 4:
        return None
    scores = midranks(np.asarray(values, dtype=np.float64))
    scores -= scores.mean()
    total = float(scores @ scores)
    return float(scores[1:] @ scores[:-1]) / total if total > 0 else None


def midranks(values: Array) -> Array:
    """Ranks from 1; equal values share the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[place], dtype=np.float64)


def cosine_variance(scores: Array, cosine_count: int) -> float:
    """Long-run variance of centred scores: mean square of their first cosine (DCT-II) coefficients.

    With cosine_count k (below the number of scores) the estimate has k degrees of freedom. Slow drift is part of it.
    Source: Müller, J. Econometrics 141 (2007); Lazarus, Lewis, Stock & Watson, J. Bus. Econ. Stat. 36 (2018).
    """
    count = len(scores)
    order = np.arange(1, cosine_count + 1)
    mirrored = np.fft.rfft(np.concatenate([scores, scores[::-1]]))[order]
    coefficients = np.sqrt(2 / count) * np.real(mirrored * np.exp(-0.5j * np.pi * order / count)) / 2
    return float(np.mean(coefficients**2))


def block_variance(scores: Array, block_sizes: Sequence[int]) -> float:
    """Long-run variance of centred scores from the sums of blocks, as if only whole blocks were independent.

    With b blocks the estimate has b - 1 degrees of freedom. Source: the cluster-robust variance of Liang & Zeger,
    Biometrika 73 (1986), with the factor b / (b - 1).
    """
    starts = np.concatenate([[0], np.cumsum(block_sizes)[:-1]])
    sums = np.add.reduceat(scores, starts)
    block_count = len(block_sizes)
    return float(sums @ sums) / len(scores) * block_count / (block_count - 1)

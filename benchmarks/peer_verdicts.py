"""What other tools would say of two series of calls: their documented rules for a difference, stated again here.

hyperfine 1.19 prints the ratio of the means and calls the smaller one faster, however near: there is no "same".
pyperf 2.10 `compare_to`: different where |t| of Student's two-sample test reaches its two-sided quantile of 95 %; here
the values are the calls.
benchstat (golang.org/x/perf, 2024): different where the Mann-Whitney test has p < 0.05; else "~". Needs 4 values each.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import ndtr, stdtrit

Answer: TypeAlias = Literal["LESS", "MORE", "SAME"]
Rule: TypeAlias = Callable[[Sequence[float], Sequence[float]], Answer]


def _by_mean(first: Sequence[float], second: Sequence[float]) -> Answer:
    return "LESS" if statistics.fmean(second) < statistics.fmean(first) else "MORE"


def hyperfine(first: Sequence[float], second: Sequence[float]) -> Answer:
    return _by_mean(first, second)


def pyperf(first: Sequence[float], second: Sequence[float]) -> Answer:
    counts = len(first), len(second)
    freedom = sum(counts) - 2
    pooled = ((counts[0] - 1) * statistics.variance(first) + (counts[1] - 1) * statistics.variance(second)) / freedom
    error = math.sqrt(pooled * (1 / counts[0] + 1 / counts[1]))
    t = abs(statistics.fmean(second) - statistics.fmean(first)) / error
    return _by_mean(first, second) if t >= float(stdtrit(freedom, 0.975)) else "SAME"


def benchstat(first: Sequence[float], second: Sequence[float]) -> Answer:
    """By the normal approximation, which is what benchstat takes for more than 50 values and close below."""
    one, other = np.asarray(first), np.asarray(second)
    ranks = np.argsort(np.argsort(np.concatenate([one, other]))) + 1
    count, others = len(one), len(other)
    statistic = float(ranks[:count].sum()) - count * (count + 1) / 2
    mean, spread = count * others / 2, math.sqrt(count * others * (count + others + 1) / 12)
    p_value = 2 * float(ndtr(-max(0.0, abs(statistic - mean) - 0.5) / spread))
    if p_value >= 0.05:
        return "SAME"
    return "LESS" if statistics.median(second) < statistics.median(first) else "MORE"


RULES: Mapping[str, Rule] = {"hyperfine": hyperfine, "pyperf": pyperf, "benchstat": benchstat}

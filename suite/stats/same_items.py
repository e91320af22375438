"""Two variants that answered the same items: whether one is worse, the same within a margin, or nobody knows yet.

Only items that the two answer differently tell them apart, so the question is settled with far fewer of them than two
separate intervals would take. Source: docs/accuracy.md, section Variants as pairs.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal

import numpy as np
from scipy.stats import binomtest

from suite.records import Interval, record, require
from suite.stats import holm
from suite.stats.scores import by_group

Verdict = Literal["SAME", "WORSE", "BETTER", "UNRESOLVED"]
MARGIN = 0.01  # of a score from 0 to 1
ALPHA = 0.05
FLIPS = 20_000
SEED = 0


@record
class Difference:
    """A variant's mean score less the reference's.

    lost_count, won_count: items that the variant alone has lower, or higher. p: that groups without a difference
    scatter so. interval: 1 - 2 alpha, by which two one-sided tests judge SAME.
    """

    value: float
    standard_error: float
    interval: Interval
    p: float
    lost_count: int
    won_count: int
    item_count: int
    group_count: int


@record
class Judged:
    """`p_adjusted`: Holm's, over all variants that are held against the same reference.

    `needed_count`: further items that would settle it, estimated; None where it is settled, or nobody can say.
    """

    difference: Difference
    verdict: Verdict
    margin: float
    p_adjusted: float
    needed_count: int | None = None


def difference(
    variant: Sequence[float], reference: Sequence[float], groups: Sequence[int], alpha: float = ALPHA
) -> Difference:
    """Raises ValueError for scores of other items."""
    require(len(variant) == len(reference) == len(groups) > 0, "a pair needs the same items")
    delta = np.asarray(variant, dtype=float) - np.asarray(reference, dtype=float)
    mean, count = float(delta.mean()), len(delta)
    lost, won = int(np.sum(delta < 0)), int(np.sum(delta > 0))
    of_groups = by_group(delta, groups)
    centred = by_group(delta - mean, groups)
    group_count = len(of_groups)
    error = max(_adjusted(lost, won, count), _clustered(centred, count))
    middle = (won - lost) / (count + 2) if _is_right_or_wrong(delta) else mean
    half = NormalDist().inv_cdf(1 - alpha) * error
    return Difference(
        value=mean,
        standard_error=error,
        interval=Interval(low=max(-1.0, middle - half), high=min(1.0, middle + half), confidence=1 - 2 * alpha),
        p=sign_flip_p(of_groups),
        lost_count=lost,
        won_count=won,
        item_count=count,
        group_count=group_count,
    )


def _is_right_or_wrong(delta: np.ndarray) -> bool:
    return bool(np.all(np.isin(delta, (-1.0, 0.0, 1.0))))


def _adjusted(lost: int, won: int, count: int) -> float:
    """One more of each: where no item differs, a difference is unlikely, not impossible.

    Source: Bonett and Price, British Journal of Mathematical and Statistical Psychology 65 (2012).
    """
    less, more, total = (lost + 1) / (count + 2), (won + 1) / (count + 2), count + 2
    return math.sqrt((less + more - (more - less) ** 2) / total)


def _clustered(of_groups: np.ndarray, item_count: int) -> float:
    count = len(of_groups)
    return 0.0 if count < 2 else math.sqrt(count / (count - 1) * float(np.sum(of_groups**2))) / item_count


def sign_flip_p(of_groups: np.ndarray) -> float:
    """Two-sided: how often groups' sums, each with a sign of its own by chance, lie as far from 0 as theirs together.

    Where each sum is 1 or -1 this is McNemar's exact test; else FLIPS draws, the observed one counted among them.
    """
    sums = of_groups[np.abs(of_groups) > 1e-12]
    if not len(sums):
        return 1.0
    if np.all(np.abs(sums) == 1.0):
        return float(binomtest(int(np.sum(sums > 0)), len(sums), 0.5).pvalue)
    observed = abs(float(sums.sum())) - 1e-9
    rng, beyond = np.random.default_rng(random.Random(SEED).getrandbits(64)), 0
    for _ in range(0, FLIPS, 1000):
        signs = rng.integers(0, 2, size=(1000, len(sums))) * 2 - 1
        beyond += int(np.sum(np.abs(signs @ sums) >= observed))
    return (beyond + 1) / (FLIPS + 1)


def judge(found: Sequence[Difference], margin: float = MARGIN, alpha: float = ALPHA) -> tuple[Judged, ...]:
    """Each against the same reference. SAME comes first: a difference that shows and is within the margin is one that
    its user has called small enough.

    SAME needs an interval of its own for each claim: at 1 - 2 alpha / variants.
    """
    adjusted = holm.adjusted([each.p for each in found])
    return tuple(_judged(each, p, margin, alpha, len(found)) for each, p in zip(found, adjusted, strict=True))


def _judged(found: Difference, p: float, margin: float, alpha: float, variant_count: int) -> Judged:
    z = NormalDist().inv_cdf(1 - alpha / variant_count)
    middle = (found.interval.low + found.interval.high) / 2
    low, high = middle - z * found.standard_error, middle + z * found.standard_error
    verdict: Verdict = "UNRESOLVED"
    if -margin < low and high < margin:
        verdict = "SAME"
    elif p <= alpha:
        verdict = "WORSE" if found.value < 0 else "BETTER"
    needed = _needed(found, margin, z) if verdict == "UNRESOLVED" else None
    return Judged(difference=found, verdict=verdict, margin=margin, p_adjusted=p, needed_count=needed)


def _needed(found: Difference, margin: float, z: float) -> int | None:
    """Further items until the interval leaves 0 or lies within the margin, whichever is sooner, if the difference and
    the scatter stay as they are; twice as sure as a coin: power is not asked for."""
    per_item = found.standard_error * math.sqrt(found.item_count)
    gaps = [abs(found.value), margin - abs(found.value)]
    counts = [math.ceil((z * per_item / gap) ** 2) for gap in gaps if gap > margin * 1e-3]
    return max(1, min(counts) - found.item_count) if counts else None

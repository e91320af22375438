"""A score with its standard error and interval: items of one group (an image, an episode) count as one witness.

Source: docs/accuracy.md, section Intervals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from scipy.stats import t as student

from suite.records import Interval, record, require

CONFIDENCE = 0.95


@record
class Score:
    """A mean, or a sum over a sum. `standard_error`, `interval`: None of one group, which tells no scatter.

    `effective_count`: independent items that would tell as much as these do.
    """

    value: float
    standard_error: float | None
    interval: Interval | None
    item_count: int
    group_count: int
    effective_count: float


def score(
    values: Sequence[float],
    groups: Sequence[int],
    weights: Sequence[float] | None = None,
    confidence: float = CONFIDENCE,
) -> Score:
    """The sum of the values over the sum of the weights (1 each if None).

    Right or wrong answers take Wilson's interval at the effective count, other values Student's at the groups' scatter,
    cut at 0. Raises ValueError without items.
    """
    require(len(values) > 0, "a score needs an item")
    weight = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=float)
    total = float(weight.sum())
    require(total > 0, "the weights of all items are 0")
    ratio = float(np.sum(values)) / total
    of_groups = by_group(np.asarray(values) - ratio * weight, groups)
    count = len(of_groups)
    error = None if count < 2 else math.sqrt(count / (count - 1) * float(np.sum(of_groups**2))) / total
    is_right_or_wrong = weights is None and set(values) <= {0.0, 1.0}
    effective = _effective_count(ratio, len(values), count, error) if is_right_or_wrong else float(count)
    interval = None
    if is_right_or_wrong and count > 1:
        interval = wilson(ratio, effective, confidence)
    elif error is not None:
        half = float(student.ppf(0.5 + confidence / 2, count - 1)) * error
        high = min(1.0, ratio + half) if weights is None else ratio + half
        interval = Interval(low=max(0.0, ratio - half), high=high, confidence=confidence)
    return Score(
        value=ratio,
        standard_error=error,
        interval=interval,
        item_count=len(values),
        group_count=count,
        effective_count=effective,
    )


def by_group(values: np.ndarray, groups: Sequence[int]) -> np.ndarray:
    """The sum of each group."""
    _, places = np.unique(np.asarray(groups), return_inverse=True)
    return np.bincount(places, weights=values)


def wilson(share: float, count: float, confidence: float = CONFIDENCE) -> Interval:
    """Of a share of `count` independent items. Source: Wilson, JASA 22 (1927)."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return Interval(low=max(0.0, middle - half), high=min(1.0, middle + half), confidence=confidence)


def _effective_count(share: float, item_count: int, group_count: int, error: float | None) -> float:
    """Never more than there are items, and no fewer than there are groups: a group tells at least what one item does.

    Where all answers are alike, no scatter is seen: as if each group were one item.
    """
    if item_count == group_count:
        return float(item_count)
    if not error:
        return float(group_count)
    return min(float(item_count), max(float(group_count), share * (1 - share) / error**2))

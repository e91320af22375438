"""Ratios of a whole table into verdicts: less, more, the same within a margin, or open; and ties as groups."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

from scipy.special import stdtrit

from suite.records import record
from suite.stats import holm
from suite.stats.ratio import Ratio

Answer = Literal["LESS", "MORE", "SAME", "UNRESOLVED"]
Reason = Literal[
    "apart",  # the interval leaves out 1, and does so beside all the others of the table
    "within_margin",  # the whole interval lies within the margin
    "interval_too_wide",
    "other_comparisons",  # alone it would be told; beside so many it may be chance
    "no_error",  # too few blocks, or one value: nobody knows how far it is off
]
T = TypeVar("T")
MARGIN = 0.03
ERROR_SHARE = 0.05


@record
class Judged:
    """factor: by how many times as much must have been measured, about, until it is told; None: no time tells it."""

    answer: Answer
    reason: Reason
    factor: float | None = None


def judged(ratios: Sequence[Ratio], margin: float = MARGIN, share: float = ERROR_SHARE) -> tuple[Judged, ...]:
    """LESS and MORE are corrected for all of them together, so that at most that share of tables holds a wrong one.

    SAME is equivalence: the interval, which asks for more than two one-sided tests, lies within the margin. It goes
    first: a difference that certainly lies within it is none.
    Source: Schuirmann, J. Pharmacokin. Biopharm. 15 (1987); Holm, Scand. J. Statist. 6 (1979).
    """
    adjusted = holm.adjusted([1.0 if each.p_value is None else each.p_value for each in ratios])
    return tuple(
        _judged(each, p_value <= share, margin, share / max(1, len(ratios)))
        for each, p_value in zip(ratios, adjusted, strict=True)
    )


def _judged(found: Ratio, is_rejected: bool, margin: float, share: float) -> Judged:
    if found.interval is None:
        return Judged(answer="UNRESOLVED", reason="no_error")
    if within(found, margin):
        return Judged(answer="SAME", reason="within_margin")
    if is_rejected:
        return Judged(answer="LESS" if found.value < 1 else "MORE", reason="apart")
    is_apart = not found.interval.low <= 1 <= found.interval.high
    return Judged(
        answer="UNRESOLVED",
        reason="other_comparisons" if is_apart else "interval_too_wide",
        factor=_factor(found, margin, share),
    )


def within(found: Ratio, margin: float) -> bool:
    interval = found.interval
    return interval is not None and 1 / (1 + margin) <= interval.low and interval.high <= 1 + margin


def _factor(found: Ratio, margin: float, share: float) -> float | None:
    """As half-widths fall with the root of what is measured: until 1 is left out, or all lies within the margin."""
    assert found.error is not None
    distance, edge = abs(math.log(found.value)), math.log1p(margin)
    widest = float(stdtrit(found.freedom, 1 - share / 2)) * found.error
    alone = float(stdtrit(found.freedom, 0.975)) * found.error
    ways = []
    if distance > 0:
        ways.append(widest / distance)
    if distance < edge:
        ways.append(alone / (edge - distance))
    return max(1.0, min(ways)) ** 2 if ways else None


def groups(order: Sequence[T], is_worse: Callable[[T, T], bool]) -> tuple[tuple[T, ...], ...]:
    """Places from the best on, ties together: a group ends before the first that is proved worse than its best."""
    found: list[list[T]] = []
    for place in order:
        if found and not is_worse(place, found[-1][0]):
            found[-1].append(place)
        else:
            found.append([place])
    return tuple(map(tuple, found))

"""Variants of a model against the first one: ratios from rounds in which both had a turn, verdicts over a whole table.

Source: docs/statistics.md, section Variants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from suite.records import Block, Interval, record
from suite.stats import holm
from suite.stats import paired as pairs
from suite.stats.verdicts import ERROR_SHARE, MARGIN

Verdict = Literal["FASTER", "SLOWER", "SAME", "UNRESOLVED"]
Reason = Literal[pairs.Reason, "other_variants"]  # other_variants: alone it would be told, beside so many it isn't

OTHERS: Reason = "other_variants"
STEPS = 40  # of the bisection for a p-value


@record
class Compared:
    """A variant beside the first. ratio: its latency over the first's, with an interval of its own at 95 %.

    p_value: the least share of wrong verdicts at which this one would still be given; 1 where there is none.
    """

    verdict: Verdict
    reason: Reason
    round_count: int
    margin: float
    ratio: float | None
    interval: Interval | None
    p_value: float


def compared(
    first: Sequence[Block], others: Sequence[Sequence[Block]], margin: float = MARGIN, share: float = ERROR_SHARE
) -> tuple[Compared, ...]:
    """The verdict on each of the others, by the undisturbed blocks of series that took turns with the first's.

    Of all verdicts together at most `share` of such tables holds a wrong one.
    """
    kept = [[block for block in blocks if not block.warmup and block.disturbed_by is None] for blocks in others]
    base = [block for block in first if not block.warmup and block.disturbed_by is None]
    found = [_alone(base, blocks, margin, share) for blocks in kept]
    return tuple(_stepped_down(found, share))


def _alone(first: Sequence[Block], other: Sequence[Block], margin: float, share: float) -> Compared:
    found = pairs.paired(first, other, margin, 1 - share)
    return Compared(
        verdict=_verdict(found),
        reason=found.reason,
        round_count=found.round_count,
        margin=margin,
        ratio=found.ratio,
        interval=found.interval,
        p_value=_p_value(first, other, margin) if found.answer != "UNRESOLVED" else 1.0,
    )


def _verdict(found: pairs.Paired) -> Verdict:
    match found.answer:
        case "DIFFERENT":
            return "FASTER" if found.faster == "second" else "SLOWER"
        case answer:
            return answer


def _p_value(first: Sequence[Block], other: Sequence[Block], margin: float) -> float:
    """By bisection: a wider interval gives no verdict that a narrower one doesn't."""
    low, high = 0.0, ERROR_SHARE
    for _ in range(STEPS):
        middle = (low + high) / 2
        if middle <= 0 or pairs.paired(first, other, margin, 1 - middle).answer == "UNRESOLVED":
            low = middle
        else:
            high = middle
    return high


def _stepped_down(found: Sequence[Compared], share: float) -> list[Compared]:
    """Those verdicts that hold beside all the others of the table."""
    adjusted = holm.adjusted([each.p_value for each in found])
    return [
        each if p_value <= share or each.verdict == "UNRESOLVED" else replace(each, verdict="UNRESOLVED", reason=OTHERS)
        for each, p_value in zip(found, adjusted, strict=True)
    ]

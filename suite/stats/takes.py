"""What an open question would take: further rounds, by the law of the square root, or what no time gives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from suite.records import record
from suite.records.hypothesis import Shape
from suite.stats.curves import Absence, Fits
from suite.stats.hypotheses import Figures, Reason, Verdict
from suite.stats.rounds import MIN_ROUND_COUNT, Series
from suite.stats.shapes import Claim, claims

Remedy = Literal["rounds", "another_size", "quiet"]
BY_SIZE: tuple[Reason, ...] = ("one_size_decides", "too_few_sizes")
LONGEST_S = 3600.0  # beyond it time is no remedy
SMALL = 1e-9


@record
class Takes:
    """round_count: further rounds of all its sizes, for the remedy `rounds`; None: no estimate."""

    remedy: Remedy
    round_count: float | None = None


def takes(
    shape: Shape, exponent: tuple[float, float] | None, fits: Fits | Absence, verdict: Verdict[Figures]
) -> Takes | None:
    """None where it is decided. verdict: of that shape, from these fits."""
    if verdict.answer != "UNDECIDED":
        return None
    if verdict.reason in BY_SIZE or verdict.reason == "blocks_disagree":
        return Takes(remedy="quiet" if verdict.reason == "blocks_disagree" else "another_size")
    if not isinstance(fits, Fits):
        return Takes(remedy="rounds", round_count=float(MIN_ROUND_COUNT))
    factor = narrowing(claims(shape, exponent, fits))
    if factor is None:  # its own claims are clear; other sizes must confirm them
        return Takes(remedy="another_size")
    further = fits.profile.round_count * (factor**2 - 1) if math.isfinite(factor) else None
    return Takes(remedy="rounds", round_count=None if further is None else max(1.0, further))


def narrowing(found: Sequence[Claim]) -> float | None:
    """By which factor the intervals must shrink, where they are, until each lies inside its range or one outside.

    None where one lies outside already.
    """
    factors = [_factor(claim) for claim in found]
    outside = [factor for claim, factor in zip(found, factors, strict=True) if not _is_inside(claim)]
    if any(claim.fails for claim in found):
        return None
    return min(outside) if outside else max(factors)


def _is_inside(claim: Claim) -> bool:
    return claim.low <= _centre(claim) <= claim.high


def _centre(claim: Claim) -> float:
    interval = claim.interval
    return (interval.low + interval.high) / 2


def _factor(claim: Claim) -> float:
    """Half-width over the distance to the nearest end of the range; 1 where that is wide enough already."""
    centre = _centre(claim)
    distance = min(abs(centre - claim.low), abs(centre - claim.high))
    return max(1.0, claim.interval.halfwidth / distance) if distance > SMALL else math.inf


def round_s(series: Sequence[Series]) -> float:
    """How long a round of these sizes takes: a block of each, and the call before it that isn't counted."""
    total_s = 0.0
    for member in series:
        blocks_s = [block.calls_per_value * sum(block.latency_s) for block in member.blocks]
        calls_s = [blocks_s[place] / len(block.latency_s) for place, block in enumerate(member.blocks)]
        if blocks_s:
            total_s += (sum(blocks_s) + sum(calls_s)) / len(blocks_s)
    return total_s

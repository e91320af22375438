"""What an open question would take: further rounds, by the law of the square root, or what no time gives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from suite.records import record
from suite.records.hypothesis import Shape
from suite.stats.curves import Absence, Fits
from suite.stats.hypotheses import Figures, Reason, Verdict
from suite.stats.laws import Claim, claims
from suite.stats.rounds import MIN_ROUND_COUNT, Series

Remedy = Literal["rounds", "another_size", "quiet"]
BY_SIZE: tuple[Reason, ...] = ("one_size_decides", "too_few_sizes")
LONGEST_S = 3600.0  # beyond it time is no remedy
SMALL = 1e-9
LUCK = 0.5  # half-widths: about a standard error


@record
class Takes:
    """round_count: further rounds of all its sizes, for the remedy `rounds`; None: no estimate.

    at_best: the same where the true figures lie as favourably as the intervals well allow: with less time than that it
    is not worth trying.
    """

    remedy: Remedy
    round_count: float | None = None
    at_best: float | None = None


def takes(
    shape: Shape, exponent: tuple[float, float] | None, fits: Fits | Absence, verdict: Verdict[Figures]
) -> Takes | None:
    """None where it is decided. verdict: of that shape, from these fits."""
    if verdict.answer != "UNDECIDED":
        return None
    if verdict.reason in BY_SIZE or verdict.reason == "blocks_disagree":
        return Takes(remedy="quiet" if verdict.reason == "blocks_disagree" else "another_size")
    if not isinstance(fits, Fits):
        return Takes(remedy="rounds", round_count=float(MIN_ROUND_COUNT), at_best=float(MIN_ROUND_COUNT))
    found = claims(shape, exponent, fits)
    if any(claim.fails for claim in found):  # its own claims are clear; other sizes must confirm them
        return Takes(remedy="another_size")
    counts = (_rounds(narrowing(found, luck), fits.profile.round_count) for luck in (0.0, LUCK))
    return Takes(remedy="rounds", round_count=next(counts), at_best=next(counts))


def _rounds(factor: float, round_count: int) -> float | None:
    return max(1.0, round_count * (factor**2 - 1)) if math.isfinite(factor) else None


def narrowing(found: Sequence[Claim], luck: float = 0.0) -> float:
    """By which factor the intervals must shrink until each lies inside its range, or one outside; inf: by none.

    luck: by how many half-widths the true figure may lie on the better side of where it is seen.
    """
    inside = max(_factor(claim, _depth(claim) + luck * claim.interval.halfwidth) for claim in found)
    outside = min(_factor(claim, luck * claim.interval.halfwidth - _depth(claim), is_inside=False) for claim in found)
    return min(inside, outside)


def _depth(claim: Claim) -> float:
    """How far inside its range the middle of the interval lies; negative outside."""
    middle = (claim.interval.low + claim.interval.high) / 2
    return min(middle - claim.low, claim.high - middle)


def _factor(claim: Claim, distance: float, *, is_inside: bool = True) -> float:
    """Half-width over the distance to the end of the range, which is at most half the range where it is inside."""
    if is_inside:
        distance = min(distance, (claim.high - claim.low) / 2)
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

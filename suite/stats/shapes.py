"""Two modes, a drift or a step inside a series: found and named, since a median would hide them.

Only undisturbed blocks are looked at, and each finding speaks only where it matters to a figure. Measured rates of
false alarms and of detection: docs/statistics.md, section Shapes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import bdtr, ndtr, stdtr

from suite.records import Block, Flag, LatencySamples, RunRecord
from suite.stats.correlation import Array, midranks
from suite.units import show

LEAST_CHANGE = 0.02  # of a drift over the series, or of a step
LEAST_GAP = 0.03  # between two modes
LEAST_SHARE = 0.10  # of the calls, in each mode
LEAST_CALLS = 40
LEAST_BLOCKS = 6
BLOCK_CALLS = 4  # a block of fewer can't show whether both modes are in it
LEAST_SIDE = 2  # blocks on either side of a step: one odd block is none
P_MODES, P_DRIFT, P_STEP = 1e-3, 1.5e-3, 2e-4  # strict: a run has dozens of series
LARGEST_LAG1 = 0.9
SMALL = 0.05  # of the drift: what is left so small is the rest of its curve, and no wandering
FITTED = 3.0  # over n, by so much fitting lowers the lag-1 correlation of what is left


def found(samples: LatencySamples) -> tuple[Flag, ...]:
    """BIMODAL, and DRIFT or STEP, whichever describes the series better: each with its figures."""
    blocks = samples.counted_blocks
    named = (modes(blocks), trend(blocks))
    return tuple(flag for flag in named if flag is not None)


def doubts(record: RunRecord) -> tuple[Flag, ...]:
    """What is found in a record's latency series; nothing in the calls of other tests."""
    if record.task.test != "latency" or not isinstance(record.latency, LatencySamples):
        return ()
    return found(record.latency)


def modes(blocks: Sequence[Block]) -> Flag | None:
    """Two modes, split where the classes differ most (Otsu 1979), if the valley between them is too empty for one.

    Under a single mode the valley is at least as dense as the rarer side's middle: a binomial test compares calls in
    windows of equal width, with their counts divided by what serial correlation takes. Both modes must come within
    most blocks: a difference between blocks is no mode.
    """
    filled = [np.log(block.latency_s) for block in blocks]
    values = np.concatenate(filled) if filled else np.empty(0)
    if len(values) < LEAST_CALLS:
        return None
    split = _otsu(values)
    if split is None:
        return None
    high = values > split
    share = float(high.mean())
    low_mode, high_mode = float(np.median(values[~high])), float(np.median(values[high]))
    gap = math.expm1(high_mode - low_mode)
    if not LEAST_SHARE <= share <= 1 - LEAST_SHARE or gap < LEAST_GAP or not _is_mixed(filled, split):
        return None
    if _valley_p(values, low_mode, high_mode, _inflation(filled)) > P_MODES:
        return None
    low, upper = (show(math.exp(place), "s") for place in (low_mode, high_mode))
    text = (
        f"two modes: {(1 - share) * 100:.0f} % of the calls near {low}, and {share * 100:.0f} % near {upper}, "
        f"{gap * 100:.0f} % above: the median tells of one of them, or of neither"
    )
    return Flag(code="BIMODAL", text=text)


def trend(blocks: Sequence[Block]) -> Flag | None:
    """A drift or a step of the blocks' medians; where both fit, the one that leaves less unexplained."""
    usable = sorted((block for block in blocks if block.latency_s), key=lambda block: block.started_s)
    if len(usable) < LEAST_BLOCKS:
        return None
    time_s = np.array([block.started_s + sum(block.latency_s) * block.calls_per_value / 2 for block in usable])
    level = np.array([float(np.median(np.log(block.latency_s))) for block in usable])
    drift, step = _drift(time_s, level), _step(time_s, level)
    if drift is not None and (step is None or drift[0] <= step[0]):
        return drift[1]
    return step[1] if step is not None else None


def _drift(time_s: Array, level: Array) -> tuple[float, Flag] | None:
    """(squares left over, flag) by Mann and Kendall's rank test, its variance inflated by what is left after a
    parabola shows of lag-1 correlation (as Hamed & Rao 1998 do with all lags): a drift that slows down is one too."""
    first, then = np.triu_indices(len(level), 1)
    slope = float(np.median((level[then] - level[first]) / (time_s[then] - time_s[first])))
    residuals = level - slope * time_s
    residuals -= np.median(residuals)
    change = math.expm1(slope * float(time_s[-1] - time_s[0]))
    bent = level - np.polyval(np.polyfit(time_s - time_s.mean(), level, 2), time_s - time_s.mean())
    is_smooth = math.sqrt(_squares(bent) / len(bent)) < SMALL * abs(change)
    if abs(change) < LEAST_CHANGE or _kendall_p(level, 1.0 if is_smooth else _variance_factor(bent)) > P_DRIFT:
        return None
    a_minute = math.expm1(slope * 60) * 100
    text = (
        f"the calls drifted by {a_minute:+.2g} % per minute, {change * 100:+.1f} % from the first block to the last: "
        "the median is that of a machine on its way"
    )
    return _squares(residuals), Flag(code="DRIFT", text=text)


def _kendall_p(level: Array, factor: float) -> float:
    count = len(level)
    score = sum(float(np.sign(level[at + 1 :] - level[at]).sum()) for at in range(count - 1))
    variance = count * (count - 1) * (2 * count + 5) / 18 * factor
    return 2 * float(ndtr(-max(0.0, abs(score) - 1) / math.sqrt(variance)))


def _step(time_s: Array, level: Array) -> tuple[float, Flag] | None:
    """(squares left over, flag) by the largest two-sample t over all places of a step (the CUSUM statistic of Worsley
    1979), its p multiplied by the number of places, and t lowered by the residuals' lag-1 correlation."""
    count = len(level)
    places = range(LEAST_SIDE, count - LEAST_SIDE + 1)
    at = places[int(np.argmin([_squares(_about_means(level, place)) for place in places]))]
    residuals = _about_means(level, at)
    left_over = _squares(residuals)
    size = float(level[at:].mean() - level[:at].mean())
    if abs(math.expm1(size)) < LEAST_CHANGE:
        return None
    deviation = math.sqrt(left_over / (count - 2) * (1 / at + 1 / (count - at)) * _variance_factor(residuals))
    t = abs(size) / deviation if deviation > 0 else math.inf
    if 2 * len(places) * float(stdtr(count - 2, -t)) > P_STEP:
        return None
    when_s = (time_s[at - 1] + time_s[at]) / 2 - time_s[0]
    text = (
        f"the calls became {abs(math.expm1(size)) * 100:.1f} % {'slower' if size > 0 else 'faster'} at once, "
        f"{when_s:.0f} s into the series, after {at} of its {count} blocks: the median mixes two states of the machine"
    )
    return left_over, Flag(code="STEP", text=text)


def _about_means(level: Array, at: int) -> Array:
    return np.concatenate([level[:at] - level[:at].mean(), level[at:] - level[at:].mean()])


def _squares(residuals: Array) -> float:
    return float(residuals @ residuals)


def _variance_factor(residuals: Array) -> float:
    """By which serial correlation widens a sum's variance, (1 + r) / (1 - r) with the lag-1 correlation r of these
    residuals, raised by what fitting took; at least 1."""
    total = _squares(residuals)
    if total == 0:
        return 1.0
    lag1 = float(residuals[1:] @ residuals[:-1]) / total + FITTED / len(residuals)
    lag1 = min(max(0.0, lag1), LARGEST_LAG1)
    return (1 + lag1) / (1 - lag1)


def _otsu(values: Array) -> float | None:
    """The split between two classes of which the means differ most, weighted by their shares."""
    ordered = np.sort(values)
    count = len(ordered)
    below = np.arange(1, count)
    sums = np.cumsum(ordered)[:-1]
    between = (sums / below - (ordered.sum() - sums) / (count - below)) ** 2 * below * (count - below)
    at = int(np.argmax(between))
    return float((ordered[at] + ordered[at + 1]) / 2) if ordered[at] < ordered[at + 1] else None


def _is_mixed(blocks: Sequence[Array], split: float) -> bool:
    """Whether at least half of the blocks hold calls of both sides, a tenth of their calls or more."""
    shares = [float((block > split).mean()) for block in blocks if len(block) >= BLOCK_CALLS]
    mixed = [share for share in shares if LEAST_SHARE <= share <= 1 - LEAST_SHARE]
    return len(shares) > 0 and 2 * len(mixed) >= len(shares)


def _valley_p(values: Array, low_mode: float, high_mode: float, inflation: float) -> float:
    """How likely the valley is so empty by chance, if it were as dense as the middle of the rarer side."""
    reach = (high_mode - low_mode) / 4
    around = [
        int(np.count_nonzero(np.abs(values - place) <= reach))
        for place in (low_mode, (low_mode + high_mode) / 2, high_mode)
    ]
    rarer = min(around[0], around[2]) / inflation
    valley = around[1] / inflation
    return float(bdtr(math.floor(valley), math.floor(valley + rarer), 0.5)) if rarer > 0 else 1.0


def _inflation(blocks: Sequence[Array]) -> float:
    """(1 + r) / (1 - r) with the lag-1 correlation r of ranks within blocks; at least 1."""
    scores = [midranks(block) - (len(block) + 1) / 2 for block in blocks if len(block) >= BLOCK_CALLS]
    total = sum(float(each @ each) for each in scores)
    if total == 0:
        return 1.0
    products = sum(float(each[1:] @ each[:-1]) for each in scores)
    lag1 = min(max(0.0, products / total + len(scores) / sum(map(len, scores))), LARGEST_LAG1)
    return float((1 + lag1) / (1 - lag1))

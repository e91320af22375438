"""Whether a block was disturbed: told from what the machine did meanwhile, never from how long its calls took.

Source: docs/statistics.md, sections What disturbed a block and Disturbed blocks.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import fields

from suite.records import Interference, QuietRule
from suite.units import counted

TICK_S = 0.01  # the step of the counters of processor time
TICK_COUNT = 2  # by so many a difference of two readings may be off
BLIND_SHARE = 0.15
ORDINARY_LIMITS = ("software power cap",)  # what a board at full load always is at: its own regime, no disturbance
CLOCK_BLOCK_COUNT = 25  # the blocks before, of which the middle one's clock is the usual
LEAST_CLOCK_COUNT = 3
LEAST_PACE_COUNT = 5

# How the words of each cause begin, which say what would help.
OTHERS = "other processes"
HOST = "the host of this virtual machine took"
HEAT = "heat or power lowered the clock"
CLOCK = "the clock was"
GPU = "the GPU's clock was lowered"
SLOWED = "a fixed piece of arithmetic took"
LESS, ABOVE = "less than usual", "above the usual"  # how they end where the machine was faster
_REMEDIES = {
    OTHERS: "close what runs beside it",
    HOST: "measure at another time, or on a machine of its own",
    SLOWED: "measure at another time, or on a machine of its own",
    HEAT: "let it cool, or take a power mode that it can hold",
    GPU: "let it cool, or take a power mode that it can hold",
    CLOCK: "hold the clock (the governor performance), or measure once it is steady",
}


def disturbance(
    found: Interference | None,
    rule: QuietRule,
    core_count: int,
    usual_clock_hz: float | None = None,
    usual_pace_s: float | None = None,
) -> str | None:
    """What broke the rule, in words; None where it held, or where the machine doesn't tell.

    core_count: the cores that the measurement uses. usual_clock_hz, usual_pace_s: see the functions of these names.
    """
    if found is None:
        return None
    return next(_broken(found, rule, core_count, usual_clock_hz), None) or slowed(found, rule, usual_pace_s)


def slowed(found: Interference, rule: QuietRule, usual_pace_s: float | None) -> str | None:
    """The same by the pace alone, which can be told anew as a run finds what is usual."""
    if found.pace_s is None or not usual_pace_s:
        return None
    change = found.pace_s / usual_pace_s - 1
    if abs(change) <= rule.max_clock_change:
        return None
    return f"{SLOWED} {_percent(abs(change))} {'longer than usual' if change > 0 else LESS}"


def _broken(found: Interference, rule: QuietRule, core_count: int, usual_clock_hz: float | None) -> Iterator[str]:
    cores = f"its {counted(core_count, 'core')}" if core_count > 1 else "its core"
    foreign, stolen = (share(taken_s, found.wall_s, core_count) for taken_s in (found.foreign_s, found.stolen_s))
    if foreign > rule.max_foreign_share:
        yield f"{OTHERS} took {_percent(foreign)} of {cores}"
    if stolen > rule.max_stolen_share:
        yield f"{HOST} {_percent(stolen)} of {cores}"
    if found.throttle_count:
        yield f"{HEAT} ({counted(found.throttle_count, 'event')})"
    if found.clock_hz is not None and usual_clock_hz:
        change = found.clock_hz / usual_clock_hz - 1
        if abs(change) > rule.max_clock_change:
            yield f"{CLOCK} {_percent(abs(change))} {ABOVE if change > 0 else 'below the usual'}"
    if found.gpu_foreign_share is not None and found.gpu_foreign_share > rule.max_foreign_share:
        yield f"{OTHERS} used the GPU for {_percent(found.gpu_foreign_share)} of the time"
    lowered = [reason for reason in found.gpu_throttle or () if reason not in ORDINARY_LIMITS]
    if lowered:
        yield f"{GPU} ({', '.join(lowered)})"


def sped_up(cause: str | None) -> bool:
    """Whether what `disturbance` told made the machine faster than usual."""
    return cause is not None and cause.endswith((LESS, ABOVE))


def remedy(cause: str) -> str:
    """What would help, once `disturbance` has told a cause."""
    return next(what for start, what in _REMEDIES.items() if cause.startswith(start))


def share(taken_s: float | None, wall_s: float, core_count: int) -> float:
    """Of the time of so many cores, what was certainly taken: all but what the counters' steps leave open.

    It may exceed 1 where others ran on further cores. 0 where the machine doesn't tell.
    """
    if taken_s is None or not wall_s > 0:
        return 0.0
    return max(0.0, taken_s - TICK_COUNT * TICK_S) / (wall_s * core_count)


def least_telling_s(core_count: int) -> float:
    """The shortest block whose counters tell shares to BLIND_SHARE: at the rule's limit and as much again, it shows."""
    return TICK_COUNT * TICK_S / (BLIND_SHARE * core_count)


def usual_clock_hz(clocks_hz: Sequence[float]) -> float | None:
    """The median of the last blocks' clocks, in run order; None where there are too few."""
    last = clocks_hz[-CLOCK_BLOCK_COUNT:]
    return statistics.median(last) if len(last) >= LEAST_CLOCK_COUNT else None


def usual_pace_s(paces_s: Sequence[float]) -> float | None:
    """What the fixed product usually takes in this run: the lower median, so that most blocks stay."""
    return statistics.median_low(paces_s) if len(paces_s) >= LEAST_PACE_COUNT else None


def joined(first: Interference, then: Interference) -> Interference:
    """Both stretches as one. What one of them doesn't know is unknown; the clock is that under load, the first's."""
    sums = {}
    for each in fields(Interference):
        if each.name.startswith("gpu_") or each.name in ("clock_hz", "pace_s"):
            sums[each.name] = getattr(first, each.name)
            continue
        one, other = getattr(first, each.name), getattr(then, each.name)
        sums[each.name] = None if one is None or other is None else one + other
    return Interference(**sums)


def _percent(part: float) -> str:
    return f"{part * 100:.0f} %"

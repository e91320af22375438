"""How far a latency can be trusted, in words that a person can use: the precision reached, and what disturbed it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from suite import units
from suite.records import Flag, LatencySamples, Repetition, Summary, Task
from suite.units import Scale

DISTURBED = "DISTURBED"
CONSEQUENCE = ": the latency is an upper bound"  # with it the flag's text says what follows
MOST_DIGITS = 6
MINUTE_S = 60.0
HOUR_S = 3600.0
CAUSES = (
    "foreign_s",
    "stolen_s",
    "throttle_count",
    "clock_hz",
    "pace_s",
    "gpu_clock_hz",
    "gpu_foreign_share",
    "gpu_throttle",
)


def verdict(summary: Summary, rule: Repetition, samples: LatencySamples, flags: Sequence[Flag] = ()) -> str:
    """The precision that was reached, and the goal where it was not; a bound is told as one, with its cause.

    What an emulated processor took gets no verdict.
    """
    if any(flag.code == "EMULATED" for flag in flags):
        return "none: emulated"
    if summary.is_upper_bound:
        return f"upper bound, {cause(flags)}"
    lost = ", worker lost midway" if samples.stop == "failed" else ""
    return f"{_reached(summary, rule, samples)}{lost}"


def cause(flags: Sequence[Flag]) -> str:
    """Why a series has no more than an upper bound, in the words of its record."""
    told = next((flag.text for flag in flags if flag.code == DISTURBED), "quiet never came")
    return f"{DISTURBED}: {told.partition(CONSEQUENCE)[0]}"


def remedy(flags: Sequence[Flag]) -> str:
    """What would help against that, in the words of its record."""
    told = next((flag.text for flag in flags if flag.code == DISTURBED), "")
    return told.partition(CONSEQUENCE)[2].lstrip("; ") or "measure again with nothing else running"


def _reached(summary: Summary, rule: Repetition, samples: LatencySamples) -> str:
    target = rule.target_relative_halfwidth
    goal = "fixed count" if target is None else f"goal {target * 100:g} %"
    if summary.relative_halfwidth is None:
        return f"{goal}, n too small for an interval"
    reached = _percent(summary.relative_halfwidth, target, resolved=summary.resolved)
    if target is None:
        return f"{reached}, {goal}"
    if summary.resolved:
        return reached
    if samples.stop == "decided":
        return f"{reached}, {goal}: its question needed no more"
    return f"{reached}, {goal}: {needed(summary)}"


def _percent(relative: float, target: float | None, *, resolved: bool) -> str:
    """With two digits, or as many as keep a missed goal from looking reached."""
    for significant in range(2, MOST_DIGITS):
        shown = float(units.digits(relative * 100, significant))
        if resolved or target is None or shown > target * 100:
            break
    return f"±{units.digits(relative * 100, significant)} %"


def needed(summary: Summary) -> str:
    """How much longer the goal would take at the pace of these calls; beyond an hour, that it is out of reach here."""
    if summary.needed_s is None or summary.needed_s > HOUR_S:
        return "not within an hour here"
    if summary.needed_s <= MINUTE_S:
        return "less than 1 min more"
    return f"about {math.ceil(summary.needed_s / MINUTE_S)} min more"


def blocks(samples: LatencySamples, task: Task) -> str:
    """How many blocks were timed, and in brackets how many of them were disturbed, or why nobody can tell."""
    return f"{len(samples.timed_blocks)} ({_disturbed(samples, task)})"


def _disturbed(samples: LatencySamples, task: Task) -> str:
    if samples.disturbed_blocks:
        return str(len(samples.disturbed_blocks))
    if not was_watched(samples):
        return "not looked"
    if task.quiet is None:
        return "no rule"
    return "0" if was_told(samples) else "not told"


def was_watched(samples: LatencySamples) -> bool:
    """Whether anybody looked at what the machine did beside the calls."""
    return any(block.interference is not None for block in samples.timed_blocks)


def was_told(samples: LatencySamples) -> bool:
    """Whether the machine then told anything by which a rule can go."""
    found = [block.interference for block in samples.timed_blocks if block.interference is not None]
    return any(getattr(each, name) is not None for each in found for name in CAUSES)


# Figures of one series. Of a bound nothing is shown as if it were the value.


def mean_and_std(summary: Summary, scale: Scale) -> str:
    """ "128.4 ± 2.1"; the tail in words where it alone makes the mean, since ± would stand for both sides."""
    if summary.std is None:
        return f"{at_most(summary)}{scale.value(summary.mean)} (n = 1: no std)"
    told = _tail(summary)
    if not (told or summary.is_upper_bound):
        return scale.spread(summary.mean, summary.std)
    return f"{at_most(summary)}{scale.value(summary.mean)} (std {scale.value(summary.std, 2)}{told})"


def _tail(summary: Summary) -> str:
    """What pulls the mean out of the median's interval; nothing where it lies within, or where all is a bound."""
    interval = summary.median_interval
    if summary.is_upper_bound or interval is None or interval.low <= summary.mean <= interval.high:
        return ""
    if summary.outlier_count:
        return f", {units.counted(summary.outlier_count, 'outlier')}"
    return f", a tail {'above' if summary.mean > interval.high else 'below'}"


def median(summary: Summary, scale: Scale) -> str:
    """To the place to which its interval is known."""
    found = summary.median_interval
    figure = scale.within(summary.median, found.low, found.high) if found else scale.value(summary.median)
    return at_most(summary) + figure


def median_interval(summary: Summary, scale: Scale) -> str:
    found = summary.median_interval
    if found is None:
        return "n too small"
    return "upper bound" if summary.is_upper_bound else scale.interval(found.low, found.high)


def median_and_interval(summary: Summary, scale: Scale) -> str:
    """ "128.3 (127.9–128.8)", in one cell."""
    return f"{median(summary, scale)} ({median_interval(summary, scale)})"


def percentiles(summary: Summary, scale: Scale) -> str:
    """Only those that the number of samples supports; the median has its own column."""
    sign = at_most(summary)
    told = [f"p{percent:g} {sign}{scale.value(value)}" for percent, value in summary.percentiles if percent != 50]
    return ", ".join(told) if told else "n too small"


def at_most(summary: Summary) -> str:
    """What stands before a latency that is an upper bound, nothing before others."""
    return "≤ " if summary.is_upper_bound else ""


def at_least(summary: Summary) -> str:
    """The same before a rate."""
    return "≥ " if summary.is_upper_bound else ""

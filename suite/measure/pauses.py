"""A worker that stood still in an energy window: stopped by a signal, frozen with its container, or paused with its
machine. The joules of that time are in the window, and no inference is.

Back-to-back calls fill a window without a gap, so a pause shows as one call that lasts far longer than the others. The
window is kept and flagged: whether somebody paused it can't be known, and a figure is not dropped for being large.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from suite.records import Flag, Schedule
from suite.units import show

PAUSE_S = 0.5  # a shorter one is within what a window's scatter shows
LONGER = 1.25  # times a usual call: what a pause adds to calls that are long themselves

Calls = tuple[float, Sequence[float], int]  # when the first began, durations, and of how many calls each is the mean


def flags(schedule: Schedule, loads: Sequence[Calls]) -> Iterator[Flag]:
    """A doubt for each window with a pause, or with time between its calls. loads: in any order, windows or not."""
    for number, window in enumerate(schedule.windows, 1):
        inside = [calls for calls in loads if window.start_s <= calls[0] < window.end_s]
        pause_s = sum(pause_of(latency_s, per_value) for _, latency_s, per_value in inside)
        if pause_s:
            length = show(window.end_s - window.start_s, "s")
            text = (
                f"a call of energy window {number} took {show(pause_s, 's')} longer than the others: the worker stood "
                f"still for so much of the window's {length}, and its joules per inference are too high"
            )
            yield Flag(code="WORKER_PAUSED", text=text)


def pause_of(latency_s: Sequence[float], calls_per_value: int) -> float:
    """Seconds by which the longest calls exceed the usual ones, where that is a pause; else 0."""
    usual_s = statistics.median(latency_s)
    extra = [(each_s - usual_s) * calls_per_value for each_s in latency_s if each_s > LONGER * usual_s]
    return sum(extra_s for extra_s in extra if extra_s > PAUSE_S)

"""The tight loop: nothing runs beside a timed call, and the loop adds about two clock readings to each.

Durations and stamps come from one clock, which must be the system-wide monotonic one, so that the power sampler's
stamps fit. perf_counter is that clock on Linux and macOS; where its implementation differs from time.monotonic's
(Windows before Python 3.13), the loop reads time.monotonic instead.
"""

import contextlib
import gc
import time
from typing import Any, Callable, Iterator, List, NamedTuple, Optional, Tuple

from suite.worker.durations import Durations

Clock = Callable[[], float]
Call = Callable[[], Any]
FreshCall = Callable[[], Call]
Synchronise = Optional[Call]  # waits for the device; None where a call returns when its work is done (CPU)


def system_clock() -> Clock:
    """The finest clock whose readings mean the same in every process of this machine."""
    same = time.get_clock_info("perf_counter").implementation == time.get_clock_info("monotonic").implementation
    return time.perf_counter if same else time.monotonic


def clock_name() -> str:
    """For the record: "perf_counter: clock_gettime(CLOCK_MONOTONIC)"."""
    name = "perf_counter" if system_clock() is time.perf_counter else "monotonic"
    return "{}: {}".format(name, time.get_clock_info("monotonic").implementation)


class Timed(NamedTuple):
    started_s: float
    latency_s: List[float]
    output: Any  # the last call's


class TimedFor(NamedTuple):
    started_s: float
    ended_s: float
    latency_s: List[float]
    output: Any  # the last call's
    calls_per_value: int = 1  # more than 1: each value of latency_s is the mean of so many consecutive calls
    call_count: int = 0


@contextlib.contextmanager
def collector_off() -> Iterator[None]:
    """The garbage collector may not run inside a timed call; it is left as it was found."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def time_calls(call: Call, synchronise: Synchronise, call_count: int, clock: Clock) -> Timed:
    """Seconds of each of call_count calls, in order; started_s is the stamp before the first.

    The device is synchronised at both edges of every call, outside and inside the timed stretch in turn, so that a
    duration holds its own work and no other. call_count is at least 1. An output is given up within its call's
    duration, as in any loop; the last one is kept.
    """
    latency_s = [0.0] * call_count
    with collector_off():
        if synchronise is None:
            started_s = clock()
            for index in range(call_count - 1):
                start = clock()
                call()
                latency_s[index] = clock() - start
        else:
            synchronise()
            started_s = clock()
            for index in range(call_count - 1):
                synchronise()
                start = clock()
                call()
                synchronise()
                latency_s[index] = clock() - start
        latency_s[-1], output = _time_one(call, synchronise, clock)
    return Timed(started_s, latency_s, output)


def _time_one(call: Call, synchronise: Synchronise, clock: Clock) -> Tuple[float, Any]:
    """Seconds of a call, and what it gave."""
    if synchronise is None:
        start = clock()
        output = call()
        return clock() - start, output
    synchronise()
    start = clock()
    output = call()
    synchronise()
    return clock() - start, output


def time_fresh(fresh_call: FreshCall, synchronise: Synchronise, call_count: int, clock: Clock) -> Timed:
    """As time_calls, of calls that have to be made ready one by one, which lies outside the timed stretch."""
    latency_s: List[float] = []
    output = None
    with collector_off():
        started_s = clock()
        for _ in range(call_count):
            output = None
            latency, output = _time_one(fresh_call(), synchronise, clock)
            latency_s.append(latency)
    return Timed(started_s, latency_s, output)


def time_for(call: Call, synchronise: Synchronise, duration_s: float, min_call_count: int, clock: Clock) -> TimedFor:
    """Back-to-back calls until duration_s have passed and min_call_count (at least 1) calls are done.

    One reading of the clock ends a call and starts the next, so that the durations fill the window without a gap.
    """
    durations = Durations()
    with collector_off():
        if synchronise is not None:
            synchronise()
        started_s = stamp_s = clock()
        while durations.call_count < min_call_count or stamp_s - started_s < duration_s:
            output = None  # two are never held at once
            output = call()
            if synchronise is not None:
                synchronise()
            previous_s, stamp_s = stamp_s, clock()
            durations.append(stamp_s - previous_s)
    return _windowed(started_s, stamp_s, durations, output)


def time_fresh_for(
    fresh_call: FreshCall, synchronise: Synchronise, duration_s: float, min_call_count: int, clock: Clock
) -> TimedFor:
    """As time_for, of calls that have to be made ready one by one: that lies within the window, in no duration."""
    durations = Durations()
    with collector_off():
        if synchronise is not None:
            synchronise()
        started_s = stamp_s = clock()
        while durations.call_count < min_call_count or stamp_s - started_s < duration_s:
            output = None
            latency, output = _time_one(fresh_call(), synchronise, clock)
            stamp_s = clock()
            durations.append(latency)
    return _windowed(started_s, stamp_s, durations, output)


def _windowed(started_s: float, ended_s: float, durations: Durations, output: Any) -> TimedFor:
    calls_per_value, latency_s = durations.binned()
    return TimedFor(started_s, ended_s, latency_s, output, calls_per_value, durations.call_count)

"""The instrument looks at itself: what sampling costs, whether it keeps its period, whether it sees a load.

A load that needs nothing but Python runs in short blocks, with and without the sampler in turn (with first and last in
every other pair, so that a drift of the machine reaches both). `suite doctor --self-test` shows what comes out.
"""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean, median, stdev
from typing import Protocol

from suite.errors import SensorError
from suite.power.base import CounterTrace, Description, Options
from suite.power.client import Sampler
from suite.power.integrate import GAP_PERIODS, mean_power_w
from suite.records import NotMeasured, PowerTrace, record

BLOCK_S = 1.0
PAIR_COUNT = 5
MIN_PERIOD_COUNT = 8  # of a slow source a block holds at least so many
MAX_BLOCK_S = 12.0
LATE = 1.2  # an achieved period this much longer than the asked one is told
PIECE = bytes(1 << 20)


class ExaminedSampler(Protocol):
    @property
    def description(self) -> Description: ...
    def mark(self, label: str) -> None: ...
    def collect(self) -> PowerTrace | CounterTrace: ...
    def cpu_s(self) -> float: ...


Start = Callable[[str, Options], AbstractContextManager[ExaminedSampler]]


@record
class SelfTest:
    """What one source and its sampler did beside a load. Relative figures are shares, not percent."""

    source: str
    scope: str
    sample_count: int
    asked_period_s: float
    achieved_period_s: float  # median
    longest_s: float  # between two samples
    gap_count: int  # distances of more than three periods
    cpu_share: float  # of one core, in the sampler
    latency_without_s: float
    latency_with_s: float
    cost: float  # of latency, relative: mean over the pairs
    cost_error: float  # its 95 % half-width
    idle_w: float | None  # None: the block is too short for the source to tell
    load_w: float | None

    @property
    def doubts(self) -> tuple[str, ...]:
        """In words, what is not as it should be."""
        told = []
        if self.gap_count:
            told.append(f"{self.gap_count} gap(s) of more than {GAP_PERIODS} periods")
        if self.achieved_period_s > LATE * self.asked_period_s:
            told.append("samples come late")
        if self.cost - self.cost_error > 0.01:
            told.append("sampling slows the load down by more than 1 %")
        if self.idle_w is not None and self.load_w is not None and not self.load_w > self.idle_w:
            told.append("a load on all cores does not show in this power")
        return tuple(told)


def busy_call(pool: ThreadPoolExecutor, thread_count: int) -> None:
    """A few milliseconds of work on every core."""
    list(pool.map(lambda _: [hashlib.sha256(PIECE).digest() for _ in range(4)], range(thread_count)))


@dataclass(slots=True)
class Bench:
    """Where blocks run: the load, the clock and the sampler are arguments, so that a test is exact."""

    call: Callable[[], None]
    start: Start = Sampler.start
    clock: Callable[[], float] = time.perf_counter
    sleep: Callable[[float], None] = time.sleep
    pair_count: int = PAIR_COUNT
    durations_s: dict[bool, list[float]] = field(default_factory=lambda: {True: [], False: []})  # by: sampled

    def block(self, duration_s: float, sampled: bool) -> float:
        """Calls for so long; returns their median duration."""
        found: list[float] = []
        end_s = self.clock() + duration_s
        while not found or self.clock() < end_s:
            begin_s = self.clock()
            self.call()
            found.append(self.clock() - begin_s)
        self.durations_s[sampled] += found
        return median(found)


def examine(source: str, options: Options) -> SelfTest | NotMeasured:
    """The self-test of one source on this machine: about 15 s. What the source can't give is its NotMeasured."""
    thread_count = os.cpu_count() or 1
    with ThreadPoolExecutor(thread_count) as pool:
        return run(source, options, Bench(lambda: busy_call(pool, thread_count)))


def run(source: str, options: Options, bench: Bench) -> SelfTest | NotMeasured:
    """The same with everything given."""
    try:
        return _run(source, options, bench)
    except SensorError as error:
        return NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy)


@dataclass(slots=True)
class _Seen:
    """What the sampler showed in one block."""

    distances_s: list[float]
    cpu_share: float
    idle_w: float | None
    load_w: float | None


def _run(source: str, options: Options, bench: Bench) -> SelfTest:
    bench.call()  # the first call of all pays for what is set up
    medians: list[tuple[float, float]] = []
    seen: list[_Seen] = []
    description: Description | None = None
    for number in range(bench.pair_count):
        block_s = BLOCK_S if description is None else _block_s(description)
        without_s = bench.block(block_s, sampled=False) if number % 2 else None
        with bench.start(source, options) as sampler:
            description = sampler.description
            block_s = _block_s(description)
            with_s, looked = _sampled(bench, sampler, block_s)
        seen.append(looked)
        medians.append((bench.block(block_s, sampled=False) if without_s is None else without_s, with_s))
    assert description is not None  # a pair at least
    ratios = [with_s / without_s - 1 for without_s, with_s in medians]
    distances_s = [distance_s for looked in seen for distance_s in looked.distances_s]
    return SelfTest(
        source=source,
        scope=description.scope,
        sample_count=len(distances_s) + len(seen),
        asked_period_s=description.period_s,
        achieved_period_s=median(distances_s),
        longest_s=max(distances_s),
        gap_count=sum(distance_s > GAP_PERIODS * description.period_s for distance_s in distances_s),
        cpu_share=fmean(looked.cpu_share for looked in seen),
        latency_without_s=median(bench.durations_s[False]),
        latency_with_s=median(bench.durations_s[True]),
        cost=fmean(ratios),
        cost_error=_half_width(ratios),
        idle_w=_mean([looked.idle_w for looked in seen]),
        load_w=_mean([looked.load_w for looked in seen]),
    )


def _block_s(description: Description) -> float:
    return min(MAX_BLOCK_S, max(BLOCK_S, MIN_PERIOD_COUNT * description.period_s))


def _sampled(bench: Bench, sampler: ExaminedSampler, block_s: float) -> tuple[float, _Seen]:
    """An idle stretch, then a block of calls, with the sampler beside both."""
    sampler.mark("idle")
    begin_s, cpu_s = time_of(bench), sampler.cpu_s()
    bench.sleep(block_s)
    idle_end_s = time_of(bench)
    sampler.mark("load")
    load_s = time_of(bench)
    with_s = bench.block(block_s, sampled=True)
    end_s = time_of(bench)
    bench.sleep(2 * sampler.description.period_s)
    share = (sampler.cpu_s() - cpu_s) / (time_of(bench) - begin_s)
    trace = sampler.collect()
    distances_s = [b_s - a_s for a_s, b_s in pairwise(trace.time_s)]
    if not distances_s:
        raise SensorError("GAP", f"the sensor gave {len(trace.time_s)} sample(s)", "see what holds its driver up")
    period_s = sampler.description.period_s
    margin_s = 2 * period_s + sampler.description.settle_s
    return with_s, _Seen(
        distances_s,
        share,
        _mean_w(trace, begin_s + period_s, idle_end_s - period_s, period_s),
        _mean_w(trace, load_s + margin_s, end_s, period_s),
    )


def time_of(bench: Bench) -> float:
    """The system-wide monotonic clock, which samples are stamped with; a test's own where it has one."""
    return time.monotonic() if bench.clock is time.perf_counter else bench.clock()


def _mean_w(trace: PowerTrace | CounterTrace, start_s: float, end_s: float, period_s: float) -> float | None:
    """None where there are too few samples for it."""
    if not end_s > start_s:
        return None
    try:
        return mean_power_w(trace, start_s, end_s, period_s)
    except SensorError:
        return None


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _half_width(ratios: list[float]) -> float:
    """Student's 95 % interval of their mean; infinite for a single one."""
    if len(ratios) < 2:
        return math.inf
    from scipy.special import stdtrit

    return float(stdtrit(len(ratios) - 1, 0.975)) * stdev(ratios) / math.sqrt(len(ratios))

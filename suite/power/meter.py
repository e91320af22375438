"""From "measure the energy of this load" to an EnergyReading: choose a source, run the sequence, integrate.

The sequence: idle stretch, lead-in, windows of back-to-back calls, lead-out, idle stretch. Lead-in and lead-out are the
same calls, so that every edge of a window lies in steady load with a sample of that load on both sides.
Source: docs/energy.md, section The window.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

from suite.errors import SensorError
from suite.power.base import Description, Options
from suite.power.channel import Channel, Gauge, Start, Stretch, Stretches, Timed
from suite.power.client import Sampler
from suite.records import EnergyReading, NotMeasured, Part, Schedule

CALL_MARGIN = 1.1  # the lead-in's mean call may be slower than the window's
LOOK_S = 2.0  # how often it is looked whether a source is left; between two looks nothing wakes the controller

Load = Callable[[float], tuple[float, float, int]]  # runs calls for at least that many seconds; returns a Timed


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRule:
    """How long a window lasts where nobody said so (the longest of all), and what surrounds it."""

    min_window_s: float = 10.0
    min_period_count: int = 200
    min_call_count: int = 30
    lead_s: float = 1.0  # on both sides of every edge: caches, clocks and the sensor's own average settle
    lead_period_count: int = 3

    def window_s(self, description: Description, call_s: float) -> float:
        return max(
            self.min_window_s,
            self.min_period_count * description.period_s,
            self.min_call_count * call_s * CALL_MARGIN,
            description.minimum_window_s,
        )

    def edge_s(self, description: Description) -> float:
        return max(
            self.lead_s,
            self.lead_period_count * description.period_s + description.clock_uncertainty_s,
            description.settle_s,
        )


DEFAULT_RULE = WindowRule()


class LoadEnded(Exception):
    """The load was ended because no source was left that could measure it."""


class Refused(NamedTuple):
    """A source that was looked at and can't measure here, with the part of the machine that it would have told of."""

    source: str
    part: Part
    absence: NotMeasured
    is_elsewhere: bool  # it is for machines of another kind


class Metered(NamedTuple):
    """When what was done (None: every gauge failed before it was over), and an outcome per gauge."""

    schedule: Schedule | None
    outcomes: tuple[EnergyReading | NotMeasured, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """A power source with its options, known to give samples here, and those that measure other parts beside it."""

    source: str
    options: Options
    description: Description
    beside: tuple[Gauge, ...] = ()
    refused: tuple[Refused, ...] = ()
    is_named: bool = False  # its sources were named, not found by --power auto
    rule: WindowRule = DEFAULT_RULE
    start: Start = Sampler.start
    clock: Callable[[], float] = time.monotonic
    unix_clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    @property
    def gauges(self) -> tuple[Gauge, ...]:
        return (Gauge(self.source, self.options, self.description), *self.beside)

    def measure(self, load: Load, window_count: int, window_s: float | None, idle_s: float) -> EnergyReading:
        """What `measure_all` gives for the source itself. Raises SensorError where it gave no reading."""
        outcome = self.measure_all(load, window_count, window_s, idle_s)[0]
        if isinstance(outcome, NotMeasured):
            raise SensorError(outcome.code, outcome.reason, outcome.remedy)
        return outcome

    def measure_all(
        self, load: Load, window_count: int, window_s: float | None, idle_s: float
    ) -> tuple[EnergyReading | NotMeasured, ...]:
        """The outcomes of `metered`, without the schedule."""
        return self.metered(load, window_count, window_s, idle_s).outcomes

    def metered(
        self,
        load: Load,
        window_count: int,
        window_s: float | None,
        idle_s: float,
        end_load: Callable[[], None] | None = None,
    ) -> Metered:
        """Energy of back-to-back calls over that many windows, between two idle stretches: an outcome per gauge.

        load(duration_s) runs calls for at least that long. window_s None: by the rule, for the gauge that needs most.
        An idle stretch lasts at least the longest minimum window. A gauge that fails (TOO_SHORT, GAP, SENSOR_LOST,
        SENSOR_HUNG, or the source's own code) costs its own outcome; the load goes on while one of them gives samples.
        end_load: ends a load that is running, which then raises LoadEnded; called when none of them is left.
        """
        channels = [Channel(gauge) for gauge in self.gauges]
        if window_s is not None:
            for channel in channels:
                channel.refuse_short(window_s)
        offset_s = self.unix_offset_s()
        with ExitStack() as stack:
            for channel in channels:
                channel.start(self.start, stack)
            watched = Watched(channels, load, end_load)
            try:
                stretches = self._sequence(channels, watched, window_count, window_s, idle_s)
            except LoadEnded:
                stretches = None
        schedule = None if stretches is None else stretches.schedule((offset_s, self.unix_offset_s()))
        return Metered(schedule, tuple(channel.outcome(stretches) for channel in channels))

    def unix_offset_s(self) -> float:
        """Seconds since 1970 less the system-wide monotonic clock."""
        return self.unix_clock() - self.clock()

    def _sequence(
        self, channels: Sequence[Channel], load: Load, window_count: int, window_s: float | None, idle_s: float
    ) -> Stretches:
        """Idle, lead-in, windows, lead-out, idle. Raises LoadEnded as soon as no channel is left."""
        refuse_none_left(channels)
        described = [channel.gauge.description for channel in channels if channel.failure is None]
        idle_s = max(idle_s, *(description.minimum_window_s for description in described))
        edge_s = max(self.rule.edge_s(description) for description in described)
        before = self._idle(channels, edge_s, idle_s)
        _mark(channels, "load")
        lead_in = Timed(*load(edge_s))
        call_s = (lead_in.ended_s - lead_in.started_s) / lead_in.call_count
        duration_s = window_s or max(self.rule.window_s(description, call_s) for description in described)
        windows = [Timed(*load(duration_s)) for _ in range(window_count)]
        lead_out = Timed(*load(edge_s))
        after = self._idle(channels, edge_s, idle_s)
        for channel in channels:
            channel.collect()
        return Stretches(before, Stretch(lead_in.started_s, lead_out.ended_s), windows, after)

    def _idle(self, channels: Sequence[Channel], edge_s: float, idle_s: float) -> Stretch:
        """An idle stretch, with as much idle time on either side as a window has load."""
        _mark(channels, "idle")
        self._wait(channels, edge_s)
        start_s = self.clock()
        self._wait(channels, idle_s)
        end_s = self.clock()
        self._wait(channels, edge_s)
        return Stretch(start_s, end_s)

    def _wait(self, channels: Sequence[Channel], duration_s: float) -> None:
        """Sleeps, and looks now and then whether anything is left to wait for. Raises LoadEnded."""
        end_s = self.clock() + duration_s
        while (left_s := end_s - self.clock()) > 0:
            self.sleep(min(left_s, LOOK_S))
            refuse_none_left(channels)


@dataclass(slots=True)
class Watched:
    """A load that does not outlast its last source: a thread looks while it runs, and has it ended."""

    channels: Sequence[Channel]
    load: Load
    end_load: Callable[[], None] | None
    look_s: float = LOOK_S

    def __call__(self, duration_s: float) -> tuple[float, float, int]:
        """As the load. Raises LoadEnded."""
        done = threading.Event()
        watch = threading.Thread(target=self._watch, args=(done,), daemon=True)
        watch.start()
        try:
            timed = self.load(duration_s)
        finally:
            done.set()
            watch.join()
        refuse_none_left(self.channels)
        return timed

    def _watch(self, done: threading.Event) -> None:
        """A channel is used by one thread at a time: the other one waits for the load, and then for this one."""
        while self.end_load is not None and not done.wait(self.look_s):
            try:
                refuse_none_left(self.channels)
            except LoadEnded:
                self.end_load()
                return


def _mark(channels: Iterable[Channel], label: str) -> None:
    for channel in channels:
        channel.mark(label)


def refuse_none_left(channels: Sequence[Channel]) -> None:
    """Raises LoadEnded where every channel has failed."""
    for channel in channels:
        channel.check()
    if all(channel.failure is not None for channel in channels):
        raise LoadEnded

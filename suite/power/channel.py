"""One power source during one measurement: it is started, told of the stretches, read, and turned into an outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar

from suite import records
from suite.errors import SensorError
from suite.power.base import CounterTrace, Description, Missed, Options
from suite.power.integrate import TraceGap, energy_j, error_budget, mean_power_w, power_trace, sample_period_s
from suite.power.sign import refuse_negative, refuse_odd
from suite.power.stillness import refuse_still
from suite.records import EnergyReading, EnergyWindow, NotMeasured, PowerTrace

T = TypeVar("T")


class SamplerLike(Protocol):
    description: Description

    def mark(self, label: str) -> None: ...
    def check(self) -> None: ...
    def collect(self) -> PowerTrace | CounterTrace: ...


Start = Callable[[str, Options], AbstractContextManager[SamplerLike]]


class Gauge(NamedTuple):
    """A power source with its options, known to give samples here."""

    source: str
    options: Options
    description: Description


class Timed(NamedTuple):
    """Back-to-back calls: when the first began and the last ended (system-wide monotonic clock), and how many."""

    started_s: float
    ended_s: float
    call_count: int


class Stretch(NamedTuple):
    start_s: float
    end_s: float


class Stretches(NamedTuple):
    """What was done when: idle, windows of load, idle."""

    before: Stretch
    load: Stretch  # lead-in, windows and lead-out
    windows: Sequence[Timed]
    after: Stretch

    def schedule(self, unix_offset_s: tuple[float, float]) -> records.Schedule:
        """The same as a record. unix_offset_s: see there."""
        return records.Schedule(
            idle_before=records.Stretch(start_s=self.before.start_s, end_s=self.before.end_s),
            load=records.Stretch(start_s=self.load.start_s, end_s=self.load.end_s),
            windows=tuple(
                records.CallWindow(start_s=start_s, end_s=end_s, call_count=count)
                for start_s, end_s, count in self.windows
            ),
            idle_after=records.Stretch(start_s=self.after.start_s, end_s=self.after.end_s),
            unix_offset_s=unix_offset_s,
        )

    def labels(self) -> Sequence[tuple[float, str]]:
        """When it was idle and when under load."""
        return ((self.before.start_s, "idle"), (self.load.start_s, "load"), (self.load.end_s, "idle"))

    @classmethod
    def of(cls, schedule: records.Schedule) -> Stretches:
        before, load, after = (
            Stretch(each.start_s, each.end_s) for each in (schedule.idle_before, schedule.load, schedule.idle_after)
        )
        windows = [Timed(window.start_s, window.end_s, window.call_count) for window in schedule.windows]
        return cls(before, load, windows, after)


@dataclass(slots=True)
class Channel:
    """Its first SensorError ends it, and it alone: from then on it does nothing, and its outcome says why."""

    gauge: Gauge
    sampler: SamplerLike | None = None
    trace: PowerTrace | CounterTrace | None = None
    failure: NotMeasured | None = field(default=None)

    def refuse_short(self, window_s: float) -> None:
        self._attempt(lambda: refuse_short(self.gauge, window_s))

    def start(self, start: Start, stack: ExitStack) -> None:
        self.sampler = self._attempt(lambda: stack.enter_context(start(self.gauge.source, self.gauge.options)))

    def mark(self, label: str) -> None:
        self._with_sampler(lambda sampler: sampler.mark(label))

    def check(self) -> None:
        self._with_sampler(lambda sampler: sampler.check())

    def collect(self) -> None:
        self.trace = self._with_sampler(lambda sampler: sampler.collect())
        if self.sampler is not None:  # it knows by now how well the clocks agree
            self.gauge = self.gauge._replace(description=self.sampler.description)

    def outcome(self, stretches: Stretches | None) -> EnergyReading | NotMeasured:
        """The reading over the stretches; None: every channel failed before they were over."""
        trace = self.trace
        reading = self._attempt(lambda: self._read(trace, stretches)) if trace and stretches else None
        if reading is not None:
            return reading
        assert self.failure is not None  # without one there is a trace
        return self.failure

    def _read(self, trace: PowerTrace | CounterTrace, stretches: Stretches) -> EnergyReading:
        """As `read`; a gap that failed readings left is told by what failed."""
        try:
            return read(self.gauge, trace, stretches)
        except TraceGap as gap:
            missed: Sequence[Missed] = getattr(self.sampler, "missed", ())  # a meter's log has none
            inside = [each for each in missed if stretches.before.start_s <= each.time_s <= stretches.after.end_s]
            if not inside:
                raise
            raise SensorError(gap.code, f"{gap.reason}: {inside[0].reason}", inside[0].remedy) from gap

    def _with_sampler(self, action: Callable[[SamplerLike], T]) -> T | None:
        sampler = self.sampler
        return self._attempt(lambda: action(sampler)) if sampler is not None else None

    def _attempt(self, action: Callable[[], T]) -> T | None:
        if self.failure is not None:
            return None
        try:
            return action()
        except SensorError as error:
            self.failure = NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy)
            return None


def refuse_short(gauge: Gauge, window_s: float) -> None:
    """Raises SensorError TOO_SHORT for a window below what the source can resolve."""
    minimum_s = gauge.description.minimum_window_s
    if window_s < minimum_s:
        raise SensorError(
            "TOO_SHORT",
            f"a window of {window_s:.3g} s is too short for {gauge.source}, which needs {minimum_s:g} s",
            "ask for a longer window, or for none: then it is chosen by the source's period",
        )


def read(gauge: Gauge, trace: PowerTrace | CounterTrace, stretches: Stretches) -> EnergyReading:
    """The windows' energy in a trace.

    Raises SensorError: TOO_SHORT, GAP, COUNTER_RESET, SENSOR_FROZEN, POWER_NEGATIVE, BELOW_RESOLUTION.
    """
    for window in stretches.windows:
        refuse_short(gauge, window.ended_s - window.started_s)
    description = gauge.description
    refuse_odd(trace)
    refuse_still(trace, stretches.labels(), description)
    loads = [(window.started_s, window.ended_s) for window in stretches.windows]
    refuse_negative(trace, (stretches.before, stretches.after), loads, description)
    period_s = description.period_s
    windows = tuple(
        EnergyWindow(
            start_s=window.started_s,
            end_s=window.ended_s,
            call_count=window.call_count,
            energy_j=energy_j(trace, window.started_s, window.ended_s, period_s),
        )
        for window in stretches.windows
    )
    idle_w = [mean_power_w(trace, *stretch, period_s) for stretch in (stretches.before, stretches.after)]
    achieved_s = sample_period_s(trace.time_s)
    return EnergyReading(
        source=gauge.source,
        scope=description.scope,
        part=description.part,
        method="counter" if isinstance(trace, CounterTrace) else "trapezoid",
        sample_period_s=achieved_s,
        idle_before_w=idle_w[0],
        idle_after_w=idle_w[1],
        windows=windows,
        budget=error_budget(trace, windows, description, achieved_s),
        trace=power_trace(trace),
    )

"""From "measure the energy of this load" to an EnergyReading: choose a source, run the sequence, integrate.

The sequence: idle stretch, lead-in, windows of back-to-back calls, lead-out, idle stretch. Lead-in and lead-out are the
same calls, so that every edge of a window lies in steady load with a sample of that load on both sides.
Source: docs/energy.md, section The window.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple, Protocol

from suite import registry
from suite.errors import SensorError, UsageError
from suite.power.base import CounterTrace, Description, Options, Source
from suite.power.client import Sampler
from suite.power.integrate import energy_j, error_budget, mean_power_w, power_trace, sample_period_s
from suite.records import EnergyReading, EnergyWindow, NotMeasured, PowerTrace

CALL_MARGIN = 1.1  # the lead-in's mean call may be slower than the window's


class Timed(NamedTuple):
    """Back-to-back calls: when the first began and the last ended (system-wide monotonic clock), and how many."""

    started_s: float
    ended_s: float
    call_count: int


Load = Callable[[float], tuple[float, float, int]]  # runs calls for at least that many seconds; returns a Timed


class SamplerLike(Protocol):
    description: Description

    def mark(self, label: str) -> None: ...
    def check(self) -> None: ...
    def collect(self) -> PowerTrace | CounterTrace: ...


Start = Callable[[str, Options], AbstractContextManager[SamplerLike]]


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
        return max(self.lead_s, self.lead_period_count * description.period_s, description.settle_s)


DEFAULT_RULE = WindowRule()


class Stretch(NamedTuple):
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """One power source with its options, known to give samples here."""

    source: str
    options: Options
    description: Description
    rule: WindowRule = DEFAULT_RULE
    start: Start = Sampler.start
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def measure(self, load: Load, window_count: int, window_s: float | None, idle_s: float) -> EnergyReading:
        """Energy of back-to-back calls over that many windows, between two idle stretches.

        load(duration_s) runs calls for at least that long. window_s None: by the rule. An idle stretch lasts at least
        the source's minimum window. Raises SensorError: TOO_SHORT, GAP, SENSOR_LOST, SENSOR_HUNG, or the source's own.
        """
        if window_s is not None:
            self._refuse_short(window_s)
        idle_s = max(idle_s, self.description.minimum_window_s)
        lead_s = self.rule.edge_s(self.description)
        with self.start(self.source, self.options) as sampler:
            before = self._idle(sampler, idle_s)
            sampler.mark("load")
            lead_in = Timed(*load(lead_s))
            call_s = (lead_in.ended_s - lead_in.started_s) / lead_in.call_count
            duration_s = window_s or self.rule.window_s(self.description, call_s)
            windows = []
            for _ in range(window_count):
                windows.append(Timed(*load(duration_s)))
                sampler.check()
            load(lead_s)
            after = self._idle(sampler, idle_s)
            trace = sampler.collect()
        return self._reading(trace, before, windows, after)

    def _idle(self, sampler: SamplerLike, idle_s: float) -> Stretch:
        """An idle stretch, with as much idle time on either side as a window has load."""
        edge_s = self.rule.edge_s(self.description)
        sampler.mark("idle")
        self.sleep(edge_s)
        start_s = self.clock()
        self.sleep(idle_s)
        end_s = self.clock()
        self.sleep(edge_s)
        return Stretch(start_s, end_s)

    def _reading(
        self, trace: PowerTrace | CounterTrace, before: Stretch, timed: Sequence[Timed], after: Stretch
    ) -> EnergyReading:
        for window in timed:
            self._refuse_short(window.ended_s - window.started_s)
        period_s = self.description.period_s
        windows = tuple(
            EnergyWindow(
                start_s=window.started_s,
                end_s=window.ended_s,
                call_count=window.call_count,
                energy_j=energy_j(trace, window.started_s, window.ended_s, period_s),
            )
            for window in timed
        )
        idle_w = [mean_power_w(trace, stretch.start_s, stretch.end_s, period_s) for stretch in (before, after)]
        achieved_s = sample_period_s(trace.time_s)
        return EnergyReading(
            source=self.source,
            scope=self.description.scope,
            method="counter" if isinstance(trace, CounterTrace) else "trapezoid",
            sample_period_s=achieved_s,
            idle_before_w=idle_w[0],
            idle_after_w=idle_w[1],
            windows=windows,
            budget=error_budget(windows, fmean(idle_w), self.description, achieved_s),
            trace=power_trace(trace),
        )

    def _refuse_short(self, window_s: float) -> None:
        if window_s < self.description.minimum_window_s:
            raise SensorError(
                "TOO_SHORT",
                f"a window of {window_s:.3g} s is too short for {self.source}, which needs "
                f"{self.description.minimum_window_s:g} s",
                "ask for a longer window, or for none: then it is chosen by the source's period",
            )


def select(spec: str, *, start: Start = Sampler.start, rule: WindowRule = DEFAULT_RULE) -> Meter | NotMeasured:
    """The meter that --power asks for: "none", "auto", "NAME" or "NAME:key=value,...".

    Raises UsageError for a name, an option or a value that does not exist.
    """
    if spec == "none":
        return NotMeasured(
            code="NOT_ASKED", reason="energy was switched off with --power none", remedy="run again with --power auto"
        )
    if spec == "auto":
        return _automatic(start, rule)
    source, options = _parse(spec)
    found = probe(source, options, start)
    return (
        found
        if isinstance(found, NotMeasured)
        else Meter(source=source.name, options=options, description=found, rule=rule, start=start)
    )


def probe(source: Source, options: Options, start: Start = Sampler.start) -> Description | NotMeasured:
    """What the source measures here, after one real sample was read in a sampler's process; else why it can't."""
    try:
        with start(source.name, options) as sampler:
            return sampler.description
    except SensorError as error:
        return NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy)


def survey(*, start: Start = Sampler.start) -> tuple[tuple[str, str, NotMeasured | None], ...]:
    """(name, summary, None or why it can't be used here) of every source, by rank; probed side by side."""
    sources = _by_rank()
    with ThreadPoolExecutor(max_workers=max(1, len(sources))) as pool:
        outcomes = pool.map(lambda source: probe(source, {}, start), sources)
        return tuple(
            (source.name, source.summary, outcome if isinstance(outcome, NotMeasured) else None)
            for source, outcome in zip(sources, outcomes, strict=True)
        )


def _automatic(start: Start, rule: WindowRule) -> Meter | NotMeasured:
    tried = []
    for source in _by_rank():
        if not source.automatic:
            continue
        found = probe(source, {}, start)
        if isinstance(found, Description):
            return Meter(source=source.name, options={}, description=found, rule=rule, start=start)
        tried.append(f"{source.name} ({found.code}: {found.reason})")
    if not tried:
        names = ", ".join(registry.discover(registry.POWER_SOURCES))
        return NotMeasured(
            code="NO_POWER_SOURCE",
            reason=f"this version of the suite has no source for this machine's power yet (it has only: {names})",
            remedy="connect an external power meter or run on a board with a power sensor, with a source that reads it "
            "(CONTRIBUTING says how to add one)",
        )
    return NotMeasured(
        code="NO_POWER_SOURCE",
        reason=f"no power source works on this machine: {'; '.join(tried)}",
        remedy="follow `suite doctor`, or connect an external power meter or run on a board with a power sensor, "
        "then name the source with --power",
    )


def _by_rank() -> list[Source]:
    sources: list[Source] = list(registry.discover(registry.POWER_SOURCES).values())
    return sorted(sources, key=lambda source: (source.rank, source.name))


def _parse(spec: str) -> tuple[Source, Options]:
    """NAME:key=value,key=value as the source and its options, checked. Raises UsageError."""
    name, colon, text = spec.partition(":")
    plugins = registry.discover(registry.POWER_SOURCES)
    if name in ("auto", "none"):
        raise UsageError(f"--power {name} takes no options, got {text!r}; name a source: {', '.join(plugins)}")
    if name not in plugins:
        raise UsageError("--power: " + registry.unknown("power source", name, ["auto", "none", *plugins]))
    source: Source = plugins[name]
    options: dict[str, str] = {}
    for pair in text.split(",") if colon else []:
        key, equals, value = (part.strip() for part in pair.partition("="))
        if key not in source.options:
            what = f"--power {name}: {registry.unknown('option', key, source.options)}" if source.options else ""
            raise UsageError(what or f"--power {name}: it takes no options, got {key!r}")
        if not (equals and value):
            raise UsageError(f"--power {name}: option {key} needs a value, as in {key}=...")
        if key in options:
            raise UsageError(f"--power {name}: option {key} is given twice")
        options[key] = value
    source.check(options)
    return source, options

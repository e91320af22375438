"""From "measure the energy of this load" to an EnergyReading: choose a source, run the sequence, integrate.

The sequence: idle stretch, lead-in, windows of back-to-back calls, lead-out, idle stretch. Lead-in and lead-out are the
same calls, so that every edge of a window lies in steady load with a sample of that load on both sides.
Source: docs/energy.md, section The window.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

from suite import registry
from suite.errors import SensorError, UsageError
from suite.power.base import Description, Options, Source
from suite.power.channel import Channel, Gauge, Start, Stretch, Stretches, Timed
from suite.power.client import Sampler
from suite.records import EnergyReading, NotMeasured, Schedule, disjoint

RESERVED = ("rails", "root")  # options that reach every source that takes them, also behind "auto"
MAX_PROBES = 4  # at a time: each is a process
CALL_MARGIN = 1.1  # the lead-in's mean call may be slower than the window's

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


class Surveyed(NamedTuple):
    """One source looked at: what it measures here with these options, or why it can't."""

    name: str
    summary: str
    options: Options
    found: Description | NotMeasured


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

    def metered(self, load: Load, window_count: int, window_s: float | None, idle_s: float) -> Metered:
        """Energy of back-to-back calls over that many windows, between two idle stretches: an outcome per gauge.

        load(duration_s) runs calls for at least that long. window_s None: by the rule, for the gauge that needs most.
        An idle stretch lasts at least the longest minimum window. A gauge that fails (TOO_SHORT, GAP, SENSOR_LOST,
        SENSOR_HUNG, or the source's own code) costs its own outcome; the load goes on while one of them gives samples.
        """
        channels = [Channel(gauge) for gauge in self.gauges]
        if window_s is not None:
            for channel in channels:
                channel.refuse_short(window_s)
        offset_s = self.unix_offset_s()
        with ExitStack() as stack:
            for channel in channels:
                channel.start(self.start, stack)
            stretches = self._sequence(channels, load, window_count, window_s, idle_s)
        schedule = None if stretches is None else stretches.schedule((offset_s, self.unix_offset_s()))
        return Metered(schedule, tuple(channel.outcome(stretches) for channel in channels))

    def unix_offset_s(self) -> float:
        """Seconds since 1970 less the system-wide monotonic clock."""
        return self.unix_clock() - self.clock()

    def _sequence(
        self, channels: Sequence[Channel], load: Load, window_count: int, window_s: float | None, idle_s: float
    ) -> Stretches | None:
        """Idle, lead-in, windows, lead-out, idle; None as soon as no channel is left."""
        described = [channel.gauge.description for channel in channels if channel.failure is None]
        if not described:
            return None
        idle_s = max(idle_s, *(description.minimum_window_s for description in described))
        edge_s = max(self.rule.edge_s(description) for description in described)
        before = self._idle(channels, edge_s, idle_s)
        _mark(channels, "load")
        lead_in = Timed(*load(edge_s))
        call_s = (lead_in.ended_s - lead_in.started_s) / lead_in.call_count
        duration_s = window_s or max(self.rule.window_s(description, call_s) for description in described)
        windows = []
        for _ in range(window_count):
            windows.append(Timed(*load(duration_s)))
            if not _any_left(channels):
                return None
        lead_out = Timed(*load(edge_s))
        after = self._idle(channels, edge_s, idle_s)
        for channel in channels:
            channel.collect()
        return Stretches(before, Stretch(lead_in.started_s, lead_out.ended_s), windows, after)

    def _idle(self, channels: Iterable[Channel], edge_s: float, idle_s: float) -> Stretch:
        """An idle stretch, with as much idle time on either side as a window has load."""
        _mark(channels, "idle")
        self.sleep(edge_s)
        start_s = self.clock()
        self.sleep(idle_s)
        end_s = self.clock()
        self.sleep(edge_s)
        return Stretch(start_s, end_s)


def _mark(channels: Iterable[Channel], label: str) -> None:
    for channel in channels:
        channel.mark(label)


def _any_left(channels: Sequence[Channel]) -> bool:
    for channel in channels:
        channel.check()
    return any(channel.failure is None for channel in channels)


def select(spec: str, *, start: Start = Sampler.start, rule: WindowRule = DEFAULT_RULE) -> Meter | NotMeasured:
    """The meter that --power asks for: "none", "auto", "NAME" or "NAME+NAME", each with ":key=value,..." behind it.

    The first of several is the source, the others measure beside it. Raises UsageError for a name, an option or a value
    that does not exist.
    """
    if spec == "none":
        return NotMeasured(
            code="NOT_ASKED", reason="energy was switched off with --power none", remedy="run again with --power auto"
        )
    gauges = []
    for source, options in _parse(spec):
        if source is None:
            return _automatic(start, rule, options)
        found = probe(source, options, start)
        if isinstance(found, NotMeasured):
            return found
        gauges.append(Gauge(source.name, options, found))
    return _meter(gauges, start, rule)


def probe(source: Source, options: Options, start: Start = Sampler.start) -> Description | NotMeasured:
    """What the source measures here, if it gives one real sample in a process of its own; else why it can't."""
    try:
        with start(source.name, options) as sampler:
            return sampler.description
    except SensorError as error:
        return NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy)


def survey(spec: str = "auto", *, start: Start = Sampler.start) -> tuple[Surveyed, ...]:
    """What every source measures here, or why it can't, by rank; probed side by side.

    Of `spec`, the reserved options reach every source that takes them, the others the one that it names.
    """
    asked = _parse(spec)
    given = {source.name: options for source, options in asked if source is not None}
    shared = asked[0][1]
    sources = _by_rank()

    def look(source: Source) -> Surveyed:
        options = given.get(source.name, _taken(source, shared))
        return Surveyed(source.name, source.summary, options, probe(source, options, start))

    with ThreadPoolExecutor(max_workers=min(MAX_PROBES, max(1, len(sources)))) as pool:
        return tuple(pool.map(look, sources))


def root_of(spec: str) -> str | None:
    """The folder that `root` names in what --power says; None where the machine itself is meant."""
    pairs = (pair.partition("=") for text in _split(spec) for pair in text.partition(":")[2].split(","))
    return next((value for key, _, value in pairs if key == "root"), None)


def _automatic(start: Start, rule: WindowRule, options: Options) -> Meter | NotMeasured:
    """The first source by rank that works, and beside it the first of every part that is disjoint from it.

    A GPU's board comes last: it stands beside what the rest of the machine draws, and alone only where nothing else is.
    """
    tried, gauges = [], list[Gauge]()
    for source in sorted(_by_rank(), key=lambda source: source.part == "gpu board"):
        if not source.automatic or ("rails" in options and "rails" not in source.options):
            continue
        if not all(disjoint(source.part, gauge.description.part) for gauge in gauges):
            continue
        taken = _taken(source, options)
        found = probe(source, taken, start)
        if isinstance(found, NotMeasured):
            tried.append(f"{source.name} ({found.code}: {found.reason})")
        elif all(disjoint(found.part, gauge.description.part) for gauge in gauges):
            gauges.append(Gauge(source.name, taken, found))
    if gauges:
        return _meter(gauges, start, rule)
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


def _meter(gauges: Sequence[Gauge], start: Start, rule: WindowRule) -> Meter:
    first, *beside = gauges
    return Meter(
        source=first.source,
        options=first.options,
        description=first.description,
        beside=tuple(beside),
        rule=rule,
        start=start,
    )


def _by_rank() -> list[Source]:
    sources: list[Source] = list(registry.discover(registry.POWER_SOURCES).values())
    return sorted(sources, key=lambda source: (source.rank, source.name))


def _taken(source: Source, options: Options) -> Options:
    """Those of the reserved options that the source takes."""
    return {key: value for key, value in options.items() if key == "root" or (key == "rails" and key in source.options)}


def _split(spec: str) -> list[str]:
    """NAME:key=value+NAME at its pluses. Options may hold some too: only one with a source's name behind it counts."""
    names = "|".join(re.escape(name) for name in ("auto", "none", *registry.discover(registry.POWER_SOURCES)))
    return re.split(rf"\+(?=(?:{names})(?:[:+]|$))", spec)


def _parse(spec: str) -> list[tuple[Source | None, Options]]:
    """The sources (None: auto) with their options, checked; the reserved ones are shared. Raises UsageError."""
    asked = [_parse_one(text) for text in _split(spec)]
    if len(asked) > 1 and any(source is None for source, _ in asked):
        raise UsageError(f"--power {spec}: auto stands alone; name the sources instead")
    shared = {key: value for _, options in asked for key, value in options.items() if key in RESERVED}
    return [(source, {**_taken(source, shared), **options} if source else options) for source, options in asked]


def _parse_one(spec: str) -> tuple[Source | None, Options]:
    name, colon, text = spec.partition(":")
    plugins = registry.discover(registry.POWER_SOURCES)
    if name == "none":
        raise UsageError(f"--power none takes no options, got {text!r}; name a source: {', '.join(plugins)}")
    if name not in plugins and name != "auto":
        raise UsageError("--power: " + registry.unknown("power source", name, ["auto", "none", *plugins]))
    source: Source | None = plugins.get(name)
    allowed = [*(source.options if source else RESERVED), "root"]
    options: dict[str, str] = {}
    for pair in text.split(",") if colon else []:
        key, equals, value = (part.strip() for part in pair.partition("="))
        if key not in allowed:
            raise UsageError(f"--power {name}: {_not_taken(source, key, plugins)}")
        if not (equals and value):
            raise UsageError(f"--power {name}: option {key} needs a value, as in {key}=...")
        if key in options:
            raise UsageError(f"--power {name}: option {key} is given twice")
        options[key] = value
    if source is not None:
        source.check({key: value for key, value in options.items() if key in source.options})
    return source, options


def _not_taken(source: Source | None, key: str, plugins: Iterable[str]) -> str:
    if source is None:
        return f"only {' and '.join(RESERVED)} can be given to it, got {key!r}; name a source: {', '.join(plugins)}"
    if not source.options:
        return f"it takes no options, got {key!r}"
    return registry.unknown("option", key, source.options)

"""Which power source measures: what --power names, or the first that gives a sample here; and what each could."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import NamedTuple

from suite import registry
from suite.errors import SensorError, UsageError
from suite.limits import MAX_PATH_LENGTH
from suite.outside import REPLACEMENT, brief, clean
from suite.power.base import CounterTrace, Description, Options, Source
from suite.power.channel import Gauge, SamplerLike, Start
from suite.power.client import Sampler
from suite.power.imported.csv_import import ImportedSource, later
from suite.power.integrate import unwrap
from suite.power.meter import DEFAULT_RULE, Meter, Refused, WindowRule
from suite.records import NotMeasured, PowerTrace, disjoint

RESERVED = ("rails", "root")  # options that reach every source that takes them, also behind "auto"
MAX_PROBES = 4  # at a time: each is a process
COUNTER_PERIODS = 2  # so long a counter is watched to tell its power

Watts = tuple[tuple[str, float], ...]  # by rail
# What the folder of a run may say again by itself. No other option is among them: it may name a program, a file, a
# host, and where a run comes from nobody knows.
_NUMBERS = {"idle_w", "load_w", "period_s", "interval_s", "offset_s", "offset_error_s", "search_s", "gain_error"}
HARMLESS = frozenset({"rails", "zone", "gpu", "backend", "column", "align"} | _NUMBERS)


class Surveyed(NamedTuple):
    """One source looked at: what it measures here with these options, or why it can't.

    concerns: whether a person on this machine would want it: not for another kind of machine, and no trial.
    """

    name: str
    summary: str
    options: Options
    found: Description | NotMeasured
    concerns: bool = True
    rails_w: Watts = ()  # what it read just now, by rail: their sum is its power

    @property
    def power_w(self) -> float | None:
        """The sum of what it read; None where it read nothing."""
        return math.fsum(power_w for _, power_w in self.rails_w) if self.rails_w else None


def select(spec: str, *, start: Start = Sampler.start, rule: WindowRule = DEFAULT_RULE) -> Meter | NotMeasured:
    """The meter that --power asks for: "none", "auto", "NAME" or "NAME+NAME", each with ":key=value,..." behind it.

    Of several the first is the source, the others measure beside it; one that can't measure here is told of, and the
    others do. Raises UsageError for a name, an option or a value that does not exist.
    """
    if _is_none(spec):
        return NotMeasured(
            code="NOT_ASKED", reason="energy was switched off with --power none", remedy="run again with --power auto"
        )
    gauges: list[Gauge] = []
    refused: list[Refused] = []
    for source, options in _parse(spec):
        if source is None:
            return _automatic(start, rule, options)
        if isinstance(source, ImportedSource):
            return _waiting(source, options, rule)
        found = probe(source, options, start)
        if isinstance(found, NotMeasured):
            refused.append(Refused(source.name, source.part, found, is_elsewhere=False))  # it was asked for
        else:
            gauges.append(Gauge(source.name, options, found))
    if not gauges:
        return refused[0].absence
    return replace(_meter(gauges, start, rule), refused=tuple(refused), is_named=True)


def _waiting(source: ImportedSource, options: Options, rule: WindowRule) -> Meter:
    """A meter without a sampler: the file is read when the run is over."""

    def start(_name: str, _options: Options) -> AbstractContextManager[SamplerLike]:
        return later(source, options)

    return Meter(source=source.name, options=options, description=source.planned(options), rule=rule, start=start)


def imported(spec: str) -> tuple[ImportedSource, Options] | None:
    """The source whose file is read when a run is over, if --power names one. Raises UsageError."""
    if _is_none(spec):
        return None
    source, options = _parse(spec)[0]
    return (source, options) if isinstance(source, ImportedSource) else None


def probe(source: Source, options: Options, start: Start = Sampler.start) -> Description | NotMeasured:
    """What the source measures here, if it gives one real sample in a process of its own; else why it can't."""
    try:
        with start(source.name, options) as sampler:
            return sampler.description
    except SensorError as error:
        return NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy)


def sample(source: Source, options: Options, start: Start = Sampler.start) -> tuple[Description | NotMeasured, Watts]:
    """As `probe`, with the watts that it read, by rail: a power's last ones, a counter's mean over a moment."""
    try:
        with start(source.name, options) as sampler:
            described = sampler.description
            trace = sampler.collect()
            if described.quantity == "counter":
                time.sleep(COUNTER_PERIODS * described.period_s)
                trace = sampler.collect()
            return described, _watts(trace)
    except SensorError as error:
        return NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy), ()


def _watts(trace: PowerTrace | CounterTrace) -> Watts:
    """A counter of one reading tells none."""
    if isinstance(trace, CounterTrace):
        if len(trace.time_s) < 2:
            return ()
        elapsed_s = trace.time_s[-1] - trace.time_s[0]
        grown = [unwrap(series, trace.range_j) for series in trace.energy_j]
        powers = [(series[-1] - series[0]) / elapsed_s for series in grown]
    else:
        powers = [series[-1] for series in trace.power_w if series]
    return tuple(zip(trace.rails, powers, strict=False))


def survey(spec: str = "auto", *, start: Start = Sampler.start) -> tuple[Surveyed, ...]:
    """What every source measures here, or why it can't, by rank; probed side by side.

    Of `spec`, the reserved options reach every source that takes them, the others the one that it names.
    """
    asked = _parse("auto" + spec.removeprefix("none") if _is_none(spec) else spec)
    given = {source.name: options for source, options in asked if source is not None}
    shared = asked[0][1]
    sources = _by_rank()

    def look(source: Source) -> Surveyed:
        options = given.get(source.name, _taken(source, shared))
        found, rails_w = sample(source, options, start)
        elsewhere = isinstance(found, NotMeasured) and found.code in source.codes_elsewhere
        concerns = source.name in given or (source.automatic and not elsewhere)
        return Surveyed(source.name, source.summary, options, found, concerns, rails_w)

    with ThreadPoolExecutor(max_workers=min(MAX_PROBES, max(1, len(sources)))) as pool:
        return tuple(pool.map(look, sources))


def unsafe_options(spec: str) -> tuple[str, ...]:
    """The options that must come from a command line or the environment, in what a run's folder says of --power."""
    return tuple(dict.fromkeys(key for key, _ in _said(spec) if key not in HARMLESS))


def root_of(spec: str) -> str | None:
    """The folder that `root` names in what --power says; None where the machine itself is meant."""
    return next((value for key, value in _said(spec) if key == "root"), None)


def _said(spec: str) -> list[tuple[str, str]]:
    """Keys and values as `_parse_one` takes them apart, unchecked."""
    texts = [text.partition(":")[2] for text in _split(spec)]
    pairs = [pair.partition("=") for text in texts if text for pair in text.split(",")]
    return [(key.strip(), value.strip()) for key, _, value in pairs]


def _automatic(start: Start, rule: WindowRule, options: Options) -> Meter | NotMeasured:
    """The first source by rank that works, and beside it the first of every part that is disjoint from it.

    Where none works, the reason is the most telling of those that concern this kind of machine: a counter without
    permission, a helper that refuses. What was looked at and refused goes with the meter: a task may need it.

    A GPU's board comes last: it stands beside what the rest of the machine draws.
    """
    tried: list[Refused] = []
    vague: list[NotMeasured] = []
    gauges: list[Gauge] = []
    for source in sorted(_by_rank(), key=lambda source: source.part == "gpu board"):
        if not source.automatic or ("rails" in options and "rails" not in source.options):
            continue
        if not all(disjoint(source.part, gauge.description.part) for gauge in gauges):
            continue
        taken = _taken(source, options)
        found = probe(source, taken, start)
        if isinstance(found, NotMeasured):
            tried.append(Refused(source.name, source.part, found, found.code in source.codes_elsewhere))
            vague += [found] if found.code in source.codes_vague else []
        elif all(disjoint(found.part, gauge.description.part) for gauge in gauges):
            gauges.append(Gauge(source.name, taken, found))
    tried.sort(key=lambda each: each.absence in vague)  # the order is kept otherwise
    if gauges:
        return replace(_meter(gauges, start, rule), refused=_once(tried))
    telling = next((each.absence for each in tried if not each.is_elsewhere), None)
    if telling is not None:
        return telling
    codes = ", ".join(f"{each.source} {each.absence.code}" for each in tried) or "there is none"
    return NotMeasured(
        code="NO_POWER_SOURCE",
        reason=f"none of the power sources found its sensor on this machine ({codes})",
        remedy="connect an external power meter and name its file with --power-csv; suite doctor tells of each source",
    )


def _once(tried: Iterable[Refused]) -> tuple[Refused, ...]:
    """Of two doors to the same sensor that are shut for the same reason, the first."""
    found: dict[tuple[str, str], Refused] = {}
    for each in tried:
        found.setdefault((each.part, each.absence.code), each)
    return tuple(found.values())


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


def _is_none(spec: str) -> bool:
    """ "none", with the root of the machine that is looked at behind it or without."""
    name, _, text = spec.partition(":")
    return name == "none" and all(pair.partition("=")[0].strip() == "root" for pair in text.split(",") if text)


def _split(spec: str) -> list[str]:
    """NAME:key=value+NAME at its pluses. Options may hold some too: only one with a source's name behind it counts."""
    names = "|".join(re.escape(name) for name in ("auto", "none", *registry.discover(registry.POWER_SOURCES)))
    return re.split(rf"\+(?=(?:{names})(?:[:+]|$))", spec)


def _parse(spec: str) -> list[tuple[Source | None, Options]]:
    """The sources (None: auto) with their options, checked; the reserved ones are shared. Raises UsageError."""
    if REPLACEMENT in spec or clean(spec, MAX_PATH_LENGTH) != spec:  # cleaned on its way here, or not yet
        raise UsageError(f"--power: {brief(spec)} can't be written down as text; rename the file, or shorten it")
    asked = [_parse_one(text) for text in _split(spec)]
    if len(asked) > 1 and any(source is None for source, _ in asked):
        raise UsageError(f"--power {spec}: auto stands alone; name the sources instead")
    if len(asked) > 1 and any(isinstance(source, ImportedSource) for source, _ in asked):
        raise UsageError(f"--power {spec}: a log that is brought in after the run stands alone")
    given = [source.name for source, _ in asked if source is not None]
    if twice := next((name for name in given if given.count(name) > 1), None):
        raise UsageError(f"--power {spec}: {twice} is named twice; name each source once")
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
    for pair in _pairs(text, source, allowed) if colon else []:
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


def _pairs(text: str, source: Source | None, allowed: Sequence[str]) -> list[str]:
    """key=value,key=value at its commas, but for those within a name: "column=Power, total (W)" is one pair."""
    pairs: list[str] = []
    for piece in text.split(","):
        is_more = source is not None and bool(pairs) and pairs[-1].partition("=")[0].strip() in source.names
        if is_more and "=" not in piece and piece.strip() not in allowed:
            pairs[-1] += f",{piece}"
        else:
            pairs.append(piece)
    return pairs


def _not_taken(source: Source | None, key: str, plugins: Iterable[str]) -> str:
    if source is None:
        return f"only {' and '.join(RESERVED)} can be given to it, got {key!r}; name a source: {', '.join(plugins)}"
    if not source.options:
        return f"it takes no options, got {key!r}"
    return registry.unknown("option", key, source.options)

"""Which power source measures: what --power names, or the first that gives a sample here; and what each could."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import NamedTuple

from suite import registry
from suite.errors import SensorError, UsageError
from suite.limits import MAX_PATH_LENGTH
from suite.outside import brief, clean
from suite.power.base import Description, Options, Source
from suite.power.channel import Gauge, SamplerLike, Start
from suite.power.client import Sampler
from suite.power.imported.csv_import import ImportedSource, later
from suite.power.meter import DEFAULT_RULE, Meter, WindowRule
from suite.records import NotMeasured, disjoint

RESERVED = ("rails", "root")  # options that reach every source that takes them, also behind "auto"
MAX_PROBES = 4  # at a time: each is a process
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
        if isinstance(source, ImportedSource):
            return _waiting(source, options, rule)
        found = probe(source, options, start)
        if isinstance(found, NotMeasured):
            return found
        gauges.append(Gauge(source.name, options, found))
    return _meter(gauges, start, rule)


def _waiting(source: ImportedSource, options: Options, rule: WindowRule) -> Meter:
    """A meter without a sampler: the file is read when the run is over."""

    def start(_name: str, _options: Options) -> AbstractContextManager[SamplerLike]:
        return later(source, options)

    return Meter(source=source.name, options=options, description=source.planned(options), rule=rule, start=start)


def imported(spec: str) -> tuple[ImportedSource, Options] | None:
    """The source whose file is read when a run is over, if --power names one. Raises UsageError."""
    if spec == "none":
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
        found = probe(source, options, start)
        elsewhere = isinstance(found, NotMeasured) and found.code in source.codes_elsewhere
        concerns = source.name in given or (source.automatic and not elsewhere)
        return Surveyed(source.name, source.summary, options, found, concerns)

    with ThreadPoolExecutor(max_workers=min(MAX_PROBES, max(1, len(sources)))) as pool:
        return tuple(pool.map(look, sources))


def unsafe_options(spec: str) -> tuple[str, ...]:
    """The options that must come from a command line or the environment, in what a run's folder says of --power."""
    return tuple(dict.fromkeys(key for key, _ in _pairs(spec) if key not in HARMLESS))


def root_of(spec: str) -> str | None:
    """The folder that `root` names in what --power says; None where the machine itself is meant."""
    return next((value for key, value in _pairs(spec) if key == "root"), None)


def _pairs(spec: str) -> list[tuple[str, str]]:
    """Keys and values as `_parse_one` takes them apart, unchecked."""
    texts = [text.partition(":")[2] for text in _split(spec)]
    pairs = [pair.partition("=") for text in texts if text for pair in text.split(",")]
    return [(key.strip(), value.strip()) for key, _, value in pairs]


def _automatic(start: Start, rule: WindowRule, options: Options) -> Meter | NotMeasured:
    """The first source by rank that works, and beside it the first of every part that is disjoint from it.

    Where none works, the reason is the first that concerns this kind of machine: a board without a sensor, a counter
    without permission.

    A GPU's board comes last: it stands beside what the rest of the machine draws, and alone only where nothing else is.
    """
    tried: list[tuple[Source, NotMeasured]] = []
    gauges: list[Gauge] = []
    for source in sorted(_by_rank(), key=lambda source: source.part == "gpu board"):
        if not source.automatic or ("rails" in options and "rails" not in source.options):
            continue
        if not all(disjoint(source.part, gauge.description.part) for gauge in gauges):
            continue
        taken = _taken(source, options)
        found = probe(source, taken, start)
        if isinstance(found, NotMeasured):
            tried.append((source, found))
        elif all(disjoint(found.part, gauge.description.part) for gauge in gauges):
            gauges.append(Gauge(source.name, taken, found))
    if gauges:
        return _meter(gauges, start, rule)
    for source, absence in tried:
        if absence.code not in source.codes_elsewhere:
            return absence
    codes = ", ".join(f"{source.name} {absence.code}" for source, absence in tried) or "there is none"
    return NotMeasured(
        code="NO_POWER_SOURCE",
        reason=f"none of the power sources found its sensor on this machine ({codes})",
        remedy="connect an external power meter and name its file with --power-csv; suite doctor tells of each source",
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
    if clean(spec, MAX_PATH_LENGTH) != spec:
        raise UsageError(f"--power: {brief(spec)} can't be written down as text; rename the file, or shorten it")
    asked = [_parse_one(text) for text in _split(spec)]
    if len(asked) > 1 and any(source is None for source, _ in asked):
        raise UsageError(f"--power {spec}: auto stands alone; name the sources instead")
    if len(asked) > 1 and any(isinstance(source, ImportedSource) for source, _ in asked):
        raise UsageError(f"--power {spec}: a log that is brought in after the run stands alone")
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

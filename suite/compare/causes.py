"""What differs between the surroundings of two runs, the likeliest cause of a deviation first.

Ordered by what is known of each one's effect. Where a difference says how far a latency may move by it, a deviation
within that is explained and one beyond it is not; where it doesn't say, nobody claims either.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

from suite.compare.pairs import Pair, in_force, middle, pace_ratio
from suite.outside import one_line
from suite.records import HostState, LatencySamples, RunRecord, record
from suite.stats.quiet import share
from suite.units import show

WARMER_K = 10.0
LIBRARIES = ("torch", "onnxruntime", "transformers", "python")
ALL = ("weights", "inputs", "outputs", "latency", "memory", "energy")
TIMES = ("latency", "energy")
NOTEWORTHY = 0.02  # a smaller change of pace or clock is none


@record
class Cause:
    """affects: the quantities that it can change. low, high: by what factor a latency may change; None: not known."""

    name: str
    text: str
    affects: tuple[str, ...]
    low: float | None = None
    high: float | None = None
    accounts: bool | None = None  # for the latencies that deviate; None: not known, or none does

    def explains(self, ratio: float, margin: float) -> bool | None:
        """Whether a latency's ratio lies within what it can do. None: nobody knows how much it does."""
        if self.low is None or self.high is None:
            return None
        return self.low / (1 + margin) <= ratio <= self.high * (1 + margin)


def ordered(causes: Iterable[Cause], ratio: float | None, margin: float) -> tuple[Cause, ...]:
    """Those that explain the ratio first, then those of unknown size, then those that are too small for it."""
    if ratio is None:
        return tuple(causes)
    place = {True: 0, None: 1, False: 2}
    found = [replace(cause, accounts=cause.explains(ratio, margin)) for cause in causes]
    return tuple(sorted(found, key=lambda cause: place[cause.accounts]))


def causes(found: Sequence[Pair]) -> Iterator[Cause]:
    """By rank. Each names both sides."""
    first, then = [pair.first for pair in found], [pair.then for pair in found]
    timed = [pair for pair in found if isinstance(pair.first.latency, LatencySamples)]
    yield from _asked(found)
    yield from _states(first, then, "power_mode", "power mode", lambda state: state.power_mode)
    yield from _states(first, then, "on_battery", "battery", _supply)
    yield from _threads(timed)
    yield from _states(first, then, "governors", "governor", lambda state: "+".join(state.governors) or None)
    yield from _measured(timed)
    yield from _limits(first, then)
    yield from _libraries(first, then)
    yield from _heat(first, then)
    yield from _load([pair.first for pair in timed], [pair.then for pair in timed])
    yield from _rest(first, then)


def _asked(found: Sequence[Pair]) -> Iterator[Cause]:
    """What was asked for besides: another seed gives other weights and inputs."""
    whole = ("weights", "inputs", "outputs")
    for name, affects in (
        ("seed", whole),
        ("weights", whole),
        ("checkpoint", ALL),
        ("trajectory", ("inputs", "outputs")),
    ):
        told = _told(found, attrgetter(f"task.{name}"))
        if told is not None:
            yield Cause(name=name, text=f"{name}: {told}", affects=affects)


def _threads(timed: Sequence[Pair]) -> Iterator[Cause]:
    asked = _told(timed, lambda each: each.task.thread_count)
    used = _told(timed, in_force)
    if asked is None and used is None:
        return
    factors = [in_force(pair.first) / in_force(pair.then) for pair in timed]
    low, high = min(1.0, *factors), max(1.0, *factors)
    text = f"threads: {asked or used}" + ("" if asked else " in force, though the same were asked for")
    yield Cause(name="threads", text=text, affects=("outputs", *TIMES), low=low, high=high)


def _measured(timed: Sequence[Pair]) -> Iterator[Cause]:
    """What the machine's own measures say: its pace at fixed arithmetic, its clock under the calls."""
    first, then = [pair.first for pair in timed], [pair.then for pair in timed]
    pace = pace_ratio(timed)
    if pace is not None and abs(math.log(pace)) > NOTEWORTHY:
        what = f"{abs(pace - 1) * 100:.0f} % {'longer' if pace > 1 else 'less'}"
        text = f"the machine's pace: a fixed piece of arithmetic took {what}"
        yield Cause(name="pace", text=text, affects=TIMES, low=pace, high=pace)
    for name, title, of in (
        ("clock", "clock under the calls", lambda beside: beside.clock_hz),
        ("gpu clock", "GPU's clock under the calls", lambda beside: beside.gpu_clock_hz),
    ):
        before, after = middle(first, of), middle(then, of)
        if before and after and abs(math.log(before / after)) > NOTEWORTHY:
            factor = before / after
            text = f"{title}: {show(before, 'Hz')} and {show(after, 'Hz')}"
            yield Cause(name=name, text=text, affects=TIMES, low=min(1.0, factor), high=max(1.0, factor))


def _limits(first: Sequence[RunRecord], then: Sequence[RunRecord]) -> Iterator[Cause]:
    before, after = _of(first, lambda each: each.host.cpu_quota), _of(then, lambda each: each.host.cpu_quota)
    if before != after:
        text = f"processor time allowed: {_words(before, ' CPUs')} and {_words(after, ' CPUs')}"
        yield Cause(name="quota", text=text, affects=TIMES)
    yield from _facts(first, then, "cpu_count", "processors that may be used", TIMES)
    yield from _facts(first, then, "memory_limit_bytes", "memory limit in bytes", (*TIMES, "memory"))


def _libraries(first: Sequence[RunRecord], then: Sequence[RunRecord]) -> Iterator[Cause]:
    for name in LIBRARIES:
        before, after = _versions(first, name), _versions(then, name)
        if before != after:
            text = f"{name}: {_words(before)} and {_words(after)}"
            yield Cause(name=name, text=text, affects=("outputs", "latency", "memory", "energy"))


def _versions(records: Sequence[RunRecord], name: str) -> tuple[str | None, ...]:
    return _of(records, lambda each: dict(each.host.versions).get(name))


def _heat(first: Sequence[RunRecord], then: Sequence[RunRecord]) -> Iterator[Cause]:
    before, after = _warmest(first), _warmest(then)
    if before is not None and after is not None and abs(before - after) >= WARMER_K:
        text = f"temperature: {before:.0f} °C and {after:.0f} °C"
        yield Cause(name="temperature", text=text, affects=TIMES)
    one, other = _throttled(first), _throttled(then)
    if one is not None and other is not None and (one > 0) != (other > 0):
        yield Cause(name="throttling", text=f"events of throttling: {one} and {other}", affects=TIMES)


def _throttled(records: Sequence[RunRecord]) -> int | None:
    """Events within the tasks; None where the machine does not count them all along."""
    states = [(each.before.throttle_count, each.after.throttle_count) for each in records]
    counts = [after - before for before, after in states if before is not None and after is not None]
    return sum(counts) if len(counts) == len(states) else None


def _warmest(records: Sequence[RunRecord]) -> float | None:
    values = [max(dict(each.after.temperature_c).values()) for each in records if each.after.temperature_c]
    return statistics.median(values) if values else None


def _load(first: Sequence[RunRecord], then: Sequence[RunRecord]) -> Iterator[Cause]:
    before, after = _foreign(first), _foreign(then)
    if before is not None and after is not None and abs(before - after) > NOTEWORTHY:
        text = f"other processes and the host beside the calls that count: {before * 100:.0f} % and {after * 100:.0f} %"
        factor = (1 - min(before, 0.9)) / (1 - min(after, 0.9))
        yield Cause(name="load", text=text, affects=TIMES, low=min(1.0, factor), high=max(1.0, factor))
    shares = [_disturbed(first), _disturbed(then)]
    if abs(shares[0] - shares[1]) > 0.2:
        text = f"disturbed blocks: {shares[0] * 100:.0f} % and {shares[1] * 100:.0f} % (they don't count)"
        yield Cause(name="disturbed", text=text, affects=TIMES)


def _foreign(records: Sequence[RunRecord]) -> float | None:
    """Of the time of the cores that are measured on, the median block's share that others took."""
    shares = [
        share((beside.foreign_s or 0.0) + (beside.stolen_s or 0.0), beside.wall_s, each.task.thread_count)
        for each in records
        if isinstance(each.latency, LatencySamples)
        for block in each.latency.counted_blocks
        if (beside := block.interference) is not None and beside.foreign_s is not None
    ]
    return statistics.median(shares) if shares else None


def _disturbed(records: Sequence[RunRecord]) -> float:
    samples = [each.latency for each in records if isinstance(each.latency, LatencySamples)]
    total = sum(len(each.timed_blocks) for each in samples)
    return sum(len(each.disturbed_blocks) for each in samples) / total if total else 0.0


def _rest(first: Sequence[RunRecord], then: Sequence[RunRecord]) -> Iterator[Cause]:
    """What may matter in ways that nobody has put into figures."""
    for name, title in (
        ("driver", "driver"),
        ("l4t", "L4T"),
        ("kernel", "kernel"),
        ("os", "system"),
        ("virtualization", "virtual machine"),
        ("container_image_digest", "image"),
        ("suite_version", "suite"),
        ("git_commit", "commit of the suite"),
        ("lock_sha256", "lock of the packages"),
    ):
        yield from _facts(first, then, name, title, TIMES)


def _facts(
    first: Sequence[RunRecord], then: Sequence[RunRecord], name: str, title: str, affects: tuple[str, ...]
) -> Iterator[Cause]:
    before, after = (_of(records, lambda each: getattr(each.host, name)) for records in (first, then))
    if before != after:
        yield Cause(name=name, text=f"{title}: {_words(before)} and {_words(after)}", affects=affects)


def _states(
    first: Sequence[RunRecord], then: Sequence[RunRecord], name: str, title: str, of: Callable[[HostState], Any]
) -> Iterator[Cause]:
    before, after = (_of(records, lambda each: of(each.before)) for records in (first, then))
    if before != after:
        yield Cause(name=name, text=f"{title}: {_words(before)} and {_words(after)}", affects=TIMES)


def _supply(state: HostState) -> str | None:
    return {True: "on battery", False: "on mains", None: None}[state.on_battery]


def _told(found: Sequence[Pair], of: Callable[[RunRecord], Any]) -> str | None:
    """Both sides of the pairs in which they differ."""
    differing = [pair for pair in found if of(pair.first) != of(pair.then)]
    if not differing:
        return None
    sides = [_of([getattr(pair, side) for pair in differing], of) for side in ("first", "then")]
    return f"{_words(sides[0])} and {_words(sides[1])}"


def _of(records: Sequence[RunRecord], of: Callable[[RunRecord], Any]) -> tuple[Any, ...]:
    """The distinct values, in the order of the records."""
    return tuple(dict.fromkeys(of(each) for each in records))


def _words(values: Sequence[Any], unit: str = "") -> str:
    shown = [one_line(str(value), 80) + unit if value is not None else "not told" for value in values[:4]]
    return "/".join(shown) + ("/..." if len(values) > 4 else "") if shown else "nothing"

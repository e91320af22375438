"""Where the time of a call goes, in tables and words: by operator, by module, beside what they multiply."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from suite import units
from suite.records import LatencySamples, NotMeasured, Profile
from suite.report.escape import words
from suite.report.points import Point
from suite.report.table import Cell, Column, Table, Value, table
from suite.report.view import RunView
from suite.units import Scale

MOST_ROWS = 15
LEAST_SHARE = 0.001  # of a call: rows with less time of their own are summed up
MOST_NAME = 60
REST = "all others"
BETWEEN = "between operators (Python, waiting)"
ELSEWHERE = "outside of modules"


class Timed(Protocol):
    """An operator, or a module."""

    @property
    def call_count(self) -> int: ...
    @property
    def mac_count(self) -> int | None: ...
    @property
    def spent_s(self) -> float: ...


Part = TypeVar("Part", bound=Timed)


@dataclass(frozen=True, slots=True)
class Profiled:
    """One point's profile; plain_s: the median call without the profiler, None where there is none; is_disturbed:
    something else used the machine meanwhile."""

    point: Point
    profile: Profile
    plain_s: float | None
    is_disturbed: bool = False


def found(view: RunView) -> Iterator[Profiled]:
    for point in view.points("profile"):
        record = view.record("profile", point)
        if record is not None and isinstance(record.profile, Profile):
            plain = record.latency if isinstance(record.latency, LatencySamples) else None
            plain_s = statistics.median(plain.all_latency_s) if plain and plain.timed_blocks else None
            yield Profiled(point, record.profile, plain_s, bool(plain and plain.disturbed_blocks))


def absences(view: RunView) -> tuple[NotMeasured, ...]:
    records = (view.record("profile", point) for point in view.points("profile"))
    return tuple(
        dict.fromkeys(each.profile for each in records if each is not None and isinstance(each.profile, NotMeasured))
    )


def operator_table(profiled: Profiled) -> Table:
    """The operators with the most time of their own; what is left of a call lies between them."""
    profile, scale = profiled.profile, _scale(profiled)
    rows = [
        [words(each.operator, MOST_NAME), *_cells(each, profile, scale)] for each in _top(profile.operators, profile)
    ]
    rows += _ends(profile.operators, profile, scale, BETWEEN)
    return table(_columns("Operator", scale), rows, caption="Operators by their own time")


def module_table(profiled: Profiled) -> Table:
    """The modules with the most time of their own, less that of the modules within them."""
    profile, scale = profiled.profile, _scale(profiled)
    first, *others = _columns("Module", scale)
    columns = (first, Column("Kind", wordy=True), *others, Column("With those within", unit=scale.symbol))
    rows: list[list[Cell]] = []
    for each in _top(profile.modules, profile):
        whole = each.whole_s / profile.call_count
        names: list[Cell] = [words(each.path, MOST_NAME), words(each.kind, MOST_NAME)]
        rows.append([*names, *_cells(each, profile, scale), Value(scale.value(whole), whole)])
    for name, *cells in _ends(profile.modules, profile, scale, ELSEWHERE):
        rows.append([name, "various", *cells, "various"])
    return table(columns, rows, caption="Modules by their own time")


def _scale(profiled: Profiled) -> Scale:
    return units.scale_of([profiled.profile.call_s], "s")


def _columns(first: str, scale: Scale) -> tuple[Column, ...]:
    return (
        Column(first, wordy=True),
        Column("Calls"),
        Column("Own time", unit=scale.symbol),
        Column("Share", unit="%"),
        Column("MACs"),
        Column("Achieved", unit="GFLOP/s"),
    )


def _top(parts: Sequence[Part], profile: Profile) -> list[Part]:
    most_first = sorted(parts, key=lambda each: -each.spent_s)
    least_s = LEAST_SHARE * profile.call_s * profile.call_count
    return [each for each in most_first[:MOST_ROWS] if each.spent_s >= least_s]


def _cells(each: Timed, profile: Profile, scale: Scale) -> list[Cell]:
    spent_s = each.spent_s / profile.call_count
    calls = each.call_count / profile.call_count
    told = units.show_count(round(calls)) if calls == round(calls) else units.digits(calls)
    return [told, *_spent(spent_s, profile, scale), *_work(each.mac_count, spent_s, profile)]


def _spent(spent_s: float, profile: Profile, scale: Scale) -> list[Cell]:
    share = 100 * spent_s / profile.call_s
    return [Value(scale.value(spent_s, 3), spent_s), Value(units.decimals(share, 1), share)]


def _work(mac_count: int | None, spent_s: float, profile: Profile) -> list[Cell]:
    if mac_count is None:
        return [profile.uncounted, profile.uncounted]
    if mac_count == 0:
        return ["0", "multiplies nothing"]
    if not spent_s > 0:
        return [units.show_count(mac_count), "too short to tell"]
    rate = 2 * mac_count / spent_s / 1e9
    return [units.show_count(mac_count), Value(units.decimals(rate, 1), rate)]


def _ends(parts: Sequence[Timed], profile: Profile, scale: Scale, left: str) -> list[list[Cell]]:
    """What the rows above leave: the other parts together, and the time that no part accounts for."""
    top = _top(parts, profile)
    others = [each for each in parts if each not in top]
    rows: list[list[Cell]] = []
    if others:
        spent_s = sum(each.spent_s for each in others) / profile.call_count
        macs = [each.mac_count for each in others if each.mac_count is not None]
        known = sum(macs) if len(macs) == len(others) else None
        rows.append(
            [f"{REST} ({len(others)})", "various", *_spent(spent_s, profile, scale), *_work(known, spent_s, profile)]
        )
    between_s = profile.call_s - sum(each.spent_s for each in parts) / profile.call_count
    if between_s > LEAST_SHARE * profile.call_s:
        rows.append([left, "none", *_spent(between_s, profile, scale), "0", "multiplies nothing"])
    return rows


def overhead(profiled: Profiled) -> str:
    """What the profiler did to the total, and what follows for reading it."""
    profile = profiled.profile
    calls = units.counted(profile.call_count, "call")
    under = f"{units.show(profile.call_s, 's', 4)} a call under the profiler ({calls}, the mean)"
    if profiled.plain_s is None:
        return f"{under}; without it nothing was timed."
    change = profile.call_s / profiled.plain_s - 1
    told = (
        f"{under}, {units.show(profiled.plain_s, 's', 4)} without it (median): {'+' if change >= 0 else '−'}"
        f"{abs(change) * 100:.0f} %. "
    )
    if profiled.is_disturbed:
        return told + "Other work on the machine disturbed these calls: measure again with nothing else running."
    if change > 0.1:
        return told + "Each call of an operator pays about the same for it, so small ones look dearer than they are."
    return told + "Shares are of the call under the profiler."


def of_device(profiled: Profiled) -> str:
    """On a GPU the times are the device's own."""
    if all(each.device_self_s is None for each in profiled.profile.operators):
        return ""
    return "Times are the device's own; the rest of a call it waits for the processor to give it work."

"""A device other than the CPU: its own time beside the wall clock, transfers, memory in one account, its state."""

from __future__ import annotations

from collections.abc import Iterator

from suite import units
from suite.records import DeviceTimes, GpuState, HostState, MemoryUse, NotMeasured
from suite.report.content import Cell, Column, Content, Heading, Note, Table, content, table
from suite.report.plots import Plots
from suite.report.points import Point
from suite.report.section import Section
from suite.report.view import RunView

MIB = float(2**20)
HOW = (
    "By the device's own clock, in calls of their own after each timed block, so that no event lies in a timed call. "
    "Span: from the first work of a call on the device to the last, as it runs. Work: the same with all of its work "
    "queued up before the device begins. What the wall clock has more than the work is launching it: where that is "
    "large, a faster device would not help, and a larger batch or a compiled graph may. Transfers are from and to "
    "ordinary memory, and in no other figure."
)
MEMORY = (
    "Tensors: the peak of what torch gave out; pool: of what it holds for that. Context: what the driver books on the "
    "process beyond the pool. A device that shares the machine's memory has one account: what loading and calls took "
    "of all that was available. Resident memory and tensors overlap there, and must not be added."
)


def render(view: RunView, _plots: Plots) -> Content:
    points = [point for point in view.points("latency") if point.subject.device != "cpu"]
    states = [state for record in view.run.records for state in (record.before, record.after)]
    parts = content(_times(view, points), _memory(view, points), _states(states))
    return parts if points else ()


def _times(view: RunView, points: list[Point]) -> Content:
    found = [(point, record.device_times) for point in points if (record := view.record("latency", point))]
    known = [(point, times) for point, times in found if isinstance(times, DeviceTimes)]
    absent = dict.fromkeys(times for _, times in found if isinstance(times, NotMeasured))
    gaps = [Note("missing", f"{gap.code}: {gap.reason}; {gap.remedy}.") for gap in absent]
    if not known:
        return content(*gaps)
    medians = (times.median_s("wall_s") for _, times in known)
    scale = units.scale_of((median for median in medians if median), "s")
    columns = (
        Column("Model", wordy=True),
        Column("Input", wordy=True),
        *(Column(name, unit=scale.symbol) for name in ("Wall clock", "Span", "Work", "Launching")),
        Column("Launching", unit="%"),
        *(Column(name, unit=scale.symbol) for name in ("Inputs in", "Outputs out")),
        Column("Transfers", unit="MiB"),
    )
    rows = [_times_row(view, point, times, scale) for point, times in known]
    return content(Heading("Its own time"), HOW, table(columns, rows, caption="The device's own time"), *gaps)


def _times_row(view: RunView, point: Point, times: DeviceTimes, scale: units.Scale) -> list[Cell]:
    wall_s, launch_s = times.median_s("wall_s"), times.launch_s
    told = (wall_s, times.median_s("span_s"), times.median_s("work_s"), launch_s)
    share = None if wall_s is None or launch_s is None else 100 * launch_s / wall_s
    moved = (times.median_s("in_s"), times.median_s("out_s"))
    return [
        view.label(point.subject),
        view.describe(point),
        *(_told(value, scale) for value in told),
        "not known" if share is None else units.decimals(share, 0),
        *(_told(value, scale) for value in moved),
        f"{units.decimals(times.in_bytes / MIB, 2)} in, {units.decimals(times.out_bytes / MIB, 2)} out",
    ]


def _told(value_s: float | None, scale: units.Scale) -> str:
    return "not known" if value_s is None else scale.value(value_s)


def _memory(view: RunView, points: list[Point]) -> Content:
    bases = dict.fromkeys(base for point in points if (base := view.base(point.subject)) is not None)
    found = [(point, use) for point in bases if isinstance(use := view.memory(point), MemoryUse)]
    if not found:
        return ()
    columns = (
        Column("Model", wordy=True),
        Column("Input", wordy=True),
        *(Column(name, unit="MiB") for name in ("Tensors, peak", "Pool, peak", "Context", "In all", "Resident, peak")),
        Column("Shared with the machine", wordy=True),
        Column("Taken of the machine", unit="MiB"),
    )
    rows = [_memory_row(view, point, use) for point, use in found]
    return content(Heading("Its memory"), MEMORY, table(columns, rows, caption="The device's memory"))


def _memory_row(view: RunView, point: Point, use: MemoryUse) -> list[Cell]:
    shared = {None: "not known", True: "yes: one account", False: "no"}[use.device_is_unified]
    amounts = (
        use.device_peak_bytes,
        use.device_reserved_peak_bytes,
        use.device_context_bytes,
        use.device_total_bytes,
        use.peak_resident_bytes,
    )
    taken = "its own memory" if use.device_is_unified is False else _mib(use.machine_taken_bytes)
    return [view.label(point.subject), view.describe(point), *map(_mib, amounts), shared, taken]


def _mib(value_bytes: int | None) -> str:
    return "not known" if value_bytes is None else units.decimals(value_bytes / MIB, 0)


def _states(states: list[HostState]) -> Content:
    found: dict[str, list[GpuState]] = {}
    for state in states:
        for place, gpu in enumerate(state.gpus, 1):
            found.setdefault(gpu.name if len(state.gpus) == 1 else f"{gpu.name} #{place}", []).append(gpu)
    rows = [row for name, seen in found.items() for row in _state_rows(name, seen)]
    if not rows:
        return content("Nothing tells the device's clock, temperature, or what lowers its clock.")
    return content(Heading("Its state, before and after each task"), _state_table(rows))


def _state_table(rows: list[list[Cell]]) -> Table:
    columns = tuple(Column(name, wordy=True) for name in ("Device", "What", "First", "Last", "Least to most"))
    return table(columns, rows, caption="The device's state")


def _state_rows(name: str, seen: list[GpuState]) -> Iterator[list[Cell]]:
    for what, field, unit in (
        ("clock", "clock_hz", "Hz"),
        ("highest clock", "clock_limit_hz", "Hz"),
        ("temperature", "temperature_c", "°C"),
        ("power", "power_w", "W"),
        ("power limit", "power_limit_w", "W"),
        ("memory in use, by all", "memory_used_bytes", "B"),
    ):
        values = [value for gpu in seen if (value := getattr(gpu, field)) is not None]
        if values:
            first, last, least, most = (
                units.show(value, unit) for value in (values[0], values[-1], min(values), max(values))
            )
            yield [name, what, first, last, f"{least} to {most}"]
    reasons = [gpu.throttle for gpu in seen if gpu.throttle is not None]
    if reasons:
        every = sorted({reason for each in reasons for reason in each})
        yield [name, "lowered by", *(", ".join(each) or "nothing" for each in (reasons[0], reasons[-1])), _all(every)]
    governors = [gpu.governor for gpu in seen if gpu.governor is not None]
    if governors:
        yield [name, "governor", governors[0], governors[-1], _all(sorted(set(governors)))]


def _all(words: list[str]) -> str:
    return ", ".join(words) or "nothing"


PLUGIN = Section(name="device", order=42, title="The device", render=render)

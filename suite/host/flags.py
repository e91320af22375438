"""Doubts about a figure that follow from the machine itself, and from its state before and after it was measured."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from suite.host import accelerator
from suite.host.system import usable_cpu_count
from suite.records import Flag, HostFacts, HostState
from suite.units import counted, show

TEMPERATURE_RISE_C = 10.0
FOREIGN_LOAD = 0.5  # runnable threads that are not ours; the controller and the sampler stay far below
LOW_MEMORY_BYTES = 200e6
EMULATED = "emulated"  # how HostFacts.virtualization says that the processor is made by software


def standing(facts: HostFacts, device: str, there: Sequence[str] = (), asked: Collection[str] = ()) -> tuple[Flag, ...]:
    """What holds as long as a run lasts: a figure of an emulated processor, or of a machine whose GPU did nothing.

    there: the devices that the worker's torch has; none: unknown. asked: all devices of the run.
    """
    found = []
    if EMULATED in (facts.virtualization or ""):
        why = (facts.virtualization or "").partition(f"{EMULATED} ")[2]
        found.append(Flag(code="EMULATED", text=f"the processor is emulated {why}: such a figure means nothing"))
    absence = accelerator.unused(facts, there) if device == "cpu" else None
    if absence is not None:
        text = f"timed on the processor, for torch can't use this machine's GPU: {absence.reason}; {absence.remedy}"
        found.append(Flag(code="GPU_UNUSED", text=text))
    elif facts.l4t is not None and device == "cpu" and not any(other != "cpu" for other in asked):
        text = "timed on a Jetson's processor, and its GPU did nothing; `--device auto` takes the GPU"
        found.append(Flag(code="GPU_UNUSED", text=text))
    return tuple(found)


def flags(
    before: HostState, after: HostState, *, own_thread_count: int | None = None, cpu_count: int | None = None
) -> tuple[Flag, ...]:
    """own_thread_count: threads of our own worker, which are in the load too; None: as many as there are cores.
    cpu_count: the CPUs that they may run on; None: not looked at."""
    threads = usable_cpu_count() if own_thread_count is None else own_thread_count
    found = (
        _throttled(before, after),
        _held_back(before, after),
        _oversubscribed(threads, cpu_count),
        _changed("GOVERNOR_CHANGED", "CPU governor", ", ".join(before.governors), ", ".join(after.governors)),
        _changed("POWER_MODE_CHANGED", "power mode", before.power_mode, after.power_mode),
        _warmed(before, after),
        _loaded(after, threads),
        _short_of_memory(before, after),
        _on_battery(before, after),
    )
    return tuple(flag for flag in found if flag is not None)


def _throttled(before: HostState, after: HostState) -> Flag | None:
    if before.throttle_count is None or after.throttle_count is None or after.throttle_count <= before.throttle_count:
        return None
    grown = after.throttle_count - before.throttle_count
    return Flag(code="THROTTLED", text=f"the processor's throttle count grew by {grown}")


def _held_back(before: HostState, after: HostState) -> Flag | None:
    if before.quota_throttle_count is None or after.quota_throttle_count is None:
        return None
    grown = after.quota_throttle_count - before.quota_throttle_count
    if grown <= 0:
        return None
    text = (
        f"the control group's processor time had run out in {grown} of its periods: give it more, or take fewer threads"
    )
    return Flag(code="QUOTA_THROTTLED", text=text)


def _oversubscribed(thread_count: int, cpu_count: int | None) -> Flag | None:
    if cpu_count is None or thread_count <= cpu_count:
        return None
    return Flag(code="OVERSUBSCRIBED", text=f"{thread_count} threads shared {cpu_count} CPUs and waited for each other")


def _changed(code: str, what: str, before: str | None, after: str | None) -> Flag | None:
    if before == after:
        return None
    return Flag(code=code, text=f"the {what} changed from {before or 'unknown'} to {after or 'unknown'}")


def _warmed(before: HostState, after: HostState) -> Flag | None:
    first = dict(before.temperature_c)
    rises = [(value - first[zone], zone, value) for zone, value in after.temperature_c if zone in first]
    rise_c, zone, end_c = max(rises, default=(0.0, "", 0.0))
    if not rise_c > TEMPERATURE_RISE_C:
        return None
    return Flag(code="TEMPERATURE_ROSE", text=f"{zone} rose by {show(rise_c, '°C')} to {show(end_c, '°C')}")


def _loaded(after: HostState, own_thread_count: int) -> Flag | None:
    """The load after the task alone: before it, the mean of the minute still holds what came earlier."""
    if after.load_1min is None or not after.load_1min - own_thread_count > FOREIGN_LOAD:
        return None
    text = (
        f"the load of {after.load_1min:.2f} was more than the {counted(own_thread_count, 'thread')} measured can make"
    )
    return Flag(code="HIGH_LOAD", text=text)


def _short_of_memory(before: HostState, after: HostState) -> Flag | None:
    known = [value for value in (before.memory_available_bytes, after.memory_available_bytes) if value is not None]
    if not known or min(known) >= LOW_MEMORY_BYTES:
        return None
    return Flag(code="LOW_MEMORY", text=f"only {show(min(known), 'B')} of memory were left")


def _on_battery(before: HostState, after: HostState) -> Flag | None:
    """A change is told as one: what was measured is neither the machine on mains nor on its battery."""
    was, became = before.on_battery, after.on_battery
    if not (was or became):
        return None
    if was and became:
        text = "the machine ran on its battery, where many slow down"
    elif became:
        since = "went from mains to battery during the measurement" if was is False else "was on its battery at the end"
        text = f"the machine {since}; many slow down there"
    elif became is False:
        text = "the machine went from battery to mains during the measurement; many slow down on battery"
    else:
        text = "the machine was on its battery at the start, and does not say whether at the end; many slow down there"
    return Flag(code="ON_BATTERY", text=text)

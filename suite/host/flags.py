"""Doubts about a figure that follow from the machine itself, and from its state before and after it was measured."""

from __future__ import annotations

from suite.host.system import usable_cpu_count
from suite.records import Flag, HostFacts, HostState
from suite.units import show

TEMPERATURE_RISE_C = 10.0
FOREIGN_LOAD = 0.5  # runnable threads that are not ours; the controller and the sampler stay far below
LOW_MEMORY_BYTES = 200e6
EMULATED = "emulated"  # how HostFacts.virtualization says that the processor is made by software


def standing(facts: HostFacts, device: str) -> tuple[Flag, ...]:
    """What holds as long as a run lasts: a figure of an emulated processor, or of a board whose GPU did nothing."""
    found = []
    if EMULATED in (facts.virtualization or ""):
        why = (facts.virtualization or "").partition(f"{EMULATED} ")[2]
        found.append(Flag(code="EMULATED", text=f"the processor is emulated {why}: such a figure means nothing"))
    if facts.l4t is not None and device == "cpu":
        text = (
            "timed on a Jetson's processor, and its GPU did nothing; `suite doctor` says whether torch shows one here"
        )
        found.append(Flag(code="GPU_UNUSED", text=text))
    return tuple(found)


def flags(before: HostState, after: HostState, *, own_thread_count: int | None = None) -> tuple[Flag, ...]:
    """own_thread_count: threads of our own worker, which are in the load too; None: as many as there are cores."""
    threads = usable_cpu_count() if own_thread_count is None else own_thread_count
    found = (
        _throttled(before, after),
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
    text = f"the load of {after.load_1min:.2f} was more than the {own_thread_count} threads measured can make"
    return Flag(code="HIGH_LOAD", text=text)


def _short_of_memory(before: HostState, after: HostState) -> Flag | None:
    known = [value for value in (before.memory_available_bytes, after.memory_available_bytes) if value is not None]
    if not known or min(known) >= LOW_MEMORY_BYTES:
        return None
    return Flag(code="LOW_MEMORY", text=f"only {show(min(known), 'B')} of memory were left")


def _on_battery(before: HostState, after: HostState) -> Flag | None:
    if not (before.on_battery or after.on_battery):
        return None
    return Flag(code="ON_BATTERY", text="the machine ran on its battery, where many slow down")

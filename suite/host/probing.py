"""Puts the answers of all probes together into HostFacts and HostState."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import TypeVar, cast

import suite
from suite import registry
from suite.host.software import git_commit, lock_sha256
from suite.host.system import Facts, Probe, State, System
from suite.limits import MAX_INTEGER, MAX_NUMBER, MAX_TEXT_LENGTH
from suite.outside import brief, one_line
from suite.records import GpuState, HostFacts, HostState, require

PROBES = "suite.host.probes"
T = TypeVar("T")
MAX_PART_COUNT = 4096  # cores, thermal zones


def facts(versions: Iterable[tuple[str, str]], root: Path = Path("/"), *, system: System | None = None) -> HostFacts:
    """What does not change while a run lasts; `versions` are the worker's interpreter and libraries."""
    system = system or System(root=root)
    answers, faults = _answers(system, lambda probe: probe.facts)
    found = cast(Facts, answers)
    commit, commit_fault = _guarded("git_commit", partial(git_commit, system.checkout, system))
    lock, lock_fault = _guarded("lock", partial(lock_sha256, system.checkout, system))
    return HostFacts(
        board=found.get("board"),
        soc=found.get("soc"),
        cpu_model=found.get("cpu_model"),
        cpu_count=system.cpu_count,
        architecture=system.architecture,
        os=found.get("os") or system.kind,
        kernel=f"{system.kind} {found.get('kernel') or system.kernel}",
        l4t=found.get("l4t"),
        virtualization=found.get("virtualization"),
        container_image_digest=found.get("container_image_digest"),
        memory_total_bytes=found.get("memory_total_bytes"),
        memory_limit_bytes=found.get("memory_limit_bytes"),
        driver=found.get("driver"),
        accelerators=found.get("accelerators", ()),
        suite_version=suite.__version__,
        git_commit=commit,
        lock_sha256=lock,
        versions=tuple(versions),
        cpu_quota=found.get("cpu_quota"),
        probe_faults=(*faults, *(fault for fault in (commit_fault, lock_fault) if fault)),
    )


def state(root: Path = Path("/"), *, system: System | None = None) -> HostState:
    """What changes, stamped with the system-wide monotonic clock. Takes a few milliseconds."""
    system = system or System(root=root)
    time_s = system.clock()
    answers, faults = _answers(system, lambda probe: probe.state)
    found = cast(State, answers)
    return HostState(
        time_s=time_s,
        power_mode=found.get("power_mode"),
        governors=found.get("governors", ()),
        cpu_frequency_hz=found.get("cpu_frequency_hz", ()),
        temperature_c=found.get("temperature_c", ()),
        load_1min=found.get("load_1min"),
        memory_available_bytes=found.get("memory_available_bytes"),
        throttle_count=found.get("throttle_count"),
        on_battery=found.get("on_battery"),
        quota_throttle_count=found.get("quota_throttle_count"),
        gpus=found.get("gpus", ()),
        probe_faults=faults,
    )


@cache
def _probes() -> tuple[Probe, ...]:
    found: Iterable[Probe] = registry.discover(PROBES).values()
    return tuple(sorted(found, key=lambda probe: (probe.rank, probe.name)))


def _answers(
    system: System, ask: Callable[[Probe], Callable[[System], Mapping[str, object]]]
) -> tuple[dict[str, object], tuple[str, ...]]:
    """What the probes tell, the lowest rank first, and which of them failed.

    One odd line of the machine's must not end a run: whatever a probe raises, it alone is unknown, and that is told.
    """
    answers: dict[str, object] = {}
    faults: list[str] = []
    for probe in _probes():
        told, fault = _guarded(probe.name, partial(_asked, ask(probe), system))
        answers = (told or {}) | answers
        if fault is not None:
            faults.append(fault)
    return answers, tuple(faults)


def _asked(answer: Callable[[System], Mapping[str, object]], system: System) -> dict[str, object]:
    return _known(answer(system))


def _guarded(name: str, call: Callable[[], T]) -> tuple[T | None, str | None]:
    """What a call gives, or how it failed."""
    try:
        return call(), None
    except Exception as error:  # noqa: BLE001  # the machine's files may say anything
        return None, one_line(f"{name}: {type(error).__name__}: {error}", 200)


def _known(answer: Mapping[str, object]) -> dict[str, object]:
    for field, value in answer.items():
        _require_storable(field, value)
    return {field: value for field, value in answer.items() if value not in (None, ())}


def _require_storable(field: str, value: object) -> None:
    """Raises ValueError for what no record can hold: "inf" as a load, a number of a thousand digits."""
    if isinstance(value, GpuState):
        value = tuple(getattr(value, each.name) for each in dataclasses.fields(value))
    if isinstance(value, tuple):
        require(len(value) <= MAX_PART_COUNT, f"{field} has {len(value)} parts")
        for part in value:
            _require_storable(field, part)
    elif isinstance(value, float):
        require(-MAX_NUMBER <= value <= MAX_NUMBER, f"{field} is {value}")
    elif isinstance(value, int):
        require(-MAX_INTEGER <= value <= MAX_INTEGER, f"{field} is {brief(value)}")
    elif isinstance(value, str):
        require(len(value) <= MAX_TEXT_LENGTH, f"{field} has {len(value)} characters")

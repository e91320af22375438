"""Puts the answers of all probes together into HostFacts and HostState."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import cast

import suite
from suite import registry
from suite.host.software import git_commit, lock_sha256
from suite.host.system import Facts, Probe, State, System
from suite.records import HostFacts, HostState

PROBES = "suite.host.probes"


def facts(versions: Iterable[tuple[str, str]], root: Path = Path("/"), *, system: System | None = None) -> HostFacts:
    """What does not change while a run lasts; `versions` are the worker's interpreter and libraries."""
    system = system or System(root=root)
    answers: dict[str, object] = {}
    for probe in _probes():
        answers = _known(probe.facts(system)) | answers
    found = cast(Facts, answers)
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
        git_commit=git_commit(system.checkout, system),
        lock_sha256=lock_sha256(system.checkout, system),
        versions=tuple(versions),
        cpu_quota=found.get("cpu_quota"),
    )


def state(root: Path = Path("/"), *, system: System | None = None) -> HostState:
    """What changes, stamped with the system-wide monotonic clock. Takes a few milliseconds."""
    system = system or System(root=root)
    time_s = system.clock()
    answers: dict[str, object] = {}
    for probe in _probes():
        answers = _known(probe.state(system)) | answers
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
    )


@cache
def _probes() -> tuple[Probe, ...]:
    found: Iterable[Probe] = registry.discover(PROBES).values()
    return tuple(sorted(found, key=lambda probe: (probe.rank, probe.name)))


def _known(answer: Mapping[str, object]) -> dict[str, object]:
    return {field: value for field, value in answer.items() if value not in (None, ())}

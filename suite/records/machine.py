"""What the machine is, and what of it changes."""

from __future__ import annotations

from suite.records.device import GpuState
from suite.records.values import record


@record
class HostFacts:
    """What does not change while a run lasts. None: the machine does not say."""

    board: str | None
    soc: str | None
    cpu_model: str | None
    cpu_count: int
    architecture: str
    os: str
    kernel: str
    l4t: str | None
    virtualization: str | None
    container_image_digest: str | None
    memory_total_bytes: int | None
    memory_limit_bytes: int | None  # the cgroup's, where one binds
    driver: str | None  # of the accelerator
    accelerators: tuple[str, ...]
    suite_version: str
    git_commit: str | None  # with "-dirty" behind it where the checkout was changed
    lock_sha256: str | None
    versions: tuple[tuple[str, str], ...]  # of the worker's interpreter and libraries: (("python", "3.11.7"), ...)
    cpu_quota: float | None = None  # CPUs' worth of time that a control group allows; None: no limit is told
    probe_faults: tuple[str, ...] = ()  # probes that failed, so that what they tell is unknown: "cpu: ValueError: ..."


@record
class HostState:
    """What changes: taken before and after each task. None or empty: the machine does not say."""

    time_s: float  # system-wide monotonic clock
    power_mode: str | None
    governors: tuple[str, ...]  # distinct ones over the cores
    cpu_frequency_hz: tuple[float, ...]
    temperature_c: tuple[tuple[str, float], ...]
    load_1min: float | None
    memory_available_bytes: int | None
    throttle_count: int | None  # thermal throttle events since boot
    on_battery: bool | None
    quota_throttle_count: int | None = None  # periods in which a control group's processor time had run out
    probe_faults: tuple[str, ...] = ()  # as in HostFacts
    gpus: tuple[GpuState, ...] = ()

"""The frozen types that travel down the line: plan -> Task -> RunRecord -> Summary.

Quantities are SI with the unit in the name; counts end in `_count`. Nonsense is refused on entry, so code behind a
constructor needs no checks. A quantity that was asked for and not measured is a `NotMeasured`; one that was not asked
for is None. `docs/record.schema.json` publishes this file as JSON Schema; a change of shape raises SCHEMA_VERSION.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import Literal, TypeVar, dataclass_transform

SCHEMA_VERSION = 1

Test = Literal["params", "flops", "latency", "energy"]
TESTS: tuple[Test, ...] = ("params", "flops", "latency", "energy")
StopReason = Literal["target", "fixed", "time_limit", "call_limit", "failed"]  # failed: the worker was lost midway

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(cls: type[T]) -> type[T]:
    """A frozen, slotted, keyword-only dataclass that refuses unknown keys when it is read from JSON."""
    cls.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]  # read by pydantic in store.py
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


def require(condition: bool, message: str) -> None:
    """Raises ValueError(message) unless the condition holds; written so that NaN fails a comparison."""
    if not condition:
        raise ValueError(message)


def require_positive(name: str, *values: float) -> None:
    for value in values:
        require(0 < value < math.inf, f"{name} must be positive and finite, got {value}")


def require_non_negative(name: str, *values: float) -> None:
    for value in values:
        require(0 <= value < math.inf, f"{name} must be zero or positive and finite, got {value}")


@record
class NotMeasured:
    """Absence as a value: never 0, NaN or -1. `code` is stable, `reason` and `remedy` are one sentence each."""

    code: str
    reason: str
    remedy: str

    def __post_init__(self) -> None:
        require(all((self.code, self.reason, self.remedy)), "NotMeasured needs a code, a reason and a remedy")


@record
class Flag:
    """A doubt about a figure that is kept nonetheless: throttling, high load, clock change."""

    code: str
    text: str


# --- what is asked ---------------------------------------------------------------------------------------------------


@record
class Repetition:
    """When a series of calls has begun (warm-up) and when it is long enough.

    `target_relative_halfwidth` None means a fixed count, `min_call_count`: the lab's protocol.
    Warm-up lasts until steady state is detected, between its floor and its limit.
    """

    min_call_count: int = 10
    max_call_count: int = 1000
    time_limit_s: float = 8.0
    target_relative_halfwidth: float | None = 0.01
    confidence: float = 0.95
    warmup_min_call_count: int = 3
    warmup_max_call_count: int = 20

    def __post_init__(self) -> None:
        require(self.min_call_count >= 1, f"min_call_count must be at least 1, got {self.min_call_count}")
        require(
            self.max_call_count >= self.min_call_count,
            f"max_call_count ({self.max_call_count}) must be at least min_call_count ({self.min_call_count})",
        )
        require_positive("time_limit_s", self.time_limit_s)
        require(0 < self.confidence < 1, f"confidence must lie between 0 and 1, got {self.confidence}")
        if self.target_relative_halfwidth is not None:
            require_positive("target_relative_halfwidth", self.target_relative_halfwidth)
        require(
            self.warmup_min_call_count >= 1, "warmup_min_call_count must be at least 1: the first pass never counts"
        )
        require(
            self.warmup_max_call_count >= self.warmup_min_call_count,
            "warmup_max_call_count must be at least warmup_min_call_count",
        )


@record
class EnergyRule:
    """Windows of back-to-back calls between two idle stretches. window_s None: as long as source and calls need."""

    window_count: int = 3  # repeats: their scatter is part of the error
    window_s: float | None = None
    idle_s: float = 30.0

    def __post_init__(self) -> None:
        require(self.window_count >= 1, f"window_count must be at least 1, got {self.window_count}")
        require_positive("idle_s", self.idle_s)
        if self.window_s is not None:
            require_positive("window_s", self.window_s)


@record
class Task:
    """One measurement to be made; its `key` is the key of its record."""

    test: Test
    model: str
    scenario: str = "forward"  # how the model is called; E.T. also has "episode": stepping through one
    runtime: str = "eager"
    precision: Literal["fp32"] = "fp32"
    device: str = "cpu"
    batch_size: int = 1
    axes: tuple[tuple[str, int], ...] = ()  # input sizes in the model's order: (("text_tokens", 20), ...)
    thread_count: int = 1
    seed: int = 0
    weights: Literal["seeded", "pinned"] = "seeded"  # pinned: the published ones that models.lock names
    checkpoint: str | None = None  # path of the weights that the user brought, which then are the ones; None: `weights`
    trajectory: str | None = None  # path of an ALFRED trajectory folder to take the inputs from; None: seeded inputs
    repetition: Repetition = Repetition()
    energy: EnergyRule = EnergyRule()

    def __post_init__(self) -> None:
        require(self.batch_size >= 1, f"batch_size must be at least 1, got {self.batch_size}")
        require(self.thread_count >= 1, f"thread_count must be at least 1, got {self.thread_count}")
        for name, size in self.axes:
            require(size >= 1, f"{name} must be at least 1, got {size}")

    @property
    def key(self) -> str:
        """16 hex digits over every field: equal tasks have equal keys on every machine."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def size(self, axis: str) -> int:
        return dict(self.axes)[axis]


# --- what the machine is ---------------------------------------------------------------------------------------------


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


# --- what was measured -----------------------------------------------------------------------------------------------


@record
class SharedGroup:
    """One tensor (or block of tensors) registered under several names. `parameter_count` counts it once."""

    names: tuple[str, ...]
    parameter_count: int


@record
class ParameterCount:
    """unique: each tensor once. registered: each name once, as a naive count does. embedding: lookup tables."""

    unique_count: int
    registered_count: int
    trainable_count: int
    embedding_count: int
    buffer_element_count: int
    parameter_bytes: int
    buffer_bytes: int
    bytes_by_dtype: tuple[tuple[str, int], ...]
    shared: tuple[SharedGroup, ...]
    expected_unique_count: int | None  # models.lock's, if it has one; a difference is an error before it gets here
    configuration: tuple[str, ...] = ()  # in what a checkpoint's network is not the published one

    def __post_init__(self) -> None:
        require(0 <= self.unique_count <= self.registered_count, "unique_count must lie in 0..registered_count")


@record
class OperatorCost:
    operator: str
    mac_count: int


@record
class FlopCount:
    """Multiply-accumulates of one call (the whole batch). Convention: 1 MAC = 2 FLOP."""

    mac_count: int
    by_operator: tuple[OperatorCost, ...]
    uncounted: tuple[str, ...]  # operators that ran and have no formula (element-wise, norms, ...)
    source: Literal["counted", "models.lock"]
    configuration: tuple[str, ...] = ()  # in what a checkpoint's network is not the published one

    def __post_init__(self) -> None:
        require_positive("mac_count", self.mac_count)

    @property
    def flop_count(self) -> int:
        return 2 * self.mac_count


@record
class Block:
    """Consecutive calls of one task. `order_index` is its place among all blocks of the interleaved group."""

    order_index: int
    warmup: bool
    started_s: float  # system-wide monotonic clock
    latency_s: tuple[float, ...]

    def __post_init__(self) -> None:
        require_positive("latency_s", *self.latency_s)
        require(len(self.latency_s) > 0, "a block holds at least one call")


@record
class LatencySamples:
    """Call durations in run order, warm-up apart. One call is one batch (or, in scenario `episode`, one episode)."""

    blocks: tuple[Block, ...]
    clock: str
    synchronisation: str  # "none needed: cpu" or the call that waits for the device
    steady: bool  # whether warm-up ended because steady state was found, not because its limit was reached
    stop: StopReason
    step_count: int = 1  # forward passes in one call

    @property
    def latency_s(self) -> tuple[float, ...]:
        return tuple(value for block in self.blocks if not block.warmup for value in block.latency_s)

    @property
    def warmup_latency_s(self) -> tuple[float, ...]:
        return tuple(value for block in self.blocks if block.warmup for value in block.latency_s)


@record
class ColdStart:
    """The way to the first answer, once per worker: none of it is in a latency sample."""

    process_s: float  # spawn to the worker's first line of Python
    import_s: float  # torch and what the model needs
    build_s: float
    weights_s: float
    first_call_s: float


@record
class MemoryUse:
    """Bytes of the worker process. `peak` is since the process began unless `peak_is_task` says it was reset."""

    import_resident_bytes: int  # after torch and the model's libraries were imported, before the model was built
    before_resident_bytes: int  # before this task's inputs were made
    peak_resident_bytes: int
    peak_is_task: bool
    weight_bytes: int
    device_peak_bytes: int | None


@record
class Provenance:
    """Where weights and inputs came from, so that two records can be known to have computed the same thing."""

    weights_source: Literal["seeded", "checkpoint", "pinned"]
    weights_sha256: str
    weights_verified: bool  # equal to models.lock's hash for this source
    inputs_source: Literal["seeded", "trajectory"]
    inputs_sha256: str
    inputs_checked: tuple[str, ...]  # inputs that were shown to change the output
    configuration: tuple[str, ...] = ()  # in what a checkpoint's network is not the published one
    own_sizes: tuple[tuple[str, int], ...] = ()  # a trajectory's, before it was cut or padded to the task's


@record
class PowerTrace:
    """Power over time per rail: `power_w[i][j]` is rail i at `time_s[j]` on the system-wide monotonic clock."""

    rails: tuple[str, ...]
    time_s: tuple[float, ...]
    power_w: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        require(len(self.rails) == len(self.power_w), "one series per rail")
        require(all(len(series) == len(self.time_s) for series in self.power_w), "one value per stamp in each series")
        require(all(a < b for a, b in zip(self.time_s, self.time_s[1:], strict=False)), "time_s must increase")


@record
class ErrorBudget:
    """Half-widths (95 %) of what can be wrong with one energy figure, in joules per window; total is their root sum."""

    scatter_j: float | None  # of repeated windows; a single one has none
    resolution_j: float
    gain_j: float
    edge_j: float

    def __post_init__(self) -> None:
        require_non_negative("error budget", self.scatter_j or 0.0, self.resolution_j, self.gain_j, self.edge_j)

    @property
    def total_j(self) -> float:
        return math.hypot(self.scatter_j or 0.0, self.resolution_j, self.gain_j, self.edge_j)


@record
class EnergyWindow:
    """Back-to-back calls between two stamps, and the joules drawn between them (gross, idle included)."""

    start_s: float
    end_s: float
    call_count: int
    energy_j: float

    def __post_init__(self) -> None:
        require_positive("window", self.end_s - self.start_s)
        require_positive("call_count", self.call_count)
        require_non_negative("energy_j", self.energy_j)


@record
class Stretch:
    """A time on the system-wide monotonic clock."""

    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        require_positive("stretch", self.end_s - self.start_s)


@record
class CallWindow:
    """Back-to-back calls between two stamps, whose energy a meter may tell later."""

    start_s: float
    end_s: float
    call_count: int

    def __post_init__(self) -> None:
        require_positive("window", self.end_s - self.start_s)
        require_positive("call_count", self.call_count)


@record
class Schedule:
    """When an energy task idled and when it worked, so that a trace can be read, drawn, or brought in later."""

    idle_before: Stretch
    load: Stretch  # from the lead-in's first call to the lead-out's last one
    windows: tuple[CallWindow, ...]
    idle_after: Stretch
    unix_offset_s: tuple[float, float]  # seconds since 1970 less this clock, at both ends: unlike where it was set

    def __post_init__(self) -> None:
        require(len(self.windows) > 0, "a schedule has a window")


Part = Literal["whole", "cpu package", "gpu board"]  # of the machine; "whole" overlaps with every other


def disjoint(one: Part, other: Part) -> bool:
    """Whether energies of the two parts may be added: neither holds the other, nor a piece of it."""
    return one != other and "whole" not in (one, other)


@record
class EnergyReading:
    """Energy of one task by one source. Idle-net energy takes the mean of the idle power before and after off."""

    source: str
    scope: str  # in words: "module, not carrier board", "CPU package only", "simulated"
    method: Literal["counter", "trapezoid", "powertop's rates"]
    sample_period_s: float  # as achieved (median)
    idle_before_w: float
    idle_after_w: float
    windows: tuple[EnergyWindow, ...]
    budget: ErrorBudget  # of the mean window
    trace: PowerTrace
    part: Part = "whole"

    def __post_init__(self) -> None:
        require(len(self.windows) > 0, "an energy reading needs a window")
        require_positive("sample_period_s", self.sample_period_s)
        require_non_negative("idle power", self.idle_before_w, self.idle_after_w)


@record
class RunRecord:
    """One line of records.jsonl: a task, the machine around it, and an outcome per quantity that was asked for."""

    schema_version: int
    task: Task
    started_utc: str
    wall_s: float
    host: HostFacts
    before: HostState
    after: HostState
    parameters: ParameterCount | NotMeasured | None = None
    flops: FlopCount | NotMeasured | None = None
    latency: LatencySamples | NotMeasured | None = None
    cold_start: ColdStart | NotMeasured | None = None  # on the first latency task of a worker only
    memory: MemoryUse | NotMeasured | None = None
    energy: EnergyReading | NotMeasured | None = None
    energy_beside: tuple[EnergyReading | NotMeasured, ...] = ()  # other parts of the machine, in the same windows
    schedule: Schedule | None = None  # of an energy task whose calls were made
    provenance: Provenance | None = None
    flags: tuple[Flag, ...] = ()
    failure: str | None = None  # the worker's traceback, where an outcome is NotMeasured because of one

    def not_measured(self) -> dict[str, NotMeasured]:
        """The quantities that were asked for and are absent, by name."""
        names = ("parameters", "flops", "latency", "cold_start", "memory", "energy")
        values = {name: getattr(self, name) for name in names}
        values |= {f"energy_beside_{place}": value for place, value in enumerate(self.energy_beside, 1)}
        return {name: value for name, value in values.items() if isinstance(value, NotMeasured)}


@record
class Manifest:
    """run.json: what was asked for, written before the first task starts. With it `--resume` knows what is left."""

    schema_version: int
    suite_version: str
    plan: str  # the plan's name
    plan_description: str
    power: str  # what --power said: "auto", "none", "simulated:idle_w=2,load_w=7"
    started_utc: str
    tasks: tuple[Task, ...]


@record
class Run:
    """A run as it lies on disk: the manifest and the records that are there, in the order they were stored."""

    manifest: Manifest
    records: tuple[RunRecord, ...]

    def missing(self) -> tuple[Task, ...]:
        """The tasks that have no record yet."""
        done = {record.task.key for record in self.records}
        return tuple(task for task in self.manifest.tasks if task.key not in done)


# --- what is derived from it -----------------------------------------------------------------------------------------


@record
class Interval:
    low: float
    high: float
    confidence: float

    def __post_init__(self) -> None:
        require(self.low <= self.high, f"an interval runs from low to high, got {self.low}..{self.high}")

    @property
    def halfwidth(self) -> float:
        return (self.high - self.low) / 2


@record
class Summary:
    """Statistics of one series of samples; derived, never stored as truth. Undefined is None (std of one sample)."""

    count: int
    mean: float
    std: float | None  # sample standard deviation, n - 1
    median: float
    minimum: float
    maximum: float
    median_interval: Interval | None
    percentiles: tuple[tuple[float, float], ...]  # (90.0, value), ... only where n supports them
    outlier_count: int  # flagged and kept
    lag1_autocorrelation: float | None
    resolved: bool  # the interval's relative half-width reached the target
    calls_needed: int | None  # further calls that UNRESOLVED would take, estimated

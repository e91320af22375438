"""What a worker answers, typed, and the small interface that the runner needs of one.

`suite.client.worker.Worker` implements `WorkerLike` with a real process; tests implement it with a fake.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from suite.records import (
    Build,
    DeviceBlock,
    EvaluatedBatch,
    EvaluationRule,
    Fingerprint,
    FlopCount,
    InputsSource,
    Interference,
    NotMeasured,
    OutputFidelity,
    ParameterCount,
    Profile,
    Roofline,
    Task,
    Variant,
    WeightsPrecision,
    record,
    require,
    require_non_negative,
    require_positive,
)


@record
class Hello:
    """What the worker's interpreter is and has. `devices` is empty where torch is not installed."""

    process_s: float  # spawn to the worker's first line of Python
    versions: tuple[tuple[str, str], ...]  # (("python", "3.6.15"), ("torch", "1.10.1"), ...)
    devices: tuple[str, ...]  # ("cpu", "cuda:0", ...)
    clock: str  # what stamps and durations are read from: "perf_counter: clock_gettime(CLOCK_MONOTONIC)"

    def __post_init__(self) -> None:
        require_non_negative("process_s", self.process_s)


@record
class Imported:
    """import_s: all the seconds this worker has spent importing torch and what the model needs."""

    import_s: float
    resident_bytes: int

    def __post_init__(self) -> None:
        require_non_negative("import_s", self.import_s)
        require_positive("resident_bytes", self.resident_bytes)


WeightsSource = Literal["seeded", "checkpoint", "pinned", "shipped", "brought"]


@record
class Loaded:
    build_s: float
    weights_s: float  # filling them or reading the checkpoint, without hashing
    weight_bytes: int
    weights_source: WeightsSource
    weights_sha256: str
    thread_count: int  # as it is in force
    synchronisation: str  # "none needed: cpu" or the call that waits for the device
    configuration: tuple[str, ...] = ()  # in what a checkpoint's network is not the published one
    weights_precision: WeightsPrecision = "fp32"  # in which they were made and hashed

    def __post_init__(self) -> None:
        require_non_negative("build_s, weights_s, weight_bytes", self.build_s, self.weights_s, self.weight_bytes)
        require_positive("thread_count", self.thread_count)


@record
class Converted:
    """Published weights as a safetensors file: its hash, and what the loaded module's weights will hash to."""

    sha256: str
    weights_sha256: str
    left_out: tuple[str, ...]  # tensors that the model has no place for


@record
class Built:
    """The files of a runtime that is built: `folder` is what `load` is given."""

    folder: Path
    build: Build
    notes: tuple[str, ...] = ()


@record
class Way:
    """One runtime in one precision on one device, and why it can't work here; None: it can, as far as is known."""

    runtime: str
    title: str
    device: str
    precision: str
    absence: NotMeasured | None


@record
class Prepared:
    inputs_source: InputsSource
    inputs_sha256: str
    step_count: int  # forward passes in one call
    before_resident_bytes: int  # before the inputs were made
    own_sizes: tuple[tuple[str, int], ...] = ()  # a trajectory's, before it was cut or padded

    def __post_init__(self) -> None:
        require_positive("step_count, before_resident_bytes", self.step_count, self.before_resident_bytes)


@record
class Checked:
    """The inputs that were shown to change the output, and what was found amiss: (code, sentence) pairs."""

    changed: tuple[str, ...]
    flags: tuple[tuple[str, str], ...] = ()


@record
class Timed:
    started_s: float
    latency_s: tuple[float, ...]
    thread_count: int  # in force after the calls: a model can change it
    flags: tuple[tuple[str, str], ...] = ()  # what was found amiss with the model or these inputs up to now
    interference: Interference | None = None  # what the machine did beside the calls

    def __post_init__(self) -> None:
        require(len(self.latency_s) > 0, "a timed block holds at least one call")
        require_positive("latency_s", *self.latency_s)


@record
class TimedFor:
    """Back-to-back calls between two stamps of the system-wide monotonic clock.

    calls_per_value: more than 1 where there were too many to tell each: a value is the mean of so many in a row.
    """

    started_s: float
    ended_s: float
    call_count: int
    latency_s: tuple[float, ...]
    thread_count: int  # in force after the calls
    calls_per_value: int = 1
    flags: tuple[tuple[str, str], ...] = ()
    interference: Interference | None = None

    def __post_init__(self) -> None:
        require_positive("window", self.ended_s - self.started_s)
        values = -(-self.call_count // self.calls_per_value)
        require(values == len(self.latency_s), "call_count must be the number of durations, or that of calls in them")
        require_positive("latency_s", *self.latency_s)


@record
class Replayed:
    """Whole passes over an evaluation's first examples, back to back between two stamps of the system-wide clock.

    longest_s: of each call of a pass, over the passes.
    """

    started_s: float
    ended_s: float
    pass_count: int
    lengths: tuple[int, ...]
    longest_s: tuple[float, ...]
    thread_count: int
    interference: Interference | None = None

    def __post_init__(self) -> None:
        require_positive("window", self.ended_s - self.started_s)
        require_positive("pass_count, longest_s", self.pass_count, *self.longest_s)
        require(0 < len(self.longest_s) <= len(self.lengths), "a call holds an example at least")


@record
class Memory:
    """peak_was_reset: the peak is since the last reset_memory; else since the process began."""

    resident_bytes: int
    peak_resident_bytes: int
    peak_was_reset: bool
    device_peak_bytes: int | None  # None where the device is the CPU
    device_free_bytes: int | None = None  # of the whole device, whoever holds the rest; None: it does not tell
    device_total_bytes: int | None = None
    device_reserved_peak_bytes: int | None = None
    device_context_bytes: int | None = None
    device_is_unified: bool | None = None
    machine_taken_bytes: int | None = None

    def __post_init__(self) -> None:
        require_positive("resident_bytes, peak_resident_bytes", self.resident_bytes, self.peak_resident_bytes)


@record
class ByDevice:
    """Calls by the device's own clock (records.DeviceBlock), and how many bytes the transfers were of."""

    block: DeviceBlock
    in_bytes: int
    out_bytes: int


@record
class PassSize:
    """How a pass calls its examples. example_count: at most so many; None: as many as the worker may hold."""

    batch_size: int
    example_count: int | None = None


Axes = Sequence[tuple[str, int]]


class WorkerLike(Protocol):
    """A worker as the runner sees it. Every method raises WorkerError; after a fatal one the worker is gone."""

    @property
    def hello(self) -> Hello: ...

    def import_model(self, model: str) -> Imported: ...

    def count_parameters(self, model: str, checkpoint: str | None) -> ParameterCount: ...

    def count_flops(
        self, model: str, checkpoint: str | None, scenario: str, batch_size: int, axes: Axes
    ) -> FlopCount: ...

    def runtimes(self) -> tuple[Way, ...]: ...

    def build(self, tasks: Sequence[Task], folder: Path, pinned: Path | None = None) -> Built:
        """What the runtime of the tasks needs at all their sizes, in or found in a folder of builds."""
        ...

    def load(self, task: Task, pinned: Path | None = None, artefact: Path | None = None) -> Loaded: ...

    def in_force(self) -> Variant:
        """What really runs, after the calls."""
        ...

    def write_outputs(self, case: str, path: Path) -> None:
        """One call's outputs, for another worker to compare its own with."""
        ...

    def compare_outputs(self, case: str, path: Path) -> tuple[OutputFidelity, ...]: ...

    def prepare(self, case: str, task: Task) -> Prepared: ...

    def check_inputs(self, case: str) -> Checked: ...

    def fingerprint(self, case: str) -> Fingerprint | None:
        """Of the case's first outputs."""
        ...

    def evaluate(self, rule: EvaluationRule, start: int, row_count: int, alone: bool) -> EvaluatedBatch:
        """The next rows of an evaluation, called in batches and, if `alone`, one by one too."""
        ...

    def replay(
        self, rule: EvaluationRule, row_count: int, size: PassSize, duration_s: float, deadline_s: float
    ) -> Replayed:
        """Passes over the examples of the first rows for at least duration_s."""
        ...

    def time(self, case: str, call_count: int, deadline_s: float) -> Timed: ...

    def time_for(self, case: str, duration_s: float, min_call_count: int, deadline_s: float) -> TimedFor: ...

    def watch(self, duration_s: float) -> Interference:
        """What the machine does while the worker sleeps."""
        ...

    def device_times(self, case: str, call_count: int, deadline_s: float) -> ByDevice:
        """So many calls of their own on a device other than the CPU, of each kind, and as many transfers."""
        ...

    def profile(self, case: str, call_count: int, deadline_s: float) -> Profile:
        """Where the time of so many calls goes. No timed call may follow."""
        ...

    def memory(self) -> Memory: ...

    def reset_memory(self) -> bool: ...

    def release(self, case: str) -> None: ...

    def convert(self, model: str, source: Path, target: Path) -> Converted: ...

    def roofline(self, task: Task, duration_s: float, memory_bytes: int) -> Roofline:
        """What the task's device can do; at most so many bytes are taken for it."""
        ...

    def close(self) -> None: ...

"""What was measured of a model: counts, calls, memory, and where weights and inputs came from."""

from __future__ import annotations

from typing import Literal

from suite.limits import MAX_DURATION_S, MIN_DURATION_S
from suite.records.fingerprint import Fingerprint
from suite.records.quiet import Interference
from suite.records.values import record, require, require_positive, require_within

# disturbed: quiet never came, so every block counts; decided: the plan's question needs no more of this series;
# failed: the worker was lost midway
InputsSource = Literal["seeded", "trajectory", "evaluation", "file"]
WeightsPrecision = Literal["fp32", "bf16", "fp16"]
StopReason = Literal["target", "fixed", "time_limit", "call_limit", "disturbed", "decided", "failed"]


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
    uncounted: tuple[str, ...]  # operators that ran and cost little beside those (element-wise, norms, ...)
    source: Literal["counted", "models.lock"]
    unknown: tuple[str, ...] = ()  # operators that ran at a cost that nobody knows: the figure is a lower bound
    configuration: tuple[str, ...] = ()  # in what a checkpoint's network is not the published one

    def __post_init__(self) -> None:
        require_positive("mac_count", self.mac_count)

    @property
    def flop_count(self) -> int:
        return 2 * self.mac_count

    @property
    def sign(self) -> str:
        """What stands before a figure that is a lower bound, nothing before others."""
        return "≥ " if self.unknown else ""


@record
class Block:
    """Consecutive calls of one task. `order_index` is its place among all blocks of the interleaved group.

    calls_per_value: more than 1 in a window of very many calls: each value is the mean of so many in a row.
    `round_index`: the round of turns it belongs to, the first is 0; None in older records and outside rounds.
    `interference`: what the machine did meanwhile; None where nobody looked. `disturbed_by`: what of it broke the
    task's rule, in words; None where it held, or there was none. `sped_up`: what broke it made the machine faster than
    usual, so that the block is no part of an upper bound either.
    """

    order_index: int
    warmup: bool
    started_s: float  # system-wide monotonic clock
    latency_s: tuple[float, ...]
    calls_per_value: int = 1
    round_index: int | None = None
    interference: Interference | None = None
    disturbed_by: str | None = None
    sped_up: bool = False

    def __post_init__(self) -> None:
        require(self.calls_per_value >= 1, f"calls_per_value must be at least 1, got {self.calls_per_value}")
        require_positive("latency_s", *self.latency_s)
        require(self.round_index is None or self.round_index >= 0, "round_index must not be negative")
        require(len(self.latency_s) > 0, "a block holds at least one call")
        for extreme_s in (min(self.latency_s), max(self.latency_s)):
            require_within("latency_s", extreme_s, MIN_DURATION_S, MAX_DURATION_S)


@record
class LatencySamples:
    """Call durations in run order, warm-up apart. One call is one batch (or, in scenario `episode`, one episode)."""

    blocks: tuple[Block, ...]
    clock: str
    synchronisation: str  # "none needed: cpu" or the call that waits for the device
    steady: bool  # whether warm-up ended because steady state was found, not because its limit was reached
    stop: StopReason
    step_count: int = 1  # forward passes in one call
    thread_counts: tuple[int, ...] = ()  # in force after the blocks, each count once; empty: nobody looked

    @property
    def timed_blocks(self) -> tuple[Block, ...]:
        """All but warm-up, disturbed or not."""
        return tuple(block for block in self.blocks if not block.warmup)

    @property
    def disturbed_blocks(self) -> tuple[Block, ...]:
        return tuple(block for block in self.timed_blocks if block.disturbed_by is not None)

    @property
    def is_upper_bound(self) -> bool:
        """Whether disturbed blocks count, since there were too few others."""
        return self.stop == "disturbed"

    @property
    def counted_blocks(self) -> tuple[Block, ...]:
        """What estimates come from: the undisturbed blocks; all that nothing sped up where those were too few."""
        if self.is_upper_bound:
            return tuple(block for block in self.timed_blocks if not block.sped_up)
        return tuple(block for block in self.timed_blocks if block.disturbed_by is None)

    @property
    def latency_s(self) -> tuple[float, ...]:
        return tuple(value for block in self.counted_blocks for value in block.latency_s)

    @property
    def all_latency_s(self) -> tuple[float, ...]:
        """As if there were no rule: disturbed calls count too."""
        return tuple(value for block in self.timed_blocks for value in block.latency_s)

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
    device_reserved_peak_bytes: int | None = None  # by torch's pool, what it keeps for later included
    device_context_bytes: int | None = None  # the driver's and its libraries', of this process, outside that pool
    device_total_bytes: int | None = None
    device_is_unified: bool | None = None  # the device's memory is the machine's: one account, not two
    machine_taken_bytes: int | None = None  # of such a machine: all that loading and calls took of what was available


@record
class Provenance:
    """Where weights and inputs came from, so that two records can be known to have computed the same thing."""

    weights_source: Literal["seeded", "checkpoint", "pinned", "shipped", "brought"]
    weights_sha256: str
    weights_verified: bool  # equal to models.lock's hash for this source
    inputs_source: InputsSource
    inputs_sha256: str
    inputs_checked: tuple[str, ...]  # inputs that were shown to change the output
    configuration: tuple[str, ...] = ()  # in what a checkpoint's network is not the published one
    own_sizes: tuple[tuple[str, int], ...] = ()  # a trajectory's, before it was cut or padded to the task's
    weights_precision: WeightsPrecision = "fp32"  # in which they were made and hashed; int8 is made of fp32
    fingerprint: Fingerprint | None = None  # None: an older record, or outputs that can't be looked at
    origin: str | None = None  # where a model lies that is not the suite's own: what was typed, paths made absolute
    origin_sha256: str | None = None  # of that file, of a folder's files, or of the source that a function lies in

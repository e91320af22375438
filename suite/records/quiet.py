"""What a machine did beside the calls of a block, and the rule by which that block then counts or doesn't."""

from __future__ import annotations

import math

from suite.limits import MAX_DURATION_S
from suite.records.values import record, require_non_negative, require_within


@record
class QuietRule:
    """When a block is disturbed: by what the machine did meanwhile, never by how long its calls took.

    max_foreign_share, max_stolen_share: of the time of the cores that the measurement uses, taken by other processes or
    by the host of a virtual machine. max_clock_change: relative to the usual clock of the blocks before; where no clock
    is told, how far the time of a fixed product may be from the run's usual. Any event of
    throttling disturbs. patience_s: at most so long in all is waited for quiet, by one model's series together.
    """

    max_foreign_share: float = 0.05
    max_stolen_share: float = 0.05
    max_clock_change: float = 0.1
    patience_s: float = 60.0

    def __post_init__(self) -> None:
        for name in ("max_foreign_share", "max_stolen_share", "max_clock_change"):
            require_within(name, getattr(self, name), 0.0, 1e3)
        require_within("patience_s", self.patience_s, 0.0, MAX_DURATION_S)


TIMES_AND_CLOCKS = (
    "wall_s",
    "own_s",
    "ours_s",
    "foreign_s",
    "stolen_s",
    "stalled_s",
    "clock_hz",
    "gpu_clock_hz",
    "pace_s",
)


@record
class Interference:
    """What the machine did between a block's edges. None: the machine doesn't tell. Times are summed over cores.

    The processor: foreign_s was taken by other processes; own_s by the worker; ours_s by the controller and its other
    children, the power sampler among them; stolen_s by the host of a virtual machine. stalled_s: time in which some
    task of the machine waited for a processor (pressure). The worker's own: switch_count, involuntary context switches;
    fault_count, page faults from disk. The clock_hz of the fastest core that the worker may use, read at the end;
    throttle_count: events in which heat or power lowered the clock. pace_s: where no clock is told, what a fixed
    product of matrices takes, at the slower of the two edges.
    The GPU, where the calls run on one: its clock at the end, the share of the time that others used it, and what
    lowers its clock.
    """

    wall_s: float
    own_s: float | None = None
    ours_s: float | None = None
    foreign_s: float | None = None
    stolen_s: float | None = None
    stalled_s: float | None = None
    switch_count: int | None = None
    fault_count: int | None = None
    clock_hz: float | None = None
    throttle_count: int | None = None
    pace_s: float | None = None
    gpu_clock_hz: float | None = None
    gpu_foreign_share: float | None = None
    gpu_throttle: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in TIMES_AND_CLOCKS:
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:  # asked first: a record has many of these
                require_non_negative(name, value)
        for name in ("switch_count", "fault_count", "throttle_count"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name} must not be negative")
        if self.gpu_foreign_share is not None:
            require_within("gpu_foreign_share", self.gpu_foreign_share, 0.0, 1.0)

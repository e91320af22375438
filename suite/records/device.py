"""What calls take on a device other than the CPU, by its own clock, and what its memory consists of."""

from __future__ import annotations

import statistics

from suite.records.values import record, require, require_non_negative, require_positive


@record
class DeviceBlock:
    """Calls of their own after a timed block. round_index: that block's.

    span_s: from the first work of a call on the device to the last, waiting for more included. work_s: the same with
    all the work there before the device begins; empty where calls can't be queued up. wall_s: of the calls of span_s.
    """

    round_index: int | None
    wall_s: tuple[float, ...]
    span_s: tuple[float, ...]
    work_s: tuple[float, ...] = ()
    in_s: tuple[float, ...] = ()
    out_s: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        require(len(self.wall_s) == len(self.span_s) > 0, "each call has its wall-clock time beside the device's")
        require_positive("wall_s", *self.wall_s)
        for name in ("span_s", "work_s", "in_s", "out_s"):
            require_non_negative(name, *getattr(self, name))


@record
class DeviceTimes:
    """Of a latency task on a device. in_s, out_s of the blocks: inputs to the device, outputs from it."""

    blocks: tuple[DeviceBlock, ...]
    in_bytes: int
    out_bytes: int

    def __post_init__(self) -> None:
        require(len(self.blocks) > 0, "there is a block at least")

    def median_s(self, name: str) -> float | None:
        """Of wall_s, span_s, work_s, in_s or out_s; None where there are none."""
        values = [value for block in self.blocks for value in getattr(block, name)]
        return statistics.median(values) if values else None

    @property
    def launch_s(self) -> float | None:
        """What of a call is no work of the device: giving it work, and waiting on both sides. None: it isn't known."""
        wall_s, work_s = self.median_s("wall_s"), self.median_s("work_s")
        return None if wall_s is None or work_s is None else max(0.0, wall_s - work_s)


@record
class GpuState:
    """What of a GPU changes. None: nothing tells; a limit is the highest that may be."""

    name: str
    clock_hz: float | None = None
    clock_limit_hz: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    memory_used_bytes: int | None = None
    busy_share: float | None = None
    throttle: tuple[str, ...] | None = None  # what lowers the clock now; none: nothing does
    governor: str | None = None  # a Jetson's, of the clock

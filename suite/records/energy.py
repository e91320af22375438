"""What was measured of power: traces, windows, schedules, and joules with their error budget."""

from __future__ import annotations

import math
from typing import Literal

from suite.records.values import record, require, require_non_negative, require_positive


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
        # A sensor's zero may be off: a small power below zero is kept as read, and flagged.
        require(all(map(math.isfinite, (self.idle_before_w, self.idle_after_w))), "idle power must be finite")

    def inference_j(self, batch_size: int) -> float:
        """Gross joules of one inference: the windows' energy over their inferences, as a ratio of the sums."""
        call_count = sum(window.call_count for window in self.windows)
        return math.fsum(window.energy_j for window in self.windows) / (call_count * batch_size)

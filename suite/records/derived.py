"""What is derived from samples, and never stored as truth."""

from __future__ import annotations

from suite.records.values import record, require


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
    calls_needed: int | None  # further calls that the target would take, estimated
    relative_halfwidth: float | None = None  # of the interval, against the median
    needed_s: float | None = None  # in further calls, lost ones among them, that the target would take, estimated
    is_upper_bound: bool = False  # disturbed calls are in every figure: the undisturbed machine is not slower


@record
class AllCalls:
    """A series as if there were no rule: disturbed calls count too."""

    count: int
    mean_s: float
    std_s: float | None
    median_s: float

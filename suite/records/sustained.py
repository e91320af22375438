"""Back-to-back calls for minutes: what is asked, and what was measured beside them."""

from __future__ import annotations

from itertools import pairwise

from suite.limits import MAX_DURATION_S, MIN_DURATION_S
from suite.records.measured import LatencySamples
from suite.records.values import NotMeasured, record, require, require_non_negative, require_positive, require_within

MAX_SLICE_COUNT = 20_000  # a record is one line, which must stay within what is read again


@record
class SustainedRule:
    """duration_s of back-to-back calls; after each slice_s of them the machine is looked at, for milliseconds."""

    duration_s: float = 600.0
    slice_s: float = 1.0

    def __post_init__(self) -> None:
        for name in ("duration_s", "slice_s"):
            require_positive(name, getattr(self, name))
            require_within(name, getattr(self, name), MIN_DURATION_S, MAX_DURATION_S)
        require(
            self.duration_s <= MAX_SLICE_COUNT * self.slice_s,
            f"duration_s must be at most {MAX_SLICE_COUNT} times slice_s ({self.slice_s:g} s), got {self.duration_s:g}",
        )


@record
class Slice:
    """The calls between two looks at the machine. Times are seconds since the first of all slices began.

    clock_hz: of the fastest core that the worker may use, or of the GPU that the calls run on; temperature_c: one for
    each sensor; both read right after the calls. power_w: the mean over the slice, or over the source's least window
    that ends with it. None: not told, here at least.
    """

    start_s: float
    end_s: float
    call_count: int
    clock_hz: float | None = None
    temperature_c: tuple[float | None, ...] = ()
    power_w: float | None = None

    def __post_init__(self) -> None:
        require_non_negative("start_s", self.start_s)
        require(self.end_s > self.start_s, "a slice ends after it begins")
        require_positive("call_count", self.call_count)


@record
class Sustained:
    """slices[i] tells of the i-th block of `samples` that is no warm-up; the durations of the calls stand there.

    absent: why a clock, a temperature or a power is nowhere in the slices, in this order, each once.
    """

    slices: tuple[Slice, ...]
    samples: LatencySamples
    sensors: tuple[str, ...] = ()  # thermometers, in the order of Slice.temperature_c
    power_source: str | None = None
    power_scope: str | None = None  # of which part of the machine the source tells
    power_window_s: float | None = None  # over which a slice's power is a mean; None: over the slice
    absent: tuple[NotMeasured, ...] = ()

    def __post_init__(self) -> None:
        require(len(self.slices) == len(self.samples.timed_blocks), "one slice for each block that is no warm-up")
        for before, after in pairwise(self.slices):
            require(before.end_s <= after.start_s, "slices follow one another")
        for each in self.slices:
            require(len(each.temperature_c) == len(self.sensors), "one temperature for each sensor in every slice")

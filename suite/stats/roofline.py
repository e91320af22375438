"""The least time that a call's bytes and FLOPs allow on a device, and which of the two is the nearer bound.

Source: Williams, Waterman, Patterson: Roofline, Communications of the ACM 52 (2009); docs/statistics.md, section
Roofline.
"""

from __future__ import annotations

from typing import Literal

from suite.records import ParameterCount, record, require, require_non_negative, require_positive

Bound = Literal["memory", "compute", "either"]
WIDEST_FLOAT = "float64"
USUAL_BYTES, WIDEST_BYTES = 4, 8  # of an element of an embedding table


@record
class Span:
    """low: by the best block of the ceiling. high: by its median block, and with nothing left out."""

    low_s: float
    high_s: float

    def __post_init__(self) -> None:
        require_non_negative("low_s, high_s", self.low_s, self.high_s)
        require(self.low_s <= self.high_s, f"a span ends ({self.high_s}) before it begins ({self.low_s})")


@record
class Rate:
    """Bytes or FLOPs a second: of the best block, and of the median one."""

    best_per_s: float
    median_per_s: float

    def __post_init__(self) -> None:
        require_positive("best_per_s, median_per_s", self.best_per_s, self.median_per_s)


@record
class Work:
    """What a call can't do without. read_bytes: weights, each read once; flop_count: of the whole batch."""

    read_bytes: float
    flop_count: float

    def __post_init__(self) -> None:
        require_non_negative("read_bytes", self.read_bytes)
        require_positive("flop_count", self.flop_count)

    @property
    def intensity(self) -> float | None:
        """FLOPs for each byte of weights; None where there are no weights."""
        return self.flop_count / self.read_bytes if self.read_bytes else None


@record
class Placement:
    """A call on its roofline. cached: whether the caches could hold all its weights, so that memory bounds nothing."""

    memory: Span
    compute: Span
    measured_s: float
    cached: bool

    @property
    def least_s(self) -> float:
        return max(self.memory.low_s, self.compute.low_s)

    @property
    def bound(self) -> Bound:
        """`either` where the spread of the ceilings doesn't tell which one is nearer."""
        if self.memory.low_s > self.compute.high_s:
            return "memory"
        return "compute" if self.compute.low_s > self.memory.high_s else "either"

    @property
    def share(self) -> float:
        """Of the ceiling that was reached."""
        return self.least_s / self.measured_s

    @property
    def beaten(self) -> bool:
        """Whether the call took less than its least time: one of the ceilings is none for it."""
        return self.share > 1


def place(work: Work, bandwidth: Rate, arithmetic: Rate, cache_bytes: int | None, measured_s: float) -> Placement:
    """cache_bytes: what may stay in the caches from one call to the next, and needs no reading; None: nobody knows,
    and nothing is taken to stay. measured_s: the median latency.
    """
    require_positive("measured_s", measured_s)
    fetched_bytes = max(0.0, work.read_bytes - (cache_bytes or 0))
    return Placement(
        memory=Span(
            low_s=fetched_bytes / bandwidth.best_per_s,
            high_s=work.read_bytes / min(bandwidth.best_per_s, bandwidth.median_per_s),
        ),
        compute=Span(
            low_s=work.flop_count / arithmetic.best_per_s,
            high_s=work.flop_count / min(arithmetic.best_per_s, arithmetic.median_per_s),
        ),
        measured_s=measured_s,
        cached=fetched_bytes == 0 and work.read_bytes > 0,
    )


def read_bytes(count: ParameterCount) -> int:
    """Bytes of the weights that a call reads: all but tables of embeddings, of which a call looks up a few rows.

    Tables are taken at the widest element type of the model, so that no more is left in than is read; one that serves
    as a matrix too is left out nonetheless.
    """
    is_wide = any(name == WIDEST_FLOAT for name, _ in count.bytes_by_dtype)
    return max(0, count.parameter_bytes - count.embedding_count * (WIDEST_BYTES if is_wide else USUAL_BYTES))


def attainable_per_s(intensity: float, bandwidth_bytes_per_s: float, flop_per_s: float) -> float:
    """The roof: FLOPs a second at most, at so many FLOPs for each byte."""
    return min(flop_per_s, intensity * bandwidth_bytes_per_s)


def ridge(bandwidth_bytes_per_s: float, flop_per_s: float) -> float:
    """FLOPs for each byte from which on arithmetic is the nearer bound."""
    return flop_per_s / bandwidth_bytes_per_s

"""What a model gave out, in a few numbers that two runs can be held against."""

from __future__ import annotations

import math

from suite.records.values import record, require, require_non_negative

PROJECTION_COUNT = 64
MAX_TOP_COUNT = 16


@record
class Top:
    """The answer in one row of an output's last dimension: its place, and by how much it leads the second one.

    The lead is a share of the root mean square of all outputs. A tie may fall either way.
    """

    index: int
    lead: float

    def __post_init__(self) -> None:
        require(self.index >= 0, "index must not be negative")
        require_non_negative("lead", self.lead)


@record
class Fingerprint:
    """The outputs of a series' first call: a seeded projection of all their values to 64 numbers, and top answers.

    Each value counts into one of the numbers, by a weight that a generator of whole numbers gives for its place: the
    same on every platform. Values that are not finite, or beyond 1e20, count as 0 and are told by their number. norm:
    root of the sum of squares. Very many values are taken up to a limit: taken_count of value_count.
    """

    tensor_count: int
    value_count: int
    taken_count: int
    not_finite_count: int
    norm: float
    projection: tuple[float, ...]
    top: tuple[Top, ...] = ()

    def __post_init__(self) -> None:
        require(0 <= self.taken_count <= self.value_count, "taken_count must lie in 0..value_count")
        require(0 <= self.not_finite_count <= self.taken_count, "not_finite_count must lie in 0..taken_count")
        require_non_negative("norm", self.norm)
        require(len(self.projection) == PROJECTION_COUNT, f"a projection has {PROJECTION_COUNT} numbers")
        require(all(map(math.isfinite, self.projection)), "a projection is finite")
        require(len(self.top) <= MAX_TOP_COUNT, f"at most {MAX_TOP_COUNT} top answers are kept")

"""What a device can do at best: bytes moved and FLOPs computed a second, each by repeated short blocks."""

from __future__ import annotations

import statistics

from suite.limits import MAX_CALL_COUNT, MAX_DURATION_S, MAX_INTEGER, MAX_THREAD_COUNT, MIN_DURATION_S
from suite.records.quiet import Interference
from suite.records.values import record, require, require_count, require_name, require_within

MAX_BLOCK_COUNT = 1000
MAX_PRECISION_COUNT = 20


@record
class Ceiling:
    """Blocks of call_count equal calls; each call moves or computes `amount`, bytes or FLOPs as its holder says.

    A ceiling is what the device does when nothing is in the way, so the best block is it; the median block tells how
    far it does so usually.
    """

    amount: int
    call_count: int
    block_s: tuple[float, ...]

    def __post_init__(self) -> None:
        require_count("amount", self.amount, MAX_INTEGER)
        require_count("call_count", self.call_count, MAX_CALL_COUNT)
        require(1 <= len(self.block_s) <= MAX_BLOCK_COUNT, f"a ceiling has 1 to {MAX_BLOCK_COUNT} blocks")
        for extreme_s in (min(self.block_s), max(self.block_s)):
            require_within("block_s", extreme_s, MIN_DURATION_S, MAX_DURATION_S)

    @property
    def best_per_s(self) -> float:
        return self.amount * self.call_count / min(self.block_s)

    @property
    def median_per_s(self) -> float:
        return self.amount * self.call_count / statistics.median(self.block_s)


@record
class Matmul:
    """FLOPs of products of two square matrices of `size` rows: of the sizes tried, the one with the highest rate."""

    precision: str
    size: int
    ceiling: Ceiling

    def __post_init__(self) -> None:
        require_name("precision", self.precision)
        require_count("size", self.size, MAX_INTEGER)


@record
class Roofline:
    """The ceilings of one device at one thread count.

    copy: one tensor of tensor_bytes into another, bytes read and bytes written counted alike; a processor that fetches
    what it is about to overwrite moves more than that. read: the sum of one such tensor, bytes read.
    interference: what the machine did over all of it; None where nobody looked.
    cache_bytes: what the caches from the second level on hold together; None where the machine doesn't tell.
    """

    thread_count: int  # in force
    synchronisation: str
    tensor_bytes: int
    cache_bytes: int | None
    copy: Ceiling
    read: Ceiling
    matmul: tuple[Matmul, ...]
    interference: Interference | None = None

    def __post_init__(self) -> None:
        require_count("thread_count", self.thread_count, MAX_THREAD_COUNT)
        require_count("tensor_bytes", self.tensor_bytes, MAX_INTEGER)
        if self.cache_bytes is not None:
            require_count("cache_bytes", self.cache_bytes, MAX_INTEGER)
        precisions = [found.precision for found in self.matmul]
        require(0 < len(precisions) <= MAX_PRECISION_COUNT, f"a roofline has 1 to {MAX_PRECISION_COUNT} precisions")
        require(len(set(precisions)) == len(precisions), "a precision is measured twice")

    @property
    def bandwidth(self) -> Ceiling:
        """The faster of the two ways to move bytes: weights are only read, and a read that is limited by its sum is no
        ceiling."""
        return max((self.copy, self.read), key=lambda ceiling: ceiling.best_per_s)

    def rate(self, precision: str) -> Ceiling | None:
        """FLOPs at that precision; None where it was not measured."""
        return next((found.ceiling for found in self.matmul if found.precision == precision), None)

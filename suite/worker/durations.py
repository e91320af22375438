"""Durations of back-to-back calls, exact up to a count and means of consecutive calls beyond it."""

from array import array
from typing import List, Tuple

MOST = 2**16


class Durations:
    """Bounded: a model of a microsecond makes millions of calls in a window, and a reply is one line.

    Up to `most` calls (a power of two) a value is a call's duration. Beyond, a value is the mean of 2, 4, 8, ...
    consecutive calls, `most` of them in the end: about twice `most` values. The last one may be of fewer calls.
    """

    __slots__ = ("_done", "_most", "_open", "_size", "_sum_s", "_values")

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._size = 1  # calls in a value
        self._open = 1  # of them, how many the next value still lacks
        self._sum_s = 0.0
        self._values = array("d")
        self._done = []  # type: List[array[float]]  # full ones, of 1, 2, 4, ... calls a value

    def append(self, duration_s: float) -> None:
        self._sum_s += duration_s
        self._open -= 1
        if self._open:
            return
        self._values.append(self._sum_s / self._size)
        if len(self._values) == self._most and self._size < self._most:  # beyond that, groups would part unevenly
            self._done.append(self._values)
            self._values = array("d")
            self._size *= 2
        self._sum_s, self._open = 0.0, self._size

    @property
    def call_count(self) -> int:
        full = sum(self._most << index for index in range(len(self._done)))
        return full + len(self._values) * self._size + self._size - self._open

    def binned(self) -> Tuple[int, List[float]]:
        """Calls a value, and the values in order."""
        values = list(self._values)
        begun = self._size - self._open
        if begun:
            values.append(self._sum_s / begun)
        size = self._size if values else max(1, self._size // 2)  # none of the coarser ones has begun
        finer = []  # type: List[float]
        for index, done in enumerate(self._done):
            group = size >> index
            finer += [sum(done[at : at + group]) / group for at in range(0, len(done), group)]
        return size, finer + values

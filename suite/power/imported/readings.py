"""Readings as they are collected from a file: in the order of time, of one stamp their mean, and never more than memory
holds: beyond MAX_READINGS they become means over equal stretches of time.
"""

from __future__ import annotations

from array import array

MAX_READINGS = 250_000  # after thinning; a window of 10 s in a run of an hour still has 700


class Readings:
    """Times and powers, with how many readings each stands for."""

    def __init__(self) -> None:
        self._time_s = array("d")
        self._total_w = array("d")
        self._count = array("d")
        self._bin_s = 0.0

    def __len__(self) -> int:
        return len(self._time_s)

    @property
    def last_s(self) -> float:
        return self._time_s[-1]

    def add(self, time_s: float, power_w: float) -> None:
        """time_s is not before the last one: an equal one is a stamp coarser than the readings."""
        if self._time_s and time_s == self._time_s[-1]:
            self._total_w[-1] += power_w
            self._count[-1] += 1
            return
        self._time_s.append(time_s)
        self._total_w.append(power_w)
        self._count.append(1)
        if len(self._time_s) >= 2 * MAX_READINGS:
            self._thin((self._time_s[-1] - self._time_s[0]) / MAX_READINGS)

    def finish(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Times and mean powers, evenly thinned if at all."""
        if self._bin_s:
            self._thin(self._bin_s)
        return tuple(self._time_s), tuple(
            total / count for total, count in zip(self._total_w, self._count, strict=True)
        )

    def _thin(self, bin_s: float) -> None:
        """One reading for each stretch of bin_s that has any, at their mean time."""
        import numpy as np  # slow to import, and needed for large files alone

        self._bin_s = bin_s
        first_s = self._time_s[0]
        since_s = np.frombuffer(self._time_s) - first_s
        total_w, count = np.frombuffer(self._total_w), np.frombuffer(self._count)
        starts = np.flatnonzero(np.diff(np.floor(since_s / bin_s), prepend=-1.0))
        counts = np.add.reduceat(count, starts)
        self._time_s, self._total_w, self._count = (
            array("d", values.tobytes())
            for values in (
                first_s + np.add.reduceat(since_s * count, starts) / counts,
                np.add.reduceat(total_w, starts),
                counts,
            )
        )

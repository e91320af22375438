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
        self._first_s = 0.0
        self._bin_s = 0.0

    def __len__(self) -> int:
        return len(self._time_s)

    def add(self, time_s: float, power_w: float) -> None:
        """time_s is not before the last one: an equal one is a stamp coarser than the readings."""
        if self._time_s and time_s == self._time_s[-1]:
            self._total_w[-1] += power_w
            self._count[-1] += 1
            return
        self._first_s = self._first_s if self._time_s else time_s
        self._time_s.append(time_s)
        self._total_w.append(power_w)
        self._count.append(1)
        if len(self._time_s) >= 2 * MAX_READINGS:
            self._bin_s = self._wider()
            self._thin()

    def finish(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Times and mean powers, evenly thinned if at all."""
        if self._bin_s:
            self._thin()
        return tuple(self._time_s), tuple(
            total / count for total, count in zip(self._total_w, self._count, strict=True)
        )

    def _wider(self) -> float:
        """Stretches of which MAX_READINGS last as long as the log: doubled, so that the former ones fit into them."""
        lasts_s = self._time_s[-1] - self._first_s
        bin_s = self._bin_s or lasts_s / MAX_READINGS
        while bin_s * MAX_READINGS < lasts_s:
            bin_s *= 2
        return bin_s

    def _thin(self) -> None:
        """One reading for each stretch that has any, at their mean time."""
        import numpy as np  # slow to import, and needed for large files alone

        since_s = np.frombuffer(self._time_s) - self._first_s
        total_w, count = np.frombuffer(self._total_w), np.frombuffer(self._count)
        starts = np.flatnonzero(np.diff(np.floor(since_s / self._bin_s), prepend=-1.0))
        counts = np.add.reduceat(count, starts)
        self._time_s, self._total_w, self._count = (
            array("d", values.tobytes())
            for values in (
                self._first_s + np.add.reduceat(since_s * count, starts) / counts,
                np.add.reduceat(total_w, starts),
                counts,
            )
        )

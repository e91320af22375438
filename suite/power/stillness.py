"""A sensor that goes on answering with the same numbers although the load changed. One check for every source.

The sampler asks at every reading, so that a frozen sensor ends its measurement soon; a trace that came without a
sampler, such as a meter's log, is asked when it is read.
"""

from __future__ import annotations

from collections.abc import Sequence

from suite.errors import SensorError
from suite.power.base import CounterTrace, Description
from suite.records import PowerTrace

FROZEN_S = 2.0  # the least that the numbers must stand still for on either side of a change of load

Label = tuple[float, str]  # when a stretch begins, and which: "idle" or "load"


def limit_s(description: Description) -> float:
    """How long a reading may stay the same on either side of a change: what the source needs for one window."""
    return max(FROZEN_S, description.minimum_window_s)


class Stillness:
    """Notices numbers that stand still for limit_s before a change of load and for limit_s after it."""

    def __init__(self, limit_s: float = FROZEN_S) -> None:
        self._limit_s = limit_s
        self._values: Sequence[float] | None = None
        self._changed_s = 0.0
        self._label: str | None = None
        self._marked_s: float | None = None

    def mark(self, label: str, at_s: float) -> None:
        """A stretch begins; where the one before had another label, the load changes."""
        if self._label is not None and label != self._label:
            self._marked_s = at_s
        self._label = label

    def check(self, values: Sequence[float], at_s: float) -> None:
        """Raises SensorError, SENSOR_FROZEN."""
        if values != self._values:
            self._values, self._changed_s = values, at_s
            return
        marked_s = self._marked_s
        if marked_s is None or at_s - marked_s < self._limit_s or marked_s - self._changed_s < self._limit_s:
            return
        raise SensorError(
            "SENSOR_FROZEN",
            f"the power sensor showed exactly the same values for {at_s - self._changed_s:.3g} s, although the load "
            "changed meanwhile: it has stopped, or the load is smaller than what it can resolve",
            "restart the machine, then run again; where it happens again, measure a larger batch or another source",
        )


def refuse_still(trace: PowerTrace | CounterTrace, labels: Sequence[Label], description: Description) -> None:
    """The same over a whole trace. labels: in the order of time. Raises SensorError, SENSOR_FROZEN."""
    stillness = Stillness(limit_s(description))
    series = trace.energy_j if isinstance(trace, CounterTrace) else trace.power_w
    waiting = list(labels)
    for time_s, values in zip(trace.time_s, zip(*series, strict=True), strict=True):
        while waiting and waiting[0][0] <= time_s:
            at_s, label = waiting.pop(0)
            stillness.mark(label, at_s)
        stillness.check(values, time_s)

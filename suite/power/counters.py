"""Energy counters as read, made into counters that only grow, with every doubt about a turn refused.

A counter that is read too rarely may have started again from zero more than once, which its value doesn't tell. It is
certain only where even the highest power could not have filled the range since the last reading.
"""

from __future__ import annotations

from dataclasses import dataclass

from suite.errors import SensorError

PLAUSIBLE_W = 1500.0  # no processor package draws more, not even for a moment
LATE_S = 0.05  # a counter may show at once what it gathered over so long
FROZEN_S = 2.0  # a running processor's counter grows every millisecond


@dataclass(slots=True)
class GrowingCounter:
    """One counter. range_j: where it starts again from zero; None: it never does.

    Raises SensorError: GAP where it may have turned more than once, COUNTER_RESET where it jumped, COUNTER_FROZEN.
    """

    name: str
    range_j: float | None
    plausible_w: float = PLAUSIBLE_W
    frozen_s: float = FROZEN_S
    _raw_j: float | None = None
    _grown_j: float = 0.0
    _read_s: float = 0.0
    _changed_s: float = 0.0

    def advance(self, at_s: float, raw_j: float) -> float:
        """Joules since the first reading."""
        if self._raw_j is None:
            self._raw_j, self._read_s, self._changed_s = raw_j, at_s, at_s
            return 0.0
        most_j = self.plausible_w * (at_s - self._read_s + LATE_S)
        delta_j = self._delta_j(raw_j, most_j, at_s - self._read_s)
        if delta_j > 0:
            self._changed_s = at_s
        elif at_s - self._changed_s >= self.frozen_s:
            raise frozen(self.name, at_s - self._changed_s)
        self._raw_j, self._read_s = raw_j, at_s
        self._grown_j += delta_j
        return self._grown_j

    def _delta_j(self, raw_j: float, most_j: float, elapsed_s: float) -> float:
        assert self._raw_j is not None  # advance has read it
        delta_j = raw_j - self._raw_j
        if self.range_j is not None:
            if most_j >= self.range_j:
                raise SensorError(
                    "GAP",
                    f"the energy counter {self.name} starts again from zero every {self.range_j:g} J and was not read "
                    f"for {elapsed_s:.3g} s: it may have done so more than once",
                    "run again with less other load on this machine, and without letting it sleep",
                )
            delta_j %= self.range_j
        if not 0 <= delta_j <= most_j:
            raise SensorError(
                "COUNTER_RESET",
                f"the energy counter {self.name} jumped from {self._raw_j:g} J to {raw_j:g} J within {elapsed_s:.3g} s",
                "run again, and let the machine not sleep and nothing reset the counter meanwhile",
            )
        return delta_j


def frozen(name: str, still_s: float) -> SensorError:
    return SensorError(
        "COUNTER_FROZEN",
        f"the energy counter {name} stood still for {still_s:.3g} s, which that of a running processor never does",
        "restart the machine, then run again; a virtual machine or an emulator may have no real counter",
    )

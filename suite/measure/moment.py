"""A look at the clock and at the machine, taken before and after each task."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from suite import host
from suite.records import HostState, record


@record
class Moment:
    time_s: float  # system-wide monotonic clock
    utc: str
    state: HostState


@dataclass(frozen=True, slots=True)
class Observe:
    """Calling it makes a Moment. Clocks and the look at the machine are arguments, so that tests are exact."""

    clock: Callable[[], float] = time.monotonic
    utc_now: Callable[[], datetime] = lambda: datetime.now(UTC)
    state: Callable[[], HostState] = host.state
    sleep: Callable[[float], None] = time.sleep

    def __call__(self) -> Moment:
        utc = self.utc_now().isoformat(timespec="seconds").replace("+00:00", "Z")
        return Moment(time_s=self.clock(), utc=utc, state=self.state())

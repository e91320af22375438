"""How long a machine may cool down before it is measured, and how long it did."""

from __future__ import annotations

from suite.limits import MAX_DURATION_S
from suite.records.values import record, require_non_negative, require_within


@record
class HeatRule:
    """Before a round of turns, and before each task of energy or of sustained calls, a machine that has warmed by more
    than max_warming_c since the run began may cool down to that, at most cooldown_s in all for one model's tasks."""

    max_warming_c: float = 15.0
    cooldown_s: float = 60.0

    def __post_init__(self) -> None:
        require_within("max_warming_c", self.max_warming_c, 0.0, 1e3)
        require_within("cooldown_s", self.cooldown_s, 0.0, MAX_DURATION_S)


@record
class Pause:
    """Time in which nothing was asked of the machine, and what the sensor that had warmed most showed around it."""

    started_s: float  # system-wide monotonic clock
    waited_s: float
    sensor: str
    from_c: float
    to_c: float

    def __post_init__(self) -> None:
        require_non_negative("waited_s", self.waited_s)


@record
class Cooling:
    """The pauses before and between the turns of a model's tasks until this one ended; none: it was cool enough."""

    pauses: tuple[Pause, ...] = ()

    @property
    def waited_s(self) -> float:
        return sum(pause.waited_s for pause in self.pauses)

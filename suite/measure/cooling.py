"""A gate for heat: a machine that has warmed since the run began may cool down before it is measured again.

It waits only where waiting helps, which the machine itself shows in the first seconds. One that is back at once is
cooled by a fan, or its sensor sits on the chip; one that doesn't get cooler has a steady temperature. Neither is waited
for again by the same model's tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from suite.measure.moment import Observe
from suite.records import Cooling, HeatRule, HostState, Pause

LOOK_S = 1.0  # between two looks at the sensors
BACK_AT_ONCE_S = 3.0
STEADY_S = 10.0  # in so long a machine that cools gets cooler by STEADY_C
STEADY_C = 1.0
SLACK_S = 1e-6  # sums of looks are no exact seconds


@dataclass(slots=True)
class Gate:
    """Of one model's tasks. began: the machine as the run began; None: nothing to compare with, so it never waits."""

    rule: HeatRule | None
    observe: Observe
    tell: Callable[[str], None]
    began: HostState | None = None
    pauses: list[Pause] = field(default_factory=list)
    is_needless: bool = False  # waiting was seen not to help, or not to be needed
    has_sensor: bool = False
    _has_paused: bool = False

    def cool(self) -> None:
        """Waits until no sensor shows more than the rule's warming, or the time for it is spent, or it is no use."""
        if self.rule is None or self.began is None:
            return
        state = self.observe.state()
        sensor = warmest(self.began, state)
        self.has_sensor |= sensor is not None
        if sensor is None or self.is_needless or warming_c(self.began, state, sensor) <= self.rule.max_warming_c:
            return
        left_s = self.rule.cooldown_s - sum(pause.waited_s for pause in self.pauses)
        if left_s > SLACK_S:
            self._wait(self.rule, self.began, state, sensor, left_s)

    def take_paused(self) -> bool:
        """Whether it has waited since this was last asked: the machine's caches and clocks have rested."""
        paused, self._has_paused = self._has_paused, False
        return paused

    def found(self) -> Cooling | None:
        """For the record of a task that ends now; None without a rule or a sensor."""
        return Cooling(pauses=tuple(self.pauses)) if self.has_sensor else None

    def _wait(self, rule: HeatRule, began: HostState, state: HostState, sensor: str, left_s: float) -> None:
        started_s, hottest = self.observe.clock(), dict(state.temperature_c)
        from_c = hottest[sensor]
        goal_c = dict(began.temperature_c)[sensor] + rule.max_warming_c
        seen: list[Mapping[str, float]] = [hottest]
        cool, waited_s = False, 0.0
        while not cool and waited_s < left_s - SLACK_S and not _is_steady(seen, sensor):
            self.tell(f"cooling down: {seen[-1][sensor]:.0f} to {goal_c:.0f} degrees")
            self.observe.sleep(min(LOOK_S, left_s - waited_s))
            state = self.observe.state()
            waited_s = self.observe.clock() - started_s
            now = dict(state.temperature_c)
            if sensor not in now:  # it has gone: nothing tells any more
                break
            seen.append(now)
            cool = all(warming_c(began, state, name) <= rule.max_warming_c for name in now)
        self.is_needless = _is_steady(seen, sensor) or (cool and waited_s <= BACK_AT_ONCE_S)
        self._has_paused = True
        self.pauses.append(
            Pause(started_s=started_s, waited_s=waited_s, sensor=sensor, from_c=from_c, to_c=seen[-1][sensor])
        )


def warmest(began: HostState, now: HostState) -> str | None:
    """The sensor that shows the largest warming; None where no sensor answered both times."""
    known = dict(began.temperature_c)
    names = [name for name, _ in now.temperature_c if name in known]
    return max(names, key=lambda name: warming_c(began, now, name), default=None)


def warming_c(began: HostState, now: HostState, sensor: str) -> float:
    """0 for a sensor that did not answer when the run began."""
    before, after = dict(began.temperature_c), dict(now.temperature_c)
    return after[sensor] - before[sensor] if sensor in before else 0.0


def _is_steady(seen: Sequence[Mapping[str, float]], sensor: str) -> bool:
    """Whether the last looks, STEADY_S long, found it hardly cooler."""
    look_count = round(STEADY_S / LOOK_S)
    return len(seen) > look_count and seen[-1 - look_count][sensor] - seen[-1][sensor] < STEADY_C

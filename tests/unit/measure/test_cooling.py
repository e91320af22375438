"""The gate for heat on a clock that moves only when something sleeps, and thermometers that cool at known rates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from suite.measure.cooling import Gate
from suite.measure.moment import Observe
from suite.records import HeatRule, HostState
from tests.fakes import FakeClock
from tests.unit.samples import STATE

Temperature = Callable[[float], tuple[tuple[str, float], ...]]  # seconds since the first look -> what sensors show


def showing(*temperature_c: tuple[str, float]) -> HostState:
    return replace(STATE, temperature_c=temperature_c)


@dataclass(slots=True)
class Bench:
    """A gate on a machine that was at 40 degrees when the run began."""

    temperature: Temperature
    rule: HeatRule | None = field(default_factory=lambda: HeatRule(max_warming_c=15.0, cooldown_s=60.0))
    began: HostState = field(default_factory=lambda: showing(("cpu", 40.0)))
    clock: FakeClock = field(default_factory=FakeClock)
    told: list[str] = field(default_factory=list)

    def gate(self) -> Gate:
        started_s = self.clock()
        observe = Observe(
            clock=self.clock,
            state=lambda: showing(*self.temperature(self.clock() - started_s)),
            sleep=self.clock.sleep,
        )
        return Gate(self.rule, observe, self.told.append, began=self.began)


def falling(from_c: float, rate_c: float, to_c: float = 40.0) -> Temperature:
    return lambda time_s: (("cpu", max(to_c, from_c - rate_c * time_s)),)


def test_it_waits_until_the_machine_is_within_the_rule_and_says_so() -> None:
    bench = Bench(falling(71.0, 1.0))
    gate = bench.gate()
    gate.cool()
    cooling = gate.found()
    assert cooling is not None
    (pause,) = cooling.pauses
    assert (pause.waited_s, pause.sensor, pause.from_c, pause.to_c) == (16.0, "cpu", 71.0, 55.0)
    assert (pause.started_s, bench.clock(), cooling.waited_s) == (1000.0, 1016.0, 16.0)
    assert bench.told[0] == "cooling down: 71 to 55 degrees"
    assert bench.told[-1] == "cooling down: 56 to 55 degrees"
    assert gate.take_paused()
    assert not gate.take_paused()
    gate.cool()
    assert gate.found() == cooling


def test_all_of_a_models_pauses_together_last_at_most_so_long() -> None:
    bench = Bench(falling(171.0, 0.5))
    gate = bench.gate()
    for _ in range(3):
        gate.cool()
    cooling = gate.found()
    assert cooling is not None
    assert [pause.waited_s for pause in cooling.pauses] == [60.0]
    short = Bench(falling(171.0, 0.5), rule=HeatRule(max_warming_c=15.0, cooldown_s=2.5))
    gate = short.gate()
    gate.cool()
    assert short.clock() == 1002.5


@pytest.mark.parametrize(
    ("temperature", "why"),
    [
        (lambda _: (), "no sensor answers"),
        (lambda _: (("other", 90.0),), "none that answered when the run began"),
        (lambda _: (("cpu", 55.0),), "not warmer than the rule allows"),
    ],
)
def test_it_does_not_wait_where_nothing_tells_that_it_is_too_warm(temperature: Temperature, why: str) -> None:
    bench = Bench(temperature)
    gate = bench.gate()
    gate.cool()
    found = gate.found()
    assert bench.clock() == 1000.0, why
    assert bench.told == []
    assert (found is None) == (why != "not warmer than the rule allows")
    assert not gate.take_paused()


def test_a_steady_temperature_is_waited_for_once_and_not_again() -> None:
    bench = Bench(lambda _: (("cpu", 70.0),))
    gate = bench.gate()
    gate.cool()
    assert bench.clock() == 1010.0
    gate.cool()
    assert bench.clock() == 1010.0


def test_a_machine_that_is_back_at_once_has_a_fan_and_is_not_waited_for_again() -> None:
    bench = Bench(lambda time_s: (("cpu", 50.0 if time_s == 2.0 else 85.0),))
    gate = bench.gate()
    gate.cool()
    assert bench.clock() == 1002.0
    bench.clock.sleep(10.0)
    gate.cool()
    assert bench.clock() == 1012.0


def test_a_sensor_that_shows_100_degrees_at_all_times_asks_for_no_pause() -> None:
    began = showing(("pmic", 100.0), ("cpu", 40.0))
    bench = Bench(lambda time_s: (("pmic", 100.0), ("cpu", 60.0 - time_s)), began=began)
    gate = bench.gate()
    gate.cool()
    cooling = gate.found()
    assert cooling is not None
    assert [(pause.sensor, pause.waited_s) for pause in cooling.pauses] == [("cpu", 5.0)]


def test_without_a_rule_or_a_beginning_nothing_waits_and_nothing_is_said() -> None:
    for bench in (Bench(falling(90.0, 1.0), rule=None), Bench(falling(90.0, 1.0))):
        gate = bench.gate()
        if bench.rule is not None:
            gate.began = None
        gate.cool()
        assert (bench.clock(), gate.found()) == (1000.0, None)


def test_a_sensor_that_goes_away_ends_the_pause() -> None:
    bench = Bench(lambda time_s: (("cpu", 80.0),) if time_s < 3 else ())
    gate = bench.gate()
    gate.cool()
    cooling = gate.found()
    assert cooling is not None
    assert [(pause.waited_s, pause.to_c) for pause in cooling.pauses] == [(3.0, 80.0)]

"""Power below zero: a small one is a sensor's offset, kept as read and flagged; a clear one is a probe in reverse."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from suite.errors import SensorError
from suite.power.base import CounterTrace, Description
from suite.power.integrate import mean_power_w, trapezoid_j
from suite.records import EnergyReading, Flag, NotMeasured, PowerTrace
from suite.units import show

SMALL_COUNTS = 3.0  # an offset of so many counts of a rail
SMALL_SHARE = 0.1  # or of this share of the power in the stretch that draws most
FLAG = "POWER_BELOW_ZERO"

Span = tuple[float, float]


def refuse_odd(trace: PowerTrace | CounterTrace) -> None:
    """Raises SensorError where a value is no number: it would make every sum none."""
    series = trace.energy_j if isinstance(trace, CounterTrace) else trace.power_w
    for rail, values in zip(trace.rails, series, strict=True):
        if not all(map(math.isfinite, values)):
            raise SensorError(
                "SENSOR_LOST", f"the readings of {rail} hold a value that is no number", "look at the sensor, run again"
            )


def refuse_negative(
    trace: PowerTrace | CounterTrace, idles: Sequence[Span], loads: Sequence[Span], description: Description
) -> None:
    """Raises SensorError: POWER_NEGATIVE for a rail, BELOW_RESOLUTION where what is left under load is an offset alone.

    idles, loads: stretches in which the power was steady. A counter can't go back: that is COUNTER_RESET.
    """
    if isinstance(trace, CounterTrace):
        return
    period_s = description.period_s
    spans = [*((span, "while idle") for span in idles), *((span, "under load") for span in loads)]
    level_w = max(abs(mean_power_w(trace, *span, period_s)) for span, _ in spans)
    small_w = max(SMALL_COUNTS * description.resolution, SMALL_SHARE * level_w)
    for rail, power_w in zip(trace.rails, trace.power_w, strict=True):
        for (start_s, end_s), when in spans:
            mean_w = trapezoid_j(trace.time_s, power_w, start_s, end_s, period_s) / (end_s - start_s)
            if mean_w < -small_w:
                raise SensorError(
                    "POWER_NEGATIVE",
                    f"{rail} shows {show(mean_w, 'W')} {when}: its probe sits the wrong way round, or power flows back",
                    "turn the probe round (source to its input, device to its output), then measure again",
                )
    for span in loads:
        mean_w = mean_power_w(trace, *span, period_s)
        if mean_w < 0:
            raise SensorError(
                "BELOW_RESOLUTION",
                f"under load the source shows {show(mean_w, 'W')}, no more than its own offset",
                "measure where the load's power flows: another rail, or another source",
            )


def flags(outcomes: Sequence[EnergyReading | NotMeasured]) -> Iterator[Flag]:
    """A doubt for each reading that has samples below zero."""
    for reading in outcomes:
        if isinstance(reading, NotMeasured) or reading.method == "counter":
            continue
        lowest = {rail: min(power_w) for rail, power_w in zip(reading.trace.rails, reading.trace.power_w, strict=True)}
        below = {rail: power_w for rail, power_w in lowest.items() if power_w < 0}
        if below:
            rails = ", ".join(f"{rail} down to {show(power_w, 'W')}" for rail, power_w in below.items())
            text = f"{reading.source} showed power below zero ({rails}): its zero is off, and it is kept as read"
            yield Flag(code=FLAG, text=text)

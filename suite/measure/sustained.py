"""Back-to-back calls for minutes, in slices; between two of them the machine is looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from suite.client.replies import TimedFor, WorkerLike
from suite.errors import SensorError
from suite.measure.cooling import warmest
from suite.measure.series import Series
from suite.measure.turns import DEADLINE_FACTOR, Turns
from suite.power import parts
from suite.power.channel import Channel
from suite.power.integrate import TraceGap, mean_power_w
from suite.power.meter import Meter
from suite.power.sign import refuse_odd
from suite.records import HostState, LatencySamples, NotMeasured, Slice, Sustained, SustainedRule
from suite.units import show

MOST_VALUES = 200_000  # durations of one task: a record is one line, and is read whole
LEAST_VALUES = 16  # of a slice
TELL_S = 60.0

NO_CLOCK = NotMeasured(
    code="NO_CLOCK",
    reason="this machine doesn't tell its clock while calls run",
    remedy="measure on the machine itself, not in a virtual one; on a Mac run `suite power serve`, which sees it",
)
NO_THERMOMETER = NotMeasured(
    code="NO_THERMOMETER",
    reason="no thermometer of this machine can be read",
    remedy="measure on the machine itself, not in a virtual one, and in a container mount /sys",
)
NEGATIVE = NotMeasured(
    code="POWER_NEGATIVE",
    reason="the power source showed less than nothing under load",
    remedy="turn the sensor's probe around, or name another source with --power",
)


@dataclass(frozen=True, slots=True)
class Look:
    """The end of a slice."""

    timed: TimedFor
    state: HostState
    clock_hz: float | None


@dataclass(slots=True)
class Regime:
    """One task of sustained calls. tell: takes a line of progress."""

    turns: Turns
    series: Series
    meter: Meter | NotMeasured
    tell: Callable[[str], None]
    looks: list[Look] = field(default_factory=list)
    channel: Channel | None = None
    no_power: NotMeasured | None = None

    @property
    def rule(self) -> SustainedRule:
        return self.series.task.sustained or SustainedRule()

    def run(self) -> None:
        """Warms up, then calls for as long as the rule says. Raises WorkerError; what was called until then is kept."""
        with ExitStack() as stack:
            self._start_power(stack)
            try:
                self._call(self.turns.make_ready(self.series))
            finally:
                if self.channel is not None:
                    self.channel.collect()

    def _start_power(self, stack: ExitStack) -> None:
        if isinstance(self.meter, NotMeasured):
            self.no_power = self.meter
            return
        meter, self.no_power, _ = parts.for_device(self.meter, self.series.task.device)
        if meter is not None and self.no_power is None:
            self.channel = Channel(meter.gauges[0])
            self.channel.start(meter.start, stack)
            self.channel.mark("load")

    def _call(self, worker: WorkerLike) -> None:
        rule, told_s, elapsed_s = self.rule, 0.0, 0.0
        most = max(LEAST_VALUES, int(MOST_VALUES * rule.slice_s / rule.duration_s))
        while elapsed_s < rule.duration_s:
            duration_s = min(rule.slice_s, rule.duration_s - elapsed_s)
            deadline_s = duration_s + 60.0 + DEADLINE_FACTOR * self.series.typical_s()
            timed = worker.time_for(self.series.case, duration_s, 1, deadline_s)
            state = self.turns.observe.state()
            self.turns.add_block(self.series, coarse(timed, most), timed.interference, warmup=False)
            self.looks.append(Look(timed, state, clock_hz(timed, state, self.series.task.device)))
            elapsed_s = timed.ended_s - self.looks[0].timed.started_s
            if elapsed_s - told_s >= TELL_S:
                told_s = elapsed_s
                self.tell(self.progress(elapsed_s))

    def progress(self, elapsed_s: float) -> str:
        """Where it stands, in a line."""
        state = self.looks[-1].state
        sensor = warmest(self.looks[0].state, state)
        warm = "" if sensor is None else f", {dict(state.temperature_c)[sensor]:.0f} degrees"
        of = f"{elapsed_s / 60:.0f} of {self.rule.duration_s / 60:g} minutes"
        return f"calling {self.series.task.model}, {of}: {show(self.series.typical_s(), 's')}{warm}"

    def found(self, samples: LatencySamples) -> Sustained:
        """The record of what was called."""
        first_s = self.looks[0].timed.started_s
        sensors = tuple(dict.fromkeys(name for look in self.looks for name, _ in look.state.temperature_c))
        power_w, window_s = self._power_w()
        slices = tuple(
            Slice(
                start_s=look.timed.started_s - first_s,
                end_s=look.timed.ended_s - first_s,
                call_count=look.timed.call_count,
                clock_hz=look.clock_hz,
                temperature_c=tuple(dict(look.state.temperature_c).get(name) for name in sensors),
                power_w=power,
            )
            for look, power in zip(self.looks, power_w, strict=True)
        )
        absent = [
            *([NO_CLOCK] if all(look.clock_hz is None for look in self.looks) else []),
            *([] if sensors else [NO_THERMOMETER]),
            *([self.no_power] if self.no_power is not None else []),
        ]
        gauge = None if self.channel is None or self.no_power is not None else self.channel.gauge
        return Sustained(
            slices=slices,
            samples=samples,
            sensors=sensors,
            power_source=gauge.source if gauge else None,
            power_scope=gauge.description.scope if gauge else None,
            power_window_s=window_s if gauge else None,
            absent=tuple(absent),
        )

    def _power_w(self) -> tuple[Sequence[float | None], float | None]:
        """Of each slice, and over how long where that is longer than a slice; says in no_power why there is none."""
        nothing: list[float | None] = [None] * len(self.looks)
        if self.channel is None:
            return nothing, None
        if self.channel.trace is None:
            self.no_power = self.channel.failure
            return nothing, None
        description = self.channel.gauge.description
        least_s = description.minimum_window_s
        window_s = least_s if least_s > self.rule.slice_s else None
        power_w: list[float | None] = []
        try:
            refuse_odd(self.channel.trace)
            for look in self.looks:
                start_s = min(look.timed.started_s, look.timed.ended_s - least_s)
                try:
                    power = mean_power_w(self.channel.trace, start_s, look.timed.ended_s, description.period_s)
                except TraceGap:
                    power_w.append(None)
                else:
                    power_w.append(power if start_s >= self.looks[0].timed.started_s else None)
        except SensorError as error:
            self.no_power = NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy)
            return nothing, None
        self.no_power = self._refused(power_w)
        return (nothing, None) if self.no_power is not None else (power_w, window_s)

    def _refused(self, power_w: Sequence[float | None]) -> NotMeasured | None:
        known = [power for power in power_w if power is not None]
        if not known:
            least = show(self.channel.gauge.description.minimum_window_s, "s") if self.channel else ""
            return NotMeasured(
                code="TOO_SHORT",
                reason=f"the power source gave no whole window ({least} at least) within the calls",
                remedy="call for longer: raise --minutes",
            )
        return NEGATIVE if min(known) < 0 else None


def clock_hz(timed: TimedFor, state: HostState, device: str) -> float | None:
    """Of the GPU that the calls ran on, or of the fastest core: as the worker saw it, else as this process does."""
    found = timed.interference
    if device != "cpu":
        return found.gpu_clock_hz if found is not None else None
    if found is not None and found.clock_hz is not None:
        return found.clock_hz
    return max(state.cpu_frequency_hz, default=None)


def coarse(timed: TimedFor, most: int) -> TimedFor:
    """At most so many values, each the mean of consecutive calls."""
    values, each = timed.latency_s, timed.calls_per_value
    if len(values) <= most:
        return timed
    step = -(-len(values) // most)
    weights = [each] * (len(values) - 1) + [timed.call_count - each * (len(values) - 1)]
    pairs = list(zip(values, weights, strict=True))
    groups = [pairs[at : at + step] for at in range(0, len(pairs), step)]
    means = tuple(sum(value * weight for value, weight in group) / sum(w for _, w in group) for group in groups)
    return replace(timed, latency_s=means, calls_per_value=each * step)

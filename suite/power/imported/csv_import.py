"""Sources whose readings come in a file once the run is over: no sampler runs meanwhile, and a run waits for its file.

An energy task with such a source makes its calls and stores its schedule; its energy is METER_PENDING until the log is
brought in, at the end of the run where the file is there by then, else by `suite power import`.
"""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal, NoReturn

from suite.errors import SensorError, UsageError
from suite.power import sign
from suite.power.base import Description, Options, Sample, Source
from suite.power.channel import Gauge, Stretches
from suite.power.channel import read as read_trace
from suite.power.imported.csv_align import Aligned
from suite.power.imported.csv_log import Log
from suite.records import EnergyReading, NotMeasured, PowerTrace, Schedule

PENDING = "METER_PENDING"
SAME_CLOCK_S = 60.0  # schedules whose clocks differ by more were measured on either side of a restart of the machine


class ImportedSource(Source):
    """Its `file` is read in the controller, after the run."""

    automatic = False
    method: ClassVar[Literal["trapezoid", "powertop's rates"]] = "trapezoid"

    @abstractmethod
    def planned(self, options: Options) -> Description:
        """What the file will hold, for the length of windows and idle stretches. Raises SensorError."""

    @abstractmethod
    def log(self, options: Options) -> Log:
        """What the file holds. Raises SensorError: METER_NO_FILE, METER_CSV."""

    @abstractmethod
    def described(self, log: Log, options: Options) -> Description:
        """What a log measures, its stamps' uncertainty apart."""

    @abstractmethod
    def aligned(self, log: Log, schedules: Sequence[Schedule], options: Options) -> Sequence[Aligned]:
        """Where the log lies, for each schedule. Raises SensorError METER_ALIGNMENT."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last_w = 0.0

    def available(self, options: Options) -> NotMeasured | None:
        try:
            self.log(options)
        except SensorError as error:
            return NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy)
        return None

    def open(self, options: Options) -> Description:
        log = self.log(options)
        self._last_w = log.power_w[-1]
        return self.described(log, options)

    def read(self) -> Sample:
        """The file's last reading: all that a look at it before a run can show."""
        return Sample(time_s=self._clock(), values=(self._last_w,))


@dataclass(slots=True)
class Later:
    """Stands for the sampler where there is none."""

    source: str
    description: Description
    file: str

    def mark(self, label: str) -> None:
        return None

    def check(self) -> None:
        return None

    def collect(self) -> NoReturn:
        raise SensorError(
            PENDING,
            f"the log of {self.source} was not there when the run ended",
            f"export it, then bring it in: suite power import RUN {self.file}",
        )


@contextmanager
def later(source: ImportedSource, options: Options) -> Iterator[Later]:
    yield Later(source.name, source.planned(options), options.get("file", "FILE"))


def readings(
    source: ImportedSource, options: Options, schedules: Sequence[Schedule]
) -> tuple[EnergyReading | NotMeasured, ...]:
    """The energy of each schedule in the source's file.

    Raises SensorError where the file can't be read or laid over the run; what it lacks for one schedule alone is that
    one's outcome.
    """
    log = source.log(options)
    described = source.described(log, options)
    found: dict[int, EnergyReading | NotMeasured] = {}
    for numbers in _by_clock(schedules):
        places = source.aligned(log, [schedules[number] for number in numbers], options)
        for number, place in zip(numbers, places, strict=True):
            gauge = Gauge(source.name, options, replace(described, clock_uncertainty_s=place.uncertainty_s))
            reading = _reading(gauge, log, schedules[number], place)
            found[number] = replace(reading, method=source.method) if isinstance(reading, EnergyReading) else reading
    return tuple(found[number] for number in range(len(schedules)))


def _by_clock(schedules: Sequence[Schedule]) -> Iterator[list[int]]:
    """Numbers of the schedules that share a monotonic clock, in the order of time."""
    group: list[int] = []
    unix_s = [schedule.load.start_s + schedule.unix_offset_s[0] for schedule in schedules]
    for number in sorted(range(len(schedules)), key=unix_s.__getitem__):
        offset_s = schedules[number].unix_offset_s[0]
        if group and abs(offset_s - schedules[group[-1]].unix_offset_s[1]) > SAME_CLOCK_S:
            yield group
            group = []
        group.append(number)
    if group:
        yield group


def _reading(gauge: Gauge, log: Log, schedule: Schedule, place: Aligned) -> EnergyReading | NotMeasured:
    try:
        _refuse_loose(schedule, place)
        trace = _piece(log, schedule, place.shift_s, gauge.description)
        _refuse_reversed(trace, schedule, gauge.description)
        return read_trace(gauge, trace, Stretches.of(schedule))
    except SensorError as error:
        return NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy)


def _refuse_reversed(trace: PowerTrace, schedule: Schedule, description: Description) -> None:
    """A log's resolution is estimated from its own values, so that it excuses no offset: the share alone does."""
    idles = [(idle.start_s, idle.end_s) for idle in (schedule.idle_before, schedule.idle_after)]
    loads = [(window.start_s, window.end_s) for window in schedule.windows]
    sign.refuse_negative(trace, idles, loads, replace(description, resolution=0.0))


def _refuse_loose(schedule: Schedule, place: Aligned) -> None:
    """The lead-in and lead-out must be longer than the stamps are uncertain: else a window may hold idle time."""
    lead_s = min(schedule.windows[0].start_s - schedule.load.start_s, schedule.load.end_s - schedule.windows[-1].end_s)
    if place.uncertainty_s > lead_s:
        raise SensorError(
            "METER_ALIGNMENT",
            f"the meter's stamps are known to {place.uncertainty_s:.2g} s, and the load's lead-in lasts {lead_s:.2g} s",
            "let the meter log faster, or say how well its clock is known with offset_error_s",
        )


def _piece(log: Log, schedule: Schedule, shift_s: float, description: Description) -> PowerTrace:
    """The readings of one schedule, with a few on either side, on the system-wide monotonic clock."""
    margin_s = 3 * description.period_s
    first = bisect_left(log.time_s, schedule.idle_before.start_s - margin_s - shift_s)
    last = bisect_right(log.time_s, schedule.idle_after.end_s + margin_s - shift_s)
    return PowerTrace(
        rails=description.rails,
        time_s=tuple(time_s + shift_s for time_s in log.time_s[first:last]),
        power_w=(log.power_w[first:last],),
    )


def file_of(options: Options) -> Path:
    """Raises SensorError METER_NO_FILE where no file is named."""
    if "file" not in options:
        raise SensorError(
            "METER_NO_FILE",
            "no log of a meter was named",
            "name the file that the meter's log is exported to: --power-csv FILE",
        )
    return Path(options["file"])


def number(source: str, options: Options, name: str, default: float) -> float:
    """An option that is a number. Raises UsageError."""
    text = options.get(name, str(default))
    try:
        value = float(text)
    except ValueError as error:
        raise UsageError(f"--power {source}: {name} must be a number, got {text!r}") from error
    if not math.isfinite(value):
        raise UsageError(f"--power {source}: {name} must be a number, got {text!r}")
    return value

"""The log of an external meter: which columns hold time and power, in which unit, and every reading of them.

Understood: time and watts under many names and units, current and voltage instead of power, dates in the orders that
programs keep, UNIX time or seconds since the log began, `,` `;` `|`, tabs or blanks between cells, points or commas in
numbers, lines of text above the head and below the readings, a row of units, cells that say there was no reading, and a
last line that is still being written. What is not understood is refused with its line, its column and its cell.
Source: docs/energy.md, section An external meter.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from statistics import fmean, median

from suite.errors import SensorError
from suite.power.imported.columns import Asked
from suite.power.imported.head import find
from suite.power.imported.history import held_readings, is_history
from suite.power.imported.readings import Readings
from suite.power.imported.table import Checks, Table
from suite.power.imported.text import Text, of_file, of_string, refused
from suite.records import record, require
from suite.units import show

ONE_COUNT = 1e-9  # of the largest reading: a smaller difference is rounding of this machine, none of the meter


@record
class Log:
    """Readings in the order of time. `unix`: the times are seconds since 1970; else since some moment of the meter."""

    column: str  # in the file's own words
    unix: bool
    time_s: tuple[float, ...]
    power_w: tuple[float, ...]
    note: str = ""  # what was assumed to read it

    def __post_init__(self) -> None:
        require(len(self.time_s) == len(self.power_w), "one power per time")
        require(len(self.time_s) >= 2, "a log has at least two readings")
        require(all(a < b for a, b in pairwise(self.time_s)), "time_s must increase")

    @property
    def period_s(self) -> float:
        return median(b - a for a, b in pairwise(self.time_s))

    @property
    def resolution_w(self) -> float:
        """The least difference of two readings: one count, where the file shows counts."""
        values = sorted(set(self.power_w))
        least_w = ONE_COUNT * max(abs(values[0]), abs(values[-1]))
        return min((b - a for a, b in pairwise(values) if b - a > least_w), default=0.0)


def load(path: Path, column: str | None = None, asked: Asked | None = None) -> Log:
    """The log in a file; `column` names the one with the power where there are several. Raises SensorError."""
    with of_file(path) as text:
        return _read(text, _with(asked, column))


def parse(text: str, where: str, column: str | None = None, asked: Asked | None = None) -> Log:
    """The log in a text. Raises SensorError METER_CSV with the line that is not understood."""
    return _read(of_string(text, where), _with(asked, column))


def _with(asked: Asked | None, column: str | None) -> Asked:
    asked = asked or Asked()
    return asked if column is None else asked._replace(column=column)


def _read(text: Text, asked: Asked) -> Log:
    head = find(text, asked)
    readings = Readings()
    if is_history(head.names):
        entity, unix = held_readings(text, head, asked, readings)
        return _log(readings, entity.name, unix, entity.note, text.where)
    table = Table.of(text, head, asked)
    checks = Checks(head.chosen, table.mark)
    for time_s, power_w, row in table.readings():
        readings.add(time_s, power_w)
        checks.add(row, power_w)
    checks.refuse(text.where)
    return _log(readings, head.chosen.name, table.clock.unix, head.chosen.note, text.where)


def _log(readings: Readings, column: str, unix: bool, note: str, where: str) -> Log:
    """Raises SensorError where there are fewer than two readings, or all tell that the device feeds its supply."""
    if len(readings) < 2:
        raise refused(
            f"{where}: it holds {len(readings)} reading(s) of column {column!r}",
            "let the meter log from before the run until after it, and export all of that",
        )
    time_s, power_w = readings.finish()
    if (mean_w := fmean(power_w)) < 0 and -min(power_w) > max(power_w):
        raise SensorError(
            "POWER_NEGATIVE",
            f"{where}: column {column!r} has a mean of {show(mean_w, 'W')}: its current is counted the other way",
            "exchange the meter's input and output, or its probe's direction, and run again",
        )
    return Log(column=column, unix=unix, time_s=time_s, power_w=power_w, note=note)

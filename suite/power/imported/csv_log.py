"""The log of an external meter, as CSV: which columns hold time and power, and in which unit.

Understood: `time, watts` under many names and units ("Timestamp", "t [ms]", "Power (mW)", "P_W"), current and voltage
instead of power, ISO stamps, UNIX time or seconds since the log began, `,` `;` or tabs, decimal commas, lines of text
above the head, and a last line that is still being written.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import NamedTuple

from suite.errors import SensorError
from suite.records import record, require

MAX_BANNER_LINES = 60
UNIX_AFTER_S = 1e9  # a larger number of seconds is since 1970 (2001 and later), not since the log began
REMEDY = "export it with a line of column names, as in `time,watts` with seconds and watts, one line a reading"

TIMES = {"time", "timestamp", "datetime", "date", "seconds", "elapsed", "t"}
POWERS = {"power", "watt", "watts", "p"}
CURRENTS = {"current", "amp", "amps", "ampere", "amperes", "i"}
VOLTAGES = {"voltage", "volt", "volts", "u"}
UNITS: Mapping[str, Mapping[str, float]] = {
    "time": {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "min": 60.0},
    "power": {"w": 1.0, "watt": 1.0, "watts": 1.0, "mw": 1e-3, "uw": 1e-6, "µw": 1e-6, "kw": 1e3},
    "current": {"a": 1.0, "ma": 1e-3, "ua": 1e-6, "µa": 1e-6},
    "voltage": {"v": 1.0, "mv": 1e-3},
}
OTHERS = {"factor", "energy", "wh", "mwh", "limit", "max", "min", "apparent", "reactive", "va", "var"}
NAMES = {"time": TIMES, "power": POWERS, "current": CURRENTS, "voltage": VOLTAGES}


@record
class Log:
    """Readings in the order of time. `unix`: the times are seconds since 1970; else since some moment of the meter."""

    column: str  # in the file's own words
    unix: bool
    time_s: tuple[float, ...]
    power_w: tuple[float, ...]

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
        return min((b - a for a, b in pairwise(values)), default=0.0)


class Column(NamedTuple):
    place: int
    name: str
    factor: float  # to the SI unit


def load(path: Path, column: str | None = None) -> Log:
    """The log in a file; `column` names the one with the power where there are several. Raises SensorError."""
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except FileNotFoundError as error:
        raise SensorError(
            "METER_NO_FILE", f"{path}: the meter's log is not there", "export the meter's log to that file"
        ) from error
    except OSError as error:
        reason = f"{path}: the meter's log can't be read: {(error.strerror or str(error)).lower()}"
        raise SensorError("METER_NO_FILE", reason, "name a file that you may read") from error
    return parse(text, str(path), column)


def parse(text: str, where: str, column: str | None = None) -> Log:
    """The log in a text. Raises SensorError METER_CSV with the line that is not understood."""
    lines = text.splitlines()
    whole = len(lines) if text.endswith(("\n", "\r")) else len(lines) - 1  # the rest is still being written
    delimiter = _delimiter(lines)
    rows = list(csv.reader(io.StringIO("\n".join(lines[:whole])), delimiter=delimiter))
    head, first = _head(rows, where, column)
    times: list[tuple[float, int]] = []  # with how many readings each stands for
    powers: list[float] = []
    unix = False
    for number, row in enumerate(rows[first:], start=first + 1):
        if not any(cell.strip() for cell in row):
            continue
        try:
            time_s, unix = _time(row, head["time"], delimiter)
            power_w = math.prod(_number(row[each.place], delimiter) * each.factor for each in head["power"])
        except (ValueError, IndexError) as error:
            raise _refused(f"{where}:{number}: {delimiter.join(row)[:60]!r} is no reading") from error
        if times and time_s < times[-1][0]:
            raise _refused(f"{where}:{number}: time goes back by {times[-1][0] - time_s:g} s")
        if times and time_s == times[-1][0]:  # stamps coarser than the readings: their mean
            times[-1] = (time_s, times[-1][1] + 1)
            powers[-1] += power_w
        else:
            times.append((time_s, 1))
            powers.append(power_w)
    if len(times) < 2:
        raise _refused(f"{where}: it holds {len(times)} reading(s)")
    return Log(
        column=" x ".join(each.name for each in head["power"]),
        unix=unix,
        time_s=tuple(time_s for time_s, _ in times),
        power_w=tuple(total / count for total, (_, count) in zip(powers, times, strict=True)),
    )


def _refused(reason: str) -> SensorError:
    return SensorError("METER_CSV", reason, REMEDY)


def _delimiter(lines: Sequence[str]) -> str:
    """The one that most lines hold; a comma that stands in every number beside a semicolon is a decimal comma."""
    counts = {each: sum(each in line for line in lines[: MAX_BANNER_LINES * 2]) for each in (";", "\t", ",")}
    return max(counts, key=lambda each: counts[each])  # the first of equals, so ; before ,


def _head(rows: Sequence[Sequence[str]], where: str, column: str | None) -> tuple[dict[str, tuple[Column, ...]], int]:
    """The columns of time and power, and the index of the first row of readings."""
    for index, row in enumerate(rows[:MAX_BANNER_LINES]):
        named = _named(row)
        if named["time"] and (column is not None or named["power"] or (named["current"] and named["voltage"])):
            return {"time": _clock(named["time"]), "power": _power(row, named, where, column)}, index + 1
        if len(row) == 2 and column is None and all(re.fullmatch(r"\s*-?[\d.]+\s*", cell) for cell in row):
            return {"time": (Column(0, "first", 1.0),), "power": (Column(1, "second", 1.0),)}, index
    raise _refused(f"{where}: no line names a column of time and one of power (or of current and voltage)")


def _clock(named: Sequence[Column]) -> tuple[Column, ...]:
    """The first column of time; a date and the time of day together."""
    dates = [each for each in named if _words(each.name) == ["date"]]
    days = [each for each in named if _words(each.name)[0] == "time"]
    return (dates[0], days[0]) if dates and days else (named[0],)


def _power(
    row: Sequence[str], named: Mapping[str, Sequence[Column]], where: str, column: str | None
) -> tuple[Column, ...]:
    if column is not None:
        for index, name in enumerate(row):
            if name.strip() == column:
                return (Column(index, column, _factor(name, "power")),)
        raise _refused(f"{where}: there is no column {column!r}, but {', '.join(name.strip() for name in row)}")
    several = next((named[kind] for kind in ("power", "current", "voltage") if len(named[kind]) > 1), None)
    if several and (several is named["power"] or not named["power"]):
        names = ", ".join(each.name for each in several)
        raise SensorError("METER_CSV", f"{where}: several columns could be meant: {names}", "name one by column=NAME")
    return tuple(named["power"]) or (*named["current"], *named["voltage"])


def _named(row: Sequence[str]) -> dict[str, list[Column]]:
    """The columns of each quantity, by the words of their names; a bare unit ("W", "mA") is a name too."""
    found: dict[str, list[Column]] = {kind: [] for kind in NAMES}
    for index, name in enumerate(row):
        words = _words(name)
        if set(words) & OTHERS:
            continue
        for kind, names in NAMES.items():
            bare_unit = len(words) == 1 and words[0] in UNITS[kind]
            if (words and words[0] in names) or bare_unit or (set(words) & (names - {"p", "i", "u", "t"})):
                found[kind].append(Column(index, name.strip(), _factor(name, kind)))
                break
    return found


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[^a-zµ0-9]+", name.strip().lower()) if word]


def _factor(name: str, kind: str) -> float:
    units = UNITS[kind]
    return next((units[word] for word in reversed(_words(name)) if word in units), 1.0)


def _number(cell: str, delimiter: str) -> float:
    value = float(cell.strip().replace(",", ".") if delimiter != "," else cell)
    if not math.isfinite(value):
        raise ValueError(cell)
    return value


def _time(row: Sequence[str], columns: Sequence[Column], delimiter: str) -> tuple[float, bool]:
    """Seconds, and whether they count from 1970. A stamp without a zone is this machine's local time."""
    cells = [row[each.place].strip() for each in columns]
    if len(cells) == 1 and re.fullmatch(r"[-+]?[\d.,]+(e[-+]?\d+)?", cells[0], re.IGNORECASE):
        value = _number(cells[0], delimiter) * columns[0].factor
        while value > 1e3 * UNIX_AFTER_S:  # UNIX time in ms, us or ns that the head does not tell of
            value /= 1e3
        return value, value > UNIX_AFTER_S
    if len(cells) == 1 and (clock := re.fullmatch(r"(\d+):(\d\d):(\d\d(?:[.,]\d+)?)", cells[0])):
        return int(clock[1]) * 3600 + int(clock[2]) * 60 + float(clock[3].replace(",", ".")), False
    stamp = datetime.fromisoformat(" ".join(cells).replace("/", "-").replace(",", "."))
    return stamp.astimezone(UTC).timestamp(), True

"""The cells that hold times: numbers, times of the day, or dates in the order of day, month and year of the file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal, NamedTuple

from suite.power.imported.numbers import MAX_CELL_CHARS, PLAIN, BadCell, Column
from suite.power.imported.text import refused

Order = Literal["ymd", "dmy", "mdy"]
ORDERS: tuple[Order, ...] = ("ymd", "dmy", "mdy")
UNIX_AFTER_S = 1e9  # a larger number of seconds is since 1970 (2001 and later), not since the log began
UNIX_BEFORE_S = 1e10  # and one of 2286 is milliseconds
DAY_S, HALF_DAY_S = 86_400.0, 43_200.0

TIME = r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*([AaPp]\.?[Mm]\.?)?"
ELAPSED = re.compile(r"(\d{1,4}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?\s*([AaPp]\.?[Mm]\.?)?")
DATE = re.compile(
    r"(\d{1,4})([-./])(\d{1,2})\2(\d{1,4})(?:(?:\s*[T,]\s*|\s+)" + TIME + r"\s*(Z|UTC|GMT|[-+]\d{2}(?::?\d{2})?)?)?"
)
COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})[T\s]*(\d{2}):?(\d{2}):?(\d{2})")
NUMBER = re.compile(r"[-+]?\d[\d.,]*(?:[eE][-+]?\d+)?(?:\s*[a-zμµ]+)?")


def cell_of(row: Sequence[str], columns: Sequence[Column]) -> str:
    """The stamp of a row; of two columns, the date and the time of the day. Raises BadCell where the row is short."""
    if columns[-1].place >= len(row):
        raise BadCell("is not there: the row ends before it")
    return " ".join(row[each.place].strip() for each in columns)


class Dates:
    """In which order the file's dates name day, month and year."""

    def __init__(self) -> None:
        self.order: Order | None = None
        self.doubtful = ""  # a cell that could be of either order
        self.half_days = False
        self.settled = True  # of a file without dates

    def look(self, cell: str) -> None:
        found = DATE.fullmatch(cell.strip()) if len(cell) <= MAX_CELL_CHARS else None
        if not found or self.order:
            return
        first, mark, second = found[1], found[2], found[3]
        self.settled = False
        self.half_days = self.half_days or bool(found[9])
        if len(first) == 4:
            self.order = "ymd"
        elif mark == "." or int(first) > 12:
            self.order = "dmy"
        elif int(second) > 12:
            self.order = "mdy"
        elif first != second:
            self.doubtful = self.doubtful or cell
        self.settled = self.order is not None

    def decided(self, where: str) -> Order:
        """Raises SensorError where no cell tells. Where noon is told by AM and PM, the month is named first."""
        if self.order:
            return self.order
        if not self.doubtful or self.half_days:
            return "mdy"
        raise refused(
            f"{where}: {self.doubtful.strip()[:30]!r} leaves open which of its numbers is the month",
            "say in which order the dates are: --power csv:dates=dmy, or csv:dates=mdy",
        )


class Moment(NamedTuple):
    time_s: float
    unix: bool


class Clock:
    """Turns stamps into seconds. What kind they are is found from the first one, and holds for the file."""

    def __init__(self, columns: Sequence[Column], mark: str, order: Order, *, utc: bool) -> None:
        self._column = columns[0]
        self._mark = mark
        self._order = order
        self._utc = utc
        self._per_second = 0.0  # of numbers: what the head's unit lacks to seconds
        self._kind = ""
        self._day_s = 0.0
        self._last_s = -1.0
        self.unix = False

    def seconds(self, cell: str) -> float:
        """Since 1970 if `unix`, else since some moment. A stamp without a zone is this machine's local time, unless its
        column is named after UTC. Raises BadCell."""
        text = cell.strip()
        if len(text) > MAX_CELL_CHARS:
            raise BadCell(f"has {len(text):,} characters")
        kind, value = self._read(text)
        if abs(value) > UNIX_BEFORE_S:
            raise BadCell("is no time that a run could have")
        if self._kind and kind != self._kind:
            raise BadCell(f"is a {kind}, where the stamps above are a {self._kind} each")
        if not self._kind:
            self._kind = kind
            self.unix = kind == "date" or (kind == "number" and value > UNIX_AFTER_S)
        return value

    def _read(self, text: str) -> tuple[str, float]:
        if (PLAIN.fullmatch(text) or NUMBER.fullmatch(text)) and not (len(text) == 14 and COMPACT.fullmatch(text)):
            return "number", self._number(text)
        if clock := ELAPSED.fullmatch(text):
            return "time of the day", self._time_of_day(clock)
        try:
            return "date", self._date(text)
        except (ValueError, OverflowError, OSError) as error:
            raise BadCell("is no time" if not isinstance(error, BadCell) else str(error)) from error

    def _number(self, text: str) -> float:
        value = self._column.value(text, self._mark)
        if not self._per_second:
            self._per_second = 1.0
            while (
                value / self._per_second > UNIX_BEFORE_S and self._per_second < 1e9
            ):  # UNIX time in ms, us or ns, unsaid
                self._per_second *= 1e3
        return value / self._per_second

    def _time_of_day(self, clock: re.Match[str]) -> float:
        hours = _hours(int(clock[1]), clock[5])
        if int(clock[2]) > 59 or int(clock[3]) > 60:
            raise BadCell("is no time")
        value = self._day_s + hours * 3600 + int(clock[2]) * 60 + int(clock[3]) + float(f"0.{clock[4] or 0}")
        if hours < 24 and value < self._last_s - HALF_DAY_S:  # past midnight
            self._day_s += DAY_S
            value += DAY_S
        self._last_s = value
        return value

    def _date(self, text: str) -> float:
        if compact := COMPACT.fullmatch(text):
            year, month, day, hours, minutes, seconds = (int(each) for each in compact.groups())
            return self._since_1970(datetime(year, month, day, hours, minutes, seconds), "")
        found = DATE.fullmatch(text)
        if not found:  # ISO's rarer forms
            stamp = datetime.fromisoformat(text)
            return (stamp.replace(tzinfo=UTC) if stamp.tzinfo is None and self._utc else stamp).timestamp()
        numbers = dict(zip(self._order, (int(found[1]), int(found[3]), int(found[4])), strict=True))
        short = len(found[1 if self._order == "ymd" else 4]) <= 2
        year = 2000 + numbers["y"] if short else numbers["y"]
        hours = _hours(int(found[5] or 0), found[9])
        stamp = datetime(year, numbers["m"], numbers["d"], hours, int(found[6] or 0), int(found[7] or 0))
        return self._since_1970(stamp, found[10] or "") + float(f"0.{found[8] or 0}")

    def _since_1970(self, stamp: datetime, zone: str) -> float:
        if zone in ("Z", "UTC", "GMT") or (not zone and self._utc):
            return stamp.replace(tzinfo=UTC).timestamp()
        if not zone:
            return stamp.timestamp()
        minutes = int(zone[1:3]) * 60 + int(zone[3:].lstrip(":") or 0)
        return stamp.replace(tzinfo=timezone(timedelta(minutes=-minutes if zone[0] == "-" else minutes))).timestamp()


def _hours(hours: int, half: str | None) -> int:
    if not half:
        return hours
    if not 1 <= hours <= 12:
        raise BadCell("is no time of a clock with AM and PM")
    return hours % 12 + (12 if half[0] in "pP" else 0)

"""The readings below a head: each row's time and power, or the line, column and cell that could not be read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from suite.errors import SensorError
from suite.power.imported.columns import ACTIVE, MAINS_V, Asked, Chosen
from suite.power.imported.head import BLANKS, Head, rows
from suite.power.imported.layouts import BESIDE
from suite.power.imported.numbers import MARKS, BadCell, Column, Marks, missing
from suite.power.imported.stamps import DATE, ELAPSED, Clock, Dates, cell_of
from suite.power.imported.text import Text, refused
from suite.units import show

MAX_FOOTER_LINES = 30
MAX_POWER_W = 1e5  # more is no power of a device that a person owns, but a unit misread
EXPORT = "mend that line, or export the log again"


class Reading(NamedTuple):
    time_s: float
    power_w: float
    row: list[str]


class Table(NamedTuple):
    """A file's rows, with how its cells are read: found once, from all of them."""

    text: Text
    head: Head
    mark: str
    clock: Clock

    @classmethod
    def of(cls, text: Text, head: Head, asked: Asked) -> Table:
        """Raises SensorError where the decimal mark or the order of dates stays open."""
        marks, dates = Marks(), Dates()
        time, power = head.chosen.time, head.chosen.power
        for _, row in rows(text, head):
            try:
                stamp = cell_of(row, time)
            except BadCell:
                continue
            if not (DATE.fullmatch(stamp) or ELAPSED.fullmatch(stamp) or len(time) > 1):
                marks.look(stamp)
            dates.look(stamp)
            for column in power:
                marks.look(row[column.place] if column.place < len(row) else "")
            if marks.settled and dates.settled:
                break
        mark = MARKS[asked.decimal] if asked.decimal else marks.decided(head.delimiter, text.where)
        order = asked.dates or dates.decided(text.where)
        return cls(text, head, mark, Clock(time, mark, order, utc=head.chosen.utc))

    def readings(self) -> Iterator[Reading]:
        """In the order of time. Rows that say that there was no reading are left out, and so are lines below the last.

        Raises SensorError METER_CSV.
        """
        footer: tuple[SensorError, int] | None = None
        last_s = -math.inf
        repeated = self.head.names[0] if self.head.names else None
        for number, row in rows(self.text, self.head):
            if row[0] == repeated and tuple(row) == self.head.names:
                continue  # a log that was appended to, names and all
            try:
                time_s = self._time_s(number, row)
            except SensorError as error:
                footer = (footer[0], footer[1] + 1) if footer else (error, 1)
                if footer[1] > MAX_FOOTER_LINES or last_s == -math.inf:
                    raise footer[0] from None
                continue
            if footer:
                raise footer[0]
            if time_s < last_s:
                raise self._back(number, row, last_s - time_s)
            if (power_w := self._power_w(number, row)) is None:
                continue
            last_s = time_s
            yield Reading(time_s, power_w, row)

    def _time_s(self, number: int, row: list[str]) -> float:
        columns = self.head.chosen.time
        cell = ""
        try:
            cell = cell_of(row, columns)
            return self.clock.seconds(cell)
        except BadCell as error:
            raise self._bad(number, row, columns[0].name, cell, error) from error

    def _power_w(self, number: int, row: list[str]) -> float | None:
        """None where a cell says that there was no reading."""
        chosen = self.head.chosen
        width = len(self.head.names)
        if len(row) != width > 0 and (self.head.delimiter in BLANKS or any(cell.strip() for cell in row[width:])):
            raise self._uneven(number, row)
        value = chosen.constant
        for column in chosen.power:
            cell = row[column.place] if column.place < len(row) else None
            if cell is not None and missing(cell):
                return None
            try:
                value *= factor_of(column, cell, self.mark)
            except BadCell as error:
                raise self._bad(number, row, column.name, cell or "", error) from error
        if abs(value) > MAX_POWER_W:
            reason = f"{self.text.where}:{number}: {value:.3g} W is no power of a device: the unit is misread"
            raise refused(reason, "say which it is: --power csv:column=NAME,unit=mW")
        return value

    def _bad(self, number: int, row: list[str], name: str, cell: str, error: BadCell) -> SensorError:
        if len(row) == 1 and row[0].count('"') % 2:
            reason = f"{self.text.where}:{number}: {row[0].strip()[:40]!r} opens a quote and does not close it"
            return refused(reason, EXPORT)
        reason = f"{self.text.where}:{number}: column {name!r} holds {cell.strip()[:40]!r}, which {error}"
        return refused(reason, EXPORT)

    def _uneven(self, number: int, row: list[str]) -> SensorError:
        """Which cell is below which name can't be told: of blanks, one that is empty leaves no trace."""
        where, cells = f"{self.text.where}:{number}", "|".join(row)[:60]
        reason = f"{where}: {len(row)} cells stand below {len(self.head.names)} names: {cells!r}"
        return refused(
            reason, "export numbers with a decimal point, cells parted by semicolons, and a cell for each name"
        )

    def _back(self, number: int, row: list[str], back_s: float) -> SensorError:
        cell = cell_of(row, self.head.chosen.time)
        reason = f"{self.text.where}:{number}: time goes back by {back_s:g} s, at {cell[:40]!r}"
        if self.clock.unix:
            return refused(reason, "its clock was set meanwhile: export stamps in UTC, or elapsed seconds")
        return refused(reason, "export one log, from before the run until after it, in the order of time")


def factor_of(column: Column, cell: str | None, mark: str) -> float:
    """One factor of a row's power. Raises BadCell."""
    if cell is None:
        raise BadCell("is not there: the row ends before it")
    value = column.value(cell, mark)
    if column.quantity == "factor" and abs(value) > 1:
        raise BadCell("is no power factor, which is 1 at most")
    return value


class Checks:
    """What holds of all readings together: nothing on other channels, and no mains taken for direct current."""

    def __init__(self, chosen: Chosen, mark: str) -> None:
        self._chosen = chosen
        self._mark = mark
        self._volts = next((each for each in chosen.power if each.quantity == "voltage" and chosen.mains_refused), None)
        self._count = 0
        self._total_w = 0.0
        self._total_v = 0.0
        self._beside_w = [0.0] * len(chosen.beside)

    def add(self, row: list[str], power_w: float) -> None:
        if self._volts is not None:
            self._total_v += abs(self._volts.value(row[self._volts.place], self._mark))
            self._count += 1
        if self._beside_w:
            self._total_w += abs(power_w)
            for number, columns in enumerate(self._chosen.beside):
                self._beside_w[number] += self._beside(row, columns)

    def _beside(self, row: list[str], columns: tuple[Column, ...]) -> float:
        """A channel that is not read has no say in whether the main one is: what is no number there counts as none."""
        try:
            return abs(math.prod(factor_of(each, row[each.place], self._mark) for each in columns))
        except (BadCell, IndexError):
            return 0.0

    def refuse(self, where: str) -> None:
        """Raises SensorError METER_CSV."""
        if self._count and self._total_v / self._count > MAINS_V:
            mean = show(self._total_v / self._count, "V")
            raise refused(f"{where}: column {self._volts and self._volts.name!r} is of {mean}", ACTIVE)
        for columns, total_w in zip(self._chosen.beside, self._beside_w, strict=True):
            if total_w > BESIDE * self._total_w:
                names = f"{columns[0].name!r} beside {self._chosen.power[0].name!r}"
                reason = f"{where}: two channels carry power, {names}"
                raise refused(reason, "say which feeds the device: --power csv:column=NAME")

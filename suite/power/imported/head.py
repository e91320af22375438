"""The line of names in a log, and which of its columns hold time and power. What is not understood is named, with what
to type; a reading without names is believed only where the file begins with numbers.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from suite.errors import SensorError
from suite.power.imported.columns import Asked, Chosen, chosen, history
from suite.power.imported.numbers import PLAIN, Column
from suite.power.imported.quantities import Name, read, unit
from suite.power.imported.stamps import COMPACT, DATE, ELAPSED, NUMBER
from suite.power.imported.text import Text, refused, shown

MAX_BANNER_LINES = 60
MAX_COLUMNS = 1000
BLANKS = ("  ", " ")  # two or more, and any
DELIMITERS = ("\t", ";", "|", ",", *BLANKS)
STAMPS = (PLAIN, NUMBER, DATE, ELAPSED, COMPACT)


class Head(NamedTuple):
    """Where the readings begin and how their cells are parted, and what is read of them."""

    delimiter: str
    lines: int  # up to and with the names and their units
    names: tuple[str, ...]  # empty where there are none
    chosen: Chosen


class Candidate(NamedTuple):
    line: int  # from 0
    delimiter: str
    names: list[str]
    read: list[Name]


def split(line: str, delimiter: str) -> list[str]:
    """The cells of a line; a line whose quotes do not close is one cell."""
    if '"' in line:
        if line.count('"') % 2:
            return [line]
        parted = "\t" if delimiter == "\t" else delimiter[0]
        try:
            return next(csv.reader([line.strip()], delimiter=parted, skipinitialspace=True), [])
        except csv.Error:
            return [line]
    if delimiter == " ":
        return line.split()
    return re.split(r"\s{2,}", line.strip()) if delimiter == "  " else line.split(delimiter)


def find(text: Text, asked: Asked) -> Head:
    """Raises SensorError METER_CSV."""
    lines = [shown(line) for line in islice(text.lines(), MAX_BANNER_LINES + 5)]
    candidates = list(_candidates(lines, asked))
    if not candidates:
        return _headless(lines, text.where, asked)
    best = next((each for each in candidates if _is_followed(each, lines)), candidates[0])
    units, count = _units(best, lines)
    names = [_with_unit(name, said) for name, said in zip(best.read, units, strict=True)] if units else best.read
    where = f"{text.where}:{best.line + 1}"
    if history(best.names):
        return Head(best.delimiter, best.line + 1, tuple(best.names), Chosen((), ()))
    return Head(best.delimiter, best.line + 1 + count, tuple(best.names), chosen(names, where, asked))


def _candidates(lines: Sequence[str], asked: Asked) -> Iterator[Candidate]:
    """Lines of names, first those that name a time and something else of use."""
    found: list[Candidate] = []
    for number, line in enumerate(lines[:MAX_BANNER_LINES]):
        for delimiter in DELIMITERS:
            names = _names(line, delimiter)
            if not 2 <= len(names) <= MAX_COLUMNS or len({name.strip() for name in names} - {""}) < 2:
                continue
            if any(PLAIN.fullmatch(name.strip()) for name in names):  # a row of readings, with a word among them
                continue
            found.append(Candidate(number, delimiter, names, [read(name) for name in names]))
    timed = [each for each in found if history(each.names) or _has_time(each, asked)]
    powered = [each for each in timed if history(each.names) or _has_power(each, asked)]
    yield from (each for each in powered if {"time", "power", "current"} & _usable(each) > {"time"})
    yield from powered
    yield from timed
    yield from (each for each in found if any(name.quantity or name.unit for name in each.read))


def _names(line: str, delimiter: str) -> list[str]:
    """The names in a line. Where single blanks part them, a unit in brackets belongs to the name before it."""
    cells = split(line.lstrip("#%/ ") if line.lstrip().startswith(("#", "%", "//")) else line, delimiter)
    if delimiter != " ":
        return cells
    joined: list[str] = []
    for cell in cells:
        if joined and re.fullmatch(r"[(\[].*", cell):
            joined[-1] += f" {cell}"
        else:
            joined.append(cell)
    return joined


def _has_time(candidate: Candidate, asked: Asked) -> bool:
    return any(
        name.quantity == "time" or (asked.time is not None and name.text == asked.time) for name in candidate.read
    )


def _has_power(candidate: Candidate, asked: Asked) -> bool:
    kinds = {name.quantity for name in candidate.read}
    named = asked.column is not None and any(name.text == asked.column for name in candidate.read)
    return named or "power" in kinds or "current" in kinds


def _usable(candidate: Candidate) -> set[str]:
    """The quantities that its names tell without an odd unit."""
    return {str(name.quantity) for name in candidate.read if name.usable}


def _is_followed(candidate: Candidate, lines: Sequence[str]) -> bool:
    """Whether a row of as many cells, one of them a time, stands among the lines below."""
    below = [split(line, candidate.delimiter) for line in lines[candidate.line + 1 :] if line.strip()][:3]
    return any(
        abs(len(row) - len(candidate.names)) <= 1
        and any(stamp.fullmatch(cell.strip()) for cell in row for stamp in STAMPS)
        for row in below
    )


def _units(candidate: Candidate, lines: Sequence[str]) -> tuple[list[str], int]:
    """The cells of a row of units below the names, and how many lines down it is; none: 0."""
    for below, line in enumerate(lines[candidate.line + 1 :], start=1):
        if not line.strip():
            continue
        cells = [cell.strip().strip("()[]").strip() for cell in split(line, candidate.delimiter)]
        is_units = len(cells) == len(candidate.names) and sum(unit(cell) is not None for cell in cells) >= 1
        if is_units and not any(re.match(r"[-+.,]?\d", cell) for cell in cells):
            return cells, below
        break
    return [], 0


def _with_unit(name: Name, said: str) -> Name:
    """A name as if the unit below it stood in its brackets."""
    return name if not said or name.unit else read(f"{name.text} ({said})")._replace(text=name.text)


def _headless(lines: Sequence[str], where: str, asked: Asked) -> Head:
    """Two columns of numbers from the first line on: seconds and watts. Raises SensorError."""
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        for delimiter in DELIMITERS:
            row = split(line, delimiter)
            if len(row) == 2 and all(_is_number(cell) for cell in row) and asked.column is None:
                power = unit(asked.unit) if asked.unit else None
                columns = (Column(0, "first", "time", asked.time_factor or 1.0, said=asked.time_factor is not None),)
                second = Column(1, "second", "power", power.factor if power else 1.0, said=power is not None)
                note = "without names: time in seconds, power in watts, assumed" if power is None else ""
                return Head(delimiter, number, (), Chosen(columns, (second,), note=note))
        raise _unnamed(line, f"{where}:{number + 1}")
    raise refused(
        f"{where}: no line names a column of time and one of power: there is nothing in it",
        "export the log once the meter has logged something",
    )


def _is_number(cell: str) -> bool:
    return NUMBER.fullmatch(cell.strip()) is not None and not re.search(r"[a-zμµ]", cell)


def _unnamed(line: str, where: str) -> SensorError:
    return refused(
        f"{where}: no line names a column of time and one of power (or of current and voltage): "
        f"{line.strip()[:60]!r} was not understood",
        "name them by --power csv:time=NAME,column=NAME, with unit=W or what else it is; or export time and watts with"
        " a line of names, as in `time,watts`",
    )


def rows(text: Text, head: Head) -> Iterator[tuple[int, list[str]]]:
    """The rows below the head with the numbers of their lines, comments and blank ones left out."""
    delimiter, width = head.delimiter, len(head.names)
    for number, line in enumerate(text.lines(), start=1):
        plain = line.strip()
        if number <= head.lines or not plain or plain[0] == "#":
            continue
        row = split(line, delimiter)
        if delimiter == " " and 0 < width < len(row) <= width + 2:
            row = _rejoined(row, len(row) - width)
        if any(row) and (row[0] or plain.strip(delimiter)):  # not ";;;;"
            yield number, row


def _rejoined(row: list[str], more: int) -> list[str]:
    """A date, a time of the day and AM or PM, which blanks part in a row as well, as one cell."""
    for place in range(len(row) - more):
        stamp = " ".join(row[place : place + more + 1])
        if DATE.fullmatch(stamp):
            return [*row[:place], stamp, *row[place + more + 1 :]]
    return row

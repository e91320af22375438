"""The cells that hold numbers: one decimal mark for a file, found from all of its cells, never from one alone."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

from suite.power.imported.quantities import Quantity, unit
from suite.power.imported.text import refused

MARKS: Mapping[str, str] = {"point": ".", "comma": ","}
GROUPS = " '’\u00a0\u202f\u2009"  # between thousands, beside the other mark
PLAIN = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
CELL = re.compile(rf"([-+−]?)(\d[\d.,{GROUPS}]*|[.,]\d+)([eE][-+]?\d+)?\s*(\D*)")
MAX_CELL_CHARS = 100
MISSING = frozenset(("", "unavailable", "unknown", "none", "null", "n/a", "#n/a", "na", "-", "--", "---"))

POINTED = (",", " ", "  ")  # between cells where a decimal mark is a point, unless a cell proves a comma


class BadCell(ValueError):
    """What is wrong with a cell, said of it."""


class Column(NamedTuple):
    """Where a quantity stands, under which name, and the factor to its SI unit."""

    place: int
    name: str
    quantity: Quantity
    factor: float
    said: bool  # whether the file names the unit

    def value(self, cell: str, mark: str) -> float:
        """In SI units. Raises BadCell."""
        text = cell.strip()
        if mark == "." and PLAIN.fullmatch(text) and len(text) <= MAX_CELL_CHARS:
            return finite(float(text)) * self.factor
        if len(text) > MAX_CELL_CHARS:
            raise BadCell(f"has {len(text):,} characters")
        found = CELL.fullmatch(text)
        if not found:
            raise BadCell("is no number")
        number = finite(float(found[1].replace("−", "-") + _plain(found[2], mark) + (found[3] or "")))
        return number * (self._own(found[4].strip()) if found[4].strip() else self.factor)

    def _own(self, suffix: str) -> float:
        """The factor of the unit that the cell itself carries."""
        own = unit(suffix)
        if own is None or own.quantity != self.quantity:
            raise BadCell(f"ends in {suffix[:20]!r}, which is no unit of {self.quantity}")
        if self.said and not math.isclose(own.factor, self.factor):
            raise BadCell(f"ends in {suffix[:20]!r}, and the column's name says another unit")
        return own.factor


def missing(cell: str) -> bool:
    """Whether the cell says that there was no reading."""
    return not cell or (not cell[0].isdigit() and cell.strip().lower() in MISSING)


def finite(value: float) -> float:
    if not math.isfinite(value):
        raise BadCell("is no number")
    return value


def _plain(digits: str, mark: str) -> str:
    """With a point as the decimal mark and without groups. Raises BadCell where the groups are not of three."""
    whole, point, rest = digits.partition(mark)
    groups = re.split(rf"[.,{GROUPS}]", whole.rstrip(GROUPS))
    if not rest.strip(GROUPS).isdigit() and rest:
        raise BadCell(f"has more than the decimal mark {mark!r} of this file")
    if len(groups) > 1 and not (1 <= len(groups[0]) <= 3 and all(len(each) == 3 for each in groups[1:])):
        raise BadCell(f"does not have the decimal mark {mark!r} of this file")
    return "".join(groups) + (f".{rest.strip(GROUPS)}" if point else "")


class Marks:
    """What the cells say of the file's decimal mark."""

    def __init__(self) -> None:
        self.proof: dict[str, str] = {}  # mark -> a cell that it is the decimal mark of
        self.doubtful: dict[str, str] = {}  # mark -> a cell where it could also part thousands

    def look(self, cell: str) -> None:
        found = CELL.fullmatch(cell.strip()) if len(cell) <= MAX_CELL_CHARS else None
        if not found:
            return
        digits = found[2]
        present = [mark for mark in ".," if mark in digits]
        if len(present) == 2:
            last = max(present, key=digits.rfind)
            self.proof.setdefault(last, cell)
        elif present:
            mark = present[0]
            whole, _, rest = digits.partition(mark)
            if digits.count(mark) > 1:
                self.proof.setdefault("," if mark == "." else ".", cell)
            elif found[3] or len(rest) != 3 or not 1 <= len(whole) <= 3 or whole.startswith("0"):
                self.proof.setdefault(mark, cell)
            else:
                self.doubtful.setdefault(mark, cell)

    @property
    def settled(self) -> bool:
        return bool(self.proof)

    def decided(self, delimiter: str, where: str) -> str:
        """The decimal mark. Where only commas or blanks part the cells, a point alone is it. Raises SensorError."""
        if len(self.proof) == 1:
            return next(iter(self.proof))
        if not self.proof and (not self.doubtful or (delimiter in POINTED and "," not in self.doubtful)):
            return "."
        cells = list((self.proof or self.doubtful).values())
        said = " and ".join(repr(cell.strip()[:30]) for cell in cells[:2])
        leave = "leaves" if len(cells) == 1 else "leave"
        raise refused(
            f"{where}: {said} {leave} open whether the decimal mark is a point or a comma",
            "say which it is: --power csv:decimal=point, or csv:decimal=comma",
        )

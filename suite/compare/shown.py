"""One cell of a comparison in words: the figure, the ratio, the verdict, the numbers of its notes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from suite import units
from suite.compare.against import BY_CHANCE, OTHER_STATE, Merged, Told
from suite.compare.quantities import Quantity
from suite.compare.sheet import Place
from suite.compare.table import Cell as Compared
from suite.compare.table import Line
from suite.records import NotMeasured
from suite.report.spans import Sign, Span, Spans, Strong, Verdict, spans
from suite.report.table import Cell, Marked
from suite.stats.ratio import Ratio
from suite.units import Scale

MINUTE_S, HOUR_S = 60.0, 3600.0
SIGNIFICANT = 3
MOST_DIGITS = 5
RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(slots=True)
class Notes:
    """Texts that cells refer to, by number, in the order in which a reader meets them."""

    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers) + 1)


def word(quantity: Quantity, answer: str) -> str:
    """The verdict in the quantity's own words: FASTER where a latency is LESS."""
    return {"LESS": quantity.less, "MORE": quantity.more, "NONE": "not compared"}.get(answer, answer)


def sign(quantity: Quantity, answer: str) -> Sign:
    if quantity.better == "neither" or answer not in ("LESS", "MORE"):
        return "open"
    return "yes" if (answer == "LESS") == (quantity.better == "less") else "no"


def describe(place: Place) -> str:
    """The input's sizes in words; nothing where the figure is the model's."""
    sizes = [f"{size} {name.replace('_', ' ')}" for name, size in place.axes]
    batch = [f"batch {place.batch_size}"] if place.batch_size else []
    scenario = [] if place.scenario == "forward" else [place.scenario]
    part = [place.part] if place.part else []
    return ", ".join([*batch, *sizes, *scenario, *part])


def figure(quantity: Quantity, scale: Scale, merged: Merged) -> str:
    value, bound = merged.figure.value, merged.figure.bound
    if merged.figure.exact and quantity.unit == "":
        return f"{bound}{units.show_count(round(value))}"
    return f"{bound}{scale.value(value)}"


def times(value: float) -> str:
    """ "×1.06": with three digits, or as many as show that it is not 1."""
    if value == 1:
        return "×1.00"
    for significant in range(SIGNIFICANT, MOST_DIGITS + 1):
        shown = units.digits(value, significant)
        if float(shown) != 1:
            break
    return f"×{shown}"


def ratio(found: Ratio) -> str:
    """With its interval, where it has one."""
    if found.interval is None:
        return times(found.value)
    low, high = found.interval.low, found.interval.high
    scale = Scale(1.0, "")
    return f"×{scale.within(found.value, low, high)} ({scale.interval(low, high)})"


def needed(told: Told) -> str:
    if told.answer != "UNRESOLVED" or told.needed_s is None:
        return ""
    if told.needed_s > HOUR_S:
        return ", not within an hour here"
    minutes = max(1, math.ceil(told.needed_s / MINUTE_S))
    return f", about {minutes} min more"


@dataclass(frozen=True, slots=True)
class Style:
    """How the cells of one table are told. brief: the ratio alone, without its interval."""

    quantity: Quantity
    scale: Scale
    notes: Notes
    brief: bool = False

    def cell(self, line: Line, name: str) -> Cell:
        found = line.cells[name]
        if not isinstance(found.merged, Merged):
            return found.merged
        shown: Span = figure(self.quantity, self.scale, found.merged)
        if found.rank == 1 and any(other.rank not in (None, 1) for other in line.cells.values()):
            shown = Strong(str(shown))
        value = found.merged.figure.value / self.scale.factor
        return Marked(spans(shown, self._beside(found), _marks(found, name, line, self.notes)), value)

    def _beside(self, found: Compared) -> Spans:
        told = found.told
        if found.beside is None or told is None:
            return ()
        verdict, ratio_found = word(self.quantity, told.answer), found.beside.ratio
        if ratio_found is None or told.answer == "EQUAL":
            return (f" {verdict}",)
        size = times(ratio_found.value) if self.brief else ratio(ratio_found)
        if told.answer == "UNRESOLVED" and ratio_found.interval is None:
            return (f" {size}, no interval",)
        if told.answer in ("LESS", "MORE") and self.quantity.better != "neither":
            return (f" {size} ", Verdict(verdict, sign(self.quantity, told.answer)))
        return (f" {size} {verdict}{needed(told)}",)


def _marks(found: Compared, name: str, line: Line, notes: Notes) -> Spans:
    numbers = sorted({notes.number(text) for text in texts(found, name, line)})
    return (f" {' '.join(map(raised, numbers))}",) if numbers else ()


def raised(number: int) -> str:
    """As a reader knows the numbers of notes: raised(12) == "¹²"."""
    return str(number).translate(RAISED)


def texts(found: Compared, name: str, line: Line) -> Iterator[str]:
    """What must be said beside the cell: differences, refusals, the machine's state; of which kind, where there are
    several."""
    if found.beside is None:
        if isinstance(found.merged, Merged):
            yield from found.merged.notes
        return
    whose = f"{name}: " if len(line.cells) > 2 else ""
    for text in (*found.beside.refused, *found.beside.notes):
        yield f"{whose}{text}"
    if found.told is not None and found.told.reason == OTHER_STATE:
        yield f"{whose}{found.told.reason}"
    if found.told is not None and found.told.reason == BY_CHANCE:
        yield found.told.reason


def absences(lines: Sequence[Line]) -> list[NotMeasured]:
    found = (cell.merged for line in lines for cell in line.cells.values())
    return list(dict.fromkeys(absence for absence in found if isinstance(absence, NotMeasured)))


def scale_of(quantity: Quantity, lines: Sequence[Line]) -> Scale:
    values = [
        cell.merged.figure.value for line in lines for cell in line.cells.values() if isinstance(cell.merged, Merged)
    ]
    return units.scale_of(values, quantity.unit)

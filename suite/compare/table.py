"""Runs side by side: every figure of each kind of run, and what each says beside the first kind's.

The verdicts of one quantity are corrected for all of them together. Source: docs/compare.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from suite.compare import against
from suite.compare.against import Beside, Merged, Told
from suite.compare.quantities import QUANTITIES, Quantity
from suite.compare.sheet import SUBJECT, Entry, Place, Sheet
from suite.records import NotMeasured
from suite.stats.ratio import Ratio
from suite.stats.verdicts import ERROR_SHARE, MARGIN, groups, judged

COUNTED = ("parameters", "flops")  # whatever a model is run with
BY_NAME = {quantity.name: quantity for quantity in QUANTITIES}

ByKind = Mapping[str, Mapping[Place, Merged | NotMeasured]]


@dataclass(frozen=True, slots=True)
class Cell:
    """What one kind says at one place. beside, told: of it against the first kind; None where one has no figure.

    rank: 1 for the best and all that are not told apart from it; None where nothing can be ranked.
    """

    merged: Merged | NotMeasured | None
    beside: Beside | None = None
    told: Told | None = None
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """cells by kind, in the kinds' order."""

    place: Place
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """lines by quantity. unknown: facts that no run tells, by which two of them may differ unseen."""

    kinds: Mapping[str, tuple[Sheet, ...]]
    margin: float
    lines: Mapping[str, tuple[Line, ...]]
    unknown: tuple[str, ...] = field(default=())

    @property
    def names(self) -> list[str]:
        return list(self.kinds)

    @property
    def quantities(self) -> list[Quantity]:
        return [BY_NAME[name] for name in self.lines]

    @property
    def models(self) -> list[str]:
        return list(dict.fromkeys(line.place.model for lines in self.lines.values() for line in lines))


def compare(kinds: Mapping[str, tuple[Sheet, ...]], margin: float = MARGIN) -> Comparison:
    """Everything that the kinds have, each against the first of them."""
    varying = _varying([sheet for sheets in kinds.values() for sheet in sheets])
    by_kind = {name: _merged(name, sheets, varying) for name, sheets in kinds.items()}
    places: dict[str, dict[Place, None]] = {}
    for found in by_kind.values():
        for place in found:
            places.setdefault(place.quantity, {})[place] = None
    lines = {
        quantity.name: _lines(quantity, list(places[quantity.name]), by_kind, margin)
        for quantity in QUANTITIES
        if quantity.name in places
    }
    return Comparison(kinds=kinds, margin=margin, lines=lines, unknown=tuple(_untold(by_kind)))


def _untold(by_kind: ByKind) -> list[str]:
    """Facts of timed figures that no kind tells."""
    under = [
        found.conditions
        for merged in by_kind.values()
        for place, found in merged.items()
        if isinstance(found, Merged) and place.quantity not in COUNTED
    ]
    distinct = list({id(each): each for each in under}.values())
    names = dict.fromkeys(name for quantity in QUANTITIES if quantity.name not in COUNTED for name in quantity.facts)
    return [name for name in names if distinct and all(each.facts.get(name) is None for each in distinct)]


def _varying(sheets: Sequence[Sheet]) -> Mapping[str, tuple[int, ...]]:
    """Of each model, the fields of its subject that have several values within one run: they part its lines."""
    seen: dict[str, set[int]] = {}
    for sheet in sheets:
        first: dict[tuple[str, str], tuple[str, ...]] = {}
        for place, subject in sheet.entries:
            if place.quantity in COUNTED:
                continue  # counts don't depend on how a model is run
            base = first.setdefault((place.model, place.quantity), subject)
            if subject != base:
                told = {at for at, (one, other) in enumerate(zip(base, subject, strict=True)) if one != other}
                seen.setdefault(place.model, set()).update(told)
    return {model: tuple(sorted(fields)) for model, fields in seen.items()}


def _merged(
    name: str, sheets: Sequence[Sheet], varying: Mapping[str, tuple[int, ...]]
) -> dict[Place, Merged | NotMeasured]:
    """The figures of one kind by place, those of several runs as one."""
    found: dict[Place, list[Entry]] = {}
    for sheet in sheets:
        own: dict[Place, Entry] = {}
        for (place, subject), entry in sheet.entries.items():
            fields = () if place.quantity in COUNTED else varying.get(place.model, ())
            variant = tuple((SUBJECT[at], subject[at]) for at in fields)
            own.setdefault(replace(place, variant=variant) if variant else place, entry)
        for place, entry in own.items():
            found.setdefault(place, []).append(entry)
    return {
        place: against.merged(BY_NAME[place.quantity], name, entries, len(sheets)) for place, entries in found.items()
    }


def _lines(quantity: Quantity, places: Sequence[Place], by_kind: ByKind, margin: float) -> tuple[Line, ...]:
    names = list(by_kind)
    besides: dict[tuple[Place, str], Beside] = {}
    for place in places:
        first = by_kind[names[0]].get(place)
        for name in names[1:]:
            other = by_kind[name].get(place)
            if isinstance(first, Merged) and isinstance(other, Merged):
                besides[place, name] = against.beside(quantity, first, other)
    told = dict(_told(besides, margin))
    share = ERROR_SHARE / max(1, len(besides))
    found = []
    for place in places:
        cells = {
            name: Cell(by_kind[name].get(place), besides.get((place, name)), told.get((place, name))) for name in names
        }
        found.append(Line(place, _ranked(quantity, cells, Rule(names[0], margin, share))))
    return tuple(found)


def _told(besides: Mapping[tuple[Place, str], Beside], margin: float) -> Iterator[tuple[tuple[Place, str], Told]]:
    """The verdicts, corrected for as many as chance has a say in."""
    ratios: dict[tuple[Place, str], Ratio] = {
        key: found.ratio
        for key, found in besides.items()
        if found.ratio is not None and found.ratio.interval is not None
    }
    by_key = dict(zip(ratios, judged(list(ratios.values()), margin), strict=True))
    for key, found in besides.items():
        yield key, against.verdict(found, by_key.get(key), margin)


class Rule(NamedTuple):
    """How two kinds are told apart; share: of wrong verdicts, for one that the table has no verdict on."""

    first: str
    margin: float
    share: float


def _ranked(quantity: Quantity, cells: dict[str, Cell], rule: Rule) -> dict[str, Cell]:
    """The cells with their ranks; without, where fewer than two can be held against one another."""
    names = list(cells)
    known = [
        name
        for name in names
        if isinstance(cells[name].merged, Merged) and (name == names[0] or (cells[name].told or _NONE).answer != "NONE")
    ]
    if quantity.better == "neither" or names[0] not in known or len(known) < 2:
        return cells
    values = {name: _merged_of(cells[name]).figure.value for name in known}
    order = sorted(known, key=values.__getitem__, reverse=quantity.better == "more")
    found = groups(order, lambda name, best: _is_worse(quantity, cells, (name, best), rule))
    ranks = {name: rank for rank, group in enumerate(found, 1) for name in group}
    return {name: replace(cell, rank=ranks.get(name)) for name, cell in cells.items()}


_NONE = Told("NONE", "")


def _merged_of(cell: Cell) -> Merged:
    assert isinstance(cell.merged, Merged)
    return cell.merged


def _is_worse(quantity: Quantity, cells: Mapping[str, Cell], pair: tuple[str, str], rule: Rule) -> bool:
    """Whether one kind is proved worse than another: by the table's own verdict where one of them is the first."""
    more, less = ("MORE", "LESS") if quantity.better == "less" else ("LESS", "MORE")
    name, best = pair
    if best == rule.first:
        return (cells[name].told or _NONE).answer == more
    if name == rule.first:
        return (cells[best].told or _NONE).answer == less
    found = against.beside(quantity, _merged_of(cells[best]), _merged_of(cells[name]))
    if found.ratio is None:
        return False
    (alone,) = judged([found.ratio], rule.margin, rule.share)
    return against.verdict(found, alone, rule.margin).answer == more

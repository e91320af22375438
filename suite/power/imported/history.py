"""Home Assistant's history: one line a change of state, of any number of entities. A state holds until the next one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from suite.power.imported import layouts
from suite.power.imported.columns import Asked
from suite.power.imported.columns import history as is_history
from suite.power.imported.head import Head, rows
from suite.power.imported.numbers import BadCell, Column, missing
from suite.power.imported.quantities import read, unit
from suite.power.imported.readings import MAX_READINGS, Readings
from suite.power.imported.stamps import Clock
from suite.power.imported.text import Text, refused, shown

MAX_ENTITIES = 1000
MAX_CHANGES = 500_000

__all__ = ["Entity", "held_readings", "is_history"]


class Entity(NamedTuple):
    """The entity whose states are the powers."""

    name: str
    column: Column
    note: str


class Change(NamedTuple):
    time_s: float
    power_w: float | None  # None: it told nothing from then on


def held_readings(text: Text, head: Head, asked: Asked, readings: Readings) -> tuple[Entity, bool]:
    """Adds a state's power every period for as long as it held, since changes alone are stored.

    Returns the entity, and whether times are since 1970, as they are. Raises SensorError METER_CSV.
    """
    names = [name.strip().lower() for name in head.names]
    who, what = names.index("entity_id"), names.index("state")
    when = next(names.index(name) for name in layouts.CHANGED if name in names)
    entity = _entity(text, head, who, what, asked)
    changes = list(_changes(text, head, entity, who, when))
    steps_s = [b.time_s - a.time_s for a, b in pairwise(changes) if b.time_s > a.time_s]
    if not steps_s:
        return entity, True
    period_s = max(median(steps_s), (changes[-1].time_s - changes[0].time_s) / MAX_READINGS)
    for change, after in pairwise(changes):
        if change.power_w is None:
            continue
        count = int((after.time_s - change.time_s) / period_s - 1e-6) + 1  # the last one before the next change
        for number in range(max(1, count)):
            readings.add(change.time_s + number * period_s, change.power_w)
    if changes[-1].power_w is not None:
        readings.add(changes[-1].time_s, changes[-1].power_w)
    return entity, True


def _entity(text: Text, head: Head, who: int, what: int, asked: Asked) -> Entity:
    """The one that is asked for, or whose name says that it is a power. Raises SensorError METER_CSV."""
    found: dict[str, None] = {}
    for _, row in rows(text, head):
        if who < len(row) and len(found) < MAX_ENTITIES:
            found.setdefault(shown(row[who]).strip())
    powers = [name for name in found if read(name.partition(".")[2]).quantity == "power"]
    taken = [name for name in found if name == asked.column] if asked.column is not None else powers
    if len(taken) != 1:
        said = (
            f"there is no entity {asked.column!r}" if asked.column is not None else "no entity is a power by its name"
        )
        said = "several entities could be meant" if len(taken) > 1 else said
        listed = ", ".join((taken or list(found))[:8])
        raise refused(
            f"{text.where}: {said}: {listed}",
            "name it by --power csv:column=ENTITY, with unit=W or what it is in",
        )
    name = read(taken[0].partition(".")[2])
    if name.quantity != "power" and not asked.unit:
        raise refused(
            f"{text.where}: entity {taken[0]!r} is no power by its name",
            f"say its unit if it is one: --power csv:column={taken[0]},unit=W",
        )
    said_unit = unit(asked.unit) if asked.unit else name.unit
    if said_unit is not None and said_unit.quantity != "power":
        raise refused(f"{text.where}: unit={asked.unit} is none of a power", "say W, mW, uW or kW")
    factor = said_unit.factor if said_unit else 1.0
    note = "" if said_unit else f"entity {taken[0]!r} names no unit: watts assumed"
    return Entity(taken[0], Column(what, taken[0], "power", factor, said=said_unit is not None), note)


def _changes(text: Text, head: Head, entity: Entity, who: int, when: int) -> Iterator[Change]:
    """In the order of time. Raises SensorError METER_CSV."""
    clock = Clock((Column(when, head.names[when], "time", 1.0, said=False),), ".", "ymd", utc=False)
    last_s = float("-inf")
    count = 0
    for number, row in rows(text, head):
        if who >= len(row) or shown(row[who]).strip() != entity.name:
            continue
        count += 1
        place, cell = entity.column.place, ""
        try:
            if max(when, place) >= len(row):
                raise BadCell("is not there: the row ends before it")
            cell = row[when]
            time_s = clock.seconds(cell)
            if time_s < last_s:
                raise BadCell(f"goes back by {last_s - time_s:g} s")
            cell = row[place]
            power_w = None if missing(cell) else entity.column.value(cell, ".")
        except BadCell as error:
            reason = f"{text.where}:{number}: {cell.strip()[:40]!r} of {entity.name!r} {error}"
            raise refused(reason, "mend that line, or export the history again") from error
        if count > MAX_CHANGES:
            raise refused(f"{text.where}: over {MAX_CHANGES:,} changes", "export the time of the run alone")
        last_s = time_s
        yield Change(time_s, power_w)

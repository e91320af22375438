"""Which columns hold time and power, by what their names say and by what was asked.

Power is taken from a column of power; else from current and voltage, on mains with the power factor. Where several
could be meant, none is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from suite.errors import SensorError, UsageError
from suite.power.imported import layouts
from suite.power.imported.numbers import Column
from suite.power.imported.quantities import EXTREMES, MAINS, OTHERS, Name, Quantity, unit
from suite.power.imported.stamps import ORDERS, Order
from suite.power.imported.text import refused

NO_CHANNEL = frozenset(("bus", "load"))  # where in one circuit an INA219 takes its voltage
MAINS_V = 80.0  # no meter of direct current that a device hangs on shows more; mains show 100 V and up
ACTIVE = (
    "apparent power (V x A) is not what the load draws on mains: export its active power in watts, or its power factor"
)


class Asked(NamedTuple):
    """What was said of the file with --power csv:..."""

    column: str | None = None
    time: str | None = None
    unit: str | None = None
    time_unit: str | None = None
    volts: str | None = None
    dates: Order | None = None
    decimal: str | None = None

    @property
    def time_factor(self) -> float | None:
        found = unit(self.time_unit) if self.time_unit else None
        return found.factor if found else None

    @property
    def volts_v(self) -> float | None:
        """The voltage as a number; None where none was said, or the name of a column."""
        try:
            return float(self.volts) if self.volts else None
        except ValueError:
            return None


class Chosen(NamedTuple):
    """The columns of time (two: date and time of the day), those whose product is the power, and a constant factor."""

    time: tuple[Column, ...]
    power: tuple[Column, ...]
    constant: float = 1.0
    note: str = ""  # what was assumed, for the scope
    utc: bool = False
    beside: tuple[tuple[Column, ...], ...] = ()  # other channels, whose power must be next to nothing
    mains_refused: bool = False  # power is a product that holds for direct current alone

    @property
    def name(self) -> str:
        return " x ".join(each.name for each in self.power)


def asked_of(options: Mapping[str, str]) -> Asked:
    """Raises UsageError naming the option and what is allowed."""
    for name, quantity in (("unit", ("power", "current")), ("time_unit", ("time",))):
        found = unit(options[name]) if name in options else None
        if name in options and (found is None or found.quantity not in quantity):
            example = "W, mW, uW, A, mA or uA" if name == "unit" else "s, ms, us, ns, min or h"
            raise UsageError(f"--power csv: {name} must be one of {example}, got {options[name]!r}")
    if "dates" in options and options["dates"] not in ORDERS:
        raise UsageError(f"--power csv: dates must be ymd, dmy or mdy, got {options['dates']!r}")
    if "decimal" in options and options["decimal"] not in ("point", "comma"):
        raise UsageError(f"--power csv: decimal must be point or comma, got {options['decimal']!r}")
    asked = Asked(**{key: value for key, value in options.items() if key in Asked._fields})  # type: ignore[arg-type]
    if asked.volts_v is not None and not 0 < asked.volts_v < MAINS_V:
        raise UsageError(
            f"--power csv: volts must be above 0 and below {MAINS_V:g} (direct current), got {options['volts']!r}; "
            + ACTIVE
        )
    return asked


def history(names: Sequence[str]) -> bool:
    """Whether these are the names of Home Assistant's history, where a reading's entity says what it is."""
    plain = {name.strip().lower() for name in names}
    return plain.issuperset(layouts.HOME_ASSISTANT) and not plain.isdisjoint(layouts.CHANGED)


def chosen(names: Sequence[Name], where: str, asked: Asked) -> Chosen:
    """Raises SensorError METER_CSV with the column that is not understood, and what to type."""
    times = _times(names, where, asked)
    taken = _asked_power(names, where, asked) if asked.column is not None else _power(names, where, asked)
    utc = any(names[each.place].utc for each in times)
    return taken._replace(time=times, utc=utc)


def _column(names: Sequence[Name], place: int, quantity: Quantity, factor: float | None = None) -> Column:
    said = names[place].factor if factor is None else factor
    return Column(place, names[place].text, quantity, 1.0 if said is None else said, said=said is not None)


def _place(names: Sequence[Name], wanted: str, where: str) -> int:
    """Of the column that is called so. Raises SensorError."""
    places = [place for place, name in enumerate(names) if name.text == wanted.strip()]
    if len(places) == 1:
        return places[0]
    listed = ", ".join(name.text for name in names)
    if places:
        raise refused(
            f"{where}: {len(places)} columns are called {wanted!r}: {listed}", "export them with names of their own"
        )
    raise refused(f"{where}: there is no column {wanted!r}, but {listed}", "name one of these by column=NAME")


def _times(names: Sequence[Name], where: str, asked: Asked) -> tuple[Column, ...]:
    """The first column of time; a date and the time of day together."""
    if asked.time is not None:
        return (_column(names, _place(names, asked.time, where), "time", asked.time_factor),)
    places = [place for place, name in enumerate(names) if name.quantity == "time" and name.usable]
    if not places:
        odd = next((name for name in names if name.quantity == "time"), None)
        listed = ", ".join(repr(name.text) for name in names if name.text)
        said = (
            f"the unit {odd.odd!r} of column {odd.text!r} is not known"
            if odd
            else f"none of {listed} is a time by name"
        )
        remedy = (
            "name the column of time and its unit: --power csv:time=NAME,time_unit=ms, and that of power: column=NAME"
        )
        raise refused(f"{where}: {said}", remedy)
    dates = [place for place in places if names[place].text.strip("#% ").lower() == "date"]
    days = [place for place in places if place not in dates and names[place].text.lower().startswith("time")]
    if dates and days:
        return (_column(names, dates[0], "time"), _column(names, days[0], "time"))
    return (_column(names, places[0], "time", asked.time_factor),)


def _asked_power(names: Sequence[Name], where: str, asked: Asked) -> Chosen:
    """The power by the column that was asked for. Raises SensorError where it is none."""
    assert asked.column is not None
    place = _place(names, asked.column, where)
    name = names[place]
    said = unit(asked.unit) if asked.unit else unit(name.odd)  # "Current (W)": what is drawn at present
    quantity = said.quantity if said else name.quantity if name.usable else None
    if quantity is None and name.unit is not None:
        quantity = name.unit.quantity  # of a name in another language: "Leistung (mW)"
    is_other = bool(name.words & (OTHERS - EXTREMES)) or name.quantity not in (None, "power", "current")
    factor = said.factor if said else name.factor
    if quantity == "power" and not is_other:
        if said is None and name.factor is None and name.text.strip().lower() in layouts.UNSAID:
            raise _unsaid(names, name, where)
        return Chosen((), (_column(names, place, "power", factor),), note=_told(name, factor, asked))
    if quantity == "current" and not is_other:
        return _product(names, place, where, asked)
    if name.words & MAINS:
        raise refused(f"{where}: column {name.text!r} is no active power", ACTIVE)
    unknown = f", and its unit {name.odd!r} is not known" if name.odd and name.quantity else ""
    remedy = "name another column" if is_other else "say its unit if it is one: --power csv:column=NAME,unit=mW"
    raise refused(f"{where}: column {name.text!r} is no power by its name{unknown}", remedy)


def _told(name: Name, factor: float | None, asked: Asked) -> str:
    """Where the unit of a power is from, if not from its name alone."""
    if asked.unit:
        return f"column {name.text!r} in {asked.unit}, as told"
    return "" if factor is not None or name.factor is not None else f"column {name.text!r} names no unit: watts assumed"


def _unsaid(names: Sequence[Name], name: Name, where: str) -> SensorError:
    layout = layouts.of([each.text for each in names])
    assert layout is not None
    return refused(
        f"{where}: the unit of column {name.text!r} differs between exports of {layout.meter}", layout.remedy
    )


def _power(names: Sequence[Name], where: str, asked: Asked) -> Chosen:
    powers = [place for place, name in enumerate(names) if name.quantity == "power" and name.usable]
    currents = [place for place, name in enumerate(names) if name.quantity == "current" and name.usable]
    if powers:
        place, others = _one(names, powers, where)
        name = names[place]
        said = unit(asked.unit) if asked.unit else None
        if said and said.quantity != "power":
            raise refused(
                f"{where}: unit={asked.unit} is none of a power, which column {name.text!r} is", "leave it out"
            )
        if said is None and name.text.strip().lower() in layouts.UNSAID:
            raise _unsaid(names, name, where)
        beside: tuple[tuple[Column, ...], ...] = tuple((_column(names, other, "power"),) for other in others)
        factor = said.factor if said else None
        return Chosen((), (_column(names, place, "power", factor),), note=_told(name, factor, asked), beside=beside)
    if currents:
        place, others = _one(names, currents, where)
        found = _product(names, place, where, asked)
        products = [_product(names, other, where, asked, strict=False).power for other in others]
        return found._replace(beside=tuple(columns for columns in products if columns))
    raise _no_power(names, where)


def _no_power(names: Sequence[Name], where: str) -> SensorError:
    """What stands where a power was looked for."""
    if odd := next((name for name in names if name.quantity in ("power", "current") and name.odd), None):
        return refused(
            f"{where}: the unit {odd.odd!r} of column {odd.text!r} is not known",
            f"say which it is: --power csv:column={odd.text},unit=mW (W, mW, uW, A, mA or uA)",
        )
    if apparent := next((name for name in names if {"va", "kva", "apparent"} & name.words), None):
        return refused(f"{where}: column {apparent.text!r} is no active power", ACTIVE)
    others = ", ".join(repr(name.text) for name in names if name.quantity != "time" and name.text)
    return refused(
        f"{where}: no line names a column of time and one of power (or of current and voltage): {others} is none",
        "if one of them is the power, name it with its unit: --power csv:column=NAME,unit=mW",
    )


def _one(names: Sequence[Name], places: Sequence[int], where: str) -> tuple[int, list[int]]:
    """The column of the main channel, and those of the others. Raises SensorError where several could be meant."""
    main = [place for place in places if layouts.MAIN in names[place].label]
    if len(places) == 1 or len(main) == 1:
        place = places[0] if len(places) == 1 else main[0]
        return place, [other for other in places if other != place]
    listed = ", ".join(names[place].text for place in places)
    raise refused(f"{where}: several columns could be meant: {listed}", "name one by --power csv:column=NAME")


def _product(names: Sequence[Name], place: int, where: str, asked: Asked, *, strict: bool = True) -> Chosen:
    """Current times voltage, times the power factor where there is one.

    strict: a current without a voltage is refused, else it is no power. Raises SensorError METER_CSV.
    """
    said = unit(asked.unit) if asked.unit else None
    current = _column(names, place, "current", said.factor if said and said.quantity == "current" else None)
    factors = [other for other, name in enumerate(names) if name.quantity == "factor" and name.usable]
    if len(factors) != 1 and any(name.words & MAINS for name in names):
        raise refused(f"{where}: {current.name!r} and a voltage are an alternating current's", ACTIVE)
    factor: tuple[Column, ...] = (_column(names, factors[0], "factor"),) if factors else ()
    if asked.volts_v is not None:
        note = f"at {asked.volts_v:g} V, as told"
        return Chosen((), (current, *factor), constant=asked.volts_v, note=note, mains_refused=not factor)
    voltage = _voltage(names, place, where, asked)
    if voltage is None and strict:
        layout = layouts.of([name.text for name in names])
        meter = f" ({layout.meter})" if layout else ""
        remedy = layout.remedy if layout else layouts.VOLTS
        raise refused(
            f"{where}: column {current.name!r} is a current, and no column of voltage goes with it{meter}", remedy
        )
    if voltage is None:
        return Chosen((), ())
    return Chosen((), (current, voltage, *factor), mains_refused=not factor)


def _voltage(names: Sequence[Name], place: int, where: str, asked: Asked) -> Column | None:
    """The voltage of the same channel, else the only one. Raises SensorError where several could be meant."""
    if asked.volts is not None:
        named = _place(names, asked.volts, where)
        of_unit = names[named].unit
        if not (
            (names[named].usable and names[named].quantity == "voltage") or (of_unit and of_unit.quantity == "voltage")
        ):
            raise refused(f"{where}: column {names[named].text!r} is no voltage by its name or unit", layouts.VOLTS)
        return _column(names, named, "voltage")
    volts = [other for other, name in enumerate(names) if name.quantity == "voltage" and name.usable]
    channel = names[place].label - NO_CHANNEL
    channels = {other: names[other].label - NO_CHANNEL for other in volts}
    same = [other for other in volts if channels[other] == channel]
    found = same if same or (channel and any(channels.values())) else volts
    if len(found) > 1:
        found = [other for other in found if "bus" in names[other].label] or found  # an INA219's: what its power is of
    if len(found) > 1:
        listed = ", ".join(names[other].text for other in found)
        raise refused(
            f"{where}: several columns of voltage could be meant: {listed}", "name one by --power csv:volts=NAME"
        )
    return _column(names, found[0], "voltage") if found else None

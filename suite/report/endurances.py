"""Sustained calls in tables and sentences, for the report and the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from suite import units
from suite.records import NotMeasured, Sustained
from suite.report.points import Point
from suite.report.table import Cell, Table, table
from suite.report.view import RunView
from suite.stats.endurance import (
    CLOCK_FALL,
    LATENCY_RISE,
    LEAST_STAY_S,
    Endurance,
    Level,
    Ranking,
    Throttle,
    endurance,
    ranking,
    warmest,
)

UNTOLD = "not told"
Row = list[Cell]
Known = Mapping[Point, Endurance]


def known(view: RunView) -> dict[Point, Endurance]:
    """Of every point that has slices, in the order in which they were asked for."""
    found = {point: view.sustained(point) for point in view.points("sustained")}
    return {point: endurance(value) for point, value in found.items() if isinstance(value, Sustained)}


def sustained_table(view: RunView, found: Known) -> Table:
    """A row per point: how latency, clock, temperature and power began and ended, and when the machine throttled."""
    levels = [level for each in found.values() for level in (each.first, each.last) if level is not None]
    scale = units.scale_of((level.median_s for level in levels), "s")
    headers = (
        "Model",
        "Input",
        "Length",
        f"At first, median ({scale.symbol})",
        f"95 % interval ({scale.symbol})",
        f"At the end, median ({scale.symbol})",
        f"95 % interval at the end ({scale.symbol})",
        "Change",
        "Throttled",
        "Temperature (°C)",
        "Clock (GHz)",
        "Power (W)",
    )
    rows: list[Row] = []
    for point in view.points("sustained"):
        start: Row = [view.label(point.subject), view.describe(point)]
        value = found.get(point)
        absent = view.sustained(point)
        rows.append(
            start + (_cells(value, scale) if value else [absent if isinstance(absent, NotMeasured) else None] * 10)
        )
    return table(headers, rows, left=2, wordy=("Throttled",))


def _cells(found: Endurance, scale: units.Scale) -> Row:
    change = UNTOLD
    if found.first is not None and found.last is not None:
        change = f"{(found.last.median_s / found.first.median_s - 1) * 100:+.1f} %"
    return [
        length(found.duration_s),
        *_level_cells(found.first, scale),
        *_level_cells(found.last, scale),
        change,
        throttled(found),
        _ends(found.start_temperature_c, found.end_temperature_c, 1.0, 0),
        _ends(found.start_clock_hz, found.end_clock_hz, 1e9, 2),
        _ends(found.start_power_w, found.end_power_w, 1.0, 1),
    ]


def _level_cells(level: Level | None, scale: units.Scale) -> Row:
    if level is None:
        return ["all disturbed", "all disturbed"]
    interval = level.interval
    if interval is None:
        return [scale.value(level.median_s), "n too small"]
    return [scale.within(level.median_s, interval.low, interval.high), scale.interval(interval.low, interval.high)]


def _ends(start: float | None, end: float | None, factor: float, places: int) -> str:
    if start is None and end is None:
        return UNTOLD
    first, last = ("?" if value is None else f"{value / factor:.{places}f}" for value in (start, end))
    return f"{first} to {last}"


def throttled(found: Endurance) -> str:
    """ "after 2 min 5 s: clock -21 %", or that it was not seen."""
    if found.duration_s < LEAST_STAY_S:
        return "too short to tell"
    if found.throttle is not None:
        return f"after {length(found.throttle.time_s)}: {_change(found.throttle)}"
    if not found.told_by:
        return "can't be told"
    return "not seen" if "latency" in found.told_by else "not by the clock; latency disturbed"


def _change(seen: Throttle) -> str:
    return f"{seen.quantity} {seen.change * 100:+.0f} %".replace("-", "−")


def length(seconds: float) -> str:
    """ "10 min", "2 min 5 s", "45 s"."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    return " ".join([*([f"{minutes} min"] if minutes else []), *([f"{rest} s"] if rest or not minutes else [])])


def parts(found: Known) -> str:
    """What "at first" and "at the end" mean here."""
    lengths = dict.fromkeys(length(each.first.end_s - each.first.start_s) for each in found.values() if each.first)
    return f"At first: the first {' or '.join(lengths)} of calls; at the end: the last." if lengths else ""


def criterion() -> str:
    return (
        f"Throttled: from then on the clock stays more than {CLOCK_FALL * 100:.0f} % below the start, or latency more "
        f"than {LATENCY_RISE * 100:.0f} % above it."
    )


def rankings(view: RunView, found: Known) -> Iterator[str]:
    """A sentence for each batch size at which at least two models were called."""
    for batch_size in sorted({point.batch_size for point in found}):
        levels = [
            (view.label(point.subject), each.first, each.last)
            for point, each in found.items()
            if point.batch_size == batch_size and each.first is not None and each.last is not None
        ]
        if len(levels) > 1:
            yield _ranking_sentence(ranking(levels), f"at batch {batch_size}")


def _ranking_sentence(found: Ranking, where: str) -> str:
    order = ", ".join(found.first)
    parts = []
    if found.changed:
        pairs = "; ".join(
            f"{one} was faster than {other} at first and is slower at the end" for one, other in found.changed
        )
        parts.append(f"The ranking {where} changed: {pairs}.")
    else:
        told = "the same at the end" if not found.unclear else "and no order that is clear at both ends changed"
        parts.append(f"The ranking {where}, from the fastest: {order}; {told}.")
    if found.unclear:
        pairs = "; ".join(f"{one} and {other}" for one, other in found.unclear)
        parts.append(f"Too close to tell at one end or both: {pairs}.")
    return " ".join(parts)


def unknown(view: RunView) -> list[NotMeasured]:
    """Why a clock, a temperature or a power is in no slice of some model, each reason once."""
    found = [view.sustained(point) for point in view.points("sustained")]
    return list(dict.fromkeys(absence for each in found if isinstance(each, Sustained) for absence in each.absent))


def disturbed(view: RunView, found: Known) -> str:
    """How many slices other programs disturbed; empty where none."""
    told = [
        f"{view.label(point.subject)}: {units.counted(each.disturbed_count, 'slice')}"
        for point, each in found.items()
        if each.disturbed_count
    ]
    return f"Disturbed by other programs, and not in the latencies: {'; '.join(told)}." if told else ""


def sentences(view: RunView, found: Known) -> Sequence[str]:
    """What stands below the table."""
    sensors = {
        value.sensors[place]
        for point in found
        if isinstance(value := view.sustained(point), Sustained) and (place := warmest(value)) is not None
    }
    warm = [f"Temperature: {', '.join(sorted(sensors))}, the sensor that moved most."] if sensors else []
    told = [parts(found), criterion() if found else "", *warm, *rankings(view, found), disturbed(view, found)]
    return [each for each in told if each]

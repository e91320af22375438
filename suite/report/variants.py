"""The variants of a model against the first one, from records alone: who took turns with it, what the rounds say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from suite import units
from suite.records import LatencySamples, NotMeasured, Summary
from suite.report import precision
from suite.report.points import Point, Subject
from suite.report.spans import Verdict
from suite.report.table import Cell, Column, Table, Value, table
from suite.report.view import RunView
from suite.stats.variants import Compared, compared

NOT_IN_TURNS = NotMeasured(
    code="NOT_IN_TURNS",
    reason="It was measured at another time than the first variant, and a drift of the machine would be in the ratio",
    remedy="Measure both in one run without interruption, or hold the two against each other with suite versus",
)
SIGNS: dict[str, Literal["yes", "no", "open"]] = {"FASTER": "yes", "SLOWER": "no", "SAME": "open", "UNRESOLVED": "open"}
REASONS = {
    "too_few_rounds": "too few rounds in which both were undisturbed",
    "interval_too_wide": "the interval is too wide",
    "rounds_disagree": "the rounds disagree",
    "other_variants": "among so many variants it may be chance",
}


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant at its base point. against: None for the first one, or where neither was asked for."""

    point: Point
    summary: Summary | NotMeasured | None
    against: Compared | NotMeasured | None


@dataclass(frozen=True, slots=True)
class Group:
    """A model's variants, the first one first."""

    model: str
    variants: tuple[Variant, ...]


def groups(view: RunView) -> tuple[Group, ...]:
    """Of every model that was measured in several variants."""
    families: dict[tuple[object, ...], list[Point]] = {}
    for subject in view.subjects:
        base = view.base(subject)
        if base is not None and view.latency(base) is not None:
            families.setdefault(_family(subject), []).append(base)
    return tuple(
        Group(model=bases[0].subject.model, variants=tuple(_variants(view, bases)))
        for bases in families.values()
        if len(bases) > 1
    )


def _family(subject: Subject) -> tuple[object, ...]:
    threads = subject.thread_count if subject.side is None else None
    return (subject.model, threads, subject.seed, subject.weights, subject.checkpoint, subject.trajectory)


def _variants(view: RunView, bases: Sequence[Point]) -> Iterator[Variant]:
    first, *others = bases
    yield Variant(first, view.summary(first), None)
    absent = {point: gap for point in others if (gap := _apart(view, first, point)) is not None}
    told = [point for point in others if point not in absent]
    verdicts = compared(_samples(view, first).blocks, [_samples(view, point).blocks for point in told]) if told else ()
    found = dict(zip(told, verdicts, strict=True))
    for point in others:
        yield Variant(point, view.summary(point), absent[point] if point in absent else found[point])


def _apart(view: RunView, first: Point, other: Point) -> NotMeasured | None:
    """Why two variants can't be compared; None where they can."""
    for point in (other, first):
        if isinstance(found := view.latency(point), NotMeasured):
            return found
    records = view.record("latency", first), view.record("latency", other)
    names = {None if record is None else record.turns for record in records}
    return NOT_IN_TURNS if len(names) > 1 or None in names else None


def _samples(view: RunView, point: Point) -> LatencySamples:
    found = view.latency(point)
    assert isinstance(found, LatencySamples)
    return found


def table_of(view: RunView, group: Group) -> Table:
    """A row for each variant: its latency, how many times as long as the first's, and the verdict."""
    found = [variant.summary for variant in group.variants]
    scale = units.scale_of((value.median for value in found if isinstance(value, Summary)), "s")
    columns = (
        Column("Variant", wordy=True),
        Column("Input", wordy=True),
        Column("Median", unit=scale.symbol),
        Column("Interval", unit=scale.symbol),
        Column("Times the first"),
        Column("95 % interval"),
        Column("Rounds"),
        Column("Verdict", wordy=True),
    )
    rows = [_row(view, variant, scale) for variant in group.variants]
    return table(columns, rows, caption=f"Variants of {view.title(group.model)} against the first")


def _row(view: RunView, variant: Variant, scale: units.Scale) -> list[Cell]:
    start: list[Cell] = [view.label(variant.point.subject), view.describe(variant.point)]
    summary, against = variant.summary, variant.against
    timed: list[Cell]
    if isinstance(summary, Summary):
        timed = [Value(precision.median(summary, scale), summary.median), precision.median_interval(summary, scale)]
    else:
        timed = [summary, summary]
    if against is None:
        return [*start, *timed, "1", "the first", "the first", "the first"]
    if isinstance(against, NotMeasured):
        return [*start, *timed, against, against, against, against]
    return [*start, *timed, *ratio_cells(against), str(against.round_count), verdict(against)]


def ratio_cells(against: Compared) -> list[Cell]:
    if against.ratio is None or against.interval is None:
        return ["not told"] * 2
    return [Value(ratio(against.ratio), against.ratio), interval(against)]


def ratio(value: float) -> str:
    return units.digits(value, 4 if 0.9 < value < 1.1 else 3)


def interval(against: Compared) -> str:
    assert against.interval is not None
    return f"{ratio(against.interval.low)}–{ratio(against.interval.high)}"


def verdict(against: Compared) -> str:
    """The word, and why it is no other where nothing could be told."""
    told = REASONS.get(against.reason)
    return f"{against.verdict}: {told}" if against.verdict == "UNRESOLVED" and told else against.verdict


def verdict_span(against: Compared) -> Verdict:
    return Verdict(against.verdict, SIGNS[against.verdict])

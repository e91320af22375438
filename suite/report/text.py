"""What `suite params`, `flops`, `latency` and the like answer: one table, then why anything is absent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from suite.records import FlopCount, NotMeasured, ParameterCount, Run, Summary, Test
from suite.report import accuracies, endurances, energies, overview, profiles, quantities, real_energies
from suite.report.content import Block, Content, bullets, content
from suite.report.points import Point
from suite.report.precision import at_most
from suite.report.table import Cell, Column, Table
from suite.report.view import RunView
from suite.stats.summary import least_count, summarise
from suite.units import scale_of, show_count


def table(test: Test, run: Run, percentiles: Sequence[float] = ()) -> Content:
    """Of one test. percentiles: of latency, a column each."""
    return latency_table(run, percentiles) if test == "latency" else _TABLES[test](run)


def summary(run: Run) -> Content:
    """The head of the report: a row a model."""
    view = RunView(run)
    return _with_reasons(overview.summary_table(view), view)


def params_table(run: Run) -> Content:
    """Parameter counts of every model and what they share, by name."""
    view = RunView(run)
    counts = [(view.title(model), view.parameters(model)) for model in view.models]
    shared = (
        f"{title}: {' = '.join(group.names)}, {show_count(group.parameter_count)} parameters that Unique counts once"
        for title, count in counts
        if isinstance(count, ParameterCount)
        for group in count.shared
    )
    return (*_with_reasons(quantities.parameter_table(view), view), *bullets(shared))


def flops_table(run: Run) -> Content:
    """Multiply-accumulates and FLOPs of every input size."""
    view = RunView(run)
    counts = [(view.title(model), view.flops(model)) for model in view.models]
    bounds = (
        f"{title}: at least this much, since no formula is known for {', '.join(count.unknown)}"
        for title, count in counts
        if isinstance(count, FlopCount) and count.unknown
    )
    return (*_with_reasons(quantities.flop_table(view), view), *bullets(bounds))


def latency_table(run: Run, percentiles: Sequence[float] = ()) -> Content:
    """Latency of every point that was asked for."""
    view = RunView(run)
    points = view.points("latency")
    shown = quantities.latency_table(view, points).without("Percentiles", "Outliers", "Warm-up")
    return _with_reasons(_with_percentiles(shown, view, points, percentiles), view)


def _with_percentiles(shown: Table, view: RunView, points: Sequence[Point], percentiles: Sequence[float]) -> Table:
    """A column each, before the last; where too few calls support one, that is what its cell says."""
    if not percentiles:
        return shown
    found = [view.summary(point) for point in points]
    scale = scale_of((value.median for value in found if isinstance(value, Summary)), "s")

    def cells(point: Point, value: Summary | NotMeasured | None) -> tuple[Cell, ...]:
        if not isinstance(value, Summary):
            return (value,) * len(percentiles)
        rule = view.task("latency", point).repetition
        known = dict(summarise(view.samples(point), rule, percentiles).percentiles)
        return tuple(
            at_most(value) + scale.value(known[percent]) if percent in known else too_few(percent, value.count)
            for percent in percentiles
        )

    columns = tuple(Column(f"p{percent:g}", unit=scale.symbol) for percent in percentiles)
    rows = tuple(
        (*row[:-1], *cells(point, value), row[-1]) for row, point, value in zip(shown.rows, points, found, strict=True)
    )
    return replace(shown, columns=(*shown.columns[:-1], *columns, shown.columns[-1]), rows=rows)


def too_few(percent: float, call_count: int) -> NotMeasured:
    """Why a percentile is not told."""
    needed = least_count(percent)
    return NotMeasured(
        code="TOO_FEW_CALLS",
        reason=f"p{percent:g} needs {show_count(needed)} calls that count, and there are {show_count(call_count)}",
        remedy=f"measure with --iterations {needed}, or take a percentile nearer to the median",
    )


def energy_table(run: Run) -> Content:
    """Energy per inference of every point that was asked for, and of an evaluation's own inputs."""
    view = RunView(run)
    real = real_energies.energy_table(view, accuracies.answered(view))
    return content(*_with_reasons(energies.energy_table(view, view.points("energy")), view), real)


def sustained_table(run: Run) -> Content:
    """How sustained calls began and ended: what is not told stands below."""
    view = RunView(run)
    found = endurances.known(view)
    shown = endurances.sustained_table(view, found).without("95 % interval", "Input")
    reasons = [f"{absence.code}: {absence.reason}; {absence.remedy}" for absence in endurances.unknown(view)]
    return (*_with_reasons(shown, view), *bullets((*endurances.sentences(view, found), *reasons)))


def _with_reasons(shown: Table, view: RunView) -> Content:
    """The table, why anything in it is absent, and what its titles don't say."""
    absences = dict.fromkeys(cell for row in shown.rows for cell in row if isinstance(cell, NotMeasured))
    return (shown, *bullets([*told(absences), *view.origins]))


def told(absences: Iterable[NotMeasured]) -> list[str]:
    return [f"{absence.code}: {absence.reason}; {absence.remedy}" for absence in absences]


def accuracy_table(run: Run) -> Content:
    """Scores of every evaluation, variants as pairs, and what the same inputs cost."""
    view = RunView(run)
    everyone = accuracies.answered(view)
    paired, timed = accuracies.pairs(everyone), accuracies.latency_table(view, everyone)
    doubts = (
        f"{each.label}: {flag.text}"
        for each in everyone
        for found in view.run.records
        if found.task == each.task
        for flag in found.flags
    )
    return content(
        *_with_reasons(accuracies.score_table(everyone), view),
        accuracies.pair_table(paired) if paired else None,
        timed,
        real_energies.energy_table(view, everyone),
        *bullets(dict.fromkeys(doubts)),
    )


def profile_table(run: Run) -> Content:
    """Operators and modules of every point that was profiled, and what the profiler cost."""
    view = RunView(run)
    parts: list[Block | str] = [*told(profiles.absences(view))]
    for profiled in profiles.found(view):
        parts.append(f"{view.label(profiled.point.subject)}, {view.describe(profiled.point)}")
        parts.append(profiles.operator_table(profiled))
        if profiled.profile.modules:
            parts.append(profiles.module_table(profiled).without("With those"))
        parts.append(f"{profiles.overhead(profiled)} {profiles.of_device(profiled)}")
        if profiled.profile.uncounted is not None:
            parts += told([profiled.profile.uncounted])
    return content(*parts) or content("the run ended before it")


_TABLES: Mapping[Test, Callable[[Run], Content]] = {
    "params": params_table,
    "flops": flops_table,
    "energy": energy_table,
    "sustained": sustained_table,
    "profile": profile_table,
    "accuracy": accuracy_table,
}

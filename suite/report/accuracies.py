"""Scores, their pairs and their real latencies, as report, terminal and JSON show them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from suite import units
from suite.records import Accuracy, LatencySamples, NotMeasured, RunRecord, Task, record
from suite.records.accuracy import joined
from suite.report.gaps import CUT_OFF
from suite.report.points import point_of
from suite.report.table import Cell, Column, Table, Value, table
from suite.report.view import RunView
from suite.stats import same_items
from suite.stats.real_calls import RealLatency, real_latency
from suite.stats.same_items import Judged
from suite.stats.scores import Score, score
from suite.stats.summary import summarise


@record
class Answered:
    """One accuracy task with what came of it."""

    task: Task
    label: str
    found: Accuracy | NotMeasured

    @property
    def evaluation(self) -> str:
        assert self.task.evaluation is not None
        return self.task.evaluation.name


@record
class Pair:
    """A variant beside the first one of its model and evaluation; judged: NotMeasured where the items are others."""

    variant: Answered
    reference: Answered
    judged: Judged | NotMeasured


def answered(view: RunView) -> tuple[Answered, ...]:
    """In the plan's order."""
    records = {found.task: found for found in view.run.records}
    tasks = [task for task in view.tasks if task.evaluation is not None]
    return tuple(
        Answered(task=task, label=view.label(point_of(task).subject), found=_found(records.get(task))) for task in tasks
    )


def _found(found: RunRecord | None) -> Accuracy | NotMeasured:
    return found.accuracy if found is not None and found.accuracy is not None else CUT_OFF


@cache
def scored(found: Accuracy, metric: int = 0) -> Score:
    return score(found.values(metric), found.groups, found.weights(metric) if metric else None)


@cache
def alone(found: Accuracy) -> RealLatency | None:
    """Calls of one example each, in undisturbed stretches."""
    lengths = [length for batch in found.quiet_batches if batch.alone.latency_s for length in batch.lengths]
    return real_latency(found.alone, lengths)


@cache
def padded(found: Accuracy) -> RealLatency | None:
    """The batches of the same examples as `alone`, or of all where none was called alone."""
    timed = [batch for batch in found.quiet_batches if batch.alone.latency_s] or found.quiet_batches
    lengths = [length for batch in timed for length in batch.lengths]
    return real_latency(joined(batch.padded for batch in timed), lengths)


def pairs(everyone: tuple[Answered, ...]) -> tuple[Pair, ...]:
    """Each variant beside the first of its model, evaluation and device that was measured; judged together, by Holm."""
    found: list[Pair] = []
    for _, group in _by_subject(everyone):
        measured = [each for each in group if isinstance(each.found, Accuracy)]
        if len(measured) > 1:
            found += _judged(measured[0], measured[1:])
    return tuple(found)


def _by_subject(everyone: tuple[Answered, ...]) -> Iterator[tuple[tuple[object, ...], list[Answered]]]:
    groups: dict[tuple[object, ...], list[Answered]] = {}
    for each in everyone:
        task = each.task
        groups.setdefault((task.model, task.evaluation, task.checkpoint, task.weights), []).append(each)
    yield from groups.items()


def _judged(reference: Answered, variants: list[Answered]) -> list[Pair]:
    assert isinstance(reference.found, Accuracy)
    alike = [each for each in variants if difference(each, reference) is not None]
    judged = same_items.judge([found for each in alike if (found := difference(each, reference)) is not None])
    verdicts = dict(zip([each.task for each in alike], judged, strict=True))
    return [Pair(variant=each, reference=reference, judged=verdicts.get(each.task, OTHER_ITEMS)) for each in variants]


OTHER_ITEMS = NotMeasured(
    code="OTHER_ITEMS",
    reason="the two were not asked the same, so their answers can't be paired",
    remedy="measure both in one run, on the same data with the same --limit",
)


def difference(variant: Answered, reference: Answered) -> same_items.Difference | None:
    """None where the examples are others."""
    one, other = variant.found, reference.found
    if not isinstance(one, Accuracy) or not isinstance(other, Accuracy) or one.examples != other.examples:
        return None
    return same_items.difference(one.values(), other.values(), one.groups)


def points(share: float) -> str:
    """ "1 point", "0.5 points"."""
    return f"{share * 100:g} point{'' if share == 0.01 else 's'}"


# Tables


def score_table(everyone: tuple[Answered, ...]) -> Table:
    columns = (
        Column("Model"),
        Column("Evaluation"),
        Column("Metric"),
        Column("Score", unit="%"),
        Column("95 % interval", unit="%"),
        Column("Standard error", unit="%"),
        Column("Items"),
        Column("Groups"),
    )
    rows: list[list[Cell]] = []
    for each in everyone:
        if isinstance(each.found, NotMeasured):
            rows.append([each.label, each.evaluation, "-", each.found, *["-"] * 4])
            continue
        for place, metric in enumerate(each.found.metrics):
            rows.append([each.label, each.found.title, metric, *_score_cells(scored(each.found, place))])
    return table(columns, rows, left=3, caption="How right the answers are")


def _score_cells(found: Score) -> list[Cell]:
    percent = [Value(_percent(found.value), found.value)]
    interval = "–".join(map(_percent, (found.interval.low, found.interval.high))) if found.interval else "one group"
    error = _percent(found.standard_error) if found.standard_error is not None else "one group"
    return [*percent, interval, error, units.show_count(found.item_count), units.show_count(found.group_count)]


def _percent(share: float) -> str:
    return f"{share * 100:.2f}"


def pair_table(found: tuple[Pair, ...]) -> Table:
    columns = (
        Column("Variant"),
        Column("Beside"),
        Column("Evaluation"),
        Column("Verdict", wordy=True),
        Column("Difference", unit="points"),
        Column("90 % interval", unit="points"),
        Column("Lost"),
        Column("Won"),
        Column("p (Holm)"),
        Column("Further items needed"),
    )
    rows: list[list[Cell]] = []
    for pair in found:
        start: list[Cell] = [pair.variant.label, pair.reference.label, pair.variant.evaluation]
        rows.append([*start, *(_pair_cells(pair.judged) if isinstance(pair.judged, Judged) else [pair.judged] * 7)])
    return table(columns, rows, left=3, caption="Variants on the same items")


def _pair_cells(judged: Judged) -> list[Cell]:
    found = judged.difference
    needed = "none" if judged.verdict != "UNRESOLVED" else "unknown"
    return [
        judged.verdict,
        f"{found.value * 100:+.2f}",
        f"{found.interval.low * 100:+.2f} to {found.interval.high * 100:+.2f}",
        units.show_count(found.lost_count),
        units.show_count(found.won_count),
        units.digits(judged.p_adjusted, 2),
        needed if judged.needed_count is None else units.show_count(judged.needed_count),
    ]


def latency_table(view: RunView, everyone: tuple[Answered, ...]) -> Table | None:
    """Real inputs one by one and in batches, beside the synthetic input at batch 1."""
    known = [(each, each.found) for each in everyone if isinstance(each.found, Accuracy)]
    times = [(each, found, alone(found), padded(found)) for each, found in known]
    figures = [part.per_example_s for _, _, *parts in times for part in parts if part is not None]
    if not figures:
        return None
    scale = units.scale_of(figures, "s")
    columns = (
        Column("Model"),
        Column("Evaluation"),
        Column("Own length"),
        Column("Alone, median", unit=scale.symbol),
        Column("Mean ± deviation", unit=scale.symbol),
        Column("Synthetic at batch 1", unit=scale.symbol),
        Column("Batch size"),
        Column("Batched, per example", unit=scale.symbol),
        Column("Padding", unit="%"),
    )
    rows: list[list[Cell]] = []
    for each, found, one, many in times:
        sign = "≤ " if found.is_upper_bound else ""
        synthetic = synthetic_median_s(view, each.task)
        shown = one or many
        lengths = f"{shown.least_length} to {shown.most_length}" if shown else None
        rule = each.task.evaluation
        rows.append(
            [
                each.label,
                each.evaluation,
                lengths,
                sign + scale.value(one.median_s) if one else None,
                _mean(scale, one) if one else None,
                synthetic if isinstance(synthetic, NotMeasured | None) else scale.value(synthetic),
                str(rule.batch_size) if rule else None,
                sign + scale.value(many.per_example_s) if many else None,
                f"{many.padding_share * 100:.1f}" if many else None,
            ]
        )
    return table(columns, rows, left=2, caption="Latency of the evaluated inputs")


def _mean(scale: units.Scale, found: RealLatency) -> str:
    """One call has no deviation."""
    return scale.value(found.mean_s) if found.std_s is None else scale.spread(found.mean_s, found.std_s)


def synthetic_median_s(view: RunView, task: Task) -> float | NotMeasured | None:
    """Of the subject's base point, where its latency was measured at batch 1."""
    found = synthetic_record(view, task)
    if found is None:
        return None
    if not isinstance(found.latency, LatencySamples):
        return found.latency
    if not found.latency.latency_s:
        return None
    return summarise(found.latency, found.task.repetition).median


def synthetic_record(view: RunView, task: Task) -> RunRecord | None:
    base = view.base(point_of(task).subject)
    return None if base is None or base.batch_size != 1 else view.record("latency", base)

"""Sweeps and models put to the lab's hypotheses: which points go into a fit, and what came out."""

from __future__ import annotations

from collections.abc import Callable

from suite.records import FlopCount, ParameterCount, Summary
from suite.report.points import Point, Subject, Sweep
from suite.report.view import RunView
from suite.stats import hypotheses
from suite.stats.hypotheses import LinearFigures, QuadraticFigures, RankFigures, Verdict


def linear(view: RunView, sweep: Sweep) -> Verdict[LinearFigures]:
    return hypotheses.linear(fit_points(view, sweep))


def quadratic(view: RunView, sweep: Sweep) -> Verdict[QuadraticFigures]:
    return hypotheses.quadratic(fit_points(view, sweep))


def fit_points(view: RunView, sweep: Sweep) -> list[hypotheses.Point]:
    """Medians with their errors; a point without samples, or with too few for an interval, is left out."""
    summaries = [(point, view.summary(point)) for point in sweep.points]
    made = [
        hypotheses.point(point.size(sweep.axis), summary)
        for point, summary in summaries
        if isinstance(summary, Summary)
    ]
    return [point for point in made if point is not None]


def tracks(view: RunView, quantity: Callable[[RunView, Point], float | None]) -> Verdict[RankFigures]:
    """Whether latency and another quantity put the models into one order, each at its base point."""
    pairs = []
    for subject in comparable(view):
        base = view.base(subject)
        summary = view.summary(base) if base else None
        other = quantity(view, base) if base else None
        if isinstance(summary, Summary) and other is not None:
            pairs.append((other, summary.median))
    return hypotheses.tracks(pairs)


def comparable(view: RunView) -> list[Subject]:
    """One subject per model, all run the way the first one was: what differs between them is the model."""
    first = view.subjects[0] if view.subjects else None
    found: dict[str, Subject] = {}
    for subject in view.subjects:
        if first is not None and _setting(subject) == _setting(first):
            found.setdefault(subject.model, subject)
    return list(found.values())


def _setting(subject: Subject) -> tuple[str, str, str, int]:
    return subject.runtime, subject.precision, subject.device, subject.thread_count


def parameters(view: RunView, point: Point) -> float | None:
    count = view.parameters(point.subject.model)
    return count.unique_count if isinstance(count, ParameterCount) else None


def flops(view: RunView, point: Point) -> float | None:
    """Of one call, from the count at another batch size where there is none at its own: FLOPs are linear in it."""
    count = view.flops(point.subject.model, point)
    return (
        count.flop_count * point.batch_size / view.counted_batch_size(point) if isinstance(count, FlopCount) else None
    )

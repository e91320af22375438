"""Sweeps and models put to the lab's hypotheses: which points go into a fit, and what came out."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import TypeAlias

from suite.records import FlopCount, LatencySamples, ParameterCount, Summary, record
from suite.records.hypothesis import Shape
from suite.report.points import Point, Subject, Sweep
from suite.report.view import RunView
from suite.stats import curves, hypotheses, laws
from suite.stats import takes as needs
from suite.stats.curves import Absence, Fits
from suite.stats.hypotheses import LinearFigures, QuadraticFigures, RankFigures, Verdict
from suite.stats.orders import Figure, exact
from suite.stats.rounds import Series
from suite.stats.takes import Takes


def linear(view: RunView, sweep: Sweep) -> Verdict[LinearFigures]:
    return hypotheses.linear(fits(view, sweep))


def quadratic(view: RunView, sweep: Sweep) -> Verdict[QuadraticFigures]:
    return hypotheses.quadratic(fits(view, sweep))


def fits(view: RunView, sweep: Sweep) -> Fits | Absence:
    """The curves through a sweep's undisturbed blocks, fitted once; without samples, or with a bound alone, no point
    is in them."""
    if sweep not in view.fits:
        view.fits[sweep] = curves.fits(_series(view, sweep))
    return view.fits[sweep]


def _series(view: RunView, sweep: Sweep) -> list[Series]:
    return [
        Series(
            size=point.size(sweep.axis),
            blocks=samples.timed_blocks,
            counts=tuple(block.disturbed_by is None for block in samples.timed_blocks),
        )
        for point, samples in _timed(view, sweep)
        if not samples.is_upper_bound
    ]


def round_s(view: RunView, sweep: Sweep) -> float:
    """What a round of the sweep's sizes took."""
    return needs.round_s(_series(view, sweep))


def takes(view: RunView, sweep: Sweep, shape: Shape) -> Takes | None:
    """What the question would take; None where it is decided."""
    found = fits(view, sweep)
    return needs.takes(shape, None, found, laws.answer(shape, None, found))


def bounded_sizes(view: RunView, sweep: Sweep) -> tuple[int, ...]:
    """The sizes that no fit uses, because their latency is an upper bound alone."""
    return tuple(point.size(sweep.axis) for point, samples in _timed(view, sweep) if samples.is_upper_bound)


def added_sizes(view: RunView, sweep: Sweep) -> tuple[int, ...]:
    """The sizes that the plan does not list, measured since a question was open without them."""
    added = set(view.run.added())
    return tuple(point.size(sweep.axis) for point in sweep.points if view.task("latency", point) in added)


def disturbed_block_count(view: RunView, sweep: Sweep) -> int:
    """Of the sizes that fits use."""
    return sum(len(samples.disturbed_blocks) for _, samples in _timed(view, sweep) if not samples.is_upper_bound)


def _timed(view: RunView, sweep: Sweep) -> list[tuple[Point, LatencySamples]]:
    found = [(point, view.latency(point)) for point in sweep.points]
    return [(point, samples) for point, samples in found if isinstance(samples, LatencySamples)]


Quantity: TypeAlias = Callable[[RunView, Point], Figure | None]


@record
class Compared:
    """Models with two figures each, at their base points; bounded: those with an upper bound alone."""

    subjects: tuple[Subject, ...]
    figures: tuple[tuple[Figure, Figure], ...]
    bounded: tuple[Subject, ...]


def compared(view: RunView, quantity: Quantity, models: Collection[str] = ()) -> Compared:
    """Another quantity and the latency of every model that has both and can be compared with the others.

    models: those that are meant; none: all.
    """
    found: dict[Subject, tuple[Figure, Figure]] = {}
    bounded = []
    for subject in comparable(view):
        base = view.base(subject) if not models or subject.model in models else None
        summary = view.summary(base) if base else None
        other = quantity(view, base) if base else None
        if not isinstance(summary, Summary) or other is None:
            continue
        if summary.is_upper_bound or other.is_upper_bound:
            bounded.append(subject)
        else:
            found[subject] = other, latency(summary)
    return Compared(subjects=tuple(found), figures=tuple(found.values()), bounded=tuple(bounded))


def tracks(models: Compared) -> Verdict[RankFigures]:
    """Whether latency and the other quantity rise together, over models at large."""
    return hypotheses.tracks([(other.value, timed.value) for other, timed in models.figures])


def latency(summary: Summary) -> Figure:
    """The median, which too few calls for an interval don't tell at all."""
    interval = summary.median_interval
    if interval is None:
        return Figure(value=summary.median, low=0.0, high=math.inf)
    low, high = min(interval.low, summary.median), max(interval.high, summary.median)
    return Figure(value=summary.median, low=low, high=high)


def parameter_figure(view: RunView, point: Point) -> Figure | None:
    count = parameters(view, point)
    return exact(count) if count is not None else None


def flop_figure(view: RunView, point: Point) -> Figure | None:
    """Unbounded above where operators of unknown cost ran."""
    flop_count, count = flops(view, point), view.flops(point.subject.model, point)
    if flop_count is None or not isinstance(count, FlopCount):
        return None
    return Figure(value=flop_count, low=flop_count, high=math.inf if count.unknown else flop_count)


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

"""Sweeps and models put to the lab's hypotheses: which points go into a fit, and what came out."""

from __future__ import annotations

from collections.abc import Callable

from suite.records import FlopCount, LatencySamples, ParameterCount, Summary
from suite.records.hypothesis import Shape
from suite.report.points import Point, Subject, Sweep
from suite.report.view import RunView
from suite.stats import curves, hypotheses, shapes
from suite.stats import takes as needs
from suite.stats.curves import Absence, Fits
from suite.stats.hypotheses import LinearFigures, QuadraticFigures, RankFigures, Verdict
from suite.stats.rounds import Series
from suite.stats.takes import Takes


def linear(view: RunView, sweep: Sweep) -> Verdict[LinearFigures]:
    return hypotheses.linear(fits(view, sweep))


def quadratic(view: RunView, sweep: Sweep) -> Verdict[QuadraticFigures]:
    return hypotheses.quadratic(fits(view, sweep))


def fits(view: RunView, sweep: Sweep) -> Fits | Absence:
    """The curves through a sweep's blocks, fitted once; a point without samples is left out."""
    if sweep not in view.fits:
        view.fits[sweep] = curves.fits(_series(view, sweep))
    return view.fits[sweep]


def _series(view: RunView, sweep: Sweep) -> list[Series]:
    """Disturbed blocks don't count in a fit, also where they count in an upper bound."""
    found = [(point, view.latency(point)) for point in sweep.points]
    return [
        Series(
            size=point.size(sweep.axis),
            blocks=samples.timed_blocks,
            counts=tuple(block.disturbed_by is None for block in samples.timed_blocks),
        )
        for point, samples in found
        if isinstance(samples, LatencySamples)
    ]


def round_s(view: RunView, sweep: Sweep) -> float:
    """What a round of the sweep's sizes took."""
    return needs.round_s(_series(view, sweep))


def takes(view: RunView, sweep: Sweep, shape: Shape) -> Takes | None:
    """What the question would take; None where it is decided."""
    found = fits(view, sweep)
    return needs.takes(shape, None, found, shapes.answer(shape, None, found))


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

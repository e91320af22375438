"""Calls on the roofline of their device: which ceilings hold for which call, and a sentence for each model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from suite import units
from suite.records import MACHINE, Ceiling, NotMeasured, ParameterCount, Roofline, Summary, Task, record
from suite.report import answers, scaling
from suite.report.content import Content, Heading, bullets, content
from suite.report.gaps import CUT_OFF
from suite.report.points import BATCH_SIZE, Point, Subject, Sweep, point_of
from suite.report.view import RunView
from suite.stats import roofline as stats
from suite.stats.hypotheses import LinearFigures
from suite.stats.roofline import Placement, Rate, Work

BOUNDS = {"memory": "memory", "compute": "arithmetic", "either": "either"}


@record
class Placed:
    """A call on a roofline, with what it was placed by."""

    roofline: Roofline
    work: Work
    placement: Placement


@record
class Calls:
    """A subject's calls by rising batch size, each placed or absent. sweep: None where there is one batch size."""

    subject: Subject
    sweep: Sweep | None
    placed: tuple[tuple[Point, Placed | NotMeasured | None], ...]

    @property
    def known(self) -> tuple[tuple[Point, Placed], ...]:
        return tuple((point, found) for point, found in self.placed if isinstance(found, Placed))


def who(view: RunView, task: Task) -> str:
    """Whose figure a task's is: a model's title, or the machine."""
    return MACHINE if task.is_of_the_machine else view.title(task.model)


def where(view: RunView, task: Task) -> str:
    """The sizes of a task's input, or the device that it measures."""
    return on(task.device, task.thread_count) if task.is_of_the_machine else view.describe(point_of(task))


def on(device: str, thread_count: int) -> str:
    return f"{device}, {units.counted(thread_count, 'thread')}"


def roofline(view: RunView, device: str, thread_count: int) -> Roofline | NotMeasured | None:
    """None where none was asked for."""
    if (device, thread_count) not in view.of_the_machine:
        return None
    record = view.of_the_machine[device, thread_count]
    return record.roofline if record else CUT_OFF


def place(view: RunView, point: Point) -> Placed | NotMeasured | None:
    """A point of one forward pass; an absence where a figure that it takes is absent."""
    model = point.subject.model
    ceilings = roofline(view, point.subject.device, point.subject.thread_count)
    summary, count = view.summary(point), view.parameters(model)
    if not isinstance(ceilings, Roofline):
        return ceilings
    if not isinstance(summary, Summary):
        return summary
    if not isinstance(count, ParameterCount):
        return count
    flop_count, arithmetic = scaling.flops(view, point), ceilings.rate(point.subject.precision)
    if flop_count is None or arithmetic is None:
        absent = view.flops(model, point)
        return absent if isinstance(absent, NotMeasured) else None
    work = Work(read_bytes=stats.read_bytes(count), flop_count=flop_count)
    placement = stats.place(work, rate(ceilings.bandwidth), rate(arithmetic), ceilings.cache_bytes, summary.median)
    return Placed(roofline=ceilings, work=work, placement=placement)


def rate(ceiling: Ceiling) -> Rate:
    return Rate(best_per_s=ceiling.best_per_s, median_per_s=ceiling.median_per_s)


def by_subject(view: RunView) -> Iterator[Calls]:
    """Every subject with its batch sizes at the base input, or with its base point alone."""
    sweeps = {sweep.subject: sweep for sweep in view.sweeps(BATCH_SIZE)}
    for subject in view.subjects:
        sweep, base = sweeps.get(subject), view.base(subject)
        points = sweep.points if sweep else () if base is None or view.latency(base) is None else (base,)
        placed = tuple((point, place(view, point)) for point in points)
        yield Calls(subject=subject, sweep=sweep, placed=placed)


def megabytes(value_bytes: float) -> str:
    """With the decimal prefix, as rates of bytes have it."""
    return f"{units.decimals(value_bytes / 1e6, 0 if value_bytes >= 1e7 else 1)} MB"


def why(view: RunView) -> Content:
    """What the device's ceilings say of each model's latency, for the discussion; nothing where none were measured."""
    lines = list(_sentences(view)) if view.of_the_machine else []
    if not lines:
        return ()
    return content(
        Heading("Why: what the device allows"),
        "Least times by the device's own ceilings (section Why: the roofline); a range is from the best to the median "
        "block, less what the "
        "caches could keep.",
        bullets(lines),
    )


def _sentences(view: RunView) -> Iterator[str]:
    for calls in by_subject(view):
        if calls.known:
            reached = _reached(calls.known)
            told = f"{_reading(view, calls, *calls.known[0])}. {reached[:1].upper()}{reached[1:]}."
            yield f"{view.label(calls.subject)}: {told}"


def _reading(view: RunView, calls: Calls, point: Point, placed: Placed) -> str:
    """How long reading the weights takes, beside what does not depend on the batch."""
    work, memory, ceiling = placed.work, placed.placement.memory, placed.roofline.bandwidth
    size = megabytes(work.read_bytes)
    if not work.read_bytes:
        return "it has no weights to read but tables of embeddings"
    if placed.placement.cached:
        return f"its {size} of weights could stay in the caches, so reading them bounds nothing"
    head = f"batch {point.batch_size} reads {size} of weights: at {units.show(ceiling.best_per_s, 'B/s')} that is "
    times = units.show_interval(memory.low_s, memory.high_s, "s")
    figures = _line(view, calls.sweep)
    if figures is None:
        return f"{head}{times} of the {units.show(placed.placement.measured_s, 's')} that the call takes"
    fixed = f"the {answers.term(figures.intercept_s, figures.intercept_interval_s)} that don't depend on the batch"
    if memory.high_s <= figures.intercept_interval_s.high:
        return f"{head}{times} of {fixed}"
    if memory.low_s > figures.intercept_interval_s.high:
        return f"{head}{times}, more than {fixed}: most of it hides behind arithmetic as the batch grows"
    return f"{head}{times}, which can be all of {fixed}"


def _line(view: RunView, sweep: Sweep | None) -> LinearFigures | None:
    """The straight line through the batch sizes, if it stands and clearly doesn't begin at zero."""
    verdict = scaling.linear(view, sweep) if sweep else None
    if verdict is None or verdict.figures is None or verdict.answer == "REJECTED":
        return None
    return verdict.figures if verdict.figures.intercept_interval_s.low > 0 else None


def _reached(known: Sequence[tuple[Point, Placed]]) -> str:
    """Which bound is nearer at the smallest and at the largest batch, and how near."""
    ends = known[:1] if len(known) == 1 else (known[0], known[-1])
    placements = [found.placement for _, found in ends]
    bounds = {placement.bound for placement in placements}
    if len(ends) == 2 and len(bounds) == 1 and not any(placement.beaten for placement in placements):
        shares = " and ".join(f"{_share(found.placement)} at batch {point.batch_size}" for point, found in ends)
        return f"{_nearer(placements[0])} at both ends: {shares} of what that allows is reached"
    return "; ".join(f"at batch {point.batch_size} {_at_one(found.placement)}" for point, found in ends)


def _at_one(placement: Placement) -> str:
    if placement.beaten:
        return "it is faster than its least time, so one of the ceilings is none for it"
    return f"{_nearer(placement)}, and {_share(placement)} of what that allows is reached"


def _nearer(placement: Placement) -> str:
    if placement.bound == "either":
        return "memory and arithmetic are about as near"
    return f"{BOUNDS[placement.bound]} is the nearer bound"


def _share(placement: Placement) -> str:
    return f"{units.digits(placement.share * 100, 2)} %"

"""Calls on the roofline of their device: which ceilings hold for which call, and a sentence for each model."""

from __future__ import annotations

from collections.abc import Iterator

from suite import units
from suite.records import MACHINE, Ceiling, NotMeasured, ParameterCount, Roofline, RunRecord, Summary, Task, record
from suite.report import answers, scaling
from suite.report.escape import markdown
from suite.report.points import BATCH_SIZE, Point, Subject, point_of
from suite.report.section import paragraphs
from suite.report.view import CUT_OFF, RunView
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


def tasks(view: RunView) -> tuple[Task, ...]:
    return tuple(task for task in view.tasks if task.test == "roofline")


def found(view: RunView, task: Task) -> RunRecord | None:
    return next((record for record in view.run.records if record.task == task), None)


def who(view: RunView, task: Task) -> str:
    """Whose figure a task's is: a model's title, or the machine."""
    return MACHINE if task.is_of_the_machine else view.title(task.model)


def where(view: RunView, task: Task) -> str:
    """The sizes of a task's input, or the device that it measures."""
    return on(task) if task.is_of_the_machine else view.describe(point_of(task))


def on(task: Task) -> str:
    return f"{task.device}, {units.counted(task.thread_count, 'thread')}"


def roofline(view: RunView, subject: Subject) -> Roofline | NotMeasured | None:
    """That of the subject's device and thread count; None where none was asked for."""
    for task in tasks(view):
        if (task.device, task.thread_count) == (subject.device, subject.thread_count):
            record = found(view, task)
            return record.roofline if record else CUT_OFF
    return None


def place(view: RunView, point: Point) -> Placed | NotMeasured | None:
    """A point of one forward pass; an absence where a figure that it takes is absent."""
    model = point.subject.model
    ceilings, summary, count = roofline(view, point.subject), view.summary(point), view.parameters(model)
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


def points(view: RunView, subject: Subject) -> tuple[Point, ...]:
    """The batch sizes at the base input, or the base point alone."""
    sweep = next((sweep for sweep in view.sweeps(BATCH_SIZE) if sweep.subject == subject), None)
    if sweep is not None:
        return sweep.points
    base = view.base(subject)
    return () if base is None or view.latency(base) is None else (base,)


def megabytes(value_bytes: float) -> str:
    """With the decimal prefix, as rates of bytes have it."""
    return f"{units.decimals(value_bytes / 1e6, 0 if value_bytes >= 1e7 else 1)} MB"


def why(view: RunView) -> str:
    """What the device's ceilings say of each model's latency, for the discussion; nothing where none were measured."""
    lines = list(_sentences(view))
    if not lines:
        return ""
    return paragraphs(
        "### Why: what the device allows",
        "Least times by the device's own ceilings (section Why: the roofline); a range is from the best to the median "
        "block of the ceiling.",
        "\n".join(lines),
    )


def _sentences(view: RunView) -> Iterator[str]:
    for subject in view.subjects:
        placed = [(point, found) for point in points(view, subject) if isinstance(found := place(view, point), Placed)]
        if placed:
            first, *_ = placed
            ends = placed if len(placed) == 1 else [first, placed[-1]]
            told = "; ".join(_reached(point, found.placement) for point, found in ends)
            yield f"- {markdown(view.label(subject))}: {_reading(view, *first)}. {told[:1].upper()}{told[1:]}."


def _reading(view: RunView, point: Point, placed: Placed) -> str:
    """How long reading the weights takes, beside what does not depend on the batch."""
    work, memory, ceiling = placed.work, placed.placement.memory, placed.roofline.bandwidth
    size = megabytes(work.read_bytes)
    if not work.read_bytes:
        return "it has no weights to read but tables of embeddings"
    if placed.placement.cached:
        return f"its {size} of weights could stay in the caches, so reading them bounds nothing"
    head = f"batch {point.batch_size} reads {size} of weights: at {units.show(ceiling.best_per_s, 'B/s')} that is "
    times = units.show_interval(memory.low_s, memory.high_s, "s")
    figures = _line(view, point.subject)
    if figures is None:
        return f"{head}{times} of the {units.show(placed.placement.measured_s, 's')} that the call takes"
    fixed = f"the {answers.term(figures.intercept_s, figures.intercept_interval_s)} that don't depend on the batch"
    if memory.high_s <= figures.intercept_interval_s.high:
        return f"{head}{times} of {fixed}"
    if memory.low_s > figures.intercept_interval_s.high:
        return f"{head}{times}, more than {fixed}: most of it hides behind arithmetic as the batch grows"
    return f"{head}{times}, which can be all of {fixed}"


def _line(view: RunView, subject: Subject) -> LinearFigures | None:
    """The straight line through the batch sizes, if it stands and clearly doesn't begin at zero."""
    sweep = next((sweep for sweep in view.sweeps(BATCH_SIZE) if sweep.subject == subject), None)
    verdict = scaling.linear(view, sweep) if sweep else None
    if verdict is None or verdict.figures is None or verdict.answer == "REJECTED":
        return None
    return verdict.figures if verdict.figures.intercept_interval_s.low > 0 else None


def _reached(point: Point, placement: Placement) -> str:
    where = f"at batch {point.batch_size}"
    if placement.beaten:
        return f"{where} it is faster than its least time, so one of the ceilings is none for it"
    share = f"{units.digits(placement.share * 100, 2)} %"
    if placement.bound == "either":
        return f"{where} memory and arithmetic are about as near, and it reaches {share} of what they allow"
    return f"{where} {BOUNDS[placement.bound]} is the nearer bound, and it reaches {share} of what that allows"

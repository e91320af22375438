"""The person's own hypotheses, answered from the records: SUPPORTED, REJECTED or UNDECIDED, a line for each model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from suite.records import EnergyReading, FlopCount, Hypothesis, MemoryUse, ParameterCount, Summary, Task
from suite.records.sweeps import base_of, is_along, size_of
from suite.report import energies, own_words, rankings, scaling
from suite.report.content import Bullets, Content, Heading, Numbered, Spans, content, spans
from suite.report.points import Point, Sweep
from suite.report.view import RunView
from suite.stats import hypotheses, levels
from suite.stats.curves import Absence, Fits
from suite.stats.laws import answer
from suite.stats.levels import Level
from suite.stats.takes import takes

BESIDE_LATENCY: Mapping[str, tuple[str, scaling.Quantity]] = {
    "energy": ("energy", energies.gross_j),
    "parameters": ("parameters", scaling.parameter_figure),
    "flops": ("FLOPs", scaling.flop_figure),
}


def render(view: RunView) -> Content:
    """Nothing where the plan states none."""
    found = tuple(
        (_stated(view, stated), Bullets(tuple(_answers(view, stated)))) for stated in view.manifest.hypotheses
    )
    return content(Heading("Your hypotheses"), Numbered(found)) if found else ()


def _stated(view: RunView, stated: Hypothesis) -> str:
    told = own_words.stated(stated, view.axis_label(stated.against))
    return f"“{stated.text}” ({told})" if stated.text else told


def _answers(view: RunView, stated: Hypothesis) -> Iterator[Spans]:
    if stated.shape == "tracks":
        yield _order(view, stated)
        return
    lines = list(_by_sizes(view, stated))
    yield from lines or [own_words.NOTHING]


def _order(view: RunView, stated: Hypothesis) -> Spans:
    """Beside latency as the lab's own question is answered; of other pairs the rank correlation alone."""
    others = {stated.quantity, stated.against} - {"latency"}
    if len(others) == 1 and (known := BESIDE_LATENCY.get(*others)):
        name, quantity = known
        return rankings.told(view, scaling.compared(view, quantity, stated.models), name)
    return own_words.tracks(hypotheses.tracks(_pairs(view, stated)))


def _by_sizes(view: RunView, stated: Hypothesis) -> Iterator[Spans]:
    """A line a subject; of FLOPs, a line a model."""
    label = view.axis_label(stated.against)
    if stated.quantity == "flops":
        for model in view.models:
            figures = _flop_figures(view, model, stated.against)
            if _is_meant(stated, model) and figures:
                yield spans(f"{view.title(model)}: ", _told(stated, levels.fits(figures), label, None))
        return
    for sweep in view.sweeps(stated.against, "energy" if stated.quantity == "energy" else "latency"):
        if not _is_meant(stated, sweep.subject.model):
            continue
        latency = stated.quantity == "latency"
        found = scaling.fits(view, sweep) if latency else levels.fits(_figures(view, stated, sweep))
        round_s = scaling.round_s(view, sweep) if latency else None
        yield spans(f"{view.label(sweep.subject)}: ", _told(stated, found, label, round_s))


def _told(stated: Hypothesis, found: Fits | Absence, label: str, round_s: float | None) -> Spans:
    verdict = answer(stated.shape, stated.exponent, found)
    needed = takes(stated.shape, stated.exponent, found, verdict)
    return own_words.shape(stated, verdict, needed, label, round_s)


def _is_meant(stated: Hypothesis, model: str) -> bool:
    return not stated.models or model in stated.models


def _figures(view: RunView, stated: Hypothesis, sweep: Sweep) -> list[Level]:
    """Joules of a call, or bytes at the peak, of which nobody knows the error."""
    found = []
    for point in sweep.points:
        size = float(point.size(sweep.axis))
        if stated.quantity == "energy":
            reading = view.energy(point)
            if isinstance(reading, EnergyReading):
                found.append(_energy(reading, size))
        else:
            memory = view.memory(point)
            if isinstance(memory, MemoryUse):
                found.append(Level(size=size, value=float(memory.peak_resident_bytes), halfwidth=None))
    return [figure for figure in found if figure is not None]


def _energy(reading: EnergyReading, size: float) -> Level | None:
    """Of a call. An error of the source's gain is the same at every size, and bends no curve."""
    call_j, budget = reading.inference_j(1), reading.budget
    calls = sum(window.call_count for window in reading.windows) / len(reading.windows)
    if budget.scatter_j is None or not call_j > 0:
        return Level(size=size, value=call_j, halfwidth=None) if call_j > 0 else None
    error_j = (budget.scatter_j**2 + budget.resolution_j**2 + budget.edge_j**2) ** 0.5
    return Level(size=size, value=call_j, halfwidth=error_j / calls)


def _flop_figures(view: RunView, model: str, axis: str) -> list[Level]:
    """Counts, which are exact."""
    tasks = [task for task in view.tasks if (task.test, task.model, task.scenario) == ("flops", model, "forward")]
    base = base_of(tasks)
    if base is None or axis not in dict(base.axes):
        return []
    return list(_counted(view, [task for task in tasks if is_along(task, base, axis)], axis))


def _counted(view: RunView, tasks: Sequence[Task], axis: str) -> Iterator[Level]:
    for found in view.run.records:
        if found.task in tasks and isinstance(found.flops, FlopCount):
            yield Level(size=float(size_of(found.task, axis)), value=float(found.flops.flop_count), halfwidth=0.0)


def _pairs(view: RunView, stated: Hypothesis) -> list[tuple[float, float]]:
    """Of every model that has both figures, each at its base point."""
    pairs = []
    for subject in scaling.comparable(view):
        base = view.base(subject)
        if base is not None and _is_meant(stated, subject.model):
            values = _of_model(view, base, stated.against), _of_model(view, base, stated.quantity)
            if values[0] is not None and values[1] is not None:
                pairs.append((values[0], values[1]))
    return pairs


def _of_model(view: RunView, point: Point, name: str) -> float | None:
    match name:
        case "latency":
            summary = view.summary(point)
            return summary.median if isinstance(summary, Summary) and not summary.is_upper_bound else None
        case "memory":
            memory = view.memory(point)
            return float(memory.peak_resident_bytes) if isinstance(memory, MemoryUse) else None
        case "energy":
            joules = energies.gross_j(view, point)
            return None if joules is None or joules.is_upper_bound else joules.value
        case "flops":
            return scaling.flops(view, point)
        case _:
            count = view.parameters(point.subject.model)
            return float(count.unique_count) if isinstance(count, ParameterCount) else None

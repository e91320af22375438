"""The ways to run models that a run measured, with what each costs and how right it is: what one chooses among."""

from __future__ import annotations

from collections.abc import Sequence

from suite import units
from suite.records import Accuracy, Build, MemoryUse, NotMeasured, Run, RunRecord, record
from suite.report import accuracies, energies, real_energies
from suite.report.accuracies import Answered
from suite.report.energies import InferenceEnergy
from suite.report.points import Subject, point_of
from suite.report.table import Cell, Column, Table, Value, table
from suite.report.view import RunView
from suite.stats import same_items
from suite.stats.scores import Score
from suite.stats.tradeoff import Candidate, Figure, Goal, Pairs, Standing, exact, standings

ACCURACY = Goal(name="accuracy", less_is_better=False)
LATENCY, ENERGY, MEMORY, SIZE = (Goal(name=name) for name in ("latency", "energy", "memory", "size"))
GOALS = (ACCURACY, LATENCY, ENERGY, MEMORY, SIZE)
MEMORY_TOLERANCE = 0.01  # of the larger one; docs/accuracy.md
UNITS = {"accuracy": "%", "latency": "s", "energy": "J", "memory": "B", "size": "B"}
TITLES = {
    "accuracy": "Score",
    "latency": "Latency, batch 1",
    "energy": "Energy, batch 1",
    "memory": "Peak memory",
    "size": "Size on disk",
}


@record
class Tradeoff:
    """What was measured for one evaluation. `real`, `real_energy`: those of its own inputs, not of synthetic ones."""

    evaluation: str
    candidates: tuple[Candidate, ...]
    standings: tuple[Standing, ...]
    real: bool
    real_energy: bool
    margin: float


def tradeoffs(runs: Sequence[tuple[str, Run]], margin: float = same_items.MARGIN) -> tuple[Tradeoff, ...]:
    """One for each evaluation. runs: each with a name, which tells its candidates from another's."""
    everyone = [
        (name if len(runs) > 1 else "", view, each)
        for name, run in runs
        for view in (RunView(run),)
        for each in accuracies.answered(view)
        if isinstance(each.found, Accuracy)
    ]
    names = dict.fromkeys(each.evaluation for _, _, each in everyone)
    return tuple(
        _tradeoff(name, [found for found in everyone if found[2].evaluation == name], margin) for name in names
    )


def _tradeoff(evaluation: str, found: list[tuple[str, RunView, Answered]], margin: float) -> Tradeoff:
    real = all(isinstance(each.found, Accuracy) and accuracies.alone(each.found) for _, _, each in found)
    real_energy = all(_real_energy(each.found) is not None for _, _, each in found)
    candidates = [_candidate(name, view, each, real=real, real_energy=real_energy) for name, view, each in found]
    answered = [each for _, _, each in found]
    return Tradeoff(
        evaluation=evaluation,
        candidates=tuple(candidates),
        standings=standings(candidates, GOALS, _pairs(candidates, answered, margin)),
        real=real,
        real_energy=real_energy,
        margin=margin,
    )


def _candidate(name: str, view: RunView, each: Answered, *, real: bool, real_energy: bool) -> Candidate:
    assert isinstance(each.found, Accuracy)
    subject = point_of(each.task).subject
    record = next(found for found in view.run.records if found.task == each.task)
    memory = record.memory
    figures = {
        "accuracy": _of_score(accuracies.scored(each.found)),
        "latency": _real(each.found) if real else _synthetic(view, subject),
        "energy": _real_energy(each.found) if real_energy else _energy(view, subject),
        "memory": _peak(memory),
        "size": _size(record),
    }
    known = {goal: figure for goal, figure in figures.items() if figure is not None}
    return Candidate(label=f"{name}: {each.label}" if name else each.label, figures=known)


def _of_score(found: Score) -> Figure | None:
    """None of a single group, which tells no interval."""
    if found.interval is None:
        return None
    low, high = min(found.interval.low, found.value), max(found.interval.high, found.value)
    return Figure(value=found.value, low=low, high=high)


def _real(found: Accuracy) -> Figure | None:
    alone = accuracies.alone(found)
    if alone is None or alone.interval is None:
        return None
    low = 0.0 if found.is_upper_bound else alone.interval.low
    return Figure(value=alone.median_s, low=low, high=alone.interval.high)


def _synthetic(view: RunView, subject: Subject) -> Figure | None:
    base = view.base(subject)
    found = view.summary(base) if base is not None and base.batch_size == 1 else None
    if found is None or isinstance(found, NotMeasured) or found.median_interval is None:
        return None
    low = 0.0 if found.is_upper_bound else found.median_interval.low
    return Figure(value=found.median, low=low, high=found.median_interval.high)


def _energy(view: RunView, subject: Subject) -> Figure | None:
    points = [each for each in view.points("energy", "forward") if each.subject == subject and each.batch_size == 1]
    found = energies.gross_j(view, points[0]) if points else None
    if found is None:
        return None
    return Figure(value=found.value, low=0.0 if found.is_upper_bound else found.low, high=found.high)


def _real_energy(found: Accuracy | NotMeasured) -> Figure | None:
    """Gross joules of an input of its own, one by one, within their error budget."""
    one = found.energy_at(1) if isinstance(found, Accuracy) else None
    figure = real_energies.per_example(one) if one is not None else None
    if one is None or not isinstance(figure, InferenceEnergy):
        return None
    low_j = 0.0 if one.is_upper_bound else max(0.0, figure.gross_j - figure.error_j)
    return Figure(value=figure.gross_j, low=low_j, high=figure.gross_j + figure.error_j)


def inputs(found: Tradeoff) -> str:
    """Of what latencies and energies are, in words."""
    own, usual = "of its own inputs, one by one", "of synthetic inputs at batch 1"
    latency, energy = own if found.real else usual, own if found.real_energy else usual
    if not any("energy" in each.figures for each in found.candidates):
        return f"latencies {latency}"
    return f"latencies and energies {latency}" if latency == energy else f"latencies {latency}, energies {energy}"


def _peak(found: MemoryUse | NotMeasured | None) -> Figure | None:
    """Of the process; of the device where the model lies on one."""
    if not isinstance(found, MemoryUse):
        return None
    device = found.device_peak_bytes
    return exact(float(found.peak_resident_bytes if device is None else device))


def _size(found: RunRecord) -> Figure | None:
    """Of the files that its runtime built, weights included; of the weights where nothing is built."""
    if found.variant is not None and isinstance(found.variant.build, Build):
        return exact(float(found.variant.build.size_bytes))
    return exact(float(found.memory.weight_bytes)) if isinstance(found.memory, MemoryUse) else None


def _pairs(candidates: list[Candidate], answered: list[Answered], margin: float) -> Pairs:
    """What the answers to the same items tell, which is more than two intervals do. All pairs are judged together."""
    places = [(one, other) for one in range(len(candidates)) for other in range(one)]
    known = [
        (one, other, found)
        for one, other in places
        if (found := accuracies.difference(answered[one], answered[other])) is not None
    ]
    signs = {"SAME": 0, "BETTER": 1, "WORSE": -1}
    pairs: dict[tuple[str, str, str], int] = {}
    judged = same_items.judge([found for _, _, found in known], margin) if known else ()
    for (one, other, _), verdict in zip(known, judged, strict=True):
        if verdict.verdict in signs:
            sign = signs[verdict.verdict]
            first, second = candidates[one].label, candidates[other].label
            pairs["accuracy", first, second], pairs["accuracy", second, first] = sign, -sign
    return pairs | _alike_in_memory(candidates)


def _alike_in_memory(candidates: list[Candidate]) -> dict[tuple[str, str, str], int]:
    """Peaks that differ by less than an allocator's mood are the same."""
    known = [(each.label, each.figures["memory"].value) for each in candidates if "memory" in each.figures]
    return {
        ("memory", one, other): 0
        for one, first in known
        for other, second in known
        if one != other and abs(first - second) <= MEMORY_TOLERANCE * max(first, second)
    }


PLACES = {"front": "on the front", "dominated": "dominated by", "unsettled": "unsettled: may be dominated by"}


def place(found: Standing) -> str:
    return PLACES[found.place] + (f" {found.dominated_by}" if found.dominated_by else "")


def figures_table(found: Tradeoff, last: Column, words: Sequence[str]) -> Table:
    """Every candidate with its figures, and in the last column what is said of it."""
    goals = [goal for goal in GOALS if any(goal.name in each.figures for each in found.candidates)]
    columns = [Column("Model"), *(Column(TITLES[goal.name]) for goal in goals), last]
    rows: list[list[Cell]] = [
        [each.label, *(shown(each, goal) for goal in goals), told]
        for each, told in zip(found.candidates, words, strict=True)
    ]
    return table(columns, rows, wordy=(last.header,), caption=f"What there is to choose from, by {found.evaluation}")


def shown(candidate: Candidate, goal: Goal) -> Cell:
    figure = candidate.figures.get(goal.name)
    if figure is None:
        return UNKNOWN
    return Value(told(figure, goal), figure.value)


def told(figure: Figure, goal: Goal) -> str:
    """ "97.56 % (96.90–98.10)", "1.93 ms (1.90–1.96)", "412 MiB"."""
    if goal.name == "accuracy":
        return f"{figure.value:.2%} ({figure.low * 100:.2f}–{figure.high * 100:.2f})".replace("%", " %")
    text = units.show(figure.value, UNITS[goal.name])
    if figure.low == 0.0:
        return f"≤ {units.show(figure.high, UNITS[goal.name])}"
    if figure.low == figure.high:
        return text
    return f"{text} ({units.show_interval(figure.low, figure.high, UNITS[goal.name])})"


UNKNOWN = NotMeasured(
    code="NOT_KNOWN",
    reason="this run has no such figure with an interval",
    remedy="measure it in the same run: suite all --test latency --test energy --test accuracy",
)

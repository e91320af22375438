"""The answer on the first screen: what was found, what was not measured and what would help, what to doubt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from suite import units
from suite.records import EnergyReading
from suite.report import energies, rankings, scaling
from suite.report.content import Code, Content, Note, Spans, bullets, content, spans
from suite.report.escape import listed, words
from suite.report.missing import absences
from suite.report.points import BATCH_SIZE
from suite.report.spans import answered
from suite.report.view import RunView
from suite.stats import shapes

MAX_TOLD = 5
MAX_WORDS = 400  # of a reason on the first screen; the section has all of it


def found(view: RunView) -> Content:
    """Three sentences of the discussion: linear, quadratic, in one order with what else is known."""
    return bullets(line for line in (_linear(view), _quadratic(view), _orders(view)) if line)


def _linear(view: RunView) -> Spans:
    return _grouped(
        "Latency is linear in the batch size: ",
        ((scaling.linear(view, sweep).answer, view.label(sweep.subject)) for sweep in view.sweeps(BATCH_SIZE)),
    )


def _quadratic(view: RunView) -> Spans:
    return _grouped(
        "Latency is quadratic in the input size: ",
        (
            (scaling.quadratic(view, sweep).answer, f"{view.label(sweep.subject)} ({view.axis_label(axis)})")
            for axis in view.axes
            for sweep in view.sweeps(axis)
        ),
    )


def _grouped(head: str, told: Iterable[tuple[str, str]]) -> Spans:
    """Answers, each with those of which it holds."""
    by_answer: dict[str, list[str]] = {}
    for answer, name in told:
        by_answer.setdefault(answer, []).append(name)
    parts = [spans(answered(answer), f" for {listed(names)}") for answer, names in sorted(by_answer.items())]
    return spans(head, _joined(parts), ".") if parts else ()


def _orders(view: RunView) -> Spans:
    """Of these models alone: what so few say of others stands in the discussion."""
    quantities: tuple[tuple[str, scaling.Quantity], ...] = (
        ("energy", energies.gross_j),
        ("parameters", scaling.parameter_figure),
        ("FLOPs", scaling.flop_figure),
    )
    heads = ((name, rankings.head(scaling.compared(view, quantity))) for name, quantity in quantities)
    parts = [spans(f"{name}: ", head) for name, head in heads if head is not None]
    return spans("The order of the models by latency, beside that by ", _joined(parts), ".") if parts else ()


def _joined(parts: list[Spans]) -> Spans:
    return spans(*(spans("; " if index else "", part) for index, part in enumerate(parts)))


def missing(view: RunView) -> Content:
    """A line for each code: how often, why, and the remedy of the first."""
    by_code: dict[str, list[tuple[str, str, str]]] = {}
    for absence in absences(view):
        value = absence.value
        by_code.setdefault(value.code, []).append((absence.quantity, value.reason, value.remedy))
    lines = [_missing(code, told) for code, told in sorted(by_code.items())]
    more = content(Note("missing", f"{len(lines) - MAX_TOLD} more codes: see the last section."))
    return (*lines[:MAX_TOLD], *(more if len(lines) > MAX_TOLD else ()))


def _missing(code: str, told: list[tuple[str, str, str]]) -> Note:
    quantities = listed(list(dict.fromkeys(quantity for quantity, _, _ in told)))
    _, reason, remedy = told[0]
    others = len({(why, what) for _, why, what in told}) - 1
    more = f" ({units.counted(others, 'more reason')} below)" if others else ""
    return Note(
        "missing",
        (
            f"Not measured, {quantities} ({units.counted(len(told), 'time')}): ",
            Code(words(code)),
            f", {_clause(reason)}{more}. Remedy: {_clause(remedy)}.",
        ),
    )


def _clause(text: str) -> str:
    return words(text, MAX_WORDS).rstrip(".")


def doubts(view: RunView) -> Content:
    """A line for each flag: on how many records, and the first one's words."""
    flags: dict[str, list[str]] = {}
    for record in view.run.records:
        for flag in (*record.flags, *shapes.doubts(record)):
            flags.setdefault(flag.code, []).append(flag.text)
    absent = {absence.value.code for absence in absences(view)}  # told already
    known = {code: told for code, told in flags.items() if code not in absent}
    lines = [
        Note(
            "doubt", ("To doubt: ", Code(words(code)), f" on {units.counted(len(told), 'record')}, {_clause(told[0])}.")
        )
        for code, told in sorted(known.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
    simulated = [
        Note("doubt", f"The energy is of a simulated source ({name}), which is no measurement.")
        for name in _simulated(view)
    ]
    more = [Note("doubt", f"{len(lines) - MAX_TOLD} more flags: see Environment.")] if len(lines) > MAX_TOLD else []
    return (*simulated, *lines[:MAX_TOLD], *more)


def _simulated(view: RunView) -> Iterator[str]:
    readings = (record.energy for record in view.run.records if isinstance(record.energy, EnergyReading))
    yield from dict.fromkeys(found.source for found in readings if found.source.startswith("simulated"))

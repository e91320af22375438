"""What was asked for and is not there: reason, remedy, and where, by code."""

from __future__ import annotations

from suite.report import roofs
from suite.report.content import Code, Content, Heading, Spans, Strong, bullets, content, folded, table
from suite.report.escape import MAX_LISTED, listed, words
from suite.report.missing import Absence, absences
from suite.report.plots import Plots
from suite.report.section import Section
from suite.report.view import RunView

ACCURACY = (
    "Accuracy was not asked for: suite accuracy measures it, of weights that are real and questions with answers."
)


def render(view: RunView, _plots: Plots) -> Content:
    by_code: dict[str, list[Absence]] = {}
    for absence in absences(view):
        by_code.setdefault(absence.value.code, []).append(absence)
    if not by_code:
        return content("Everything that was asked for was measured.", None if view.asked("accuracy") else ACCURACY)
    return content(*(_entry(view, by_code[name]) for name in sorted(by_code)), *_accuracy(view))


def _accuracy(view: RunView) -> Content:
    return () if view.asked("accuracy") else content(Heading("Accuracy"), ACCURACY)


def _entry(view: RunView, found: list[Absence]) -> Content:
    told = dict.fromkeys(absence.value for absence in found)
    lines: list[Spans] = [
        (f"{_sentence(value.reason)} ", Strong("Remedy:"), f" {_sentence(value.remedy)}") for value in told
    ]
    endings = dict.fromkeys(_last_line(absence.failure) for absence in found if absence.failure)
    lines += [("The worker's trace ended in ", Code(ending), ".") for ending in endings]
    more: list[Spans] = [(f"{len(lines) - MAX_LISTED} more like these.",)] if len(lines) > MAX_LISTED else []
    where: dict[tuple[str, str], list[str]] = {}
    for absence in found:
        key = absence.quantity, roofs.who(view, absence.task)
        where.setdefault(key, []).append(roofs.where(view, absence.task))
    rows = [[quantity, title, listed(list(dict.fromkeys(places)), "; ")] for (quantity, title), places in where.items()]
    return content(
        Heading(found[0].value.code),
        bullets([*lines[:MAX_LISTED], *more]),
        folded("Where", table(("Quantity", "Model", "Where"), rows, left=3), "not_measured.csv", most=3),
    )


def _sentence(text: str) -> str:
    line = words(text)
    line = line[:1].upper() + line[1:]
    return line if line.endswith((".", "!", "?")) else f"{line}."


def _last_line(trace: str) -> str:
    lines = [line.strip() for line in trace.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing"


PLUGIN = Section(name="absences", order=100, title="What was not measured, and how to get it", render=render)

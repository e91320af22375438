"""What was asked for and is not there: reason, remedy, and where, by code."""

from __future__ import annotations

from suite.records import NotMeasured, Task
from suite.report.plots import Plots
from suite.report.section import Section, paragraphs
from suite.report.table import table
from suite.report.view import CUT_OFF, RunView, point_of

ACCURACY = "Accuracy is outside this version of the suite: with seeded weights it would say nothing about the models."


def render(view: RunView, _plots: Plots) -> str:
    by_code: dict[str, list[tuple[NotMeasured, str, Task]]] = {}
    for record in view.run.records:
        for quantity, value in record.not_measured().items():
            by_code.setdefault(value.code, []).append((value, quantity.replace("_", " "), record.task))
    for task in view.run.missing():
        by_code.setdefault(CUT_OFF.code, []).append((CUT_OFF, task.test, task))
    if not by_code:
        return paragraphs("Everything that was asked for was measured.", ACCURACY)
    return paragraphs(*(_entry(view, code, by_code[code]) for code in sorted(by_code)), "### Accuracy", ACCURACY)


def _entry(view: RunView, code: str, absences: list[tuple[NotMeasured, str, Task]]) -> str:
    told = dict.fromkeys(value for value, _, _ in absences)
    lines = [f"- {_sentence(value.reason)} **Remedy:** {_sentence(value.remedy)}" for value in told]
    where: dict[tuple[str, str], list[str]] = {}
    for _, quantity, task in absences:
        place = view.describe(point_of(task)) + (f" ({task.scenario})" if task.scenario != "forward" else "")
        where.setdefault((quantity, view.title(task.model)), []).append(place)
    rows = [[quantity, title, "; ".join(dict.fromkeys(places))] for (quantity, title), places in where.items()]
    return paragraphs(f"### {code}", "\n".join(lines), table(("Quantity", "Model", "Where"), rows, left=3).markdown())


def _sentence(text: str) -> str:
    line = " ".join(text.split())
    return line if line.endswith((".", "!", "?")) else f"{line}."


PLUGIN = Section(name="absences", order=100, title="What was not measured, and how to get it", render=render)

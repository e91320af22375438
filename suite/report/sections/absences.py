"""What was asked for and is not there: reason, remedy, and where, by code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from suite.records import EnergyReading, LatencySamples, NotMeasured, RunRecord, Task
from suite.report import roofs
from suite.report.content import Code, Content, Heading, Spans, Strong, bullets, content, table
from suite.report.energies import below_resolution
from suite.report.escape import MAX_LISTED, listed, words
from suite.report.gaps import CUT_OFF, no_latency
from suite.report.plots import Plots
from suite.report.precision import DISTURBED, cause, remedy
from suite.report.section import Section
from suite.report.view import RunView

ACCURACY = "Accuracy is outside this version of the suite: with seeded weights it would say nothing about the models."


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """One quantity of one task that was asked for and is not there; `failure` is the worker's trace, if it left one."""

    value: NotMeasured
    quantity: str
    task: Task
    failure: str | None


def render(view: RunView, _plots: Plots) -> Content:
    by_code: dict[str, list[Absence]] = {}
    for absence in _absences(view):
        by_code.setdefault(absence.value.code, []).append(absence)
    if not by_code:
        return content("Everything that was asked for was measured.", ACCURACY)
    return content(*(_entry(view, by_code[name]) for name in sorted(by_code)), Heading("Accuracy"), ACCURACY)


def _absences(view: RunView) -> Iterator[Absence]:
    for record in view.run.records:
        for quantity, value in record.not_measured().items():
            yield Absence(value=value, quantity=quantity.replace("_", " "), task=record.task, failure=record.failure)
        if isinstance(record.latency, LatencySamples) and (none := no_latency(record.latency)):
            yield Absence(value=none, quantity="latency", task=record.task, failure=record.failure)
        for value in bounds(record):
            yield Absence(value=value, quantity="latency of the undisturbed machine", task=record.task, failure=None)
        for value in below_resolution(record):
            yield Absence(value=value, quantity="idle-net energy", task=record.task, failure=None)
        for value in doubts(record):
            yield Absence(value=value, quantity="energy at a steady clock", task=record.task, failure=None)
    for task in view.run.missing():
        yield Absence(value=CUT_OFF, quantity=task.test, task=task, failure=None)


def bounds(record: RunRecord) -> Iterator[NotMeasured]:
    """A latency that is shown, and is no more than an upper bound."""
    samples = record.latency
    if record.task.test == "latency" and isinstance(samples, LatencySamples) and samples.is_upper_bound:
        told = cause(record.flags).partition(": ")[2]
        yield NotMeasured(
            code=DISTURBED,
            reason=f"{told}: what is shown is an upper bound",
            remedy=remedy(record.flags),
        )


def doubts(record: RunRecord) -> Iterator[NotMeasured]:
    """An energy that was measured while the machine slowed down or changed its mode: it is shown, and it is none of
    the machine as it usually runs."""
    for flag in record.flags if isinstance(record.energy, EnergyReading) else ():
        if flag.code in ("THROTTLED", "POWER_MODE_CHANGED"):
            yield NotMeasured(
                code="THROTTLED",
                reason=f"during the energy measurement, whose figure is kept, {flag.text}",
                remedy="Cool the machine, give it the power supply that its maker names, and keep one power mode",
            )


def _entry(view: RunView, absences: list[Absence]) -> Content:
    told = dict.fromkeys(absence.value for absence in absences)
    lines: list[Spans] = [
        (f"{_sentence(value.reason)} ", Strong("Remedy:"), f" {_sentence(value.remedy)}") for value in told
    ]
    endings = dict.fromkeys(_last_line(absence.failure) for absence in absences if absence.failure)
    lines += [("The worker's trace ended in ", Code(ending), ".") for ending in endings]
    more: list[Spans] = [(f"{len(lines) - MAX_LISTED} more like these.",)] if len(lines) > MAX_LISTED else []
    where: dict[tuple[str, str], list[str]] = {}
    for absence in absences:
        key = absence.quantity, roofs.who(view, absence.task)
        where.setdefault(key, []).append(roofs.where(view, absence.task))
    rows = [[quantity, title, listed(list(dict.fromkeys(places)), "; ")] for (quantity, title), places in where.items()]
    return content(
        Heading(absences[0].value.code),
        bullets([*lines[:MAX_LISTED], *more]),
        table(("Quantity", "Model", "Where"), rows, left=3),
    )


def _sentence(text: str) -> str:
    line = words(text)
    line = line[:1].upper() + line[1:]
    return line if line.endswith((".", "!", "?")) else f"{line}."


def _last_line(trace: str) -> str:
    lines = [line.strip() for line in trace.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing"


PLUGIN = Section(name="absences", order=100, title="What was not measured, and how to get it", render=render)

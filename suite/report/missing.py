"""What was asked for and is not there, or is there and is no figure of the undisturbed machine: one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from suite.records import EnergyReading, LatencySamples, NotMeasured, RunRecord, Task
from suite.report.energies import below_resolution
from suite.report.gaps import CUT_OFF, no_latency
from suite.report.precision import DISTURBED, cause, remedy
from suite.report.view import RunView


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """One quantity of one task that was asked for and is not there; `failure` is the worker's trace, if it left one."""

    value: NotMeasured
    quantity: str
    task: Task
    failure: str | None


def absences(view: RunView) -> Iterator[Absence]:
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

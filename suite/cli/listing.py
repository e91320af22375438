"""`suite list`: what can be named on the command line and in a plan."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from suite import registry
from suite.cli.answer import Answer, Row
from suite.client.replies import Way
from suite.errors import UsageError
from suite.plan import load as plan
from suite.power.base import Description
from suite.records import NotMeasured
from suite.report.content import Block, content
from suite.report.table import table
from suite.tools import Tools
from suite.worker.model import Axis


def show(what: str | None, tools: Tools, power: str | None = None) -> Answer:
    """One list, or all of them; which power sources work here, where --power asks for it.

    Raises UsageError for a list that there is not.
    """
    if what is not None and what not in LISTS:
        raise UsageError(registry.unknown("list", what, LISTS))
    if power is not None and what not in (None, "power"):
        raise UsageError(f"suite list {what}: options of power go with `suite list power`")
    found = {name: rows() for name, rows in LISTS.items() if what in (None, name)}
    if power is not None and "power" in found:
        here = {source.name: source.found for source in tools.survey(power)}
        found["power"] = [{**row, "here": _here(here.get(str(row["name"])))} for row in found["power"]]
    if what == "runtimes":
        found["runtimes"] = _runtimes_here(found["runtimes"], tools)
    columns = {
        name: [{_COLUMNS.get(key, key): row[key] for key in row} for row in rows] for name, rows in found.items()
    }
    return Answer(shown=content(*(_shown(name, rows) for name, rows in found.items())), rows=columns, data=found)


_COLUMNS = {"input sizes (default, limits)": "input_sizes", "chosen by auto": "chosen_by_auto"}


def _here(found: Description | NotMeasured | None) -> str:
    if isinstance(found, Description):
        return f"measures {found.scope}"
    return found.code if found is not None else "not looked for"


def _models() -> Sequence[Row]:
    plugins = registry.discover(registry.MODELS).values()
    for entry in registry.broken(registry.MODELS):
        print(f"left out: {entry}", file=sys.stderr)
    return [
        {
            "name": model.name,
            "title": model.title,
            "task": model.task,
            "input sizes (default, limits)": ", ".join(map(_axis, model.axes)) or "none",
            "scenarios": ", ".join(model.scenarios),
        }
        for model in plugins
    ]


def _axis(axis: Axis) -> str:
    return f"{axis.name} {axis.default} ({axis.minimum}..{axis.maximum})"


def _runtimes() -> Sequence[Row]:
    return [
        {"name": name, "title": getattr(plugin, "title", name)}
        for name, plugin in registry.discover(registry.RUNTIMES).items()
    ]


def _runtimes_here(rows: Sequence[Row], tools: Tools) -> Sequence[Row]:
    """With what the worker says of each: its precisions by device, and why it has no others."""
    worker = tools.workers(Path(os.devnull))(1)
    try:
        ways = worker.runtimes()
    finally:
        worker.close()
    return [{**row, **_works([way for way in ways if way.runtime == row["name"]])} for row in rows]


def _works(ways: Sequence[Way]) -> Row:
    can: dict[str, list[str]] = {}
    why: dict[str, list[str]] = {}
    for way in ways:
        if way.absence is None:
            can.setdefault(way.device, []).append(way.precision)
        else:
            why.setdefault(f"{way.absence.reason}; {way.absence.remedy}", []).append(f"{way.precision} on {way.device}")
    works = "; ".join(f"{device}: {', '.join(precisions)}" for device, precisions in can.items())
    reasons = [text if not can else f"{', '.join(which)}: {text}" for text, which in why.items()]
    return {"can work here": works or "nothing", "why not more": " / ".join(reasons) or "has no others"}


def _evaluations() -> Sequence[Row]:
    return [
        {
            "name": name,
            "title": plugin.title,
            "for": ", ".join(plugin.models) or "any model",
            "metric": ", ".join((plugin.metric, *plugin.further)),
            "needs of you": plugin.data_is or "nothing",
        }
        for name, plugin in registry.discover(registry.EVALUATIONS).items()
    ]


def _power_sources() -> Sequence[Row]:
    sources = registry.discover(registry.POWER_SOURCES).values()
    return [
        {
            "name": source.name,
            "machine": source.machine,
            "summary": source.summary,
            "chosen by auto": "yes" if source.automatic else "no",
        }
        for source in sources
    ]


def _plans() -> Sequence[Row]:
    return [{"name": name, "description": plan.describe(name)} for name in plan.names()]


LISTS: Mapping[str, Callable[[], Sequence[Row]]] = {
    "models": _models,
    "runtimes": _runtimes,
    "evaluations": _evaluations,
    "power": _power_sources,
    "plans": _plans,
}


def _shown(name: str, rows: Sequence[Row]) -> Block | str:
    if not rows:
        return f"{name}: none"
    headers = [name, *list(rows[0])[1:]]
    return table(headers, [[str(value) for value in row.values()] for row in rows], left=len(headers))

"""A run as a comparison needs it: its figures by place, and under which conditions each was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from suite.compare import archive
from suite.compare.conditions import Conditions, conditions_of
from suite.compare.figures import Figure, Found
from suite.compare.quantities import QUANTITIES
from suite.records import NotMeasured, Run, RunRecord, Task, store
from suite.report.gaps import CUT_OFF

SUBJECT = ("runtime", "precision", "device", "thread_count", "seed", "weights", "checkpoint", "trajectory")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a figure stands: a quantity of a model at one input. variant: what else tells it from others of its run."""

    quantity: str
    model: str
    scenario: str = "forward"
    batch_size: int = 0  # 0: it holds for the model, whatever its input
    axes: tuple[tuple[str, int], ...] = ()
    part: str = ""
    variant: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A figure, or why there is none, and what was the case when it was measured; None where nothing was recorded."""

    found: Figure | NotMeasured
    conditions: Conditions | None


@dataclass(slots=True)
class Sheet:
    """entries by (place without variant, the subject's fields by name)."""

    folder: Path
    run: Facts
    entries: dict[tuple[Place, tuple[str, ...]], Entry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What tells a run from another."""

    plan: str
    started_utc: str
    suite_version: str
    machine: str | None
    device: str | None
    image: str | None
    commit: str | None
    missing_count: int
    damaged_count: int


def load(folder: Path) -> Sheet:
    """The sheet of a run, which is a folder or an archive of one; its samples are let go. Raises StoreError."""
    with archive.opened(folder) as place:
        return sheet_of(store.load(place), folder)


def sheet_of(run: Run, folder: Path) -> Sheet:
    sheet = Sheet(folder=folder, run=_facts(run))
    for record in run.records:
        _enter(sheet, record)
    for task in run.missing():
        for quantity in QUANTITIES:
            if task.test in quantity.tests and quantity.name in ("latency", "energy", "parameters", "flops"):
                sheet.entries[_key(task, quantity.name, quantity.per_model, "")] = Entry(CUT_OFF, None)
    return sheet


def _enter(sheet: Sheet, record: RunRecord) -> None:
    conditions: Conditions | None = None
    for quantity in QUANTITIES:
        if record.task.test not in quantity.tests:
            continue
        for part, found in quantity.read(record):
            if found is None:
                continue
            conditions = conditions or conditions_of(record)
            key = _key(record.task, quantity.name, quantity.per_model, part)
            if not (quantity.per_model and key in sheet.entries):  # the first one is that of the worker's start
                sheet.entries[key] = Entry(found, conditions)


def _key(task: Task, quantity: str, per_model: bool, part: str) -> tuple[Place, tuple[str, ...]]:
    place = (
        Place(quantity, task.model, part=part)
        if per_model
        else Place(quantity, task.model, task.scenario, task.batch_size, task.axes, part)
    )
    return place, tuple(str(getattr(task, name)) for name in SUBJECT)


def _facts(run: Run) -> Facts:
    hosts = list(dict.fromkeys(record.host for record in run.records))
    host = hosts[0] if len(hosts) == 1 else None
    machines = {next((name for name in (each.board, each.soc, each.cpu_model) if name), None) for each in hosts}
    devices = sorted({record.task.device for record in run.records if record.task.test not in ("params", "flops")})
    return Facts(
        plan=run.manifest.plan,
        started_utc=run.manifest.started_utc,
        suite_version=run.manifest.suite_version,
        machine=machines.pop() if len(machines) == 1 else None,
        device=", ".join(devices) or None,
        image=host.container_image_digest if host else None,
        commit=host.git_commit if host else None,
        missing_count=len(run.missing()),
        damaged_count=len(run.damaged),
    )


def models(sheets: Mapping[str, Sheet]) -> list[str]:
    return list(dict.fromkeys(place.model for sheet in sheets.values() for place, _ in sheet.entries))


__all__ = ["SUBJECT", "Entry", "Facts", "Found", "Place", "Sheet", "load", "models", "sheet_of"]

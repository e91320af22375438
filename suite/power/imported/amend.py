"""A meter's log brought into a run that is over: at its end, or by `suite power import`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from suite.errors import SensorError, UsageError
from suite.power import choice, sign
from suite.power.base import Options
from suite.power.imported.csv_import import ImportedSource, readings
from suite.records import Accuracy, EnergyReading, NotMeasured, Run, RunRecord, Schedule, store


def bring_in(out: Path, file: Path, power: str | None) -> list[RunRecord]:
    """Stores the energy that a log tells, and returns the records that have it now, or why not.

    power: csv or powertop with its options, the run's own if None. Raises UsageError, StoreError.
    """
    if power is not None and choice.imported(power) is None:
        raise UsageError(f"--power {power}: reads no file; name csv or powertop, or leave it out")
    run = store.load(out)
    source, options = _source(power, file) if power is not None else _as_begun(run.manifest.power, file)
    records = _waiting(run, source)
    if not records:
        raise UsageError(f"{out}: no energy task of it waits for a meter; measure with --power-csv {file}")
    try:
        amended = _amended(records, source, options)
    except SensorError as error:
        raise UsageError(str(error)) from error
    store.amend(out, amended)
    return amended


def at_end(out: Path, power: str) -> str | None:
    """The same where --power names a file that is there when the run ends. Returns what is left to do, in words."""
    named = choice.imported(power)
    run = store.load(out)
    records = _waiting(run, named[0]) if named else []
    if named is None or not records:
        return None
    source, options = named
    try:
        store.amend(out, _amended(records, source, options))
    except SensorError as error:
        file = options.get("file", "FILE")
        return f"{error.reason}; {error.remedy}; then: suite power import {out} {file}"
    return None


def _source(power: str, file: Path) -> tuple[ImportedSource, Options]:
    """The imported source that `power` names (csv if it names another one), with that file."""
    named = choice.imported(power) or choice.imported("csv")
    assert named is not None  # csv is one
    source, options = named
    return source, {**options, "file": str(file)}


def _as_begun(power: str, file: Path) -> tuple[ImportedSource, Options]:
    """As the run's folder says, which names no file of its own choice."""
    source, options = _source(power, file)
    safe = {key: value for key, value in options.items() if key in choice.HARMLESS}
    return source, {**safe, "file": str(file)}


def _waiting(run: Run, source: ImportedSource) -> list[RunRecord]:
    """Records with calls that have no reading, or one of this source that may be taken again."""
    return [record for record in run.records if any(_waits(slot, source) for slot in _slots(record))]


class _Slot(NamedTuple):
    """A place in a record where energy goes; `size`: of an evaluation's own inputs, None for an energy task."""

    size: int | None
    schedule: Schedule | None
    energy: EnergyReading | NotMeasured | None


def _slots(record: RunRecord) -> list[_Slot]:
    real = record.accuracy.energies if isinstance(record.accuracy, Accuracy) else ()
    own = [_Slot(None, record.schedule, record.energy)]
    return own + [_Slot(each.batch_size, each.schedule, each.energy) for each in real]


def _waits(slot: _Slot, source: ImportedSource) -> bool:
    found = slot.energy
    if slot.schedule is None:
        return False
    return isinstance(found, NotMeasured) or (found is not None and found.source == source.name)


def _amended(records: list[RunRecord], source: ImportedSource, options: Options) -> list[RunRecord]:
    waiting = [[slot for slot in _slots(record) if _waits(slot, source)] for record in records]
    schedules = [slot.schedule for slots in waiting for slot in slots if slot.schedule is not None]
    found = iter(readings(source, options, schedules))
    return [
        _with(record, {slot.size: next(found) for slot in slots})
        for record, slots in zip(records, waiting, strict=True)
    ]


def _with(record: RunRecord, told: Mapping[int | None, EnergyReading | NotMeasured]) -> RunRecord:
    """The readings, and the doubts about them in the place of those about earlier ones."""
    kept = tuple(flag for flag in record.flags if flag.code != sign.FLAG)
    accuracy = record.accuracy
    if isinstance(accuracy, Accuracy):
        energies = tuple(replace(each, energy=told.get(each.batch_size, each.energy)) for each in accuracy.energies)
        accuracy = replace(accuracy, energies=energies)
    flags = (*kept, *sign.flags(tuple(told.values())))
    return replace(record, energy=told.get(None, record.energy), accuracy=accuracy, flags=flags)

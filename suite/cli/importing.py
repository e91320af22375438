"""`suite power import`: a meter's log brought into a run that is over."""

from __future__ import annotations

from pathlib import Path

from suite import battery
from suite.cli import answers
from suite.power.imported import amend
from suite.records import EnergyReading, store

DONE, INCOMPLETE = 0, 1


def bring_in(out: Path, file: Path, power: str | None, *, as_json: bool) -> int:
    """Renders the report again, and prints the table of energy.

    Exit status 1 where a task's energy is still not measured. Raises UsageError, StoreError.
    """
    amended = amend.bring_in(out, file, power)
    report = battery.report(out)
    run = store.load(out)
    print(answers.as_json(run, out, report) if as_json else answers.table("energy", run))
    return DONE if all(isinstance(record.energy, EnergyReading) for record in amended) else INCOMPLETE

"""`suite power import`: a meter's log brought into a run that is over."""

from __future__ import annotations

from pathlib import Path

from suite import battery
from suite.cli import answers
from suite.cli.answer import Answer
from suite.power.imported import amend
from suite.records import store
from suite.records.run import REAL_ENERGY

DONE, INCOMPLETE = 0, 1


def bring_in(out: Path, file: Path, power: str | None) -> Answer:
    """Renders the report again, and answers the table of energy.

    Exit status 1 where a task's energy is still not measured. Raises UsageError, StoreError.
    """
    amended = amend.bring_in(out, file, power)
    report = battery.report(out)
    run = store.load(out)
    absent = {name for record in amended for name in record.not_measured()}
    done = not any(name == "energy" or name.startswith(REAL_ENERGY) for name in absent)
    return answers.of_test("energy", answers.Told(run, out, report), (), DONE if done else INCOMPLETE)

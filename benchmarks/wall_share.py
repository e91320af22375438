"""The share of a run's wall time that was spent in forward passes being measured or warmed up.

.venv/bin/python benchmarks/wall_share.py results/RUN [WALL_S]

Wall time reaches from the run's start to the end of its last task, or is WALL_S (what `time suite all` said, with
start-up and report). A run that was resumed also counts its pause; give WALL_S for one. Calls that are made and not
recorded (the first one after another series' turn, the check of the inputs) count as overhead, and so does counting.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

from goal import at_least

from suite.records import EnergyReading, LatencySamples, Run, RunRecord, store
from suite.units import show

GOAL_PERCENT = 80.0


def forward_s(record: RunRecord) -> float:
    """Seconds inside the recorded calls of one task: warm-up, measured or disturbed, and energy windows."""
    latency, energy = record.latency, record.energy
    total_s = 0.0
    if isinstance(latency, LatencySamples):
        total_s += sum(latency.all_latency_s) + sum(latency.warmup_latency_s)
    if isinstance(energy, EnergyReading):
        total_s += sum(window.end_s - window.start_s for window in energy.windows)
    return total_s


def run_wall_s(run: Run) -> float:
    """A record's own wall_s is that of its turns; others' turns lie between them."""
    began = datetime.fromisoformat(run.manifest.started_utc)
    return max(
        (datetime.fromisoformat(each.started_utc) - began).total_seconds() + each.after.time_s - each.before.time_s
        for each in run.records
    )


def main(folder: Path, given_wall_s: float | None) -> None:
    run = store.load(folder)
    wall_s = run_wall_s(run) if given_wall_s is None else given_wall_s
    inside_s = sum(forward_s(record) for record in run.records)
    what = f"{folder.name}: forward passes {show(inside_s, 's')} of {show(wall_s, 's')}"
    print(at_least(what, 100 * inside_s / wall_s, GOAL_PERCENT, "%"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else None)

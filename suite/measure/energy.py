"""The load of an energy task: back-to-back calls for as long as the meter asks, and which of them count."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from suite.client.replies import WorkerLike
from suite.errors import WorkerError
from suite.measure import pauses
from suite.measure.series import Series
from suite.measure.turns import Turns
from suite.power.meter import LoadEnded
from suite.records import Flag, Schedule

ENERGY_DEADLINE_S = 600.0  # beyond the window itself


@dataclass(slots=True)
class EnergyLoad:
    """Back-to-back calls of one energy task, as long as the meter asks; keeps their durations."""

    turns: Turns
    worker: WorkerLike
    series: Series
    timed: list[pauses.Calls] = field(default_factory=list)
    is_ended: bool = False

    def __call__(self, duration_s: float) -> tuple[float, float, int]:
        """Runs for at least duration_s. Returns when the first call began, when the last one ended, and how many."""
        try:
            timed = self.worker.time_for(self.series.case, duration_s, 1, duration_s + ENERGY_DEADLINE_S)
        except WorkerError as error:
            if not self.is_ended:
                raise
            self.turns.bench.failed(error)
            raise LoadEnded from error
        self.turns.add_block(self.series, timed, timed.interference, warmup=False)
        self.timed.append((timed.started_s, timed.latency_s, timed.calls_per_value))
        return timed.started_s, timed.ended_s, timed.call_count

    def end(self) -> None:
        """Ends the calls that are being made, from another thread: the worker dies, and a new one takes its place."""
        self.is_ended = ended(self.worker) or self.is_ended

    def flags(self, schedule: Schedule | None) -> Iterable[Flag]:
        return () if schedule is None else pauses.flags(schedule, self.timed)


def ended(worker: WorkerLike) -> bool:
    """Kills the worker's process, if it has one, in the midst of its calls."""
    process_id = getattr(worker, "process_id", None)
    if not isinstance(process_id, int):
        return False
    with suppress(ProcessLookupError):
        os.kill(process_id, signal.SIGKILL)
    return True


def label_windows(series: Series, schedule: Schedule) -> None:
    """Blocks that are no window are warm-up: their joules were not counted."""
    starts = {window.start_s for window in schedule.windows}
    series.blocks = [replace(block, warmup=block.started_s not in starts) for block in series.blocks]

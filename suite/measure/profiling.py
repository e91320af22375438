"""Where the time of a call goes: a worker of its own, calls under torch's profiler between calls without it.

Nothing is timed in that worker afterwards. The calls without the profiler, before and after, are its control: what it
does to the total is told beside every share.
"""

from __future__ import annotations

from collections.abc import Callable

from suite.client.replies import WorkerLike
from suite.errors import WorkerError
from suite.measure.bench import Bench, OpenWorker
from suite.measure.moment import Observe
from suite.measure.series import Series
from suite.measure.turns import Turns
from suite.records import Profile, Task

PLAIN_S = 1.0  # of calls without the profiler, on either side
LEAST_PLAIN_COUNT = 5
PROFILED_S = 2.0  # of calls as they are without it
MOST_PROFILED_COUNT = 20  # each is thousands of records
DEADLINE_S = 900.0


class Profiling:
    """Of one task. `series` keeps the calls without the profiler."""

    def __init__(self, task: Task, open_worker: OpenWorker, observe: Observe, tell: Callable[[str], None]) -> None:
        self.bench = Bench(task, open_worker)
        self.turns = Turns(self.bench, observe, tell=tell)
        self.series = Series(task=task, began=observe(), stop="fixed")

    def run(self) -> Profile:
        """Raises WorkerError."""
        try:
            worker = self.turns.make_ready(self.series)
            self._plain(worker)
            found = worker.profile(self.series.case, self._count(PROFILED_S, 1, MOST_PROFILED_COUNT), DEADLINE_S)
            self._plain(worker)
        except WorkerError as error:
            self.series.error, self.series.stop = error, None
            raise
        finally:
            self.bench.close()
        return found

    def _plain(self, worker: WorkerLike) -> None:
        self.turns.time(worker, self.series, self._count(PLAIN_S, LEAST_PLAIN_COUNT, 1000), warmup=False)

    def _count(self, length_s: float, least: int, most: int) -> int:
        return max(least, min(most, round(length_s / self.series.typical_s())))

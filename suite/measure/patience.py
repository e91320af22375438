"""Waits until the machine is quiet again, as long as the rule's patience lasts, and learns who disturbs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from suite.client.replies import WorkerLike
from suite.host.busiest import Busiest
from suite.records import QuietRule
from suite.stats.quiet import disturbance

WATCH_S = 0.25  # of one look at the idle machine
CALM_COUNT = 2  # looks in a row that find it quiet


@dataclass(slots=True)
class Patience:
    """Of all series of one worker together. tell: takes a line of progress."""

    rule: QuietRule | None
    core_count: int
    tell: Callable[[str], None]
    busiest: Busiest
    is_due: bool = False  # the last block was disturbed
    spent_s: float = 0.0
    taken_s: dict[str, float] = field(default_factory=dict)  # processor time that each process was seen to take

    def wait(self, worker: WorkerLike) -> bool:
        """After a disturbed block: until quiet came, or the patience is at its end. True if it had to wait.

        Raises WorkerError.
        """
        if self.rule is None or not self.is_due:
            return False
        self.is_due = False
        calm_count = 0
        while calm_count < CALM_COUNT and self.spent_s < self.rule.patience_s:
            self.busiest.look()
            found = worker.watch(WATCH_S)
            self.spent_s += found.wall_s
            cause = disturbance(found, self.rule, self.core_count)
            calm_count = calm_count + 1 if cause is None else 0
            if cause is not None:
                self.tell(f"waiting for quiet: {cause}{self._name()}")
        return True

    @property
    def culprit(self) -> str | None:
        """The process that was seen to take the most; None where none was seen."""
        return max(self.taken_s, key=lambda name: self.taken_s[name], default=None)

    def _name(self) -> str:
        busy = self.busiest.since()
        if busy is None:
            return ""
        self.taken_s[busy.name] = self.taken_s.get(busy.name, 0.0) + busy.share * WATCH_S
        return f", {busy.name} (process {busy.process_id}) the most"

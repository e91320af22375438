"""Is a variant faster than the first one? A question that rounds decide, as those about sizes are.

The report asks at 95 % over its whole table. A look after every round would find a difference that isn't there too
often at that, so turns end on what holds at LOOK_CONFIDENCE.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from suite.measure.series import Series
from suite.records import Task
from suite.records.sweeps import base_of
from suite.stats.paired import MIN_ROUND_COUNT, Paired, paired
from suite.stats.verdicts import MARGIN

LOOK_CONFIDENCE = 0.99
SPARE_ROUNDS = 3  # for those in which one of the two is disturbed


@dataclass(slots=True)
class Against:
    """One variant beside the first, each at its base point. The answer is that of the last look."""

    first: Task
    other: Task
    found: Paired | None = None
    seen_count: int = -1  # blocks, when it was last looked at
    wants_size: bool = False  # no other size would decide it

    @property
    def is_decided(self) -> bool:
        return self.found is not None and self.found.answer != "UNRESOLVED"

    @property
    def round_count(self) -> float | None:
        """Further rounds that may decide it; None where rounds can't, or nobody has looked."""
        return None if self.found is None or self.found.reason == "rounds_disagree" else rounds_needed(self.found)

    def concerns(self, task: Task) -> bool:
        return task in (self.first, self.other)

    def sizes(self, series: Sequence[Series]) -> list[Series]:
        return [each for each in series if self.concerns(each.task)]

    def look(self, series: Sequence[Series]) -> None:
        """series: all of the model's, ended or not."""
        blocks = {each.task: [block for block in each.timed if block.disturbed_by is None] for each in series}
        first, other = blocks.get(self.first, []), blocks.get(self.other, [])
        if len(first) + len(other) != self.seen_count:
            self.seen_count = len(first) + len(other)
            self.found = paired(first, other, MARGIN, LOOK_CONFIDENCE)

    def worth(self, series: Sequence[Series]) -> list[Series]:
        """Both or none: a block alone in its round says nothing about the other."""
        own = self.sizes(series)
        return own if len(own) == 2 else []

    def due(self, series: Sequence[Series]) -> list[Series]:
        """Both, where there are too few rounds for any answer and a few more would do: this is asked for, whatever time
        is left."""
        own = self.worth(series)
        tried = max((len(each.timed) for each in own), default=0)
        is_early = self.found is None or self.found.round_count < MIN_ROUND_COUNT
        return own if is_early and tried < MIN_ROUND_COUNT + SPARE_ROUNDS else []

    def between(self, own: Sequence[Series]) -> Task | None:
        return None


def rounds_needed(found: Paired) -> float:
    """Further rounds until the interval fits on one side of 1 or within the margin: it narrows as 1 / sqrt(rounds)."""
    if found.interval is None or found.ratio is None:
        return max(1, MIN_ROUND_COUNT - found.round_count)
    off = abs(math.log(found.ratio))
    halfwidth = math.log(found.interval.high / found.interval.low) / 2
    goal = max(off, math.log1p(found.margin) - off)
    return max(1.0, found.round_count * ((halfwidth / goal) ** 2 - 1))


def against(tasks: Sequence[Task]) -> list[Against]:
    """A question for each variant of a model but the first. tasks: its latency tasks, in the order of the plan.

    A fixed count is a protocol, and is left as it is.
    """
    loads: dict[object, list[Task]] = {}
    for task in tasks:
        if task.scenario == "forward" and task.repetition.target_relative_halfwidth is not None:
            loads.setdefault(task.load, []).append(task)
    bases = [base for each in loads.values() if (base := base_of(each)) is not None]
    return [Against(first=bases[0], other=other) for other in bases[1:]]

"""Joules of an evaluation's own inputs: whole passes over its first examples, one by one and in padded batches."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from suite.client.replies import PassSize, Replayed, WorkerLike
from suite.errors import WorkerError
from suite.measure import energy, pauses
from suite.measure.bench import Bench
from suite.power import parts, sign
from suite.power.meter import LoadEnded, Meter
from suite.records import Accuracy, EvaluationRule, Flag, NotMeasured, RealEnergy, Schedule, Task
from suite.stats.quiet import disturbance
from suite.units import counted, show

DISTURBED = "WINDOWS_DISTURBED"
DEADLINE_FACTOR = 20.0  # of a pass, beside the window: one that takes this much longer hangs


@dataclass(slots=True)
class Passes:
    """Passes of one size, as long as the meter asks; keeps what was made of them."""

    bench: Bench
    task: Task
    row_count: int
    size: PassSize
    pass_s: float  # about
    worker: WorkerLike
    made: list[Replayed] = field(default_factory=list)
    is_ended: bool = False

    def __call__(self, duration_s: float) -> tuple[float, float, int]:
        """Runs for at least duration_s. Returns when the first call began, when the last one ended, and the passes."""
        assert self.task.evaluation is not None
        deadline_s = duration_s + energy.ENERGY_DEADLINE_S + DEADLINE_FACTOR * self.pass_s
        try:
            found = self.worker.replay(self.task.evaluation, self.row_count, self.size, duration_s, deadline_s)
        except WorkerError as error:
            if not self.is_ended:
                raise
            self.bench.failed(error)
            raise LoadEnded from error
        self.made.append(found)
        return found.started_s, found.ended_s, found.pass_count

    def end(self) -> None:
        """Ends the calls that are being made, from another thread."""
        self.is_ended = energy.ended(self.worker) or self.is_ended

    def flags(self, schedule: Schedule | None) -> Iterator[Flag]:
        """Doubts about the windows: others were at work, the worker stood still, or a model changed its threads."""
        starts = {window.start_s for window in schedule.windows} if schedule else set()
        windows = [each for each in self.made if each.started_s in starts]
        what = f"the energy of real inputs at batch size {self.size.batch_size}"
        quiet = self.task.quiet
        causes = [quiet and disturbance(each.interference, quiet, self.task.thread_count) for each in windows]
        if told := [cause for cause in causes if cause]:
            text = f"{len(told)} of {counted(len(windows), 'window')} disturbed, as {told[0]}: {what} holds that too"
            yield Flag(code=DISTURBED, text=text)
        if pause_s := sum(map(self._pause_s, windows)):
            text = f"the worker stood still for {show(pause_s, 's')} of its windows, and {what} is too high"
            yield Flag(code="WORKER_PAUSED", text=text)

    def _pause_s(self, window: Replayed) -> float:
        """By which a window's longest calls exceed the usual one of the same inputs, where that is a pause."""
        usual_s = map(statistics.median, zip(*(each.longest_s for each in self.made), strict=True))
        longer = [
            longest_s - each_s
            for longest_s, each_s in zip(window.longest_s, usual_s, strict=True)
            if longest_s > pauses.LONGER * each_s
        ]
        return math.fsum(extra_s for extra_s in longer if extra_s > pauses.PAUSE_S)


@dataclass(slots=True)
class Metering:
    """Both sizes of one evaluation that has its answers."""

    bench: Bench
    task: Task
    found: Accuracy
    flags: list[Flag] = field(default_factory=list)

    @property
    def rule(self) -> EvaluationRule:
        assert self.task.evaluation is not None
        return self.task.evaluation

    def run(self, meter: Meter | NotMeasured) -> tuple[RealEnergy, ...]:
        """One by one, then in batches; the same examples, if the worker may hold so many."""
        batched = self._at(meter, PassSize(batch_size=self.rule.batch_size))
        if self.rule.batch_size == 1:
            return (batched,)
        taken = batched.example_count or None
        return (self._at(meter, PassSize(batch_size=1, example_count=taken)), batched)

    def _at(self, meter: Meter | NotMeasured, size: PassSize) -> RealEnergy:
        """The outcome at one size; a worker that fails costs this figure alone."""
        if isinstance(meter, NotMeasured):
            return RealEnergy(batch_size=size.batch_size, example_count=0, energy=meter)
        own, missing, absent = parts.for_device(meter, self.task.device)
        if own is None:
            assert missing is not None
            return RealEnergy(batch_size=size.batch_size, example_count=0, energy=missing, beside=absent)
        try:
            return self._measured(own, missing, absent, size)
        except WorkerError as error:
            self.bench.failed(error)
            absence = NotMeasured(code=error.code, reason=error.reason, remedy=error.remedy)
            return RealEnergy(batch_size=size.batch_size, example_count=0, energy=absence)

    def _measured(
        self, meter: Meter, missing: NotMeasured | None, absent: tuple[NotMeasured, ...], size: PassSize
    ) -> RealEnergy:
        passes = Passes(self.bench, self.task, self._row_count(), size, self._pass_s(), self.bench.ready())
        passes(0.0)  # inputs are made and bound before the idle stretch
        lengths = passes.made.pop().lengths
        self._require_same(lengths)
        rule, calls = self.task.energy, -(-len(lengths) // size.batch_size)
        windows = replace(meter.rule, min_call_count=-(-meter.rule.min_call_count // calls))
        metered = replace(meter, rule=windows).metered(
            passes, rule.window_count, rule.window_s, rule.idle_s, passes.end
        )
        outcomes = metered.outcomes if missing is None else (missing, *metered.outcomes)
        doubts = list(passes.flags(metered.schedule))
        self.flags += [*sign.flags(outcomes), *doubts]
        return RealEnergy(
            batch_size=size.batch_size,
            example_count=len(lengths),
            energy=outcomes[0],
            beside=(*outcomes[1:], *absent),
            schedule=metered.schedule,
            is_upper_bound=any(flag.code == DISTURBED for flag in doubts),
        )

    def _row_count(self) -> int:
        """Of the stretches whose examples were called alone: theirs is the latency beside this energy."""
        places = [place for place, batch in enumerate(self.found.batches) if batch.alone.latency_s]
        return sum(batch.row_count for batch in self.found.batches[: max(places) + 1])

    def _pass_s(self) -> float:
        return math.fsum(latency_s for batch in self.found.batches for latency_s in batch.alone.latency_s)

    def _require_same(self, lengths: tuple[int, ...]) -> None:
        if lengths != self.found.lengths[: len(lengths)]:
            raise WorkerError(
                "EXAMPLES_DIFFER",
                f"{self.rule.name} gave other examples the second time than those that were answered",
                "let its data stand still while it runs; then run it again",
            )

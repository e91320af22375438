"""One latency task on its way: its blocks, which of them count, and whether it has enough."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from dataclasses import dataclass, field, replace

from suite.client.replies import ByDevice, Memory, Prepared
from suite.errors import WorkerError
from suite.measure.moment import Moment
from suite.records import (
    Block,
    ColdStart,
    DeviceTimes,
    Fingerprint,
    Flag,
    LatencySamples,
    MemoryUse,
    NotMeasured,
    StopReason,
    Task,
)
from suite.stats.quiet import OTHERS, SLOWED, disturbance, remedy, slowed, sped_up
from suite.stats.stopping import decide
from suite.units import counted

BLOCK_S = 1.0  # aimed length of a block: long against a call's jitter, short against a drift
MIN_BLOCKS = 5  # a series of few calls is still spread over the run
BLOCKS_IN_LIMIT = 8  # as many blocks fit into a series' limits, of time and of calls
MOST_CALLS_IN_BLOCK = 100_000  # their durations travel in one line


@dataclass(slots=True)
class Series:
    """One latency task on its way: what was measured so far, and why it stopped."""

    task: Task
    began: Moment | None = None
    prepared: Prepared | None = None
    fingerprint: Fingerprint | None = None
    blocks: list[Block] = field(default_factory=list)
    steady: bool | None = None  # None: not warmed up yet
    stop: StopReason | None = None
    calls_needed: int | None = None  # until its goal is reached; None: it is, or nobody knows
    error: WorkerError | None = None
    is_closed: bool = False  # it has no turns beyond its own course
    cold_start: ColdStart | None = None
    amiss: dict[str, str] = field(default_factory=dict)  # what the worker found amiss, by code: the latest words
    memory: list[Memory] = field(default_factory=list)  # one a visit
    spent_s: float = 0.0  # in calls, warm-up included, disturbed blocks not
    lost_s: float = 0.0  # in disturbed blocks
    culprit: str | None = None  # the process that was seen to disturb the most
    by_device: list[ByDevice] = field(default_factory=list)  # one a visit, on a device other than the CPU
    no_device_times: NotMeasured | None = None
    wall_s: float = 0.0  # in its turns, all told
    thread_counts: dict[int, None] = field(default_factory=dict)  # in force after its blocks, each once, in order

    @property
    def case(self) -> str:
        return self.task.key

    @property
    def timed(self) -> list[Block]:
        """All but warm-up."""
        return [block for block in self.blocks if not block.warmup]

    @property
    def counted(self) -> list[tuple[float, ...]]:
        """The calls of its undisturbed blocks."""
        return [block.latency_s for block in self.timed if block.disturbed_by is None]

    @property
    def counted_call_count(self) -> int:
        return sum(map(len, self.counted))

    @property
    def is_lost(self) -> bool:
        """Whether it has been disturbed for as long as it might have taken undisturbed: no more is made up for.

        Blocks of very short calls are watched for longer than they take: that counts, or such a series would never end.
        """
        least = self.task.repetition.min_call_count
        watched = (block.interference for block in self.timed if block.disturbed_by is not None)
        lost_s = max(self.lost_s, sum(found.wall_s for found in watched if found is not None))
        return lost_s >= self.task.repetition.time_limit_s and sum(len(b.latency_s) for b in self.timed) >= least

    def judge_pace(self, usual_pace_s: float | None) -> None:
        """Judges blocks anew by the machine's pace: what is usual shows only as the run goes on."""
        rule = self.task.quiet
        for place, block in enumerate(self.blocks):
            found, before = block.interference, block.disturbed_by
            if rule is None or block.warmup or found is None or not (before or SLOWED).startswith(SLOWED):
                continue
            now = slowed(found, rule, usual_pace_s)
            if (now is None) != (before is None):
                moved_s = block.calls_per_value * sum(block.latency_s) * (1 if now is None else -1)
                self.spent_s, self.lost_s = self.spent_s + moved_s, self.lost_s - moved_s
            self.blocks[place] = replace(block, disturbed_by=now, sped_up=sped_up(now))

    def settle(self, usual_pace_s: float | None) -> None:
        """Judges by pace for good. One that is left with less than its least calls is an upper bound after all."""
        self.judge_pace(usual_pace_s)
        is_short = self.counted_call_count < self.task.repetition.min_call_count
        if self.error is None and self.stop is not None and self.timed and is_short:
            self.stop = "disturbed"

    @property
    def said(self) -> tuple[object, ...]:
        """What a record of it holds that further turns, or a later judgement, may change."""
        return (self.stop, len(self.blocks), tuple(self.amiss), tuple(block.disturbed_by for block in self.blocks))

    def decide(self) -> None:
        """Ends the series where it has enough, or where too much of it was disturbed to go on."""
        rule = self.task.repetition
        decision = decide(self.counted, rule, self.spent_s)
        self.stop, self.calls_needed = decision.stop, decision.calls_needed
        if self.stop is None and self.is_lost:
            self.stop = "time_limit" if self.counted_call_count >= rule.min_call_count else "disturbed"

    @property
    def ended(self) -> bool:
        return self.stop is not None or self.error is not None

    def forgive(self) -> None:
        """A turn beyond its own course failed: what it had before stands, with the doubt beside it."""
        assert self.error is not None
        self.amiss[self.error.code] = f"a further block failed: {self.error.reason}"
        self.error = None
        self.is_closed = True

    def block_s(self) -> float:
        """What a turn takes: a block, and the call before it that isn't counted."""
        blocks_s = [block.calls_per_value * sum(block.latency_s) for block in self.timed]
        return sum(blocks_s) / max(1, len(blocks_s)) + (self.typical_s() if self.blocks else 0.0)

    def needed_s(self) -> float:
        """In calls, until its goal is reached; 0 where it is, or nobody knows."""
        return (self.calls_needed or 0) * self.typical_s()

    def typical_s(self) -> float:
        return statistics.median(self.blocks[-1].latency_s)

    def next_block_call_count(self) -> int:
        """Calls of the next block: about BLOCK_S long, but never so many that a series is done in a block or two."""
        rule = self.task.repetition
        smallest = math.ceil(rule.min_call_count / MIN_BLOCKS)
        fixed = rule.target_relative_halfwidth is None
        block_s = min(BLOCK_S, rule.time_limit_s / BLOCKS_IN_LIMIT)
        wanted = smallest if fixed else max(smallest, round(block_s / self.typical_s()))
        limit = rule.min_call_count if fixed else rule.max_call_count
        largest = max(smallest, limit // BLOCKS_IN_LIMIT)
        return min(wanted, largest, limit - self.counted_call_count, MOST_CALLS_IN_BLOCK)

    def samples(self, synchronisation: str, clock: str) -> LatencySamples:
        assert self.prepared is not None
        return LatencySamples(
            blocks=tuple(self.blocks),
            clock=clock,
            synchronisation=synchronisation,
            steady=self.steady is True,
            stop=self.stop or "failed",
            step_count=self.prepared.step_count,
            thread_counts=tuple(self.thread_counts),
        )

    def flags(self) -> tuple[Flag, ...]:
        """Doubts that follow from how the calls went."""
        asked, used = (
            self.task.thread_count,
            [str(count) for count in self.thread_counts if count != self.task.thread_count],
        )
        found = []
        if used:
            text = f"CPU threads in force after the calls: {' and '.join(used)}; asked for: {asked}"
            found.append(Flag(code="THREADS_DIFFER", text=text))
        most = max((block.calls_per_value for block in self.blocks), default=1)
        if most > 1:
            text = f"too many calls to keep each: a value is the mean of up to {most:,} in a row, and scatters less"
            found.append(Flag(code="DURATIONS_BINNED", text=text))
        found += self._disturbed()
        if self.error is not None:
            least = self.task.repetition.min_call_count
            made = {
                "latency": f"{self.counted_call_count} of at least {least} calls",
                "sustained": counted(len(self.timed), "slice"),
            }.get(self.task.test, "its windows")
            found.append(Flag(code=self.error.code, text=f"cut short after {made}: {self.error.reason}"))
        return tuple(found)

    def _disturbed(self) -> list[Flag]:
        """The figure is an upper bound, or joules of energy windows are other processes' too."""
        if self.task.test == "energy":
            broken = [block for block in self.timed if self._breaks_rule(block)]
            kind, code = "window", "WINDOWS_DISTURBED"
            follows = "its joules per inference hold what that took"
        else:
            is_bound = self.stop == "disturbed"
            broken = [block for block in self.timed if block.disturbed_by and not block.sped_up and is_bound]
            kind, code = "block", "DISTURBED"
            follows = "the latency is an upper bound"
        if not broken:
            return []
        broken.sort(key=lambda block: (block.interference and block.interference.foreign_s) or 0.0)
        causes = [cause for block in broken if (cause := self._breaks_rule(block))]
        ((what, _),) = Counter(map(remedy, causes)).most_common(1)
        alike = [cause for cause in causes if remedy(cause) == what]
        seen = f" ({self.culprit} the most)" if self.culprit and alike[0].startswith(OTHERS) else ""
        of = f"{len(broken)} of {counted(len(self.timed), kind)} {'was' if len(broken) == 1 else 'were'} disturbed"
        return [Flag(code=code, text=f"{of}, in the middle one {alike[len(alike) // 2]}{seen}: {follows}; {what}")]

    def _breaks_rule(self, block: Block) -> str | None:
        if block.disturbed_by is not None or self.task.quiet is None:
            return block.disturbed_by
        return disturbance(block.interference, self.task.quiet, self.task.thread_count)

    def memory_use(self, import_resident_bytes: int, weight_bytes: int) -> MemoryUse:
        assert self.prepared is not None
        device_peaks = [reading.device_peak_bytes for reading in self.memory if reading.device_peak_bytes is not None]
        return MemoryUse(
            import_resident_bytes=import_resident_bytes,
            before_resident_bytes=self.prepared.before_resident_bytes,
            peak_resident_bytes=max(reading.peak_resident_bytes for reading in self.memory),
            peak_is_task=all(reading.peak_was_reset for reading in self.memory),
            weight_bytes=weight_bytes,
            device_peak_bytes=max(device_peaks, default=None),
            device_reserved_peak_bytes=self._most("device_reserved_peak_bytes"),
            device_context_bytes=self._most("device_context_bytes"),
            device_total_bytes=self._most("device_total_bytes"),
            device_is_unified=self.memory[-1].device_is_unified,
            machine_taken_bytes=self._most("machine_taken_bytes"),
        )

    def _most(self, name: str) -> int | None:
        """Of its visits; None where one of them was not told."""
        values = [getattr(reading, name) for reading in self.memory]
        return None if None in values else max(values)

    @property
    def device_times(self) -> DeviceTimes | NotMeasured | None:
        """None where nobody asked, as on the CPU."""
        if not self.by_device:
            return self.no_device_times
        last = self.by_device[-1]
        blocks = tuple(each.block for each in self.by_device)
        return DeviceTimes(blocks=blocks, in_bytes=last.in_bytes, out_bytes=last.out_bytes)

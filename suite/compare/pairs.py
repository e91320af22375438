"""The records of two runs that are of the same thing, and what both say of machine and surroundings."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence

from suite.records import Block, HostFacts, Interference, LatencySamples, RunRecord, Task, record


@record
class Pair:
    """first: of the run that is held up; then: of the one that is held against it."""

    first: RunRecord
    then: RunRecord


def thing(task: Task) -> tuple[object, ...]:
    """What is measured, whatever with: two tasks may differ in seed, threads, rules and files besides."""
    return (
        task.test,
        task.model,
        task.scenario,
        task.runtime,
        task.precision,
        task.device,
        task.batch_size,
        tuple(sorted(task.axes)),
        task.side,
    )


def pairs(first: Iterable[RunRecord], then: Iterable[RunRecord]) -> Iterator[Pair]:
    """In the order of the first run."""
    there = {thing(found.task): found for found in then}
    for found in first:
        other = there.get(thing(found.task))
        if other is not None:
            yield Pair(first=found, then=other)


def is_same_board(one: HostFacts, other: HostFacts) -> bool:
    """By all that names the hardware; memory within a tenth, of which firmware keeps a part."""
    names = ("board", "soc", "cpu_model", "architecture", "accelerators")
    if any(getattr(one, name) != getattr(other, name) for name in names):
        return False
    sizes = (one.memory_total_bytes, other.memory_total_bytes)
    return None in sizes or math.isclose(*map(float, filter(None, sizes)), rel_tol=0.1)


def in_force(each: RunRecord) -> int:
    """Threads, after the calls; those that were asked for where nobody looked."""
    samples = each.latency
    counts = samples.thread_counts if isinstance(samples, LatencySamples) else ()
    return max(counts, default=each.task.thread_count)


def watched(records: Iterable[RunRecord]) -> list[tuple[Block, Interference]]:
    """The blocks that count of each series, with what the machine did beside them."""
    return [
        (block, block.interference)
        for found in records
        if isinstance(found.latency, LatencySamples)
        for block in found.latency.counted_blocks
        if block.interference is not None
    ]


def middle(records: Sequence[RunRecord], of: Callable[[Interference], float | None]) -> float | None:
    """The median over those blocks; None where nobody told."""
    values = [value for _, beside in watched(records) if (value := of(beside)) is not None]
    return statistics.median(values) if values else None


def pace_ratio(found: Sequence[Pair]) -> float | None:
    """How much longer a fixed piece of arithmetic took in the second run, on as many threads."""
    alike = [pair for pair in found if in_force(pair.first) == in_force(pair.then)]
    before, after = (
        middle([getattr(pair, side) for pair in alike], lambda beside: beside.pace_s) for side in ("first", "then")
    )
    return after / before if before and after else None

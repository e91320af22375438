"""Whether a second run reproduces a first one: exactly what must be exact, and within what both can tell what can't.

Counts, FLOPs and hashes are equal or not. Outputs agree within a tolerance by precision. Latency, memory and energy are
held against each other on the same board alone; on another one only their ratio is told.
Source: docs/reproduce.md.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping
from typing import Literal

from scipy.special import ndtri

from suite.compare import outputs
from suite.compare.causes import Cause, causes, ordered
from suite.compare.findings import Finding
from suite.compare.pairs import Pair, is_same_board, pace_ratio, pairs
from suite.outside import one_line
from suite.records import (
    EnergyReading,
    FlopCount,
    Interval,
    LatencySamples,
    MemoryUse,
    NotMeasured,
    ParameterCount,
    Run,
    Task,
    record,
)
from suite.stats.summary import summarise
from suite.units import show

Verdict = Literal["REPRODUCED", "NOT REPRODUCED", "INCOMPARABLE"]
MARGIN = 0.10  # by so much two runs of one board may differ: alignment of memory, heat, what else runs
MEMORY_BYTES = 32 * 2**20  # less is what an allocator keeps or gives back
COUNTS = ("unique_count", "registered_count", "trainable_count", "embedding_count", "buffer_element_count")
CONFIDENCE = 0.95


@record
class Quantity:
    """counts: whether the verdict is part of that over all; on another board a latency's is not."""

    quantity: str
    subject: str
    verdict: Verdict
    reason: str
    counts: bool = True
    ratio: float | None = None
    interval: Interval | None = None


@record
class Judgement:
    """same_board: None where nothing was compared. left_out: tasks of the first run without a partner."""

    quantities: tuple[Quantity, ...]
    causes: tuple[Cause, ...]
    same_board: bool | None
    left_out: int

    @property
    def verdict(self) -> Verdict:
        """NOT REPRODUCED where one quantity was not; REPRODUCED where each that counts was."""
        verdicts = [found.verdict for found in self.quantities if found.counts]
        if "NOT REPRODUCED" in verdicts:
            return "NOT REPRODUCED"
        return "REPRODUCED" if verdicts and set(verdicts) == {"REPRODUCED"} else "INCOMPARABLE"


def judge(first: Run, then: Run, margin: float = MARGIN, altered: Mapping[Task, Finding] | None = None) -> Judgement:
    """altered: tasks of either run whose lines were changed since: nothing is claimed of them."""
    found = list(pairs(first.records, then.records))
    same = all(is_same_board(pair.first.host, pair.then.host) for pair in found) if found else None
    pace = pace_ratio(found)
    latencies = sum(isinstance(pair.first.latency, LatencySamples) for pair in found)
    judged: list[Quantity] = []
    for pair in found:
        for quantity in _judged(pair, _Rule(same is True, margin, pace, max(1, latencies))):
            finding = (altered or {}).get(pair.first.task) or (altered or {}).get(pair.then.task)
            judged.append(quantity if finding is None else _void(quantity, finding))
    ratios = [
        each.ratio for each in judged if each.quantity == "latency" and each.ratio and each.verdict != "REPRODUCED"
    ]
    ratio = math.exp(statistics.median(map(math.log, ratios))) if ratios else None
    doubted = tuple(
        Cause(name="altered", text=f"{one_line(finding.where)}: {finding.text}", affects=("all",))
        for finding in dict.fromkeys((altered or {}).values())
    )
    return Judgement(
        quantities=tuple(judged),
        causes=(*doubted, *ordered(causes(found), ratio, margin)),
        same_board=same,
        left_out=len(first.records) - len(found),
    )


class _Rule:
    """What a pair is judged by. count: of latencies, each of which may deviate by chance."""

    def __init__(self, same_board: bool, margin: float, pace: float | None, count: int) -> None:
        self.same_board = same_board
        self.margin = margin
        self.pace = pace
        tail = (1 - CONFIDENCE) / 2
        self.widening = float(ndtri(1 - tail / count) / ndtri(1 - tail))


def _void(quantity: Quantity, finding: Finding) -> Quantity:
    reason = f"one of the figures is not the one that was measured ({one_line(finding.where)})"
    return Quantity(
        quantity=quantity.quantity,
        subject=quantity.subject,
        verdict="INCOMPARABLE",
        reason=reason,
        ratio=quantity.ratio,
    )


def _judged(pair: Pair, rule: _Rule) -> Iterator[Quantity]:
    subject = describe(pair.first.task)
    for quantity, name in (
        ("parameters", "parameters"),
        ("FLOPs", "flops"),
        ("latency", "latency"),
        ("energy", "energy"),
    ):
        before, after = getattr(pair.first, name), getattr(pair.then, name)
        if isinstance(before, NotMeasured) or before is None:
            continue
        if isinstance(after, NotMeasured) or after is None:
            reason = f"not measured now ({after.code}: {one_line(after.reason, 120)})" if after else "not measured now"
            yield Quantity(quantity=quantity, subject=subject, verdict="INCOMPARABLE", reason=reason)
        elif isinstance(before, ParameterCount):
            yield _equal(
                quantity, subject, *(tuple(getattr(each, name) for name in COUNTS) for each in (before, after))
            )
        elif isinstance(before, FlopCount):
            yield _equal(quantity, subject, before.mac_count, after.mac_count)
        elif isinstance(before, LatencySamples):
            yield _latency(pair, subject, rule)
        elif isinstance(before, EnergyReading):
            yield _energy(before, after, pair, subject, rule)
    if pair.first.provenance is not None and pair.then.provenance is not None:
        for name in ("weights", "inputs"):
            sides = [getattr(each.provenance, f"{name}_sha256") for each in (pair.first, pair.then)]
            yield _equal(name, subject, sides[0], sides[1])
        yield _outputs(pair, subject)
    if isinstance(pair.first.memory, MemoryUse) and isinstance(pair.then.memory, MemoryUse):
        yield _memory(pair, subject, rule)


def describe(task: Task) -> str:
    sizes = ", ".join(f"{name} {size}" for name, size in task.axes)
    variant = [word for word in (task.runtime, task.precision, task.device) if word not in ("eager", "fp32", "cpu")]
    scenario = "" if task.scenario == "forward" else f" {task.scenario}"
    return (
        f"{task.model}{scenario} {' '.join(variant)}".strip()
        + f", batch {task.batch_size}"
        + (f", {sizes}" if sizes else "")
    )


def _equal(quantity: str, subject: str, before: object, after: object) -> Quantity:
    if before == after:
        return Quantity(quantity=quantity, subject=subject, verdict="REPRODUCED", reason="the same, exactly")
    short = [f"{value[:12]}..." if isinstance(value, str) else f"{value}" for value in (before, after)]
    reason = f"{short[0]}, and {short[1]} now"
    return Quantity(quantity=quantity, subject=subject, verdict="NOT REPRODUCED", reason=reason)


def _outputs(pair: Pair, subject: str) -> Quantity:
    assert pair.first.provenance is not None
    assert pair.then.provenance is not None
    random = {flag.code for each in (pair.first, pair.then) for flag in each.flags} & {
        "NOT_DETERMINISTIC",
        "OUTPUT_CHANGED",
    }
    if random:
        reason = f"the model's output is not the same twice ({min(random)})"
        return Quantity(quantity="outputs", subject=subject, verdict="INCOMPARABLE", reason=reason, counts=False)
    before, after = pair.first.provenance.fingerprint, pair.then.provenance.fingerprint
    if before is None or after is None:
        reason = f"no fingerprint of the outputs in the {'first' if before is None else 'second'} run"
        return Quantity(
            quantity="outputs", subject=subject, verdict="INCOMPARABLE", reason=reason, counts=before is not None
        )
    difference = outputs.difference(before, after, pair.first.task.precision)
    verdict: Verdict = "NOT REPRODUCED" if difference.differs else "REPRODUCED"
    return Quantity(quantity="outputs", subject=subject, verdict=verdict, reason=difference.text)


def _latency(pair: Pair, subject: str, rule: _Rule) -> Quantity:
    found = []
    for each, which in ((pair.first, "first"), (pair.then, "second")):
        samples = each.latency
        assert isinstance(samples, LatencySamples)
        if not samples.latency_s:
            return _untold("latency", subject, f"no call of the {which} run counts")
        if samples.is_upper_bound:
            return _untold("latency", subject, f"the {which} run was disturbed: its figure is an upper bound")
        found.append(summarise(samples, each.task.repetition))
    before, after = found
    ratio = after.median / before.median
    if before.median_interval is None or after.median_interval is None:
        return _untold("latency", subject, "too few calls for an interval", ratio)
    one, other = before.median_interval, after.median_interval
    low = math.hypot(math.log(after.median / other.low), math.log(one.high / before.median))
    high = math.hypot(math.log(other.high / after.median), math.log(before.median / one.low))
    told = f"{show(before.median, 's')}, and {show(after.median, 's')} now"
    return held("latency", subject, told, (ratio, low, high), rule)


def held(quantity: str, subject: str, told: str, found: tuple[float, float, float], rule: _Rule) -> Quantity:
    """found: a ratio, and how far its logarithm may lie below and above."""
    ratio, low, high = found
    place, most = math.log(ratio), math.log1p(rule.margin)
    interval = Interval(low=math.exp(place - low), high=math.exp(place + high), confidence=CONFIDENCE)
    told = f"{told}: {ratio:.3g} times ({interval.low:.3g}–{interval.high:.3g})"
    verdict: Verdict
    counts = True
    if not rule.same_board:
        verdict, counts, told = "INCOMPARABLE", False, f"{told}, on another board"
    elif place - low * rule.widening > most or place + high * rule.widening < -most:
        verdict = "NOT REPRODUCED"
        pace = math.log(rule.pace) if rule.pace else 0.0
        if abs(pace) > most / 2 and abs(place - pace) <= most:
            verdict = "INCOMPARABLE"
            told += f"; the machine itself was at another pace ({math.exp(pace):.3g} times), which accounts for it"
    elif abs(place) <= most and place - low >= -2 * most and place + high <= 2 * most:
        verdict = "REPRODUCED"
    else:
        verdict, told = (
            "INCOMPARABLE",
            f"{told}: too uncertain to tell from {rule.margin * 100:.0f} %; measure for longer",
        )
    return Quantity(
        quantity=quantity,
        subject=subject,
        verdict=verdict,
        reason=told,
        counts=counts,
        ratio=ratio,
        interval=interval,
    )


def _memory(pair: Pair, subject: str, rule: _Rule) -> Quantity:
    assert isinstance(pair.first.memory, MemoryUse)
    assert isinstance(pair.then.memory, MemoryUse)
    before, after = pair.first.memory.peak_resident_bytes, pair.then.memory.peak_resident_bytes
    told = f"{show(before, 'B')}, and {show(after, 'B')} now"
    ratio = after / before if before else None
    if not rule.same_board or dict(pair.first.host.versions).get("torch") != dict(pair.then.host.versions).get("torch"):
        return _untold("memory", subject, f"{told}, on another board or torch", ratio, counts=False)
    if pair.first.memory.peak_is_task != pair.then.memory.peak_is_task:
        return _untold("memory", subject, f"{told}, of which one holds what came before", ratio, counts=False)
    near = abs(after - before) <= max(MEMORY_BYTES, rule.margin * before)
    verdict: Verdict = "REPRODUCED" if near else "NOT REPRODUCED"
    return Quantity(quantity="memory", subject=subject, verdict=verdict, reason=told, ratio=ratio)


def _energy(before: EnergyReading, after: EnergyReading, pair: Pair, subject: str, rule: _Rule) -> Quantity:
    if (before.source, before.scope) != (after.source, after.scope):
        told = f"measured by {before.source} of {before.scope}, and by {after.source} of {after.scope} now"
        return _untold("energy", subject, one_line(told))
    sides = [each.inference_j(pair.first.task.batch_size) for each in (before, after)]
    if min(sides) <= 0:
        return _untold("energy", subject, "no joules that could be compared")
    spreads = [
        each.budget.total_j / statistics.fmean(window.energy_j for window in each.windows) for each in (before, after)
    ]
    spread = math.hypot(*(math.log1p(value) for value in spreads))
    told = f"{show(sides[0], 'J')}, and {show(sides[1], 'J')} now"
    return held("energy", subject, told, (sides[1] / sides[0], spread, spread), rule)


def _untold(quantity: str, subject: str, reason: str, ratio: float | None = None, *, counts: bool = True) -> Quantity:
    return Quantity(
        quantity=quantity, subject=subject, verdict="INCOMPARABLE", reason=reason, counts=counts, ratio=ratio
    )

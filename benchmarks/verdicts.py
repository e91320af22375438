"""What a stored run says: its scaling questions and answers, and the estimate of each of its series."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, replace

from suite.records import LatencySamples, Run, RunRecord
from suite.report import scaling
from suite.report.points import BATCH_SIZE, point_of
from suite.report.view import RunView
from suite.stats.summary import summarise

DECIDED = ("SUPPORTED", "REJECTED")


@dataclass(frozen=True)
class Estimate:
    """Of one series, in s. is_upper_bound: it was disturbed throughout, and says so."""

    median_s: float
    all_median_s: float  # as if there were no rule
    all_minimum_s: float
    is_upper_bound: bool
    reached_goal: bool


def answers(run: Run) -> dict[str, str]:
    """Linear in the batch size, and quadratic in each input size, of each model: as the report's discussion asks."""
    view = RunView(run)
    found = {
        f"{view.label(sweep.subject)}: linear in batch size": scaling.linear(view, sweep).answer
        for sweep in view.sweeps(BATCH_SIZE)
    }
    for axis in view.axes:
        for sweep in view.sweeps(axis):
            found[f"{view.label(sweep.subject)}: quadratic in {axis}"] = scaling.quadratic(view, sweep).answer
    return dict(found)


def estimates(run: Run) -> dict[str, Estimate]:
    """By what was measured, in words."""
    view = RunView(run)
    found = {}
    for record in run.records:
        samples = record.latency
        if record.task.test == "latency" and isinstance(samples, LatencySamples) and samples.latency_s:
            name = f"{record.task.model}, {record.task.scenario}, {view.describe(point_of(record.task))}"
            found[name] = Estimate(
                median_s=statistics.median(samples.latency_s),
                all_median_s=statistics.median(samples.all_latency_s),
                all_minimum_s=min(samples.all_latency_s),
                is_upper_bound=samples.is_upper_bound,
                reached_goal=summarise(samples, record.task.repetition).resolved,
            )
    return found


def without_rule(run: Run) -> Run:
    """The same run as if every block counted."""
    return replace(run, records=tuple(map(_all_counted, run.records)))


def _all_counted(record: RunRecord) -> RunRecord:
    samples = record.latency
    if not isinstance(samples, LatencySamples):
        return record
    blocks = tuple(replace(block, disturbed_by=None) for block in samples.blocks)
    stop = "time_limit" if samples.stop == "disturbed" else samples.stop
    return replace(record, latency=replace(samples, blocks=blocks, stop=stop))


def decided_count(found: Mapping[str, str]) -> int:
    return sum(answer in DECIDED for answer in found.values())


def contradictions(found: Mapping[str, str], reference: Mapping[str, str]) -> list[str]:
    """Questions that both decide, and not the same way."""
    both = (name for name in found if found[name] in DECIDED and reference.get(name) in DECIDED)
    return [name for name in both if found[name] != reference[name]]


def agreed(runs: list[dict[str, str]]) -> dict[str, str]:
    """The answer of each question on which those runs that decide it agree; UNDECIDED else."""
    names = dict.fromkeys(name for found in runs for name in found)
    told = {name: {found[name] for found in runs if found.get(name) in DECIDED} for name in names}
    return {name: next(iter(decided)) if len(decided) == 1 else "UNDECIDED" for name, decided in told.items()}

"""Answers on stdout: the table of one test, or a whole run in JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from suite.records import (
    Accuracy,
    EnergyReading,
    LatencySamples,
    NotMeasured,
    Roofline,
    Run,
    RunRecord,
    Sustained,
    Test,
)
from suite.report import accuracies, text
from suite.report.energies import inference_energy
from suite.report.gaps import no_latency
from suite.report.precision import was_told
from suite.stats import shapes
from suite.stats.endurance import endurance
from suite.stats.summary import all_calls, summarise

_TABLES = {
    "params": text.params_table,
    "flops": text.flops_table,
    "latency": text.latency_table,
    "energy": text.energy_table,
    "sustained": text.sustained_table,
    "accuracy": text.accuracy_table,
}
_QUANTITIES = (
    "parameters",
    "flops",
    "latency",
    "cold_start",
    "memory",
    "energy",
    "roofline",
    "sustained",
    "accuracy",
    "cooling",
    "provenance",
)


def table(test: Test, run: Run) -> str:
    return _TABLES[test](run)


def as_json(run: Run, out: Path, report: Path | None) -> str:
    """One object: where the run lies, what is left of it, and each task with its figures. Samples stay in the files.

    An absent quantity is {"not_measured": {code, reason, remedy}}; one that was not asked for has no key.
    """
    answer = {
        "run": str(out),
        "report": str(report) if report else None,
        "plan": run.manifest.plan,
        "missing_count": len(run.missing()),
        "damaged": [asdict(damage) for damage in run.damaged],
        "results": [_result(found) for found in run.records],
    }
    return json.dumps(answer, indent=1, allow_nan=False)


def _result(found: RunRecord) -> dict[str, Any]:
    task = asdict(found.task)
    task["axes"] = dict(found.task.axes)
    values = {name: getattr(found, name) for name in _QUANTITIES}
    figures: dict[str, Any] = {name: _figures(value, found) for name, value in values.items() if value is not None}
    if found.energy_beside:
        figures["energy_beside"] = [_figures(value, found) for value in found.energy_beside]
    flags = (*found.flags, *shapes.doubts(found))
    return {"key": found.task.key, "task": task, **figures, "flags": [asdict(flag) for flag in flags]}


def _latency(samples: LatencySamples, found: RunRecord) -> dict[str, Any]:
    """The figure from the calls that count; beside it that of all, and how many blocks were disturbed."""
    absence = no_latency(samples)
    figures = {"not_measured": asdict(absence)} if absence else asdict(summarise(samples, found.task.repetition))
    return {
        **figures,
        "all_calls": asdict(all_calls(samples)) if samples.timed_blocks else None,
        "block_count": len(samples.timed_blocks),
        "disturbed_block_count": len(samples.disturbed_blocks),
        "watched": was_told(samples),
        "steady": samples.steady,
        "stop": samples.stop,
        "step_count": samples.step_count,
    }


def _accuracy(found: Accuracy) -> dict[str, Any]:
    """Each metric with its interval; the same inputs alone and in batches."""
    counts = ("corrupt_count", "unreachable_count", "changed_count", "compared_count")
    alone, padded = accuracies.alone(found), accuracies.padded(found)
    return {
        "evaluation": found.evaluation,
        "metrics": {name: asdict(accuracies.scored(found, place)) for place, name in enumerate(found.metrics)},
        "alone": None if alone is None else asdict(alone),
        "padded": None if padded is None else asdict(padded),
        **{name: found.count(name) for name in counts},
        "row_count": found.row_count,
    }


def _figures(value: Any, found: RunRecord) -> dict[str, Any]:
    match value:
        case NotMeasured():
            return {"not_measured": asdict(value)}
        case LatencySamples():
            return _latency(value, found)
        case Sustained():
            facts = {"stop": value.samples.stop, "slice_count": len(value.slices), "power_source": value.power_source}
            return {**asdict(endurance(value)), **facts, "absent": [asdict(each) for each in value.absent]}
        case EnergyReading():
            figure = inference_energy(value, found.task.batch_size)
            figures = asdict(figure)
            if isinstance(figure.net_j, NotMeasured):
                figures["net_j"] = {"not_measured": asdict(figure.net_j)}
            return {**figures, "source": value.source, "scope": value.scope, "method": value.method}
        case Roofline():
            rates = {
                "bandwidth_bytes_per_s": value.bandwidth.best_per_s,
                "flop_per_s": {product.precision: product.ceiling.best_per_s for product in value.matmul},
            }
            return {**asdict(value), **rates}
        case _:
            return _accuracy(value) if isinstance(value, Accuracy) else dict(asdict(value))

"""What a run answers: the table of one test or the head of its report, a row a record, or all of it as data."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from suite.cli.answer import Answer, Row
from suite.records import (
    Accuracy,
    EnergyReading,
    LatencySamples,
    NotMeasured,
    RealEnergy,
    Roofline,
    Run,
    RunRecord,
    Sustained,
    Test,
)
from suite.report import accuracies, text
from suite.report.content import Content, Heading, bullets, content
from suite.report.energies import inference_energy
from suite.report.gaps import no_latency
from suite.report.precision import was_told
from suite.report.rows import operators, rows
from suite.stats import shapes
from suite.stats.endurance import endurance
from suite.stats.summary import PERCENTILES, all_calls, summarise

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
    "profile",
    "provenance",
)


class Told(NamedTuple):
    """A run, its folder, and its report where one was written."""

    run: Run
    out: Path
    report: Path | None


def of_test(test: Test, told: Told, percentiles: Sequence[float], status: int) -> Answer:
    """The table of one test."""
    tables = {"results": rows_of(told, percentiles)}
    if test == "profile":
        tables["operators"] = operators(told.run)
    return Answer(
        shown=text.table(test, told.run, percentiles),
        rows=tables,
        data=as_data(told, percentiles),
        status=status,
    )


def of_runs(every: Sequence[Told], percentiles: Sequence[float], status: int) -> Answer:
    """The head of each report, and how to open the rest."""
    several = len(every) > 1
    return Answer(
        shown=content(
            *(
                part
                for told in every
                for part in (Heading(str(told.out)) if several else None, text.summary(told.run), _ways(told))
            )
        ),
        rows={"results": [row for told in every for row in rows_of(told, percentiles)]},
        data=[as_data(told, percentiles) for told in every] if several else as_data(every[0], percentiles),
        status=status,
        piped="\n".join(str(told.report) for told in every),
    )


def _ways(told: Told) -> Content:
    """Where the report lies, and how a person opens it."""
    page = told.out / "report.html"
    if not page.is_file():
        return bullets([f"Report: {told.report}"])
    opener = next((name for name in ("xdg-open", "open") if shutil.which(name)), None)
    way = f"{opener} {shlex.quote(str(page))}" if opener else f"open {page.absolute().as_uri()} in a browser"
    return bullets([f"Report: {page}", f"To read it: {way}", f"The same in Markdown: {told.report}"])


def rows_of(told: Told, percentiles: Sequence[float]) -> list[Row]:
    return [{**row, "run": str(told.out)} for row in rows(told.run, percentiles or PERCENTILES)]


def as_data(told: Told, percentiles: Sequence[float] = ()) -> dict[str, Any]:
    """One object: where the run lies, what is left of it, and each task with its figures. Samples stay in the files.

    An absent quantity is {"not_measured": {code, reason, remedy}}; one that was not asked for has no key.
    """
    run = told.run
    return {
        "run": str(told.out),
        "report": str(told.report) if told.report else None,
        "plan": run.manifest.plan,
        "tags": dict(run.manifest.tags),
        "missing_count": len(run.missing()),
        "damaged": [asdict(damage) for damage in run.damaged],
        "results": [_result(found, percentiles or PERCENTILES) for found in run.records],
    }


def _result(found: RunRecord, percentiles: Sequence[float]) -> dict[str, Any]:
    task = asdict(found.task)
    task["axes"] = dict(found.task.axes)
    values = {name: getattr(found, name) for name in _QUANTITIES}
    figures: dict[str, Any] = {
        name: _figures(value, found, percentiles) for name, value in values.items() if value is not None
    }
    if found.energy_beside:
        figures["energy_beside"] = [_figures(value, found, percentiles) for value in found.energy_beside]
    flags = (*found.flags, *shapes.doubts(found))
    return {"key": found.task.key, "task": task, **figures, "flags": [asdict(flag) for flag in flags]}


def _latency(samples: LatencySamples, found: RunRecord, percentiles: Sequence[float]) -> dict[str, Any]:
    """The figure from the calls that count; beside it that of all, and how many blocks were disturbed."""
    absence = no_latency(samples)
    figures: dict[str, Any] = {"not_measured": asdict(absence)} if absence else {}
    if not absence:
        summary = summarise(samples, found.task.repetition, percentiles)
        unsupported = [each for each in percentiles if each not in dict(summary.percentiles)]
        figures = {
            **asdict(summary),
            "percentiles_not_measured": [asdict(text.too_few(each, summary.count)) for each in unsupported],
        }
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
        "energies": [_real_energy(each) for each in found.energies],
        **{name: found.count(name) for name in counts},
        "row_count": found.row_count,
    }


def _real_energy(found: RealEnergy) -> dict[str, Any]:
    """Of one input, at one batch size."""
    sizes = {"batch_size": found.batch_size, "example_count": found.example_count}
    return {**sizes, **_energy(found.energy, found.example_count), "is_upper_bound": found.is_upper_bound}


def _energy(value: EnergyReading | NotMeasured, inference_count: int) -> dict[str, Any]:
    """inference_count: of a call."""
    if isinstance(value, NotMeasured):
        return {"not_measured": asdict(value)}
    figure = inference_energy(value, inference_count)
    figures = asdict(figure)
    if isinstance(figure.net_j, NotMeasured):
        figures["net_j"] = {"not_measured": asdict(figure.net_j)}
    return {**figures, "source": value.source, "scope": value.scope, "method": value.method}


def _figures(value: Any, found: RunRecord, percentiles: Sequence[float]) -> dict[str, Any]:
    match value:
        case NotMeasured():
            return {"not_measured": asdict(value)}
        case LatencySamples():
            return _latency(value, found, percentiles)
        case Sustained():
            facts = {"stop": value.samples.stop, "slice_count": len(value.slices), "power_source": value.power_source}
            return {**asdict(endurance(value)), **facts, "absent": [asdict(each) for each in value.absent]}
        case EnergyReading():
            return _energy(value, found.task.batch_size)
        case Roofline():
            rates = {
                "bandwidth_bytes_per_s": value.bandwidth.best_per_s,
                "flop_per_s": {product.precision: product.ceiling.best_per_s for product in value.matmul},
            }
            return {**asdict(value), **rates}
        case _:
            return _accuracy(value) if isinstance(value, Accuracy) else dict(asdict(value))

"""tables/*.csv: the report's figures for a spreadsheet, a row a record, unrounded, in SI units that the columns name.

An empty field is a figure that is not there: `not_measured` has its code, and not_measured.csv its reason and remedy.
Documented in docs/report.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, fields
from typing import TypeAlias

from suite.records import (
    Accuracy,
    Build,
    ColdStart,
    EnergyReading,
    Fidelity,
    FlopCount,
    HostFacts,
    MemoryUse,
    NotMeasured,
    OutputFidelity,
    ParameterCount,
    RunRecord,
    Summary,
    Task,
    Variant,
)
from suite.report import endurances, roofs, scaling
from suite.report.energies import inference_energy
from suite.report.missing import absences
from suite.report.points import Point, Subject, point_of
from suite.report.rows import accuracy_columns, operators, task_columns
from suite.report.view import RunView
from suite.stats import shapes

Field: TypeAlias = str | int | float | bool | None
Row: TypeAlias = dict[str, Field]


def sheets(view: RunView) -> Iterator[tuple[str, list[Row]]]:
    """File names with their rows, one at a time, since a run may have many; a file without a row is left out."""
    made: Mapping[str, Callable[[RunView], Iterator[Row]]] = {
        "parameters.csv": _parameters,
        "flops.csv": _flops,
        "flops_by_operator.csv": _operators,
        "latency.csv": _latency,
        "memory.csv": _memory,
        "cold_start.csv": _cold_starts,
        "roofline.csv": _roofline,
        "energy.csv": _energy,
        "sustained.csv": _sustained,
        "accuracy.csv": _accuracy,
        "variants.csv": _variants,
        "profile.csv": lambda view: iter(map(dict, operators(view.run))),
        "provenance.csv": _provenance,
        "machine.csv": _machine,
        "doubts.csv": _doubts,
        "not_measured.csv": _missing,
    }
    for name, rows_of in made.items():
        if rows := list(rows_of(view)):
            yield name, rows


def _task(view: RunView, task: Task) -> Row:
    """Which record a row is of, and what was asked."""
    title = task.model if task.is_of_the_machine else view.title(task.model)
    return {"record": task.key, "title": title, **task_columns(task)}


def _records(view: RunView, name: str) -> Iterator[tuple[RunRecord, object, Row]]:
    """The records that have this quantity, or the reason why they lack it."""
    for record in view.run.records:
        value = getattr(record, name)
        if value is not None:
            yield record, value, _task(view, record.task)


def _gap(value: object) -> Row:
    return {"not_measured": value.code if isinstance(value, NotMeasured) else None}


def _parameters(view: RunView) -> Iterator[Row]:
    for _, value, row in _records(view, "parameters"):
        if isinstance(value, ParameterCount):
            names = [each.name for each in fields(value) if each.name.endswith(("_count", "_bytes"))]
            row |= {name: getattr(value, name) for name in names}
            row["shared"] = "; ".join(" = ".join(group.names) for group in value.shared)
        yield row | _gap(value)


def _flops(view: RunView) -> Iterator[Row]:
    for _, value, row in _records(view, "flops"):
        if isinstance(value, FlopCount):
            row |= {"mac_count": value.mac_count, "flop_count": value.flop_count, "source": value.source}
            row |= {"is_lower_bound": bool(value.unknown), "operators_of_unknown_cost": "; ".join(value.unknown)}
        yield row | _gap(value)


def _operators(view: RunView) -> Iterator[Row]:
    for _, value, row in _records(view, "flops"):
        for cost in value.by_operator if isinstance(value, FlopCount) else ():
            yield row | {"operator": cost.operator, "mac_count": cost.mac_count, "flop_count": 2 * cost.mac_count}


def _latency(view: RunView) -> Iterator[Row]:
    for point in view.points("latency"):
        summary, task = view.summary(point), view.task("latency", point)
        row = _task(view, task)
        if isinstance(summary, Summary):
            row |= _figures(view, point, summary, task)
        yield row | _gap(summary)


def _figures(view: RunView, point: Point, summary: Summary, task: Task) -> Row:
    samples, interval = view.samples(point), summary.median_interval
    flop_count = scaling.flops(view, point)
    return {
        "call_count": summary.count,
        "block_count": len(samples.timed_blocks),
        "disturbed_block_count": len(samples.disturbed_blocks),
        "warmup_call_count": len(samples.warmup_latency_s),
        "median_s": summary.median,
        "median_low_s": interval.low if interval else None,
        "median_high_s": interval.high if interval else None,
        "confidence": task.repetition.confidence,
        "mean_s": summary.mean,
        "std_s": summary.std,
        "minimum_s": summary.minimum,
        "maximum_s": summary.maximum,
        **{f"p{percent:g}_s": value for percent, value in summary.percentiles if percent != 50},
        "outlier_count": summary.outlier_count,
        "is_upper_bound": summary.is_upper_bound,
        "relative_halfwidth": summary.relative_halfwidth,
        "inferences_per_s": point.batch_size / summary.median,
        "flop_count": flop_count,
        "achieved_flop_per_s": None if flop_count is None else flop_count / summary.median,
        "step_count": samples.step_count,
        "stop": samples.stop,
    }


def _memory(view: RunView) -> Iterator[Row]:
    for _, value, row in _records(view, "memory"):
        yield row | (asdict(value) if isinstance(value, MemoryUse) else {}) | _gap(value)


def _cold_starts(view: RunView) -> Iterator[Row]:
    for _, value, row in _records(view, "cold_start"):
        yield row | (asdict(value) if isinstance(value, ColdStart) else {}) | _gap(value)


def _roofline(view: RunView) -> Iterator[Row]:
    for calls in roofs.by_subject(view):
        for point, placed in calls.placed:
            row = _task(view, view.task("latency", point))
            if isinstance(placed, roofs.Placed):
                work, at = placed.work, placed.placement
                row |= {"flop_count": work.flop_count, "read_bytes": work.read_bytes, "median_s": at.measured_s}
                row |= {"least_by_memory_low_s": at.memory.low_s, "least_by_memory_high_s": at.memory.high_s}
                row |= {"least_by_arithmetic_low_s": at.compute.low_s, "least_by_arithmetic_high_s": at.compute.high_s}
                row |= {"share": at.share, "nearer_bound": at.bound, "beaten": at.beaten, "cached": at.cached}
            yield row | _gap(placed)


def _energy(view: RunView) -> Iterator[Row]:
    for record, value, row in _records(view, "energy"):
        for reading in (value, *record.energy_beside):
            if isinstance(reading, EnergyReading):
                yield row | _joules(record, reading)
            else:
                yield row | _gap(reading)


def _joules(record: RunRecord, reading: EnergyReading) -> Row:
    figure, budget = inference_energy(reading, record.task.batch_size), reading.budget
    net = figure.net_j
    duration_s = sum(window.end_s - window.start_s for window in reading.windows)
    row: Row = {
        "source": reading.source,
        "measures": reading.scope,
        "method": reading.method,
        "gross_j_per_inference": figure.gross_j,
        "gross_error_j": figure.error_j,
        "net_j_per_inference": None if isinstance(net, NotMeasured) else net,
        "net_error_j": figure.net_error_j,
        "average_power_w": figure.load_w,
        "idle_before_w": reading.idle_before_w,
        "idle_after_w": reading.idle_after_w,
        "inference_count": figure.inference_count,
        "window_count": len(reading.windows),
        "window_duration_s": duration_s,
        "sample_period_s": reading.sample_period_s,
        "window_scatter_j": budget.scatter_j,
        "window_resolution_j": budget.resolution_j,
        "window_gain_j": budget.gain_j,
        "window_edge_j": budget.edge_j,
    }
    return row | _gap(net)


def _sustained(view: RunView) -> Iterator[Row]:
    for point, each in endurances.known(view).items():
        row = _task(view, view.task("sustained", point)) | {"duration_s": each.duration_s}
        for name, level in (("first", each.first), ("last", each.last)):
            row[f"{name}_median_s"] = level.median_s if level else None
        row |= {"start_temperature_c": each.start_temperature_c, "end_temperature_c": each.end_temperature_c}
        row |= {"start_clock_hz": each.start_clock_hz, "end_clock_hz": each.end_clock_hz}
        row |= {"start_power_w": each.start_power_w, "end_power_w": each.end_power_w}
        yield row | {"throttled_after_s": each.throttle.time_s if each.throttle else None}


def _accuracy(view: RunView) -> Iterator[Row]:
    for _, value, row in _records(view, "accuracy"):
        found = value if isinstance(value, Accuracy) else None
        yield row | accuracy_columns(found) | _gap(value)


def _variants(view: RunView) -> Iterator[Row]:
    """A row an output of each variant that was compared; a variant without one has a row of its own."""
    told: set[Subject] = set()
    for record, value, row in _records(view, "variant"):
        subject = point_of(record.task).subject
        if subject in told or value != view.variant(subject):
            continue
        told.add(subject)
        assert isinstance(value, Variant)
        build = value.build if isinstance(value.build, Build) else None
        row |= {"provider": value.provider, "nodes_fallen_back_count": value.fallen_back_count}
        row |= {"build_s": build.build_s if build else None, "build_size_bytes": build.size_bytes if build else None}
        if not isinstance(value.fidelity, Fidelity):
            yield row | _gap(value.fidelity)
            continue
        for output in value.fidelity.outputs:
            yield row | {"tolerance": value.fidelity.tolerance, "output": output.name, **_errors(output)}


def _errors(output: OutputFidelity) -> Row:
    return {name: each for name, each in asdict(output).items() if name != "name"}


def _provenance(view: RunView) -> Iterator[Row]:
    for record, _, row in _records(view, "provenance"):
        if found := record.provenance:
            yield row | {
                "weights_source": found.weights_source,
                "weights_verified": found.weights_verified,
                "weights_sha256": found.weights_sha256,
                "inputs_source": found.inputs_source,
                "inputs_sha256": found.inputs_sha256,
                "inputs_checked": "; ".join(found.inputs_checked),
            }


def _machine(view: RunView) -> Iterator[Row]:
    """A fact of a machine a row; several machines are numbered."""
    for number, host in enumerate(dict.fromkeys(record.host for record in view.run.records), 1):
        for each in fields(HostFacts):
            value = getattr(host, each.name)
            if each.name == "versions":
                for name, version in value:
                    yield {"machine": number, "fact": f"version of {name}", "value": version}
            elif value not in (None, ()):
                told = "; ".join(map(str, value)) if isinstance(value, tuple) else str(value)
                yield {"machine": number, "fact": each.name, "value": told}


def _doubts(view: RunView) -> Iterator[Row]:
    for record in view.run.records:
        for flag in (*record.flags, *shapes.doubts(record)):
            yield _task(view, record.task) | {"code": flag.code, "seen": flag.text}


def _missing(view: RunView) -> Iterator[Row]:
    for absence in absences(view):
        value = absence.value
        row = _task(view, absence.task) | {"quantity": absence.quantity}
        yield row | {"code": value.code, "reason": value.reason, "remedy": value.remedy}

"""A run as rows for programs: one a record, each figure in a column whose name ends in its unit (docs/output.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from suite.records import (
    Accuracy,
    ColdStart,
    EnergyReading,
    FlopCount,
    LatencySamples,
    MemoryUse,
    NotMeasured,
    ParameterCount,
    Profile,
    RealEnergy,
    Roofline,
    Run,
    RunRecord,
    Summary,
    Sustained,
    Task,
    Test,
)
from suite.report import accuracies, real_energies
from suite.report.energies import inference_energy
from suite.report.gaps import no_latency
from suite.stats import shapes
from suite.stats.endurance import endurance
from suite.stats.summary import PERCENTILES, summarise

Value: TypeAlias = str | int | float | bool | None
Row: TypeAlias = Mapping[str, Value]


def rows(run: Run, percentiles: Sequence[float] = PERCENTILES) -> list[Row]:
    """One row a record, in the order of the records; a figure that is absent is None, and `not_measured` says why."""
    tags = {f"tag_{key}": value for key, value in run.manifest.tags}
    return [{**_of(found, percentiles), **tags, "key": found.task.key} for found in run.records]


def _of(found: RunRecord, percentiles: Sequence[float]) -> dict[str, Value]:
    absences = found.not_measured()
    if isinstance(found.latency, LatencySamples) and (lost := no_latency(found.latency)):
        absences = {"latency": lost, **absences}
    doubts = dict.fromkeys(flag.code for flag in (*found.flags, *shapes.doubts(found)))
    return {
        **task_columns(found.task),
        **_FIGURES[found.task.test](found, percentiles),
        "flags": " ".join(doubts) or None,
        "not_measured": " ".join(f"{name}={absence.code}" for name, absence in absences.items()) or None,
    }


def _timed(found: RunRecord, percentiles: Sequence[float]) -> dict[str, Value]:
    return {**_latency(found, percentiles), **_memory(found.memory), **_cold(found.cold_start)}


def task_columns(task: Task) -> dict[str, Value]:
    """What was asked, in the columns that every table for programs begins with."""
    return {
        "test": task.test,
        "model": None if task.is_of_the_machine else task.model,
        "scenario": task.scenario,
        "runtime": task.runtime,
        "precision": task.precision,
        "device": task.device,
        "thread_count": task.thread_count,
        "batch_size": task.batch_size,
        **{f"axis_{name}": size for name, size in task.axes},
        "seed": task.seed,
        "weights": task.weights if task.checkpoint is None else task.checkpoint,
        "inputs": "seeded" if task.trajectory is None else task.trajectory,
    }


def _parameters(value: ParameterCount | NotMeasured | None) -> dict[str, Value]:
    found = value if isinstance(value, ParameterCount) else None
    names = ("unique_count", "registered_count", "trainable_count", "embedding_count", "buffer_element_count")
    return {
        **{f"parameters_{name}": getattr(found, name, None) for name in names},
        "parameters_bytes": found.parameter_bytes if found else None,
    }


def _flops(value: FlopCount | NotMeasured | None) -> dict[str, Value]:
    found = value if isinstance(value, FlopCount) else None
    return {
        "mac_count": found.mac_count if found else None,
        "flop_count": found.flop_count if found else None,
        "flop_count_is_lower_bound": bool(found.unknown) if found else None,
        "flop_count_source": found.source if found else None,
    }


def _latency(found: RunRecord, percentiles: Sequence[float]) -> dict[str, Value]:
    samples = found.latency if isinstance(found.latency, LatencySamples) else None
    known = samples is not None and no_latency(samples) is None
    summary = summarise(samples, found.task.repetition, percentiles) if samples is not None and known else None
    return {
        **_summary(summary, found.task, percentiles),
        "block_count": len(samples.timed_blocks) if samples else None,
        "disturbed_block_count": len(samples.disturbed_blocks) if samples else None,
        "warmup_call_count": len(samples.warmup_latency_s) if samples else None,
        "is_steady": samples.steady if samples else None,
        "stop": samples.stop if samples else None,
        "step_count": samples.step_count if samples else None,
    }


def _summary(summary: Summary | None, task: Task, percentiles: Sequence[float]) -> dict[str, Value]:
    interval = summary.median_interval if summary else None
    known = dict(summary.percentiles) if summary else {}
    return {
        "call_count": summary.count if summary else None,
        "latency_median_s": summary.median if summary else None,
        "latency_median_low_s": interval.low if interval else None,
        "latency_median_high_s": interval.high if interval else None,
        "confidence": task.repetition.confidence,
        "latency_mean_s": summary.mean if summary else None,
        "latency_std_s": summary.std if summary else None,
        "latency_min_s": summary.minimum if summary else None,
        "latency_max_s": summary.maximum if summary else None,
        **{f"latency_p{percent:g}_s": known.get(percent) for percent in percentiles},
        "inferences_per_s": task.batch_size / summary.median if summary else None,
        "is_upper_bound": summary.is_upper_bound if summary else None,
        "relative_halfwidth": summary.relative_halfwidth if summary else None,
        "is_resolved": summary.resolved if summary else None,
        "outlier_count": summary.outlier_count if summary else None,
    }


def _memory(value: MemoryUse | NotMeasured | None) -> dict[str, Value]:
    found = value if isinstance(value, MemoryUse) else None
    names = ("peak_resident_bytes", "weight_bytes", "device_peak_bytes")
    return {name: getattr(found, name, None) for name in names}


def _cold(value: ColdStart | NotMeasured | None) -> dict[str, Value]:
    found = value if isinstance(value, ColdStart) else None
    names = ("process_s", "import_s", "build_s", "weights_s", "first_call_s")
    return {f"cold_start_{name}": getattr(found, name, None) for name in names}


def _energy(found: RunRecord) -> dict[str, Value]:
    reading = found.energy if isinstance(found.energy, EnergyReading) else None
    figure = inference_energy(reading, found.task.batch_size) if reading else None
    net_j = figure.net_j if figure else None
    return {
        "energy_gross_j": figure.gross_j if figure else None,
        "energy_gross_error_j": figure.error_j if figure else None,
        "energy_net_j": None if isinstance(net_j, NotMeasured) else net_j,
        "energy_net_error_j": figure.net_error_j if figure else None,
        "power_load_w": figure.load_w if figure else None,
        "power_idle_w": figure.idle_w if figure else None,
        "inference_count": figure.inference_count if figure else None,
        "power_source": reading.source if reading else None,
        "power_scope": reading.scope if reading else None,
    }


def _sustained(value: Sustained | NotMeasured | None) -> dict[str, Value]:
    found = endurance(value) if isinstance(value, Sustained) else None
    throttle = found.throttle if found else None
    first, last = (found.first, found.last) if found else (None, None)
    names = ("temperature_c", "clock_hz", "power_w")
    return {
        "duration_s": found.duration_s if found else None,
        "latency_first_median_s": first.median_s if first else None,
        "latency_last_median_s": last.median_s if last else None,
        "throttled_after_s": throttle.time_s if throttle else None,
        "throttle_told_by": " ".join(found.told_by) or None if found else None,
        "disturbed_slice_count": found.disturbed_count if found else None,
        **{f"{end}_{name}": getattr(found, f"{end}_{name}", None) for end in ("start", "end") for name in names},
    }


def accuracy_columns(value: Accuracy | NotMeasured | None) -> dict[str, Value]:
    """Of the first metric; the same examples one by one, and in padded batches."""
    found = value if isinstance(value, Accuracy) else None
    score = accuracies.scored(found) if found else None
    bounds = score.interval if score else None
    alone, padded = (accuracies.alone(found), accuracies.padded(found)) if found else (None, None)
    energies = found.energies if found else ()
    return {
        "evaluation": found.evaluation if found else None,
        "metric": found.metrics[0] if found else None,
        "item_count": found.item_count if found else None,
        "score": score.value if score else None,
        "score_standard_error": score.standard_error if score else None,
        "score_low": bounds.low if bounds else None,
        "score_high": bounds.high if bounds else None,
        "alone_median_s": alone.median_s if alone else None,
        "padded_per_example_s": padded.per_example_s if padded else None,
        "padding_share": padded.padding_share if padded else None,
        **_real_energy("alone", next((each for each in energies if each.batch_size == 1), None)),
        **_real_energy("padded", next((each for each in energies if each.batch_size > 1), None)),
    }


def _real_energy(way: str, found: RealEnergy | None) -> dict[str, Value]:
    figure = real_energies.per_example(found) if found else None
    known = None if isinstance(figure, NotMeasured) else figure
    return {
        f"{way}_energy_gross_j": known.gross_j if known else None,
        f"{way}_energy_gross_error_j": known.error_j if known else None,
        f"{way}_energy_net_j": known.net_j if known and not isinstance(known.net_j, NotMeasured) else None,
        f"{way}_energy_net_error_j": known.net_error_j if known else None,
    }


def _profile(found: RunRecord) -> dict[str, Value]:
    profile = found.profile if isinstance(found.profile, Profile) else None
    return {
        **_latency(found, ()),
        "profiled_call_count": profile.call_count if profile else None,
        "profiled_call_s": profile.call_s if profile else None,
    }


def operators(run: Run) -> list[Row]:
    """One row an operator of every profiled point: its own time over all profiled calls, its counts of one call."""
    return [
        {
            **task_columns(found.task),
            "operator": each.operator,
            "call_count": each.call_count,
            "self_s": each.self_s,
            "device_self_s": each.device_self_s,
            "mac_count": each.mac_count,
            "profiled_call_count": found.profile.call_count,
        }
        for found in run.records
        if isinstance(found.profile, Profile)
        for each in found.profile.operators
    ]


def _roofline(value: Roofline | NotMeasured | None) -> dict[str, Value]:
    found = value if isinstance(value, Roofline) else None
    return {
        "bandwidth_bytes_per_s": found.bandwidth.best_per_s if found else None,
        **({f"{each.precision}_flop_per_s": each.ceiling.best_per_s for each in found.matmul} if found else {}),
    }


_FIGURES: Mapping[Test, Callable[[RunRecord, Sequence[float]], dict[str, Value]]] = {
    "params": lambda found, _: _parameters(found.parameters),
    "flops": lambda found, _: _flops(found.flops),
    "latency": _timed,
    "energy": lambda found, _: _energy(found),
    "sustained": lambda found, _: _sustained(found.sustained),
    "roofline": lambda found, _: _roofline(found.roofline),
    "accuracy": lambda found, _: accuracy_columns(found.accuracy),
    "profile": lambda found, _: _profile(found),
}

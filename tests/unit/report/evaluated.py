"""A run with an evaluation whose every second and joule is known, beside the synthetic input's."""

from __future__ import annotations

from dataclasses import replace

from suite.records import (
    Accuracy,
    EnergyReading,
    EnergyWindow,
    ErrorBudget,
    EvaluatedBatch,
    EvaluationRule,
    NotMeasured,
    PowerTrace,
    RealCalls,
    RealEnergy,
    Run,
    RunRecord,
)
from tests.unit.report import synthetic

COUNT, SIZE = 40, 8
LENGTHS = tuple(20 + (7 * place) % 11 for place in range(COUNT))
MEAN_LENGTH = sum(LENGTHS) / COUNT


def alone_s(length: float) -> float:
    return 0.1 + 0.002 * length


def reading(input_s: float, power_w: float = 8.0, count: int = COUNT, error_j: float = 0.0) -> EnergyReading:
    """Two windows of two passes, of `count` inputs each, over 2 W of idle."""
    window_s = 2 * count * input_s
    windows = tuple(
        EnergyWindow(start_s=start_s, end_s=start_s + window_s, call_count=2, energy_j=power_w * window_s)
        for start_s in (10.0, 10.0 + window_s)
    )
    return EnergyReading(
        source="simulated",
        scope="simulated",
        method="trapezoid",
        sample_period_s=0.05,
        idle_before_w=2.0,
        idle_after_w=2.0,
        windows=windows,
        budget=ErrorBudget(scatter_j=error_j, resolution_j=0.0, gain_j=0.0, edge_j=0.0),
        trace=PowerTrace(rails=("total",), time_s=(10.0, 11.0), power_w=((power_w, power_w),)),
    )


def energies(
    alone: EnergyReading | NotMeasured, batched: EnergyReading | NotMeasured, **changes: bool
) -> tuple[RealEnergy, ...]:
    counts = [COUNT if isinstance(each, EnergyReading) else 0 for each in (alone, batched)]
    return (
        RealEnergy(batch_size=1, example_count=counts[0], energy=alone, **changes),
        RealEnergy(batch_size=SIZE, example_count=counts[1], energy=batched, **changes),
    )


def accuracy(*, wrong: int = 4, metered: tuple[RealEnergy, ...] = (), slower: float = 1.0) -> Accuracy:
    """The first `wrong` of the answers are wrong; an input alone takes 100 ms and 2 ms for each token, or longer."""
    batches = [LENGTHS[start : start + SIZE] for start in range(0, COUNT, SIZE)]
    found = EvaluatedBatch(
        row_count=COUNT,
        examples_sha256="ef" * 32,
        values=(tuple(float(place >= wrong) for place in range(COUNT)),),
        weights=(),
        groups=tuple(place // 2 for place in range(COUNT)),
        lengths=LENGTHS,
        padded=RealCalls(
            example_counts=tuple(map(len, batches)),
            padded_lengths=tuple(map(max, batches)),
            latency_s=tuple(0.1 + 0.08 * len(batch) for batch in batches),
        ),
        alone=RealCalls(
            example_counts=(1,) * COUNT,
            padded_lengths=LENGTHS,
            latency_s=tuple(slower * alone_s(length) for length in LENGTHS),
        ),
        compared_count=COUNT,
        ended=True,
    )
    return Accuracy(
        evaluation="digits-vqa",
        title="digits-VQA",
        metrics=("accuracy",),
        length_label="text tokens",
        batches=(found,),
        energies=metered,
    )


def run_of(*found: Accuracy | NotMeasured, models: tuple[str, ...] = ("lxmert", "visualbert")) -> Run:
    """One model each, with its synthetic latency and energy at batch 1."""
    models = models[: len(found)]
    tasks = [task for task in synthetic.standard_tasks(models=models) if task.batch_size == 1 and _usual(task)]
    made = synthetic.make_run(tuple(tasks), power="simulated")
    records = [*made.records, *(_record(made, model, each) for model, each in zip(models, found, strict=True))]
    manifest = replace(made.manifest, tasks=tuple(each.task for each in records))
    return replace(made, records=tuple(records), manifest=manifest)


def _usual(task: object) -> bool:
    test, axes = getattr(task, "test", ""), dict(getattr(task, "axes", ()))
    return test in ("latency", "energy") and axes == synthetic.MODELS[getattr(task, "model", "")].usual


def _record(made: Run, model: str, found: Accuracy | NotMeasured) -> RunRecord:
    beside = next(each for each in made.records if each.task.model == model and each.task.test == "latency")
    rule = EvaluationRule(name="digits-vqa", batch_size=SIZE)
    task = replace(beside.task, test="accuracy", evaluation=rule)
    return replace(beside, task=task, latency=None, cold_start=None, accuracy=found)

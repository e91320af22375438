"""Runs as a battery would store them, made from a known cost model: seeded, no device, no clock."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from suite.records import (
    SCHEMA_VERSION,
    Block,
    CallWindow,
    ColdStart,
    EnergyReading,
    EnergyWindow,
    ErrorBudget,
    Flag,
    FlopCount,
    HostState,
    LatencySamples,
    MemoryUse,
    NotMeasured,
    OperatorCost,
    ParameterCount,
    PowerTrace,
    Provenance,
    Repetition,
    Run,
    RunRecord,
    Schedule,
    SharedGroup,
    Stretch,
    Task,
)
from tests.unit.samples import FACTS, STATE, manifest

NO_SOURCE = NotMeasured(
    code="NO_POWER_SOURCE",
    reason="No power sensor answered on this machine",
    remedy="Run on a board with a sensor, or connect a meter and name it with --power",
)
MIB = 2**20
IDLE_W, LOAD_W = 2.0, 7.0
IDLE_S, LEAD_S, SAMPLE_S = 3.0, 1.0, 0.05


class Axis(NamedTuple):
    name: str
    label: str
    default: int


@dataclass(frozen=True)
class SyntheticModel:
    """A declaration as the report reads it, and the truth: call seconds = fixed + per item and unit of input."""

    name: str
    title: str
    task: str
    why: str
    source: str
    axes: tuple[Axis, ...]
    unique_count: int
    shared: tuple[SharedGroup, ...]
    fixed_s: float
    per_item_s: float
    share_by_axis: tuple[float, ...]  # of per_item_s that grows with each axis, relative to its default
    mac_count: int

    @property
    def usual(self) -> dict[str, int]:
        return {axis.name: axis.default for axis in self.axes}

    def latency_s(self, batch_size: int, axes: dict[str, int]) -> float:
        """The true duration of a call."""
        grown = 1.0
        for axis, share in zip(self.axes, self.share_by_axis, strict=True):
            grown += share * (axes[axis.name] / axis.default - 1)
        return self.fixed_s + self.per_item_s * batch_size * grown

    def flops(self, task: Task) -> FlopCount:
        """Of one item; in proportion to the sum of the axes, and in an episode to three quarters of its steps."""
        steps = task.size("frames") * 3 // 4 if task.scenario == "episode" else 1
        mac_count = self.mac_count * steps * sum(size for _, size in task.axes) // sum(self.usual.values())
        attention = mac_count // 20
        return FlopCount(
            mac_count=mac_count,
            by_operator=(
                OperatorCost(operator="addmm", mac_count=mac_count - attention),
                OperatorCost(operator="bmm", mac_count=attention),
            ),
            uncounted=("_softmax", "add", "embedding", "gelu", "ge", "native_layer_norm"),
            source="counted",
        )


WORDS = Axis("text_tokens", "text tokens", 20)
REGIONS = Axis("image_regions", "image regions", 36)
INSTRUCTION = Axis("text_tokens", "text tokens", 100)
FRAMES = Axis("frames", "frames", 50)

MODELS = {
    model.name: model
    for model in (
        SyntheticModel(
            name="lxmert",
            title="LXMERT",
            task="visual question answering",
            why="Two streams, joined by cross-attention.",
            source="Tan and Bansal 2019; transformers",
            axes=(WORDS, REGIONS),
            unique_count=213_930_297,
            shared=(),
            fixed_s=65e-3,
            per_item_s=63e-3,
            share_by_axis=(0.3, 0.5),
            mac_count=5_293_327_872,
        ),
        SyntheticModel(
            name="visualbert",
            title="VisualBERT",
            task="visual question answering",
            why="One stream over words and regions.",
            source="Li et al. 2019; transformers",
            axes=(WORDS, REGIONS),
            unique_count=113_856_825,
            shared=(),
            fixed_s=33e-3,
            per_item_s=53e-3,
            share_by_axis=(0.35, 0.6),
            mac_count=4_873_759_488,
        ),
        SyntheticModel(
            name="et-human-synthetic",
            title="E.T. (human + synthetic)",
            task="instruction following",
            why="Sees a whole episode; two vocabularies share one language encoder.",
            source="Pashevich, Schmid and Sun 2021",
            axes=(INSTRUCTION, FRAMES),
            unique_count=21_764_052,
            shared=(SharedGroup(names=("encoder_lang.human", "encoder_lang.synthetic"), parameter_count=7_093_248),),
            fixed_s=12e-3,
            per_item_s=33e-3,
            share_by_axis=(0.2, 0.75),
            mac_count=3_273_753_600,
        ),
        SyntheticModel(
            name="et-human",
            title="E.T. (human)",
            task="instruction following",
            why="The same with one vocabulary.",
            source="Pashevich, Schmid and Sun 2021",
            axes=(INSTRUCTION, FRAMES),
            unique_count=21_690_324,
            shared=(),
            fixed_s=12e-3,
            per_item_s=32e-3,
            share_by_axis=(0.2, 0.75),
            mac_count=3_273_753_600,
        ),
    )
}

HOST = replace(
    FACTS,
    cpu_model="Example CPU 2000",
    os="Debian GNU/Linux 12",
    kernel="6.1.0",
    virtualization="kvm",
    memory_total_bytes=8 * 1024 * MIB,
    git_commit="0123456789abcdef0123456789abcdef01234567",
    versions=(("python", "3.11.7"), ("torch", "2.13.0+cpu"), ("transformers", "5.23.0")),
)


@dataclass
class Maker:
    """Makes the record of each task in turn; time goes on from record to record."""

    seed: int
    call_count: int
    noise: float
    power: Literal["none", "simulated"]
    clock_s: float = 1000.0

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        self.started: set[str] = set()

    def record(self, task: Task) -> RunRecord:
        model = MODELS[task.model]
        before = self._state()
        first = model.name not in self.started and task.test == "latency"
        if first:
            self.started.add(model.name)
        timed = task.test in ("latency", "energy")
        latency = self._latency(task) if task.test == "latency" else None
        energy, schedule = self._energy(task) if task.test == "energy" else (None, None)
        if schedule is not None:
            latency = self._latency_in(schedule, task)
        self.clock_s += 10.0
        return RunRecord(
            schema_version=SCHEMA_VERSION,
            task=task,
            started_utc="2026-11-02T09:00:00Z",
            wall_s=10.0,
            host=HOST,
            before=before,
            after=self._state(),
            parameters=_parameters(model) if task.test == "params" else None,
            flops=model.flops(task) if task.test == "flops" else None,
            latency=latency,
            cold_start=_cold_start(model) if first else None,
            memory=_memory(model, task.batch_size) if task.test == "latency" else None,
            energy=energy,
            schedule=schedule,
            provenance=_provenance(task) if timed else None,
            flags=self._flags(task),
        )

    def _flags(self, task: Task) -> tuple[Flag, ...]:
        if task.test == "latency" and task.batch_size == 8 and task.model == "lxmert":
            return (Flag(code="HIGH_LOAD", text="1-minute load 3.1 on 2 cores before the task"),)
        return ()

    def _state(self) -> HostState:
        return replace(
            STATE,
            time_s=self.clock_s,
            cpu_frequency_hz=(2.4e9, 2.4e9),
            temperature_c=(("cpu", 51.5),),
            load_1min=1.25,
            memory_available_bytes=6 * 1024 * MIB,
            on_battery=False,
        )

    def _true_latency_s(self, task: Task) -> float:
        truth_s = MODELS[task.model].latency_s(task.batch_size, dict(task.axes))
        return truth_s * task.size("frames") / 1.5 if task.scenario == "episode" else truth_s

    def _latency(self, task: Task) -> LatencySamples:
        """Blocks of five calls; slow first calls; noise is log-normal with some memory, and one outlier in forty."""
        truth_s = self._true_latency_s(task)
        count = self.call_count if task.scenario == "forward" else 10
        noise = self.random.normal(0, self.noise, count + 1)
        noise = noise[1:] + 0.3 * noise[:-1]
        slow = self.random.random(count) < 1 / 40
        values = truth_s * np.exp(noise) * np.where(slow, 1.25, 1.0)
        rule = task.repetition
        warmup = [truth_s * 1.6, truth_s * 1.1, truth_s * 1.01][: rule.warmup_max_call_count]
        rounded = [round(float(value), 9) for value in (*warmup, *values)]
        edges = [0, *range(len(warmup), len(rounded), 5), len(rounded)]
        blocks = tuple(
            Block(
                order_index=4 * index,
                warmup=index == 0,
                started_s=self.clock_s + index,
                latency_s=tuple(rounded[start:end]),
            )
            for index, (start, end) in enumerate(itertools.pairwise(edges))
        )
        return LatencySamples(
            blocks=blocks,
            clock="perf_counter",
            synchronisation="none needed: cpu",
            steady=True,
            stop="fixed" if rule.target_relative_halfwidth is None else "target",
            step_count=task.size("frames") if task.scenario == "episode" else 1,
        )

    def _energy(self, task: Task) -> tuple[EnergyReading | NotMeasured, Schedule | None]:
        """Three windows of LOAD_W between idle stretches of IDLE_W, sampled at 20 Hz with a little noise."""
        if self.power == "none":
            return NO_SOURCE, None
        truth_s = self._true_latency_s(task)
        calls = max(1, round(2.0 / truth_s))
        start_s = self.clock_s + IDLE_S + LEAD_S
        edges_s = [start_s + index * calls * truth_s for index in range(4)]
        pairs = tuple(itertools.pairwise(edges_s))
        schedule = Schedule(
            idle_before=Stretch(start_s=self.clock_s, end_s=self.clock_s + IDLE_S - 0.5),
            load=Stretch(start_s=start_s - LEAD_S, end_s=edges_s[-1] + LEAD_S),
            windows=tuple(CallWindow(start_s=a_s, end_s=b_s, call_count=calls) for a_s, b_s in pairs),
            idle_after=Stretch(start_s=edges_s[-1] + LEAD_S + 0.5, end_s=edges_s[-1] + LEAD_S + IDLE_S),
            unix_offset_s=(1.79e9, 1.79e9),
        )
        energy_j = LOAD_W * calls * truth_s
        reading = EnergyReading(
            source="simulated",
            scope="simulated",
            method="trapezoid",
            sample_period_s=SAMPLE_S,
            idle_before_w=IDLE_W,
            idle_after_w=IDLE_W,
            windows=tuple(
                EnergyWindow(start_s=a_s, end_s=b_s, call_count=calls, energy_j=energy_j) for a_s, b_s in pairs
            ),
            budget=ErrorBudget(scatter_j=0.1, resolution_j=0.01, gain_j=0.14, edge_j=0.02),
            trace=_trace(schedule, np.random.default_rng([self.seed, *task.key.encode()])),
        )
        return reading, schedule

    def _latency_in(self, schedule: Schedule, task: Task) -> LatencySamples:
        """The calls of the windows, each as long as it truly is."""
        blocks = tuple(
            Block(
                order_index=index,
                warmup=False,
                started_s=window.start_s,
                latency_s=(self._true_latency_s(task),) * window.call_count,
            )
            for index, window in enumerate(schedule.windows)
        )
        return LatencySamples(
            blocks=blocks, clock="perf_counter", synchronisation="none needed: cpu", steady=True, stop="fixed"
        )


def _trace(schedule: Schedule, random: np.random.Generator) -> PowerTrace:
    time_s = np.arange(schedule.idle_before.start_s - 0.5, schedule.idle_after.end_s + 0.5, SAMPLE_S)
    busy = (time_s >= schedule.load.start_s) & (time_s < schedule.load.end_s)
    power_w = np.where(busy, LOAD_W, IDLE_W) + random.normal(0, 0.05, len(time_s))
    return PowerTrace(
        rails=("total",),
        time_s=tuple(round(float(value), 6) for value in time_s),
        power_w=(tuple(round(float(value), 4) for value in power_w),),
    )


def _parameters(model: SyntheticModel) -> ParameterCount:
    registered = model.unique_count + sum(group.parameter_count for group in model.shared)
    return ParameterCount(
        unique_count=model.unique_count,
        registered_count=registered,
        trainable_count=model.unique_count,
        embedding_count=model.unique_count // 9,
        buffer_element_count=512,
        parameter_bytes=4 * model.unique_count,
        buffer_bytes=4096,
        bytes_by_dtype=(("float32", 4 * model.unique_count), ("int64", 4096)),
        shared=model.shared,
        expected_unique_count=model.unique_count,
    )


def _cold_start(model: SyntheticModel) -> ColdStart:
    return ColdStart(
        process_s=0.031,
        import_s=2.9,
        build_s=0.4,
        weights_s=model.unique_count * 9e-9,
        first_call_s=2.2 * (model.fixed_s + model.per_item_s),
    )


def _memory(model: SyntheticModel, batch_size: int) -> MemoryUse:
    weight_bytes = 4 * model.unique_count
    imported = 310 * MIB
    return MemoryUse(
        import_resident_bytes=imported,
        before_resident_bytes=imported + weight_bytes + 9 * MIB,
        peak_resident_bytes=imported + weight_bytes + (30 + 11 * batch_size) * MIB,
        peak_is_task=True,
        weight_bytes=weight_bytes,
        device_peak_bytes=None,
    )


def _provenance(task: Task) -> Provenance:
    return Provenance(
        weights_source="seeded",
        weights_sha256=hashlib.sha256(task.model.encode()).hexdigest(),
        weights_verified=True,
        inputs_source="seeded",
        inputs_sha256=hashlib.sha256(str((task.model, task.batch_size, task.axes)).encode()).hexdigest(),
        inputs_checked=tuple(name for name, _ in task.axes),
    )


def standard_tasks(rule: Repetition | None = None, models: Sequence[str] = tuple(MODELS)) -> tuple[Task, ...]:
    """Every task of a standard battery over these models."""
    return tuple(task for name in models for task in _tasks_of(MODELS[name], rule or Repetition()))


def _tasks_of(model: SyntheticModel, rule: Repetition) -> list[Task]:
    """Counts are of no device and of batch 1, as a plan makes them."""
    counted = Task(test="params", model=model.name)
    points = [(1, model.usual), *((batch_size, model.usual) for batch_size in (2, 4, 8))]
    for axis in model.axes:
        sizes = (axis.default // 2, axis.default * 3 // 2, axis.default * 2, axis.default * 3)
        points += [(1, model.usual | {axis.name: size}) for size in sizes]
    tasks = [counted]
    inputs = dict.fromkeys(tuple(axes.items()) for _, axes in points)
    tasks += [replace(counted, test="flops", axes=axes) for axes in inputs]
    if FRAMES in model.axes:
        tasks.append(replace(counted, test="flops", scenario="episode", axes=tuple(model.usual.items())))
    timed = replace(counted, thread_count=2, repetition=rule)
    tasks += [
        replace(timed, test="latency", batch_size=batch_size, axes=tuple(axes.items())) for batch_size, axes in points
    ]
    if FRAMES in model.axes:
        tasks.append(replace(timed, test="latency", scenario="episode", axes=tuple(model.usual.items())))
    return [*tasks, replace(timed, test="energy", axes=tuple(model.usual.items()))]


def make_run(
    tasks: tuple[Task, ...] | None = None,
    *,
    call_count: int = 40,
    noise: float = 0.012,
    power: Literal["none", "simulated"] = "none",
    stored_count: int | None = None,
) -> Run:
    """A run of these tasks (the standard ones by default); `stored_count` cuts it off after so many records."""
    listed = standard_tasks() if tasks is None else tasks
    maker = Maker(seed=0, call_count=call_count, noise=noise, power=power)
    asked = replace(
        manifest(listed, "standard", "auto" if power == "none" else "simulated:idle_w=2,load_w=7"),
        plan_description="Every test over every model.",
        started_utc="2026-11-02T09:00:00Z",
    )
    return Run(manifest=asked, records=tuple(maker.record(task) for task in listed[:stored_count]))

"""Runs on disk for tests of verify, rerun, bundle and history: whole, plausible, and different where a test says so."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from suite.records import (
    Block,
    Fingerprint,
    FlopCount,
    Interference,
    LatencySamples,
    MemoryUse,
    OperatorCost,
    ParameterCount,
    Provenance,
    RunRecord,
    Task,
    Top,
    seal,
)
from suite.records.store import RunStore
from tests.unit.samples import FACTS, STATE, manifest

MIB = 2**20
CALLS = 8
BLOCKS = 10
MODEL = "et-human"
PARAMS = Task(test="params", model=MODEL)
FLOPS = Task(test="flops", model=MODEL, axes=(("frames", 5),))


def latency_task(batch_size: int = 1, **changes: Any) -> Task:
    return replace(
        Task(test="latency", model=MODEL, batch_size=batch_size, axes=(("frames", 5),), thread_count=2), **changes
    )


TASKS = (PARAMS, FLOPS, latency_task(1), latency_task(2))
PRINT = Fingerprint(
    tensor_count=1,
    value_count=100,
    taken_count=100,
    not_finite_count=0,
    norm=10.0,
    projection=(1.0,) * 64,
    top=(Top(index=3, lead=0.5),),
)


def blank(task: Task, start_s: float, end_s: float) -> RunRecord:
    return RunRecord(
        schema_version=3,
        task=task,
        started_utc="2026-11-23T18:00:01Z",
        wall_s=end_s - start_s,
        host=FACTS,
        before=replace(STATE, time_s=start_s),
        after=replace(STATE, time_s=end_s),
    )


def params() -> RunRecord:
    count = ParameterCount(
        unique_count=1000,
        registered_count=1000,
        trainable_count=1000,
        embedding_count=0,
        buffer_element_count=0,
        parameter_bytes=4000,
        buffer_bytes=0,
        bytes_by_dtype=(("float32", 4000),),
        shared=(),
        expected_unique_count=None,
    )
    return replace(blank(PARAMS, 90.0, 91.0), parameters=count)


def flops() -> RunRecord:
    costs = (OperatorCost(operator="mm", mac_count=400), OperatorCost(operator="conv", mac_count=100))
    count = FlopCount(mac_count=500, by_operator=costs, uncounted=(), source="counted")
    return replace(blank(FLOPS, 91.0, 92.0), flops=count)


def latency(
    task: Task, level_s: float = 0.05, start_s: float = 100.0, spread: float = 0.01, pace_s: float | None = None
) -> RunRecord:
    """Blocks one after the other, whose durations scatter about the level in a fixed way."""
    blocks, at_s = [], start_s
    for number in range(BLOCKS):
        values = tuple(
            round(
                level_s * (1 + spread * ((7 * (number * CALLS + call) % 19) / 9 - 1)) + 1e-9 * (number * CALLS + call),
                12,
            )
            for call in range(CALLS)
        )
        spent_s = sum(values)
        beside = Interference(wall_s=spent_s + 1e-4, own_s=2 * spent_s, foreign_s=0.0, stolen_s=0.0, pace_s=pace_s)
        blocks.append(
            Block(order_index=number, warmup=number == 0, started_s=at_s, latency_s=values, interference=beside)
        )
        at_s += spent_s + 0.01
    samples = LatencySamples(
        blocks=tuple(blocks),
        clock="fake",
        synchronisation="none needed: cpu",
        steady=True,
        stop="target",
        thread_counts=(task.thread_count,),
    )
    memory = MemoryUse(
        import_resident_bytes=200 * MIB,
        before_resident_bytes=210 * MIB,
        peak_resident_bytes=400 * MIB,
        peak_is_task=True,
        weight_bytes=4000,
        device_peak_bytes=None,
    )
    origin = Provenance(
        weights_source="seeded",
        weights_sha256=f"{task.seed:02x}" * 32,
        weights_verified=True,
        inputs_source="seeded",
        inputs_sha256=f"{16 * task.batch_size + task.seed:02x}" * 32,
        inputs_checked=("frames",),
        fingerprint=PRINT if task.seed == 0 else replace(PRINT, projection=(-1.0,) * 64),
    )
    found = replace(blank(task, start_s - 0.1, at_s + 0.1), latency=samples, memory=memory, provenance=origin)
    return replace(found, started_utc=f"2026-11-23T18:00:{int(start_s) % 60:02d}Z")


def whole(level_s: float = 0.05, pace_s: float | None = None, **changes: Any) -> list[RunRecord]:
    """Of every task of TASKS; changes: of the latency tasks."""
    first, second = (latency_task(size, **changes) for size in (1, 2))
    return [
        params(),
        flops(),
        latency(first, level_s, 100.0, pace_s=pace_s),
        latency(second, 2 * level_s, 130.0, pace_s=pace_s),
    ]


def stored(out: Path, records: Sequence[RunRecord], *, started_utc: str = "2026-11-23T18:00:00Z") -> Path:
    """The run with these records, ended as one ends."""
    asked = replace(manifest([found.task for found in records], power="none"), started_utc=started_utc)
    with RunStore.create(out, asked) as run_store:
        for found in records:
            run_store.append(found)
    (out / "log.txt").write_text("said the worker\n")
    seal.write(out, complete=True)
    return out


def edited(out: Path, number: int, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes what a line says, and nothing else, as a person would with an editor."""
    path = out / "records.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    data = json.loads(lines[number - 1])
    change(data)
    lines[number - 1] = json.dumps(data, separators=(",", ":")).encode() + b"\n"
    path.write_bytes(b"".join(lines))

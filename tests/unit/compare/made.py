"""Runs for comparisons: one latency series whose median, scatter and machine a test names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from suite.compare.sheet import Sheet, sheet_of
from suite.records import Block, Interference, LatencySamples, Provenance, Run, RunRecord, Task
from tests.unit import samples

SCATTER = (0.0, 0.001, -0.001, 0.0005, -0.0005, 0.0)  # of six blocks, relative
CALLS = (0.0, 0.001, -0.001, 0.002, -0.002)
PACE_S = 1e-4
HOST = replace(samples.FACTS, git_commit="0123456789abcdef")
ORIGIN = Provenance(
    weights_source="seeded",
    weights_sha256="ab" * 32,
    weights_verified=True,
    inputs_source="seeded",
    inputs_sha256="cd" * 32,
    inputs_checked=(),
)
STATE = replace(samples.STATE, power_mode="MAXN", on_battery=False)


def record(
    median_s: float = 0.1, scatter: Sequence[float] = SCATTER, pace_s: float | None = PACE_S, **changes: Any
) -> RunRecord:
    """changes: fields of the record; `samples`, `task`: of its samples, of its task."""
    task = Task(test="latency", model="null", **changes.pop("task", {}))
    blocks = tuple(
        Block(
            order_index=place,
            warmup=False,
            started_s=float(place),
            latency_s=tuple(median_s * (1 + shift + call) for call in CALLS),
            round_index=place,
            interference=Interference(wall_s=1.0, pace_s=pace_s),
        )
        for place, shift in enumerate(scatter)
    )
    timed = LatencySamples(
        blocks=blocks,
        clock="fake",
        synchronisation="none needed: cpu",
        steady=True,
        stop="target",
        thread_counts=(task.thread_count,),
    )
    found = replace(
        samples.latency_record(task), host=HOST, before=STATE, after=STATE, provenance=ORIGIN, latency=timed
    )
    timed = replace(timed, **changes.pop("samples", {}))
    return replace(found, **{"latency": timed, **changes})


def run(*records: RunRecord) -> Run:
    return Run(manifest=samples.manifest([each.task for each in records]), records=records)


def sheet(*records: RunRecord, folder: str = "run") -> Sheet:
    return sheet_of(run(*records), Path(folder))

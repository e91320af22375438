"""How the time and the memory of `suite compare` grow with runs: synthetic records, made here and thrown away.

.venv/bin/python benchmarks/compare_scale.py [RUN_COUNT ...]

A run has 200 latency records of four models, each of 5 blocks of 4 calls with what the machine did meanwhile. 50 runs,
10,000 records: at most 3 s of the processor and 300 MB.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from goal import at_most
from report_scale import STATE, record

from suite.records import SCHEMA_VERSION, Block, Interference, LatencySamples, Manifest, Repetition, RunRecord, Task
from suite.records.schema import to_line, to_text

RUN_COUNTS = (10, 25, 50)
TASK_COUNT, BLOCK_COUNT, CALL_COUNT = 200, 5, 4
GOAL_S, GOAL_MB = 3.0, 300.0
RULE = Repetition()


def main(run_counts: list[int]) -> None:
    for run_count in run_counts:
        with tempfile.TemporaryDirectory() as folder:
            runs = [Path(folder) / f"run-{number:02}" for number in range(run_count)]
            for number, run in enumerate(runs):
                write(run, number)
            wall_s, cpu_s, peak_mb = compared(runs)
        what = f"{run_count} runs, {run_count * TASK_COUNT:,} records"
        print(at_most(f"{what}: {wall_s:.1f} s on the clock, of the processor", cpu_s, GOAL_S, "s"))
        print(at_most(f"{what}: peak memory", peak_mb, GOAL_MB, "MB"), flush=True)


def task(number: int) -> Task:
    return Task(test="latency", model=f"m{number % 4}", batch_size=number // 4 + 1, repetition=RULE)


def timed(of: Task, number: int, run: int) -> RunRecord:
    def block(index: int) -> Block:
        calls = tuple(
            0.01 * of.batch_size * (1 + 1e-3 * ((number * 31 + index * 17 + call * 7 + run) % 23))
            for call in range(CALL_COUNT)
        )
        seen = Interference(
            wall_s=1.0,
            own_s=1.9,
            ours_s=0.0,
            foreign_s=0.01,
            stolen_s=0.0,
            stalled_s=0.0,
            switch_count=3,
            fault_count=0,
            pace_s=1e-4,
        )
        return Block(
            order_index=index,
            warmup=index == 0,
            started_s=float(index),
            latency_s=calls,
            round_index=index or None,
            interference=seen,
        )

    samples = LatencySamples(
        blocks=tuple(map(block, range(BLOCK_COUNT + 1))),
        clock="monotonic",
        synchronisation="none needed: cpu",
        steady=True,
        stop="target",
    )
    return replace(record(of, number, flagged=False), latency=samples, before=STATE, after=STATE)


def write(folder: Path, run: int) -> None:
    folder.mkdir()
    tasks = [task(number) for number in range(TASK_COUNT)]
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        suite_version="0",
        plan="scale",
        plan_description="synthetic",
        power="none",
        started_utc="2026-11-23T18:00:00Z",
        tasks=tuple(tasks),
    )
    (folder / "run.json").write_bytes(to_text(manifest))
    lines = [to_line(timed(each, number, run)) for number, each in enumerate(tasks)]
    (folder / "records.jsonl").write_bytes(b"".join(lines))


def compared(runs: list[Path]) -> tuple[float, float, float]:
    """Of `suite compare`: seconds on the clock, seconds of the processor (others may use it too), peak megabytes."""
    begin_s = time.monotonic()
    arguments = [sys.executable, "-m", "suite", "compare", *map(str, runs)]
    child = os.posix_spawn(sys.executable, arguments, dict(os.environ), file_actions=[(os.POSIX_SPAWN_CLOSE, 1)])
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        raise SystemExit(f"suite compare ended with status {os.waitstatus_to_exitcode(status)}")
    scale = 1024 if sys.platform == "linux" else 1
    return time.monotonic() - begin_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * scale / 1e6


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main([int(text) for text in sys.argv[1:]] or list(RUN_COUNTS))

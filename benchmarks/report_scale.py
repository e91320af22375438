"""How the time and the memory of `suite report` grow with a run: synthetic records, made here and thrown away.

.venv/bin/python benchmarks/report_scale.py [COUNT ...]

A run has COUNT latency records, each of 20 calls, with a flag each and without; they differ in batch size (of four
models), in seed (as many subjects as records), or in model (as many models). 20,000 records: at most 30 s and 500 MB.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from goal import SUITE, at_most

from suite.records import (
    SCHEMA_VERSION,
    Block,
    Flag,
    HostFacts,
    HostState,
    LatencySamples,
    Manifest,
    MemoryUse,
    Provenance,
    Repetition,
    RunRecord,
    Task,
)
from suite.records.schema import to_line, to_text

COUNTS = (5_000, 20_000)
CALL_COUNT = 20
GOAL_S, GOAL_MB = 30.0, 500.0
HOST = HostFacts(
    board=None,
    soc=None,
    cpu_model="Synthetic CPU",
    cpu_count=4,
    architecture="x86_64",
    os="Synthetix 1",
    kernel="Linux 6.0",
    l4t=None,
    virtualization="none",
    container_image_digest=None,
    memory_total_bytes=8_000_000_000,
    memory_limit_bytes=None,
    driver=None,
    accelerators=(),
    suite_version="0",
    git_commit=None,
    lock_sha256=None,
    versions=(("python", "3.11.0"), ("torch", "2.0.0")),
)
STATE = HostState(
    time_s=1.0,
    power_mode=None,
    governors=("performance",),
    cpu_frequency_hz=(2e9,) * 4,
    temperature_c=(("cpu", 41.5),),
    load_1min=0.5,
    memory_available_bytes=4_000_000_000,
    throttle_count=0,
    on_battery=None,
)
RULE = Repetition(min_call_count=CALL_COUNT, max_call_count=CALL_COUNT)


def main(counts: list[int]) -> None:
    for count in counts:
        for shape in ("batch sizes", "seeds", "models"):
            for flagged in (False, True):
                with tempfile.TemporaryDirectory() as folder:
                    write(Path(folder), [task(shape, number) for number in range(count)], flagged=flagged)
                    wall_s, cpu_s, peak_mb = rendered(Path(folder))
                what = f"{count} records that differ in {shape}, {'a flag each' if flagged else 'no flags'}"
                print(at_most(f"{what}: {wall_s:.1f} s on the clock, of the processor", cpu_s, GOAL_S, "s"))
                print(at_most(f"{what}: peak memory", peak_mb, GOAL_MB, "MB"), flush=True)


def task(shape: str, number: int) -> Task:
    if shape == "seeds":
        return Task(test="latency", model="alpha", seed=number, repetition=RULE)
    if shape == "models":
        return Task(test="latency", model=f"m{number}", repetition=RULE)
    return Task(test="latency", model=f"m{number % 4}", batch_size=number // 4 + 1, repetition=RULE)


def record(task: Task, number: int, *, flagged: bool) -> RunRecord:
    latency_s = tuple(0.01 * task.batch_size + 1e-5 * (number * 31 + call * 17 % 101) for call in range(CALL_COUNT))
    blocks = (
        Block(order_index=2 * number, warmup=True, started_s=1.0, latency_s=latency_s[:3]),
        Block(order_index=2 * number + 1, warmup=False, started_s=2.0, latency_s=latency_s),
    )
    return RunRecord(
        schema_version=SCHEMA_VERSION,
        task=task,
        started_utc="2026-11-23T18:00:00Z",
        wall_s=1.0,
        host=HOST,
        before=STATE,
        after=STATE,
        latency=LatencySamples(
            blocks=blocks, clock="monotonic", synchronisation="none needed: cpu", steady=True, stop="fixed"
        ),
        memory=MemoryUse(
            import_resident_bytes=1 << 28,
            before_resident_bytes=1 << 28,
            peak_resident_bytes=(1 << 28) + number,
            peak_is_task=True,
            weight_bytes=1 << 20,
            device_peak_bytes=None,
        ),
        provenance=Provenance(
            weights_source="seeded",
            weights_sha256="ab" * 32,
            weights_verified=False,
            inputs_source="seeded",
            inputs_sha256=f"{number:064x}",
            inputs_checked=("input",),
        ),
        flags=(Flag(code="HIGH_LOAD", text=f"the load of {number % 97 / 10:.2f} was more than expected"),) * flagged,
    )


def write(folder: Path, tasks: list[Task], *, flagged: bool) -> None:
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
    with (folder / "records.jsonl").open("wb") as file:
        for number, each in enumerate(tasks):
            file.write(to_line(record(each, number, flagged=flagged)))


def rendered(folder: Path) -> tuple[float, float, float]:
    """Of `suite report`: seconds on the clock, seconds of the processor (others may use it too), peak megabytes."""
    begin_s = time.monotonic()
    child = os.posix_spawn(
        SUITE, [SUITE, "report", str(folder)], dict(os.environ), file_actions=[(os.POSIX_SPAWN_CLOSE, 1)]
    )
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        raise SystemExit(f"suite report ended with status {os.waitstatus_to_exitcode(status)}")
    scale = 1024 if sys.platform == "linux" else 1
    return time.monotonic() - begin_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * scale / 1e6


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main([int(text) for text in sys.argv[1:]] or list(COUNTS))

"""How often `suite rerun` is right: simulated pairs of runs of one board, as fast or slower by known amounts.

    PYTHONPATH=. .venv/bin/python benchmarks/rerun_verdicts.py --count 1000

Blocks of a run differ (5 %), calls in them too (3 %), and runs differ by themselves (2 %), as nothing a run records
tells. Goal: NOT REPRODUCED at most 1 % of the pairs at the same speed, REPRODUCED at most 1 % of those 30 % slower.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter

import numpy as np

from suite.compare.rerun import judge
from suite.records import (
    SCHEMA_VERSION,
    Block,
    HostFacts,
    HostState,
    LatencySamples,
    Manifest,
    Run,
    RunRecord,
    Task,
)

BETWEEN_RUNS, BETWEEN_BLOCKS, WITHIN = 0.02, 0.05, 0.03
POINTS = 4  # series of a run


def run(rng: np.random.Generator, speed: float, blocks: int, calls: int) -> Run:
    own = speed * float(np.exp(BETWEEN_RUNS * rng.standard_normal()))
    records = tuple(
        _record(rng, Task(test="latency", model="m", batch_size=n), own * n, blocks, calls)
        for n in range(1, POINTS + 1)
    )
    tasks = tuple(found.task for found in records)
    words = {
        "suite_version": "0",
        "plan": "p",
        "plan_description": "d",
        "power": "none",
        "started_utc": "2026-01-01T00:00:00Z",
    }
    return Run(manifest=Manifest(schema_version=SCHEMA_VERSION, tasks=tasks, **words), records=records)


def _record(rng: np.random.Generator, task: Task, level_s: float, blocks: int, calls: int) -> RunRecord:
    levels = level_s * np.exp(BETWEEN_BLOCKS * rng.standard_normal(blocks))
    made = tuple(
        Block(order_index=place, warmup=False, started_s=100.0 * place, latency_s=tuple(_calls(rng, level, calls)))
        for place, level in enumerate(levels.tolist())
    )
    samples = LatencySamples(blocks=made, clock="c", synchronisation="none needed: cpu", steady=True, stop="target")
    return RunRecord(
        schema_version=SCHEMA_VERSION,
        task=task,
        started_utc="2026-01-01T00:00:00Z",
        wall_s=1.0,
        host=FACTS,
        before=STATE,
        after=STATE,
        latency=samples,
    )


def _calls(rng: np.random.Generator, level_s: float, calls: int) -> list[float]:
    return list(map(float, level_s * np.exp(WITHIN * rng.standard_normal(calls))))


FACTS = HostFacts(
    board=None,
    soc=None,
    cpu_model="cpu",
    cpu_count=2,
    architecture="x86_64",
    os="o",
    kernel="k",
    l4t=None,
    virtualization=None,
    container_image_digest=None,
    memory_total_bytes=None,
    memory_limit_bytes=None,
    driver=None,
    accelerators=(),
    suite_version="0",
    git_commit=None,
    lock_sha256=None,
    versions=(),
)
STATE = HostState(
    time_s=0.0,
    power_mode=None,
    governors=(),
    cpu_frequency_hz=(),
    temperature_c=(),
    load_1min=None,
    memory_available_bytes=None,
    throttle_count=None,
    on_battery=None,
)


def rates(slower: float, blocks: int, count: int, seed: int) -> Counter[str]:
    rng = np.random.default_rng(seed)
    return Counter(judge(run(rng, 0.05, blocks, 8), run(rng, 0.05 * slower, blocks, 8)).verdict for _ in range(count))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print("| second run | blocks of a series | REPRODUCED | NOT REPRODUCED | INCOMPARABLE |\n|---|---|---|---|---|")
    wrong = 0.0
    for slower in (1.0, 1.05, 1.15, 1.3, 2.0):
        for blocks in (6, 20):
            found = rates(slower, blocks, given.count, given.seed)
            cells = [found[name] / given.count for name in ("REPRODUCED", "NOT REPRODUCED", "INCOMPARABLE")]
            print(f"| {slower - 1:+.0%} | {blocks} | {' | '.join(f'{cell:.1%}' for cell in cells)} |")
            wrong = max(wrong, cells[1] if slower == 1.0 else cells[0] if slower >= 1.3 else 0.0)
    return 0 if wrong <= 0.01 else 1


if __name__ == "__main__":
    sys.exit(main())

"""Records and manifests for tests: small, complete, and different where a test says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from suite.records import (
    SCHEMA_VERSION,
    Block,
    Flag,
    HostFacts,
    HostState,
    Interference,
    LatencySamples,
    Manifest,
    NotMeasured,
    QuietRule,
    RunRecord,
    StopReason,
    Task,
)

FACTS = HostFacts(
    board=None,
    soc=None,
    cpu_model="Test CPU",
    cpu_count=2,
    architecture="x86_64",
    os="Testix 1",
    kernel="Linux 6.0",
    l4t=None,
    virtualization=None,
    container_image_digest=None,
    memory_total_bytes=8_000_000_000,
    memory_limit_bytes=None,
    driver=None,
    accelerators=(),
    suite_version="0.1.0",
    git_commit="c0ffee",
    lock_sha256="ab" * 32,
    versions=(("python", "3.6.15"), ("torch", "1.10.1")),
)
STATE = HostState(
    time_s=100.0,
    power_mode=None,
    governors=("performance",),
    cpu_frequency_hz=(2.0e9, 2.1e9),
    temperature_c=(("cpu", 41.5),),
    load_1min=0.25,
    memory_available_bytes=4_000_000_000,
    throttle_count=0,
    on_battery=None,
)
ABSENT = NotMeasured(code="NO_POWER_SOURCE", reason="there is no sensor", remedy="connect one")


def tasks(count: int) -> tuple[Task, ...]:
    """Latency tasks that differ in batch size: 1, 2, 3, ..."""
    return tuple(Task(test="latency", model="null", batch_size=number) for number in range(1, count + 1))


def manifest(asked: Sequence[Task], plan: str = "mine", power: str = "auto") -> Manifest:
    return Manifest(
        schema_version=SCHEMA_VERSION,
        suite_version="0.1.0",
        plan=plan,
        plan_description="for a test",
        power=power,
        started_utc="2026-11-23T18:00:00Z",
        tasks=tuple(asked),
    )


def latency_record(task: Task, latency_s: Sequence[float] = (0.1, 0.30000000000000004, 0.2)) -> RunRecord:
    """A record with one block of warm-up and one of the given durations."""
    blocks = (
        Block(order_index=0, warmup=True, started_s=100.0, latency_s=(0.5,)),
        Block(order_index=1, warmup=False, started_s=101.0, latency_s=tuple(latency_s)),
    )
    samples = LatencySamples(
        blocks=blocks, clock="fake", synchronisation="none needed: cpu", steady=True, stop="target"
    )
    return RunRecord(
        schema_version=SCHEMA_VERSION,
        task=task,
        started_utc="2026-11-23T18:00:01Z",
        wall_s=1.5,
        host=FACTS,
        before=STATE,
        after=STATE,
        latency=samples,
    )


def disturbed(
    record: RunRecord, places: Sequence[int], slower: float = 2.5, stop: StopReason | None = None
) -> RunRecord:
    """The record of a watched task, with others at work beside those of its timed blocks; its calls so much slower.

    stop "disturbed" leaves an upper bound, with the flag that says so.
    """
    samples = record.latency
    assert isinstance(samples, LatencySamples)
    warmup = len(samples.blocks) - len(samples.timed_blocks)
    blocks = [_beside(block, place - warmup in places, slower) for place, block in enumerate(samples.blocks)]
    told = f"{len(places)} of {len(samples.timed_blocks)} blocks were disturbed, in the middle one {CAUSE}"
    follows = "the latency is an upper bound; close what runs beside it"
    bound = (Flag(code="DISTURBED", text=f"{told} (python3 the most): {follows}"),) if stop == "disturbed" else ()
    return replace(
        record,
        task=replace(record.task, quiet=QuietRule()),
        latency=replace(samples, blocks=tuple(blocks), stop=stop or samples.stop),
        flags=(*record.flags, *bound),
    )


CAUSE = "other processes took 34 % of its 2 cores"


def _beside(block: Block, is_disturbed: bool, slower: float) -> Block:
    latency_s = tuple(round(value * slower, 9) if is_disturbed else value for value in block.latency_s)
    wall_s = round(sum(latency_s), 9)
    return replace(
        block,
        latency_s=latency_s,
        interference=Interference(wall_s=wall_s, own_s=wall_s, foreign_s=wall_s * 0.68 if is_disturbed else 0.0),
        disturbed_by=CAUSE if is_disturbed else None,
    )

"""What is asked: a task, its repetition, its energy windows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Literal

from suite.records.values import record, require, require_positive

Test = Literal["params", "flops", "latency", "energy"]
TESTS: tuple[Test, ...] = ("params", "flops", "latency", "energy")

MOST_THREADS = 4096  # of the largest machines; what a run folder says is refused beyond it, too


@record
class Repetition:
    """When a series of calls has begun (warm-up) and when it is long enough.

    `target_relative_halfwidth` None means a fixed count, `min_call_count`: the lab's protocol.
    Warm-up lasts until steady state is detected, between its floor and its limit.
    """

    min_call_count: int = 10
    max_call_count: int = 1000
    time_limit_s: float = 8.0
    target_relative_halfwidth: float | None = 0.01
    confidence: float = 0.95
    warmup_min_call_count: int = 3
    warmup_max_call_count: int = 20

    def __post_init__(self) -> None:
        require(self.min_call_count >= 1, f"min_call_count must be at least 1, got {self.min_call_count}")
        require(
            self.max_call_count >= self.min_call_count,
            f"max_call_count ({self.max_call_count}) must be at least min_call_count ({self.min_call_count})",
        )
        require_positive("time_limit_s", self.time_limit_s)
        require(0 < self.confidence < 1, f"confidence must lie between 0 and 1, got {self.confidence}")
        if self.target_relative_halfwidth is not None:
            require_positive("target_relative_halfwidth", self.target_relative_halfwidth)
        require(
            self.warmup_min_call_count >= 1, "warmup_min_call_count must be at least 1: the first pass never counts"
        )
        require(
            self.warmup_max_call_count >= self.warmup_min_call_count,
            "warmup_max_call_count must be at least warmup_min_call_count",
        )


@record
class EnergyRule:
    """Windows of back-to-back calls between two idle stretches. window_s None: as long as source and calls need."""

    window_count: int = 3  # repeats: their scatter is part of the error
    window_s: float | None = None
    idle_s: float = 30.0

    def __post_init__(self) -> None:
        require(self.window_count >= 1, f"window_count must be at least 1, got {self.window_count}")
        require_positive("idle_s", self.idle_s)
        if self.window_s is not None:
            require_positive("window_s", self.window_s)


@record
class Task:
    """One measurement to be made; its `key` is the key of its record."""

    test: Test
    model: str
    scenario: str = "forward"  # how the model is called; E.T. also has "episode": stepping through one
    runtime: str = "eager"
    precision: Literal["fp32"] = "fp32"
    device: str = "cpu"
    batch_size: int = 1
    axes: tuple[tuple[str, int], ...] = ()  # input sizes in the model's order: (("text_tokens", 20), ...)
    thread_count: int = 1
    seed: int = 0
    weights: Literal["seeded", "pinned"] = "seeded"  # pinned: the published ones that models.lock names
    checkpoint: str | None = None  # path of the weights that the user brought, which then are the ones; None: `weights`
    trajectory: str | None = None  # path of an ALFRED trajectory folder to take the inputs from; None: seeded inputs
    repetition: Repetition = Repetition()
    energy: EnergyRule = EnergyRule()

    def __post_init__(self) -> None:
        require(self.batch_size >= 1, f"batch_size must be at least 1, got {self.batch_size}")
        require(self.thread_count >= 1, f"thread_count must be at least 1, got {self.thread_count}")
        require(self.thread_count <= MOST_THREADS, f"thread_count is at most {MOST_THREADS}, got {self.thread_count}")
        for name, size in self.axes:
            require(size >= 1, f"{name} must be at least 1, got {size}")

    @property
    def key(self) -> str:
        """16 hex digits over every field: equal tasks have equal keys on every machine."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def size(self, axis: str) -> int:
        return dict(self.axes)[axis]

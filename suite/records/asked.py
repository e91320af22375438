"""What is asked: a task, its repetition, its energy windows."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict
from typing import Literal

from suite.limits import (
    MAX_CALL_COUNT,
    MAX_DURATION_S,
    MAX_INPUT_SIZE,
    MAX_INTEGER,
    MAX_THREAD_COUNT,
    MAX_WINDOW_COUNT,
    MIN_DURATION_S,
)
from suite.outside import brief
from suite.records.accuracy import EvaluationRule
from suite.records.heat import HeatRule
from suite.records.quiet import QuietRule
from suite.records.sustained import SustainedRule
from suite.records.values import record, require, require_count, require_name, require_positive, require_within

Test = Literal["params", "flops", "latency", "energy", "sustained", "accuracy", "roofline", "profile"]
TESTS: tuple[Test, ...] = ("params", "flops", "latency", "energy", "sustained", "accuracy", "roofline", "profile")
TIMED: tuple[Test, ...] = ("latency", "energy", "sustained", "accuracy", "profile")  # those that call a model
Precision = Literal["fp32", "tf32", "bf16", "fp16", "int8"]
PRECISIONS: tuple[Precision, ...] = ("fp32", "tf32", "bf16", "fp16", "int8")
MACHINE = "machine"  # stands in the place of the model of a task that measures the machine alone
ADDED_RULES = ("quiet", "heat", "sustained", "side", "evaluation")  # fields that came later; None: there is none
DEVICE = re.compile(r"[a-z]\w{0,15}(:\d{1,3})?")


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
        require_count("min_call_count", self.min_call_count, MAX_CALL_COUNT)
        require_count("max_call_count", self.max_call_count, MAX_CALL_COUNT)
        require(
            self.max_call_count >= self.min_call_count,
            f"max_call_count ({self.max_call_count}) must be at least min_call_count ({self.min_call_count})",
        )
        require_duration("time_limit_s", self.time_limit_s)
        require(0 < self.confidence < 1, f"confidence must lie between 0 and 1, got {self.confidence}")
        require_within("confidence", self.confidence, 0.01, 0.9999)
        if self.target_relative_halfwidth is not None:
            require_positive("target_relative_halfwidth", self.target_relative_halfwidth)
            require_within("target_relative_halfwidth", self.target_relative_halfwidth, 1e-9, 1e3)
        require(
            self.warmup_min_call_count >= 1, "warmup_min_call_count must be at least 1: the first pass never counts"
        )
        require(
            self.warmup_max_call_count >= self.warmup_min_call_count,
            "warmup_max_call_count must be at least warmup_min_call_count",
        )
        require_count("warmup_max_call_count", self.warmup_max_call_count, MAX_CALL_COUNT)


def require_duration(name: str, value_s: float) -> None:
    require_positive(name, value_s)
    require_within(name, value_s, MIN_DURATION_S, MAX_DURATION_S)


@record
class EnergyRule:
    """Windows of back-to-back calls between two idle stretches. window_s None: as long as source and calls need."""

    window_count: int = 3  # repeats: their scatter is part of the error
    window_s: float | None = None
    idle_s: float = 30.0

    def __post_init__(self) -> None:
        require_count("window_count", self.window_count, MAX_WINDOW_COUNT)
        require_duration("idle_s", self.idle_s)
        if self.window_s is not None:
            require_duration("window_s", self.window_s)


@record
class Task:
    """One measurement to be made; its `key` is the key of its record."""

    test: Test
    model: str
    scenario: str = "forward"  # how the model is called; E.T. also has "episode": stepping through one
    runtime: str = "eager"
    precision: Precision = "fp32"
    device: str = "cpu"
    batch_size: int = 1
    axes: tuple[tuple[str, int], ...] = ()  # input sizes in the model's order: (("text_tokens", 20), ...)
    thread_count: int = 1
    seed: int = 0
    # pinned: the published ones that models.lock names; shipped: those that lie beside the model
    weights: Literal["seeded", "pinned", "shipped"] = "seeded"
    checkpoint: str | None = None  # path of the weights that the user brought, which then are the ones; None: `weights`
    trajectory: str | None = None  # path of an ALFRED trajectory folder to take the inputs from; None: seeded inputs
    repetition: Repetition = Repetition()
    energy: EnergyRule = EnergyRule()
    quiet: QuietRule | None = None  # None: every block counts, as in records of schema 1
    heat: HeatRule | None = None  # None: nothing waits for the machine to cool down
    sustained: SustainedRule | None = None  # of the test of that name alone
    side: Literal["A", "B"] | None = None  # of two that are held against each other, which may be the same variant
    evaluation: EvaluationRule | None = None  # of the test accuracy alone

    def __post_init__(self) -> None:
        for what in ("model", "scenario", "runtime"):
            require_name(what, getattr(self, what))
        if not DEVICE.fullmatch(self.device):
            raise ValueError(f"device {brief(self.device)} is none, as cpu, mps, cuda and cuda:0 are")
        require_count("batch_size", self.batch_size, MAX_INPUT_SIZE)
        require_count("thread_count", self.thread_count, MAX_THREAD_COUNT)
        require_count("seed", self.seed, MAX_INTEGER, low=0)
        for name, size in self.axes:
            require_name("axis", name)
            require_count(name, size, MAX_INPUT_SIZE)
        require(len(dict(self.axes)) == len(self.axes), "an axis is named twice")

    def __hash__(self) -> int:
        """Of what tells most tasks of a run apart: they are looked up often, and their rules are many fields."""
        return hash(
            (
                self.test,
                self.model,
                self.scenario,
                self.runtime,
                self.precision,
                self.device,
                self.batch_size,
                self.axes,
                self.thread_count,
                self.seed,
            )
        )

    @property
    def key(self) -> str:
        """16 hex digits over every field: equal tasks have equal keys on every machine.

        Rules that schema 1 did not have count where there are any, so that keys of older tasks stay.
        """
        fields = asdict(self)
        for name in ADDED_RULES:
            if fields[name] is None:
                del fields[name]
        if self.evaluation is not None and not self.evaluation.metered:
            del fields["evaluation"]["metered"]
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def load(self) -> tuple[object, ...]:
        """What a worker loads for it: tasks in which it is equal can share a worker."""
        weights = (self.seed, self.weights, self.checkpoint)
        return (self.model, self.runtime, self.precision, self.device, self.thread_count, weights, self.side)

    @property
    def is_of_the_machine(self) -> bool:
        """Whether no model is measured: `model` then names none."""
        return self.test == "roofline"

    def size(self, axis: str) -> int:
        return dict(self.axes)[axis]

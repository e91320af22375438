"""The types refuse nonsense on entry, and a task's key stands for every one of its fields."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest

from suite.records import (
    Block,
    EnergyRule,
    EnergyWindow,
    ErrorBudget,
    EvaluationRule,
    FlopCount,
    HeatRule,
    Interval,
    NotMeasured,
    PowerTrace,
    QuietRule,
    Repetition,
    Run,
    SustainedRule,
    Task,
)
from tests.unit.samples import ABSENT, latency_record, manifest, tasks

TASK = Task(test="latency", model="null")

NONSENSE: list[tuple[str, Callable[[], object]]] = [
    ("batch_size must be at least 1", lambda: Task(test="latency", model="null", batch_size=0)),
    ("thread_count must be at least 1", lambda: Task(test="latency", model="null", thread_count=0)),
    ("frames must be at least 1", lambda: Task(test="latency", model="null", axes=(("frames", -3),))),
    ("min_call_count must be at least 1", lambda: Repetition(min_call_count=0)),
    (r"max_call_count \(5\) must be at least min_call_count \(10\)", lambda: Repetition(max_call_count=5)),
    ("time_limit_s must be positive", lambda: Repetition(time_limit_s=math.nan)),
    ("confidence must lie between 0 and 1", lambda: Repetition(confidence=1.0)),
    ("the first pass never counts", lambda: Repetition(warmup_min_call_count=0)),
    ("latency_s must be positive", lambda: block(0.1, -0.1)),
    ("latency_s must be positive", lambda: block(math.nan)),
    ("at least one call", lambda: Block(order_index=0, warmup=False, started_s=0.0, latency_s=())),
    ("mac_count must be positive", lambda: FlopCount(mac_count=0, by_operator=(), uncounted=(), source="counted")),
    ("window must be positive", lambda: EnergyWindow(start_s=2.0, end_s=1.0, call_count=1, energy_j=1.0)),
    ("energy_j must be zero or positive", lambda: EnergyWindow(start_s=1.0, end_s=2.0, call_count=1, energy_j=-1.0)),
    ("time_s must increase", lambda: PowerTrace(rails=("a",), time_s=(2.0, 1.0), power_w=((1.0, 1.0),))),
    ("one value per stamp", lambda: PowerTrace(rails=("a",), time_s=(1.0, 2.0), power_w=((1.0,),))),
    ("from low to high", lambda: Interval(low=2.0, high=1.0, confidence=0.95)),
    ("needs a code, a reason and a remedy", lambda: NotMeasured(code="X", reason="because", remedy="")),
]


def block(*latency_s: float) -> Block:
    return Block(order_index=0, warmup=False, started_s=0.0, latency_s=latency_s)


@pytest.mark.parametrize(("message", "make"), NONSENSE, ids=[message for message, _ in NONSENSE])
def test_nonsense_is_refused_on_entry(message: str, make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_key_is_the_same_on_every_machine() -> None:
    assert TASK.key == Task(test="latency", model="null").key == "dfc17e7cca0294ab"


CHANGES: dict[str, object] = {
    "test": "energy",
    "model": "lxmert",
    "scenario": "episode",
    "runtime": "onnx",
    "precision": "fp16",
    "device": "cuda",
    "batch_size": 2,
    "axes": (("frames", 2),),
    "thread_count": 2,
    "seed": 1,
    "weights": "pinned",
    "checkpoint": "a.pth",
    "trajectory": "trial",
    "repetition": Repetition(min_call_count=11),
    "energy": EnergyRule(window_count=2),
    "quiet": QuietRule(),
    "heat": HeatRule(),
    "sustained": SustainedRule(),
    "evaluation": EvaluationRule(name="e"),
    "side": "A",
}


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Task)])
def test_every_field_of_a_task_changes_its_key(field: str) -> None:
    changed = Task(**{"test": "latency", "model": "null", field: CHANGES[field]})  # type: ignore[arg-type]
    assert changed.key != TASK.key


def test_records_can_not_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TASK.batch_size = 2  # type: ignore[misc]


def test_warm_up_is_kept_apart_from_what_counts() -> None:
    samples = latency_record(TASK, (0.1, 0.2)).latency
    assert samples is not None
    assert not isinstance(samples, NotMeasured)
    assert samples.latency_s == (0.1, 0.2)
    assert samples.warmup_latency_s == (0.5,)


def test_one_multiply_accumulate_is_two_flops() -> None:
    assert FlopCount(mac_count=21, by_operator=(), uncounted=(), source="counted").flop_count == 42


def test_a_count_with_operators_of_unknown_cost_is_a_lower_bound() -> None:
    count = FlopCount(mac_count=21, by_operator=(), uncounted=(), source="counted")
    assert count.sign == ""
    assert dataclasses.replace(count, unknown=("_fft_r2c",)).sign == "≥ "


def test_an_error_budget_adds_by_its_root_sum() -> None:
    assert ErrorBudget(scatter_j=1.0, resolution_j=2.0, gain_j=2.0, edge_j=4.0).total_j == 5.0


def test_what_was_asked_for_and_is_absent_is_told_by_name() -> None:
    record = dataclasses.replace(latency_record(TASK), energy=ABSENT)
    assert record.not_measured() == {"energy": ABSENT}


def test_a_run_knows_what_is_missing_in_the_order_that_was_asked() -> None:
    asked = tasks(3)
    run = Run(manifest=manifest(asked), records=(latency_record(asked[1]),))
    assert run.missing() == (asked[0], asked[2])

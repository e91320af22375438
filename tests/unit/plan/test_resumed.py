"""What is asked for now beside what a run was begun with: each difference under its own name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from suite.plan.load import Options, Plan
from suite.plan.resumed import difference
from suite.records import Manifest, Repetition, Task
from tests.unit.samples import manifest, tasks

THREE = tasks(3)
AXES = (("text_tokens", 20), ("regions", 36))
SWEPT = (
    Task(test="params", model="reader"),
    Task(test="flops", model="reader", axes=AXES),
    *(Task(test="latency", model="reader", batch_size=size, axes=AXES, device="cpu", seed=3) for size in (1, 2)),
    *(Task(test="latency", model="reader", axes=(("text_tokens", size), AXES[1]), seed=3) for size in (8, 16)),
    Task(test="energy", model="reader", axes=AXES, seed=3),
)


def told(asked: Manifest, plan: tuple[str, tuple[Task, ...]] | None = None, power: str | None = None, **given: object):
    made = None if plan is None else Plan(name=plan[0], description="", tasks=plan[1])
    return difference(asked, made, Options(**given), power, 2)  # type: ignore[arg-type]


def test_a_plan_that_is_the_run_s_differs_in_nothing() -> None:
    then = manifest(THREE)
    assert told(then, ("mine", THREE)) is None
    assert told(then, ("mine", THREE), "auto") is None


def test_what_differs_from_the_run_is_told_in_words() -> None:
    then = manifest(THREE)
    assert told(then, ("other", THREE)) == "the run follows plan 'mine', not 'other'"
    assert told(then, None, "none") == "the run has --power auto, not none"
    assert told(then, ("mine", THREE[:2])) == "batch_size was 1, 2, 3 and is 1, 2 now"
    shorter = tuple(replace(task, repetition=Repetition(time_limit_s=4.0)) for task in THREE)
    assert told(then, ("mine", shorter)) == "repetition.time_limit_s was 8.0 and is 4.0 now"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"device": "cuda"}, "--device was cpu and is cuda now"),
        ({"models": ("walker",)}, "--model was reader and is walker now"),
        ({"tests": ("latency",)}, "--test was energy, flops, latency, params and is latency now"),
        ({"batch_size": (1, 4)}, "--batch-size was 1, 2 and is 1, 4 now"),
        ({"axes": (("text_tokens", (8, 32)),)}, "--axis text_tokens was 8, 16, 20 and is 8, 20, 32 now"),
        ({"threads": 2}, "--threads was 1 and is 2 now"),
        ({"threads": "all"}, "--threads was 1 and is 2 now"),
        ({"seed": 5}, "--seed was 3 and is 5 now"),
        ({"weights": "pinned"}, "--weights was seeded and is pinned now"),
        ({"checkpoint": "a.pth"}, "--checkpoint was none and is a.pth now"),
        ({"trajectory": "trial"}, "--trajectory was none and is trial now"),
        ({"time_limit_s": 2.0}, "--time-limit was 8.0 and is 2.0 now"),
        ({"device": "cuda", "models": ("reader",)}, "--device was cpu and is cuda now"),
    ],
)
def test_an_option_is_blamed_under_its_own_name(option: dict[str, object], message: str) -> None:
    assert told(manifest(SWEPT), **option) == message


@pytest.mark.parametrize(
    "option",
    [
        {"device": "cpu"},
        {"models": ("reader",)},
        {"tests": ("params", "flops", "latency", "energy")},
        {"batch_size": (1, 2)},
        {"batch_size": (2,)},
        {"axes": (("text_tokens", (8, 16)),)},
        {"axes": (("text_tokens", (8, 16, 20)),)},
        {"threads": 1},
        {"seed": 3},
        {"weights": "seeded"},
        {"time_limit_s": 8.0},
    ],
)
def test_the_same_option_again_differs_in_nothing(option: dict[str, object]) -> None:
    assert told(manifest(SWEPT), **option) is None


def test_an_option_that_concerns_nothing_in_the_run_is_a_difference() -> None:
    counted = manifest(SWEPT[:2])
    assert told(counted, device="cuda") == "--device was nothing and is cuda now"
    assert told(counted, batch_size=(1,)) == "--batch-size was nothing and is 1 now"
    assert told(counted, models=("reader",)) is None

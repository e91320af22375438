"""Steps of a series: where they are, that outliers are none, and that chance alone makes few."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.history_steps import alarms, independent
from suite.stats.steps import LEAST_COUNT, Step, steps


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def noise(count: int, seed: int = 1) -> list[float]:
    return np.exp(0.01 * np.random.default_rng(seed).standard_normal(count)).tolist()


def test_a_step_is_found_where_it_is() -> None:
    values = noise(20)
    values[12:] = [value * 1.1 for value in values[12:]]
    (step,) = steps(values, rng())
    assert step.index == 12
    assert step.ratio == pytest.approx(1.1, rel=0.01)
    assert step.p_value <= 0.01


def test_two_steps_are_found_in_order() -> None:
    values = noise(36)
    values[12:24] = [value * 1.2 for value in values[12:24]]
    assert [step.index for step in steps(values, rng())] == [12, 24]


def test_levels_are_those_between_the_steps() -> None:
    values = [1.0 + 1e-6 * place for place in range(10)] + [2.0 + 1e-6 * place for place in range(10)]
    (step,) = steps(values, rng())
    assert step == Step(index=10, p_value=step.p_value, before=1.0000045, after=2.0000045)


def test_an_outlier_is_no_step() -> None:
    values = noise(20)
    values[9] *= 5
    assert steps(values, rng()) == ()


def test_a_step_that_is_smaller_than_two_percent_is_kept_to_itself() -> None:
    assert steps([1.0] * 10 + [1.01] * 10, rng()) == ()


def test_few_figures_show_nothing() -> None:
    assert steps([1.0] * 4 + [2.0] * (LEAST_COUNT - 5), rng()) == ()


def test_equal_figures_are_one_level() -> None:
    assert steps([1.0] * 30, rng()) == ()


def test_the_same_figures_give_the_same_answer_in_any_unit() -> None:
    values = [*noise(12), *(1.2 * value for value in noise(12, 2))]
    scaled = steps([1000 * value for value in values], rng())
    assert [(step.index, step.p_value) for step in scaled] == [
        (step.index, step.p_value) for step in steps(values, rng())
    ]


def test_chance_alone_makes_a_step_in_few_histories() -> None:
    """1 % is the goal; benchmarks/history_steps.py asks more of them."""
    assert alarms(independent, 20, 150, 0.0, 0) <= 0.04

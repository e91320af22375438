"""How far a figure can be trusted, in words: the precision reached, bounds, tails, and what was disturbed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from suite.records import Block, Flag, Interference, Interval, LatencySamples, QuietRule, Repetition, Summary, Task
from suite.report import precision
from suite.units import Scale

MS = Scale(1e-3, "ms")
SUMMARY = Summary(
    count=40,
    mean=0.1284,
    std=0.0021,
    median=0.1283,
    minimum=0.125,
    maximum=0.135,
    median_interval=Interval(low=0.1279, high=0.1288, confidence=0.95),
    percentiles=((50.0, 0.1283),),
    outlier_count=0,
    lag1_autocorrelation=None,
    resolved=True,
    calls_needed=None,
    relative_halfwidth=0.0035,
)
BOUND = replace(SUMMARY, is_upper_bound=True)
RULE = Repetition()
FIXED = replace(RULE, target_relative_halfwidth=None)
BLOCK = Block(order_index=1, warmup=False, started_s=1.0, latency_s=(0.1, 0.2))
QUIET = Interference(wall_s=0.3, foreign_s=0.0)
DARK = Interference(wall_s=0.3, own_s=0.3)
SAMPLES = LatencySamples(blocks=(BLOCK,), clock="fake", synchronisation="none", steady=True, stop="time_limit")
TASK = Task(test="latency", model="null")
WATCHED = replace(TASK, quiet=QuietRule())
FLAG = Flag(
    code="DISTURBED",
    text="3 of 4 blocks were disturbed, in the middle one other processes took 34 % of its 2 cores (python3 the most): "
    "the latency is an upper bound; close what runs beside it",
)


def missed(relative: float, needed_s: float | None = None) -> Summary:
    return replace(SUMMARY, resolved=False, calls_needed=1234, relative_halfwidth=relative, needed_s=needed_s)


def test_mean_deviation_median_and_interval_end_at_their_own_places() -> None:
    assert precision.mean_and_std(SUMMARY, MS) == "128.4 ± 2.1"
    assert precision.median(SUMMARY, MS) == "128.3"
    assert precision.median_interval(SUMMARY, MS) == "127.9–128.8"
    assert precision.median_and_interval(SUMMARY, MS) == "128.3 (127.9–128.8)"


def test_what_too_few_calls_cannot_say_is_said_so() -> None:
    single = replace(SUMMARY, count=1, std=None, median_interval=None, percentiles=(), relative_halfwidth=None)
    assert precision.mean_and_std(single, MS) == "128.4 (n = 1: no std)"
    assert precision.median_interval(single, MS) == "n too small"
    assert precision.percentiles(single, MS) == "n too small"
    assert precision.verdict(replace(single, resolved=False), RULE, SAMPLES) == "goal 1 %, n too small for an interval"
    assert precision.verdict(single, FIXED, SAMPLES) == "fixed count, n too small for an interval"


def test_only_supported_percentiles_are_shown_and_the_median_not_twice() -> None:
    told = replace(SUMMARY, percentiles=((50.0, 0.1283), (90.0, 0.1311)))
    assert precision.percentiles(told, MS) == "p90 131.1"
    assert precision.percentiles(replace(told, is_upper_bound=True), MS) == "p90 ≤ 131.1"


def test_a_goal_that_was_reached_is_the_precision_alone() -> None:
    assert precision.verdict(SUMMARY, RULE, SAMPLES) == "±0.35 %"
    assert precision.verdict(SUMMARY, FIXED, SAMPLES) == "±0.35 %, fixed count"


@pytest.mark.parametrize(
    ("needed_s", "more"),
    [
        (12.0, "less than 1 min more"),
        (60.0, "less than 1 min more"),
        (61.0, "about 2 min more"),
        (240.0, "about 4 min more"),
        (3600.0, "about 60 min more"),
        (3600.1, "not within an hour here"),
        (4.8e6, "not within an hour here"),
        (None, "not within an hour here"),
    ],
)
def test_a_missed_goal_is_told_in_minutes_up_to_an_hour(needed_s: float | None, more: str) -> None:
    assert precision.verdict(missed(0.023, needed_s), RULE, SAMPLES) == f"±2.3 %, goal 1 %: {more}"


@pytest.mark.parametrize(
    ("relative", "shown"), [(0.0104, "±1.04 %"), (0.01004, "±1.004 %"), (0.011, "±1.1 %"), (0.63, "±63 %")]
)
def test_a_missed_goal_never_looks_reached(relative: float, shown: str) -> None:
    assert precision.verdict(missed(relative, 60.0), RULE, SAMPLES).startswith(f"{shown}, goal 1 %: ")


def test_a_lost_worker_and_a_question_that_needed_no_more_are_said() -> None:
    lost, decided = replace(SAMPLES, stop="failed"), replace(SAMPLES, stop="decided")
    assert precision.verdict(missed(0.023, 60.0), RULE, lost).endswith("less than 1 min more, worker lost midway")
    assert precision.verdict(missed(0.023, 60.0), RULE, decided) == "±2.3 %, goal 1 %: its question needed no more"


def test_a_bound_is_never_shown_as_the_value() -> None:
    disturbed = replace(SAMPLES, stop="disturbed")
    assert precision.median(BOUND, MS) == "≤ 128.3"
    assert precision.median_interval(BOUND, MS) == "upper bound"
    assert precision.mean_and_std(BOUND, MS) == "≤ 128.4 (std 2.1)"
    assert (precision.at_most(BOUND), precision.at_least(BOUND), precision.at_most(SUMMARY)) == ("≤ ", "≥ ", "")
    assert precision.verdict(BOUND, RULE, disturbed, (FLAG,)) == (
        "upper bound, DISTURBED: 3 of 4 blocks were disturbed, in the middle one other processes took 34 % of its 2 "
        "cores (python3 the most)"
    )
    assert precision.verdict(BOUND, FIXED, disturbed) == "upper bound, DISTURBED: quiet never came"


@pytest.mark.parametrize(
    ("mean", "outliers", "shown"),
    [
        (0.1284, 0, "130 ± 190"),  # within the interval: no tail to name
        (0.1400, 3, "140.0 (std 190, 3 outliers)"),
        (0.1400, 1, "140.0 (std 190, 1 outlier)"),
        (0.1400, 0, "140.0 (std 190, a tail above)"),
        (0.1200, 0, "120.0 (std 190, a tail below)"),
    ],
)
def test_a_mean_that_a_tail_makes_is_told_by_its_outliers(mean: float, outliers: int, shown: str) -> None:
    assert precision.mean_and_std(replace(SUMMARY, mean=mean, std=0.19, outlier_count=outliers), MS) == shown


@pytest.mark.parametrize(
    ("blocks", "task", "shown"),
    [
        ((BLOCK,), TASK, "1 (not looked)"),
        ((BLOCK,), WATCHED, "1 (not looked)"),
        ((replace(BLOCK, interference=QUIET),), TASK, "1 (no rule)"),
        ((replace(BLOCK, interference=QUIET),), WATCHED, "1 (0)"),
        ((replace(BLOCK, interference=DARK),), WATCHED, "1 (not told)"),
        ((replace(BLOCK, interference=QUIET), replace(BLOCK, disturbed_by="a")), WATCHED, "2 (1)"),
        ((replace(BLOCK, warmup=True, disturbed_by="a"), replace(BLOCK, interference=QUIET)), WATCHED, "1 (0)"),
    ],
)
def test_blocks_are_counted_with_the_disturbed_ones_or_why_nobody_knows(
    blocks: tuple[Block, ...], task: Task, shown: str
) -> None:
    assert precision.blocks(replace(SAMPLES, blocks=blocks), task) == shown

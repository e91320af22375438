"""Where time goes: fakes whose cost is known, so that every turn is."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from suite.measure.bench import Bench
from suite.measure.crew import interleave
from suite.measure.moment import Observe
from suite.measure.questions import questions
from suite.measure.series import Series
from suite.measure.steering import Steering
from suite.measure.turns import Turns
from suite.records import Hypothesis, Repetition, Task
from suite.stats.takes import Takes
from tests.fakes import Asked, FakeClock, FakeWorkers, Fault, died

LINEAR = Hypothesis(quantity="latency", against="batch_size", shape="linear")
RULE = Repetition(time_limit_s=8.0, warmup_min_call_count=1, warmup_max_call_count=1)
LONG = replace(RULE, time_limit_s=20.0)


@dataclass(frozen=True)
class Law:
    """A call takes law(batch size), times what is drawn for it."""

    law: Callable[[int], float]
    noise: float = 0.0
    random: random.Random = field(default_factory=lambda: random.Random(3))

    def latency_s(self, batch_size: int, _call: int) -> float:
        return self.law(batch_size) * (1 + self.noise * self.random.uniform(-1, 1))


def tasks_of(sizes: Sequence[int], rule: Repetition = RULE) -> list[Task]:
    return [Task(test="latency", model="reader", batch_size=size, repetition=rule) for size in sizes]


def measured(
    law: Law,
    tasks: list[Task],
    *,
    may_add: bool = True,
    script: Callable[[Asked], Fault] = lambda _: None,
    hypotheses: Sequence[Hypothesis] = (LINEAR,),
) -> tuple[list[Series], Steering]:
    workers = FakeWorkers(FakeClock(), law, script=script)  # type: ignore[arg-type]
    clock = workers.clock
    turns = Turns(
        Bench(tasks[0], workers.open),
        Observe(clock=clock, utc_now=clock.utc, state=clock.state),
    )
    steering = Steering(tasks=tasks, hypotheses=hypotheses, clock=clock, may_add=may_add)
    found = {series.case: series for series in interleave(turns, tasks, random.Random(0), steering)}
    return list(found.values()), steering


def straight(size: int) -> float:
    return 0.065 + 0.063 * size


def square(size: int) -> float:
    return 0.02 + 0.03 * size**2


def sizes_of(found: Sequence[Series]) -> list[int]:
    return sorted(series.task.batch_size for series in found)


def test_a_straight_line_without_noise_is_decided_and_takes_no_further_turn() -> None:
    found, steering = measured(Law(straight), tasks_of((1, 2, 4, 6, 8)))
    assert [question.is_decided for question in steering.questions] == [True]
    counts = {series.task.batch_size: (series.stop, len(series.counted)) for series in found}
    assert counts == {size: ("target", 4 if size < 6 else 5) for size in (1, 2, 4, 6, 8)}


def test_a_rejection_that_hangs_on_one_size_gets_another_between_two() -> None:
    found, steering = measured(Law(square), tasks_of((1, 2, 4), LONG))
    assert sizes_of(found) == [1, 2, 3, 4]
    (added,) = [series for series in found if steering.is_added(series.task)]
    assert added.task == replace(found[0].task, batch_size=3)
    assert (added.stop, added.counted_call_count >= 10, len(added.counted)) == ("target", True, 4)
    rounds = {block.round_index for block in added.timed}
    others = [{block.round_index for block in series.timed} for series in found if series is not added]
    assert all(rounds & other for other in others)  # it took turns with them
    assert [question.is_decided for question in steering.questions] == [True]


def test_no_size_is_added_where_that_is_not_allowed_or_no_number_lies_between() -> None:
    assert sizes_of(measured(Law(square), tasks_of((1, 2, 4), LONG), may_add=False)[0]) == [1, 2, 4]
    assert sizes_of(measured(Law(square), tasks_of((1, 2, 3), LONG))[0]) == [1, 2, 3]


def test_no_size_is_added_beyond_the_time_that_is_left() -> None:
    short = replace(RULE, time_limit_s=1.0)
    found, _ = measured(Law(square), tasks_of((1, 2, 4), short))
    assert sizes_of(found) == [1, 2, 4]


def test_time_that_is_left_goes_to_an_open_question_and_the_budget_is_kept() -> None:
    rule = replace(RULE, target_relative_halfwidth=0.05, time_limit_s=20.0)
    noisy = Law(straight, noise=0.03, random=random.Random(2))
    steered, steering = measured(noisy, tasks_of((1, 2, 4, 6, 8), rule))
    noisy.random.seed(2)
    alone, _ = measured(noisy, tasks_of((1, 2, 4, 6, 8), rule), hypotheses=[replace(LINEAR, models=("walker",))])
    spent_s = {name: sum(series.spent_s for series in found) for name, found in (("s", steered), ("a", alone))}
    assert spent_s["a"] < spent_s["s"] <= 5 * 20.0
    assert steering.questions[0].is_decided
    assert {series.stop for series in steered} == {"target"}


def test_a_series_is_told_as_soon_as_it_has_ended_and_again_after_further_turns() -> None:
    rule = replace(RULE, target_relative_halfwidth=0.05, time_limit_s=20.0)
    tasks = tasks_of((1, 2, 4, 6, 8), rule)
    workers = FakeWorkers(FakeClock(), Law(straight, noise=0.03, random=random.Random(2)))  # type: ignore[arg-type]
    clock = workers.clock
    turns = Turns(Bench(tasks[0], workers.open), Observe(clock=clock, utc_now=clock.utc, state=clock.state))
    steering = Steering(tasks=tasks, hypotheses=(LINEAR,), clock=clock)
    told = [(each.case, len(each.blocks), clock()) for each in interleave(turns, tasks, random.Random(0), steering)]
    first = {case: (blocks, at_s) for case, blocks, at_s in reversed(told)}
    last = {case: (blocks, at_s) for case, blocks, at_s in told}
    assert set(first) == {task.key for task in tasks}
    again = [case for case in first if first[case] != last[case]]
    assert again
    assert all(first[case][0] < last[case][0] and first[case][1] < last[case][1] for case in again)
    assert max(at_s for _, at_s in first.values()) < max(at_s for _, at_s in last.values())


def test_a_series_beyond_its_goal_gets_what_the_others_leave_if_that_suffices() -> None:
    rule = replace(RULE, time_limit_s=4.0)
    drawn = random.Random(5)

    def noisy_at_one(size: int) -> float:
        return 0.05 if size == 2 else 0.05 * (1 + drawn.uniform(-0.08, 0.08))

    alone, _ = measured(Law(noisy_at_one), tasks_of((1,), rule), hypotheses=())
    assert alone[0].stop == "time_limit"
    drawn.seed(5)
    both, _ = measured(Law(noisy_at_one), tasks_of((1, 2), rule), hypotheses=())
    noisy = next(series for series in both if series.task.batch_size == 1)
    assert noisy.spent_s > alone[0].spent_s or noisy.stop == "target"
    assert sum(series.spent_s for series in both) <= 8.5


def test_a_lost_worker_beyond_the_own_course_takes_nothing_from_a_series() -> None:
    rule = replace(RULE, target_relative_halfwidth=0.05, time_limit_s=20.0)
    count, last = 0, 10**9

    def dies_in_the_last_block(asked: Asked) -> Fault:
        nonlocal count
        count += asked.operation == "time"
        return died() if count == last else None

    noisy = Law(straight, noise=0.03, random=random.Random(2))
    whole, _ = measured(noisy, tasks_of((1, 2, 4, 6, 8), rule), script=dies_in_the_last_block)
    count, last = 0, count
    noisy.random.seed(2)
    found, _ = measured(noisy, tasks_of((1, 2, 4, 6, 8), rule), script=dies_in_the_last_block)
    assert [series.error for series in found] == [None] * 5
    (hit,) = [series for series in found if "WORKER_DIED" in series.amiss]
    assert hit.amiss["WORKER_DIED"].startswith("a further block failed: ")
    (same,) = [series for series in whole if series.task == hit.task]
    assert (hit.stop, hit.counted) == ("target", same.counted[:-1])


def test_a_fixed_count_is_a_protocol_that_no_question_changes() -> None:
    fixed = replace(RULE, target_relative_halfwidth=None, max_call_count=10)
    found, steering = measured(Law(square), tasks_of((1, 2, 4), fixed))
    assert steering.questions == []
    assert [(series.stop, series.counted_call_count) for series in found] == [("fixed", 10)] * 3


# What steering decides of series that are given


def ended(task: Task, spent_s: float, stop: str | None = "target", needed: int | None = None) -> Series:
    found, _ = measured(Law(lambda _: 0.1), [task])
    series = found[0]
    series.spent_s, series.stop, series.calls_needed, series.is_closed = spent_s, stop, needed, False  # type: ignore[assignment]
    return series


def test_time_is_what_ended_series_left_of_their_limits() -> None:
    first, second, third = tasks_of((1, 2, 4))
    steering = Steering(tasks=[first, second, third], hypotheses=(LINEAR,), clock=FakeClock())
    series = [ended(first, 3.0), ended(second, 9.0), ended(third, 1.0, stop=None)]
    assert steering.left_s(series) == pytest.approx(5.0 - 1.0)


def test_a_decided_series_gives_way_only_where_its_time_would_decide_another() -> None:
    axes = ("text_tokens", 20)
    batch = [replace(task, axes=(axes,)) for task in tasks_of((1, 2, 4), replace(RULE, min_call_count=50))]
    tokens = [replace(batch[0], axes=(("text_tokens", size),)) for size in (10, 40)]
    tasks = [*batch, *tokens]
    steering = Steering(tasks=tasks, hypotheses=(), clock=FakeClock())
    by_batch, by_tokens = steering.questions
    by_batch.takes, by_batch.is_decided = Takes(remedy="rounds", at_best=0.9), False
    by_tokens.is_decided = True
    series = [*(ended(task, 8.0) for task in batch), *(ended(task, 4.0, None, 900) for task in tokens)]
    due = steering.next_round(series)
    assert [each.task in batch for each in due] == [True, True, True, False]
    assert sorted(str(each.stop) for each in series) == ["None", "decided", "target", "target", "target"]
    series = [*(ended(task, 8.0) for task in batch), *(ended(task, 4.0, None, 900) for task in tokens)]
    by_batch.takes = Takes(remedy="rounds", at_best=200.0)  # more than there is: nobody gives way for nothing
    assert [each.task for each in steering.next_round(series)] == tokens
    assert [each.stop for each in series if each.task in tokens] == [None, None]


def test_looks_cost_at_most_two_percent_of_the_time() -> None:
    clock, looks = FakeClock(), 0
    steering = Steering(tasks=tasks_of((1, 2, 4)), hypotheses=(LINEAR,), clock=clock)

    def costly(_series: Sequence[Series]) -> None:
        nonlocal looks
        looks += 1
        clock.sleep(0.05)

    steering.questions = [_Costly(costly)]  # type: ignore[list-item]
    for _ in range(100):
        clock.sleep(0.5)
        steering.look([])
    assert 15 <= looks <= 20  # 50 s of rounds, 0.05 s a look


@dataclass
class _Costly:
    look: Callable[[Sequence[Series]], None]
    is_decided: bool = False


def test_questions_are_the_lab_s_where_none_is_stated_and_only_about_sweeps() -> None:
    base = replace(tasks_of((1,))[0], axes=(("text_tokens", 20), ("image_regions", 36)))
    tasks = [base, replace(base, batch_size=2), replace(base, axes=(("text_tokens", 40), ("image_regions", 36)))]
    asked = [(question.axis, question.shape) for question in questions((), tasks)]
    assert asked == [("batch_size", "linear"), ("text_tokens", "quadratic")]
    own = Hypothesis(quantity="latency", against="text_tokens", shape="constant")
    assert [(each.axis, each.shape) for each in questions((own,), tasks)] == [("text_tokens", "constant")]
    assert questions((replace(own, models=("walker",)),), tasks) == []
    assert questions((replace(own, quantity="energy"),), tasks) == []

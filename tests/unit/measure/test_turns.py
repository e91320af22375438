"""Interleaved turns on a fake worker whose clock and cost are known."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from suite.errors import WorkerError
from suite.measure.bench import Bench
from suite.measure.crew import interleave
from suite.measure.moment import Observe
from suite.measure.series import Series
from suite.measure.turns import Turns
from suite.records import Block, Interference, Repetition, Task
from tests.fakes import Asked, Cost, FakeClock, FakeWorkers, Fault, died

STEADY = Cost(noise=(0.0,))  # 50 ms at batch 1, 20 ms for each further item
FIXED = Repetition(
    min_call_count=10,
    max_call_count=10,
    target_relative_halfwidth=None,
    warmup_min_call_count=1,
    warmup_max_call_count=1,
)


def sizes(*batch_sizes: int, rule: Repetition = FIXED) -> list[Task]:
    return [
        Task(test="latency", model="reader", batch_size=size, axes=(("text_tokens", 20),), repetition=rule)
        for size in batch_sizes
    ]


def turns_on(workers: FakeWorkers) -> Turns:
    clock = workers.clock
    return Turns(Bench(sizes(1)[0], workers.open), Observe(clock=clock, utc_now=clock.utc, state=clock.state))


def measured(workers: FakeWorkers, tasks: Sequence[Task], seed: int = 0) -> list[Series]:
    return list(interleave(turns_on(workers), tasks, random.Random(seed)))


def batches(workers: FakeWorkers, operation: str) -> list[int]:
    return [asked.task.batch_size for asked in workers.asked if asked.operation == operation and asked.task]


def test_a_fixed_count_is_kept_to_and_spread_over_five_blocks() -> None:
    found = {series.task.batch_size: series for series in measured(FakeWorkers(FakeClock(), STEADY), sizes(1, 2, 4))}
    for batch_size, series in found.items():
        assert [len(block) for block in series.counted] == [2, 2, 2, 2, 2]
        assert series.counted[0] == pytest.approx((0.03 + 0.02 * batch_size,) * 2)
        assert series.stop == "fixed"


def test_a_block_names_its_round_also_after_a_series_ended_and_another_lost_its_worker() -> None:
    calls = itertools.count(1)

    def dies_in_a_later_round(asked: Asked) -> Fault:
        four = asked.operation == "time" and asked.task is not None and asked.task.batch_size == 4
        return died() if four and next(calls) == 6 else None

    long = replace(FIXED, min_call_count=20, max_call_count=20)
    workers = FakeWorkers(FakeClock(), STEADY, script=dies_in_a_later_round)
    found = measured(workers, [*sizes(1, 4), *sizes(2, rule=long)])
    lost = next(series for series in found if series.error is not None)
    assert (lost.task.batch_size, 1 < len(lost.counted) < 5) == (4, True)
    for series in found:
        counted = [block.round_index for block in series.blocks if not block.warmup]
        assert counted == list(range(len(counted)))
    starts = [(block.round_index, block.started_s) for series in found for block in series.blocks]
    assert sorted(starts) == sorted(starts, key=lambda start: start[1])


def test_the_first_pass_of_a_visit_is_not_counted() -> None:
    slow_first = Cost(noise=(9.0, *[0.0] * 200))  # the first call of a case takes ten times as long
    found = measured(FakeWorkers(FakeClock(), slow_first), sizes(1, 2))
    for series in found:
        samples = series.samples("none", "fake")
        call_s = 0.03 + 0.02 * series.task.batch_size
        assert samples.latency_s == pytest.approx((call_s,) * 10)
        assert samples.warmup_latency_s[0] == pytest.approx(10 * call_s)
        own = {block.order_index for block in series.blocks}
        assert all(block.warmup or block.order_index - 1 in own for block in series.blocks)


def test_a_series_left_alone_goes_on_without_further_warm_up() -> None:
    (series,) = measured(FakeWorkers(FakeClock(), STEADY), sizes(1))
    assert [(block.warmup, len(block.latency_s)) for block in series.blocks] == [(True, 1)] + [(False, 2)] * 5


def test_sizes_take_turns_in_an_order_that_the_seed_decides() -> None:
    def order(seed: int) -> list[int]:
        workers = FakeWorkers(FakeClock(), STEADY)
        measured(workers, sizes(1, 2, 4, 8), seed)
        return batches(workers, "prepare")

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert order(1)[0] == order(2)[0] == 1  # cold start is always that of the plan's first point
    for start in range(0, 20, 4):
        assert sorted(order(3)[start : start + 4]) == [1, 2, 4, 8]


def test_blocks_are_numbered_in_the_order_in_which_they_ran() -> None:
    found = measured(FakeWorkers(FakeClock(), STEADY), sizes(1, 2, 4))
    blocks = sorted((block for series in found for block in series.blocks), key=lambda block: block.order_index)
    assert [block.order_index for block in blocks] == list(range(len(blocks)))
    assert [block.started_s for block in blocks] == sorted(block.started_s for block in blocks)


def test_a_target_ends_a_quiet_series_and_the_time_limit_a_noisy_one() -> None:
    rule = Repetition(time_limit_s=4.0)
    (quiet,) = measured(FakeWorkers(FakeClock(), STEADY), sizes(1, rule=rule))
    assert quiet.stop == "target"
    generator = random.Random(7)
    noisy_cost = Cost(noise=tuple(generator.uniform(-0.5, 0.5) for _ in range(997)))
    (noisy,) = measured(FakeWorkers(FakeClock(), noisy_cost), sizes(1, rule=rule))
    assert noisy.stop == "time_limit"
    assert 4.0 <= noisy.spent_s < 4.0 + 1.0


def test_a_block_lasts_about_a_second_and_fits_eight_times_into_the_limits() -> None:
    series = Series(task=sizes(1, rule=Repetition(time_limit_s=80.0, max_call_count=1000))[0])
    turns = turns_on(FakeWorkers(FakeClock(), Cost(fixed_s=0.03, noise=(0.0,))))
    turns.make_ready(series)
    assert series.next_block_call_count() == 20  # of 50 ms
    series.task = sizes(1, rule=Repetition(time_limit_s=2.0))[0]
    assert series.next_block_call_count() == 5  # 2 s / 8 / 50 ms
    series.task = sizes(1, rule=Repetition(time_limit_s=80.0, max_call_count=80))[0]
    assert series.next_block_call_count() == 10  # 80 / 8


def test_a_disturbed_series_of_very_short_calls_ends_by_what_it_was_watched() -> None:
    """Calls of a microsecond would have to be disturbed for hours until they have lost seconds themselves."""
    rule = Repetition(min_call_count=10, max_call_count=10, target_relative_halfwidth=None, time_limit_s=2.0)
    series = Series(task=sizes(1, rule=rule)[0])

    def lose(place: int) -> None:
        watched = Interference(wall_s=0.5, foreign_s=0.4)
        block = Block(order_index=place, warmup=False, started_s=float(place), latency_s=(1e-6,) * 5)
        series.blocks.append(replace(block, interference=watched, disturbed_by="others took 40 %"))
        series.lost_s += 5e-6

    for place in range(3):
        lose(place)
    series.decide()
    assert (series.is_lost, series.stop) == (False, None)
    lose(3)
    series.decide()
    assert (series.is_lost, series.stop) == (True, "disturbed")


def test_each_round_is_told_with_what_is_left_of_it() -> None:
    told: list[str] = []
    rule = Repetition(min_call_count=20, max_call_count=20, target_relative_halfwidth=None)
    turns = turns_on(FakeWorkers(FakeClock(), STEADY))
    turns.tell = told.append
    list(interleave(turns, [*sizes(1), *sizes(2, rule=rule)], random.Random(0)))
    assert told == [f"timing reader, round {number}, 2 of 2 sizes" for number in range(1, 6)]


def test_cold_start_belongs_to_the_first_series_alone() -> None:
    found = measured(FakeWorkers(FakeClock(), STEADY), sizes(1, 2))
    cold = {series.task.batch_size: series.cold_start for series in found}
    assert cold[2] is None
    assert cold[1] is not None
    assert (cold[1].process_s, cold[1].import_s, cold[1].build_s, cold[1].weights_s) == (0.25, 1.5, 0.5, 2.0)
    assert cold[1].first_call_s == pytest.approx(0.05)


def test_inputs_are_checked_once_for_each_load() -> None:
    workers = FakeWorkers(FakeClock(), STEADY)
    measured(workers, sizes(1, 2, 4))
    assert batches(workers, "check_inputs") == [1]


def test_a_dead_worker_takes_its_series_and_a_new_one_warms_up_the_others_again() -> None:
    def dies_at_four(asked: Asked) -> Fault:
        return died() if asked.operation == "time" and asked.task and asked.task.batch_size == 4 else None

    workers = FakeWorkers(FakeClock(), STEADY, script=dies_at_four)
    found = {series.task.batch_size: series for series in measured(workers, sizes(1, 2, 4))}
    assert found[4].error is not None
    assert found[4].error.code == "WORKER_DIED"
    assert found[1].stop == found[2].stop == "fixed"
    assert len(workers.started) == 2
    assert workers.open_count == 1  # the dead one was closed


def test_an_error_that_leaves_the_worker_alive_keeps_it() -> None:
    def refuses_four(asked: Asked) -> Fault:
        if asked.operation == "prepare" and asked.task and asked.task.batch_size == 4:
            return WorkerError("OUT_OF_MEMORY", "no memory for batch 4", "take a smaller batch")
        return None

    workers = FakeWorkers(FakeClock(), STEADY, script=refuses_four)
    found = {series.task.batch_size: series for series in measured(workers, sizes(1, 4))}
    assert found[4].error is not None
    assert found[1].stop == "fixed"
    assert workers.started == [1]


def test_samples_before_a_death_are_kept() -> None:
    calls = 0

    def dies_at_the_eighth(asked: Asked) -> Fault:
        nonlocal calls
        calls += asked.operation == "time"
        return died() if calls == 8 else None

    (series,) = measured(FakeWorkers(FakeClock(), STEADY, script=dies_at_the_eighth), sizes(1, rule=Repetition()))
    assert series.error is not None
    assert series.samples("none", "fake").stop == "failed"
    assert len(series.samples("none", "fake").latency_s) > 0


def test_a_model_that_cannot_be_loaded_is_tried_once() -> None:
    def no_load(asked: Asked) -> Fault:
        return died("KILLED_FOR_MEMORY") if asked.operation == "load" else None

    workers = FakeWorkers(FakeClock(), STEADY, script=no_load)
    found = measured(workers, sizes(1, 2, 4))
    assert [series.error.code for series in found if series.error] == ["KILLED_FOR_MEMORY"] * 3
    assert len(workers.started) == 1
    assert workers.open_count == 0

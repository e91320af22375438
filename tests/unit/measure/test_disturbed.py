"""Blocks that something else disturbed: kept, not counted, made up for; and what is said where quiet never came."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import pytest

from suite.host.busiest import Busy
from suite.measure.bench import Bench
from suite.measure.crew import interleave
from suite.measure.moment import Observe
from suite.measure.series import Series
from suite.measure.turns import Turns
from suite.records import Interference, QuietRule, Repetition, Task
from tests.fakes import Beside, Cost, FakeClock, FakeWorkers

STEADY = Cost(fixed_s=0.080, per_item_s=0.020, noise=(0.0,))  # 100 ms at batch 1
DRAWN = random.Random(7)
NOISY = replace(STEADY, noise=tuple(DRAWN.uniform(-0.3, 0.3) for _ in range(997)))
LAB = Repetition(
    min_call_count=10,
    max_call_count=10,
    target_relative_halfwidth=None,
    time_limit_s=8.0,
    warmup_min_call_count=1,
    warmup_max_call_count=1,
)
TARGET = Repetition(time_limit_s=8.0, warmup_min_call_count=1, warmup_max_call_count=5)


def busy(*stretches: tuple[float, float], cores: float = 1.0) -> Beside:
    """Others take so many cores from one second of the run to another; the clock of fakes begins at 1000 s."""

    def beside(start_s: float, end_s: float) -> Interference:
        taken_s = sum(
            max(0.0, min(end_s, 1000.0 + stop) - max(start_s, 1000.0 + start)) * cores for start, stop in stretches
        )
        return Interference(wall_s=end_s - start_s, foreign_s=taken_s, stolen_s=0.0)

    return beside


@dataclass(slots=True)
class Seen:
    """What Busiest would see."""

    look_count: int = 0
    names: list[str] = field(default_factory=lambda: ["stress"])

    def look(self) -> None:
        self.look_count += 1

    def since(self) -> Busy | None:
        return Busy(name=self.names[self.look_count % len(self.names)], process_id=7, share=0.9)


@dataclass(slots=True)
class Measured:
    series: dict[int, Series]
    told: list[str]
    turns: Turns
    workers: FakeWorkers


def measured(
    beside: Beside, *sizes: int, rule: Repetition = LAB, quiet: QuietRule | None = None, cost: Cost = STEADY
) -> Measured:
    tasks = [
        Task(test="latency", model="reader", batch_size=size, repetition=rule, quiet=quiet or QuietRule())
        for size in sizes
    ]
    workers, told = FakeWorkers(FakeClock(), cost, beside=beside), list[str]()
    clock = workers.clock
    observe = Observe(clock=clock, utc_now=clock.utc, state=clock.state)
    turns = Turns(Bench(tasks[0], workers.open), observe, tell=told.append, busiest=Seen())
    found = {series.task.batch_size: series for series in interleave(turns, tasks, random.Random(0))}
    return Measured(found, told, turns, workers)


def always(start_s: float, end_s: float) -> Interference:
    return busy((0.0, 1e6))(start_s, end_s)


def test_a_disturbed_block_is_kept_and_made_up_for() -> None:
    (series,) = measured(busy((0.15, 0.45)), 1, quiet=QuietRule(patience_s=0.0)).series.values()
    assert series.stop == "fixed"
    assert [block.disturbed_by is not None for block in series.timed] == [True, True, *[False] * 5]
    assert series.timed[0].disturbed_by == "other processes took 65 % of its core"
    samples = series.samples("none", "fake")
    assert (len(samples.latency_s), len(samples.all_latency_s)) == (10, 14)
    assert (len(samples.disturbed_blocks), samples.is_upper_bound) == (2, False)
    assert series.flags() == ()


def test_the_lab_s_ten_calls_are_undisturbed_ones() -> None:
    (series,) = measured(busy((0.0, 0.5), (1.0, 1.3), (2.0, 2.2)), 1).series.values()
    assert series.counted_call_count == 10
    assert all(block.disturbed_by is None for block in series.samples("none", "fake").counted_blocks)


def test_selection_does_not_look_at_latency() -> None:
    slow_calls = Cost(fixed_s=0.080, per_item_s=0.020, noise=(0.0, 0.0, 0.0, 9.0))
    workers = FakeWorkers(FakeClock(), slow_calls)
    clock = workers.clock
    task = Task(test="latency", model="reader", repetition=LAB, quiet=QuietRule())
    turns = Turns(Bench(task, workers.open), Observe(clock=clock, utc_now=clock.utc, state=clock.state))
    (series,) = interleave(turns, [task], random.Random(0))
    assert max(series.samples("none", "fake").latency_s) == pytest.approx(1.0)
    assert all(block.disturbed_by is None for block in series.blocks)


def test_quiet_is_waited_for_and_told_with_the_process_that_takes_the_most() -> None:
    found = measured(busy((0.15, 5.0)), 1)
    waits = [line for line in found.told if line.startswith("waiting")]
    assert waits[0] == "waiting for quiet: other processes took 92 % of its core, stress (process 7) the most"
    assert found.told[0] == found.told[-1] or found.told[-1].startswith("timing")
    (series,) = found.series.values()
    assert (series.stop, len(series.timed) - len(series.counted)) == ("fixed", 1)
    assert 4.5 < found.turns.patience.spent_s < 5.6
    quiet_after = [block.started_s for block in series.timed if block.disturbed_by is None]
    assert min(quiet_after) >= 1005.0


def test_patience_is_that_of_all_series_together_and_then_quiet_is_not_waited_for() -> None:
    found = measured(always, 1, 2, quiet=QuietRule(patience_s=3.0))
    assert found.turns.patience.spent_s == pytest.approx(3.0)
    assert sum(asked.operation == "watch" for asked in found.workers.asked) == 12
    assert all(series.stop == "disturbed" for series in found.series.values())


def test_where_quiet_never_came_every_block_counts_as_an_upper_bound_and_the_flag_says_who() -> None:
    (series,) = measured(always, 1, quiet=QuietRule(patience_s=1.0)).series.values()
    samples = series.samples("none", "fake")
    assert (samples.stop, samples.is_upper_bound) == ("disturbed", True)
    assert samples.latency_s == samples.all_latency_s
    assert series.lost_s >= LAB.time_limit_s
    (flag,) = series.flags()
    assert flag.code == "DISTURBED"
    assert flag.text == (
        f"{len(series.timed)} of {len(series.timed)} blocks were disturbed, in the middle one other processes took "
        "90 % of its core (stress the most): the latency is an upper bound; close what runs beside it"
    )


def test_a_series_that_has_its_least_calls_undisturbed_ends_by_its_limit_and_is_no_bound() -> None:
    (series,) = measured(busy((4.0, 1e6)), 1, rule=TARGET, quiet=QuietRule(patience_s=1.0), cost=NOISY).series.values()
    assert series.stop == "time_limit"
    assert series.counted_call_count >= 10
    assert not series.samples("none", "fake").is_upper_bound


def test_lost_time_is_made_up_for_within_as_much_again() -> None:
    (quiet,) = measured(busy(), 1, rule=TARGET, cost=NOISY).series.values()
    beside, rule = busy((1.0, 5.0)), QuietRule(patience_s=0.0)
    (disturbed,) = measured(beside, 1, rule=TARGET, quiet=rule, cost=NOISY).series.values()
    assert disturbed.spent_s >= TARGET.time_limit_s
    assert disturbed.spent_s == pytest.approx(quiet.spent_s, abs=1.1)
    assert 3.0 < disturbed.lost_s < 5.5


def test_without_the_rule_every_block_counts_and_nothing_is_waited_for() -> None:
    workers = FakeWorkers(FakeClock(), STEADY, beside=always)
    clock = workers.clock
    task = Task(test="latency", model="reader", repetition=LAB, quiet=None)
    turns = Turns(Bench(task, workers.open), Observe(clock=clock, utc_now=clock.utc, state=clock.state))
    (series,) = interleave(turns, [task], random.Random(0))
    assert (series.stop, len(series.timed)) == ("fixed", 5)
    assert all(block.interference is not None and block.disturbed_by is None for block in series.blocks)
    assert not any(asked.operation == "watch" for asked in workers.asked)


def test_a_block_too_short_for_the_counters_is_judged_with_what_follows() -> None:
    short = Cost(fixed_s=0.001, per_item_s=0.0, noise=(0.0,))

    def beside(start_s: float, end_s: float) -> Interference:
        seen_s = 0.0 if end_s - start_s < 0.01 else 0.8 * (end_s - start_s)  # no step of the counters falls into it
        return Interference(wall_s=end_s - start_s, foreign_s=seen_s)

    workers = FakeWorkers(FakeClock(), short, beside=beside)
    clock = workers.clock
    task = Task(test="latency", model="reader", repetition=LAB, quiet=QuietRule(patience_s=0.0))
    turns = Turns(Bench(task, workers.open), Observe(clock=clock, utc_now=clock.utc, state=clock.state))
    (series,) = interleave(turns, [replace(task, repetition=replace(LAB, time_limit_s=0.02))], random.Random(0))
    assert series.stop == "disturbed"
    assert all(block.interference and block.interference.wall_s == pytest.approx(0.02 / 0.15) for block in series.timed)


def test_a_clock_that_fell_disturbs_until_it_is_the_usual_one() -> None:
    def beside(start_s: float, end_s: float) -> Interference:
        return Interference(wall_s=end_s - start_s, clock_hz=2e9 if start_s < 1009.0 else 1.5e9)

    rule = replace(TARGET, time_limit_s=20.0)
    (series,) = measured(beside, 1, rule=rule, quiet=QuietRule(patience_s=0.0), cost=NOISY).series.values()
    told = [block.disturbed_by for block in series.timed]
    assert "the clock was 25 % below the usual" in told
    assert told[-1] is None


def test_windows_of_energy_all_count_and_a_disturbed_one_is_told() -> None:
    task = Task(test="energy", model="reader", quiet=QuietRule())
    workers = FakeWorkers(FakeClock(), STEADY, beside=always)
    clock = workers.clock
    turns = Turns(Bench(task, workers.open), Observe(clock=clock, utc_now=clock.utc, state=clock.state))
    series = Series(task=task, began=turns.observe())
    worker = turns.make_ready(series)
    timed = worker.time_for(series.case, 2.0, 1, 60.0)
    turns.add_block(series, timed, timed.interference, warmup=False)
    assert series.timed[0].disturbed_by is None
    (flag,) = series.flags()
    assert flag.code == "WINDOWS_DISTURBED"
    assert flag.text == (
        "1 of 1 window was disturbed, in the middle one other processes took 99 % of its core: its joules per "
        "inference hold what that took; close what runs beside it"
    )


def test_blocks_at_an_unusual_pace_are_found_when_the_usual_is_known() -> None:
    def beside(start_s: float, end_s: float) -> Interference:
        return Interference(wall_s=end_s - start_s, pace_s=1.25e-4 if start_s < 1003.0 else 1e-4)

    found = measured(beside, 1, rule=TARGET, quiet=QuietRule(patience_s=0.0), cost=NOISY)
    (series,) = found.series.values()
    told = [(block.started_s < 1003.0, block.disturbed_by) for block in series.timed]
    slow = "a fixed piece of arithmetic took 25 % longer than usual"
    assert {was_early: {words for early, words in told if early == was_early} for was_early in (True, False)} == {
        True: {slow},
        False: {None},
    }
    warmed_s = sum(sum(block.latency_s) for block in series.blocks if block.warmup)
    counted_s = sum(map(sum, series.counted))
    assert series.spent_s == pytest.approx(warmed_s + counted_s)
    assert series.lost_s == pytest.approx(sum(sum(block.latency_s) for block in series.timed) - counted_s)


def test_a_host_that_slows_the_machine_is_not_to_be_closed() -> None:
    def beside(start_s: float, end_s: float) -> Interference:
        return Interference(wall_s=end_s - start_s, foreign_s=0.0, stolen_s=0.8 * (end_s - start_s))

    (series,) = measured(beside, 1, quiet=QuietRule(patience_s=0.0)).series.values()
    (flag,) = series.flags()
    assert flag.text.endswith(
        "the host of this virtual machine took 70 % of its core: the latency is an upper bound; measure at another "
        "time, or on a machine of its own"
    )


def test_a_series_that_ended_before_the_usual_pace_was_known_is_judged_by_it_at_last() -> None:
    def beside(start_s: float, end_s: float) -> Interference:
        return Interference(wall_s=end_s - start_s, foreign_s=0.0, pace_s=1.25e-4 if start_s < 1009.0 else 1e-4)

    short = Task(test="latency", model="reader", repetition=LAB, quiet=QuietRule(patience_s=0.0))
    long = replace(short, batch_size=2, repetition=replace(TARGET, time_limit_s=60.0))
    workers = FakeWorkers(FakeClock(), NOISY, beside=beside)
    clock = workers.clock
    turns = Turns(Bench(short, workers.open), Observe(clock=clock, utc_now=clock.utc, state=clock.state))
    told = [(series.task.batch_size, series.stop) for series in interleave(turns, [short, long], random.Random(0))]
    assert (1, "fixed") in told
    assert told[-1] == (1, "disturbed")  # its ten calls were made at another pace than all the others
    assert (2, "time_limit") in told


def test_blocks_at_a_faster_pace_than_usual_are_no_part_of_an_upper_bound() -> None:
    def beside(start_s: float, end_s: float) -> Interference:
        fast = start_s < 1000.9
        taken_s = 0.0 if fast else 0.8 * (end_s - start_s)
        return Interference(wall_s=end_s - start_s, foreign_s=taken_s, pace_s=0.8e-4 if fast else 1e-4)

    (series,) = measured(beside, 1, quiet=QuietRule(patience_s=0.0)).series.values()
    samples = series.samples("none", "fake")
    assert samples.is_upper_bound
    fast = [block for block in samples.timed_blocks if block.started_s < 1000.9]
    assert fast
    assert all(block.sped_up and block.disturbed_by for block in fast)
    assert samples.counted_blocks == tuple(block for block in samples.timed_blocks if block.started_s >= 1000.9)
    (flag,) = series.flags()
    assert flag.text.startswith(f"{len(samples.counted_blocks)} of {len(samples.timed_blocks)} blocks were disturbed")

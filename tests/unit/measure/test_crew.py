"""Variants of one model take turns on a worker each: who is alive, in which order, and what each round holds."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from suite.measure.against import Against, against, rounds_needed
from suite.measure.bench import Bench
from suite.measure.crew import Crew, interleave
from suite.measure.moment import Observe
from suite.measure.runner import Runner
from suite.measure.series import Series
from suite.measure.steering import Steering
from suite.measure.turns import Turns
from suite.records import HostState, Interval, LatencySamples, Repetition, RunRecord, Task
from suite.stats.paired import Paired
from tests.fakes import MIB, NO_SENSOR, Asked, Cost, FakeClock, FakeWorker, FakeWorkers, Fault, died
from tests.unit.samples import FACTS, STATE

RULE = Repetition(time_limit_s=8.0, warmup_min_call_count=1, warmup_max_call_count=1)
FAST, SLOW = "eager", "slow"


@dataclass(slots=True)
class ByRuntime(FakeWorkers):
    """A call of runtime `slow` takes twice as long; what drifts slows all down. Keeps how many were alive at once."""

    drift: Callable[[float], float] = lambda _: 1.0
    most_alive: int = 0
    slower: float = 2.0
    in_turn: list[str] = field(default_factory=list)

    def open(self, thread_count: int) -> FakeWorker:
        FakeWorkers.open(self, thread_count)
        self.most_alive = max(self.most_alive, self.open_count)
        return _Varied(self)


class _Varied(FakeWorker):
    def _call(self, case: str) -> float:
        shop, task = self._shop, self._cases[case]
        assert isinstance(shop, ByRuntime)
        latency_s = 0.05 * (shop.slower if task.runtime == SLOW else 1.0) * shop.drift(shop.clock())
        shop.clock.sleep(latency_s)
        shop.in_turn.append(task.runtime)
        return latency_s


def tasks(*runtimes: str, sizes: Sequence[int] = (1,), rule: Repetition = RULE) -> list[Task]:
    return [
        Task(test="latency", model="reader", runtime=runtime, batch_size=size, repetition=rule)
        for runtime in runtimes
        for size in sizes
    ]


def crew_of(workers: FakeWorkers, asked: Sequence[Task], state: Callable[[], HostState] = lambda: STATE) -> Crew:
    clock = workers.clock
    observe = Observe(clock=clock, utc_now=clock.utc, state=state)
    made: list[Turns] = []
    for task in {task.load: task for task in asked}.values():
        made.append(Turns(Bench(task, workers.open), observe, beside=made[0] if made else None))
    return Crew(made)


def measured(workers: FakeWorkers, asked: list[Task], crew: Crew | None = None) -> dict[str, Series]:
    crew = crew or crew_of(workers, asked)
    steering = Steering(tasks=asked, hypotheses=(), clock=workers.clock)
    found = {series.case: series for series in interleave(crew, asked, random.Random(1), steering)}
    crew.close()
    return found


def rounds_of(series: Series) -> list[int | None]:
    return [block.round_index for block in series.timed]


def low() -> HostState:
    return replace(STATE, memory_available_bytes=100 * MIB)


def test_two_workers_live_side_by_side_and_share_every_round() -> None:
    workers = ByRuntime(FakeClock())
    first, second = measured(workers, tasks(FAST, SLOW)).values()
    assert workers.most_alive == 2
    assert len(workers.started) == 2
    assert rounds_of(first) == rounds_of(second) == list(range(6))
    order = sorted(block.order_index for series in (first, second) for block in series.blocks)
    assert order == list(range(len(order)))


def test_a_visit_after_another_worker_s_begins_with_a_call_that_is_not_counted() -> None:
    workers = ByRuntime(FakeClock())
    found = measured(workers, tasks(FAST, SLOW))
    blocks = sorted(
        (block.order_index, series.task.runtime, block.warmup) for series in found.values() for block in series.blocks
    )
    for (_, before, _), (_, now, warmup) in itertools.pairwise(blocks):
        assert warmup or before == now


@pytest.mark.parametrize("available_bytes", [100 * MIB, None])
def test_without_memory_for_two_one_is_alive_at_a_time_and_stays_for_the_next_round(
    available_bytes: int | None,
) -> None:
    workers = ByRuntime(FakeClock())
    asked = tasks(FAST, SLOW)
    crew = crew_of(workers, asked, lambda: replace(STATE, memory_available_bytes=available_bytes))
    first, second = measured(workers, asked, crew).values()
    assert workers.most_alive == 1
    assert crew.is_alone
    assert rounds_of(first) == rounds_of(second) == list(range(6))
    changes = sum(one != other for one, other in itertools.pairwise(workers.in_turn))
    assert changes == 6  # A B | B A | A B ...: one change a round
    assert len(workers.started) == 7


def test_sizes_of_one_variant_follow_each_other_where_it_is_loaded_again() -> None:
    workers = ByRuntime(FakeClock())
    asked = tasks(FAST, SLOW, sizes=(1, 2, 4))
    measured(workers, asked, crew_of(workers, asked, low))
    round_count = len(workers.started) - 1
    changes = sum(one != other for one, other in itertools.pairwise(workers.in_turn))
    assert changes == round_count


def test_a_cold_start_is_that_of_each_variant_s_first_point_in_the_first_round() -> None:
    workers = ByRuntime(FakeClock())
    asked = tasks(FAST, SLOW, sizes=(1, 2))
    for crew in (crew_of(workers, asked), crew_of(workers, asked, low)):
        found = measured(workers, asked, crew)
        with_start = [(series.task.runtime, series.task.batch_size) for series in found.values() if series.cold_start]
        assert sorted(with_start) == [(FAST, 1), (SLOW, 1)]
        assert {round(s.cold_start.first_call_s, 6) for s in found.values() if s.cold_start} == {0.05, 0.1}


def test_a_worker_killed_for_memory_beside_another_is_tried_again_alone() -> None:
    killed: list[Asked] = []

    def script(asked: Asked) -> Fault:
        if asked.operation == "time" and asked.task and asked.task.runtime == SLOW and not killed:
            killed.append(asked)
            return died("KILLED_FOR_MEMORY")
        return None

    workers = ByRuntime(FakeClock(), script=script)
    asked = tasks(FAST, SLOW)
    crew = crew_of(workers, asked)
    found = measured(workers, asked, crew)
    assert crew.is_alone
    assert [series.error for series in found.values()] == [None, None]


def test_a_model_too_large_for_memory_fails_when_it_is_alone_too() -> None:
    def script(asked: Asked) -> Fault:
        slow = asked.task is not None and asked.task.runtime == SLOW
        return died("KILLED_FOR_MEMORY") if asked.operation == "load" and slow else None

    workers = ByRuntime(FakeClock(), script=script)
    found = {series.task.runtime: series for series in measured(workers, tasks(FAST, SLOW)).values()}
    assert found[SLOW].error is not None
    assert found[FAST].error is None
    assert [asked.operation for asked in workers.asked].count("load") == 4  # fast, slow, slow alone, fast again


def test_a_drift_of_the_machine_is_in_both_and_not_in_the_ratio() -> None:
    workers = ByRuntime(FakeClock(), drift=lambda now_s: 1 + (now_s - 1000.0) / 20)
    first, second = measured(workers, tasks(FAST, SLOW)).values()
    question = Against(first.task, second.task)
    question.look([first, second])
    assert question.found is not None
    assert question.found.ratio == pytest.approx(2.0, rel=0.05)
    assert question.is_decided


@dataclass
class Kept:
    records: list[RunRecord] = field(default_factory=list)

    def begin(self, text: str) -> None: ...

    def expect(self, task: Task, seconds: float) -> None: ...

    def store(self, record: RunRecord) -> None:
        self.records.append(record)


def test_records_of_one_group_of_turns_have_a_name_in_common_and_a_lone_variant_s_none() -> None:
    workers = ByRuntime(FakeClock())
    kept = Kept()
    observe = Observe(clock=workers.clock, utc_now=workers.clock.utc, state=workers.clock.state)
    both = tasks(FAST, SLOW)
    Runner(kept, workers.open, NO_SENSOR, observe, lambda _: FACTS).run([*both, replace(both[0], model="walker")])
    last = {record.task: record for record in kept.records}
    names = [record.turns for record in last.values()]
    assert names == [f"{both[0].key}@1000.000000"] * 2 + [None]
    assert all(isinstance(record.latency, LatencySamples) for record in last.values())
    assert workers.open_count == 0


def test_energy_is_measured_with_no_other_worker_alive() -> None:
    workers = ByRuntime(FakeClock())
    kept = Kept()
    observe = Observe(clock=workers.clock, utc_now=workers.clock.utc, state=workers.clock.state)
    alive: list[int] = []

    def state() -> HostState:
        alive.append(workers.open_count)
        return STATE

    runner = Runner(kept, workers.open, NO_SENSOR, replace(observe, state=state), lambda _: FACTS)
    runner.run([task for each in tasks(FAST, SLOW) for task in (each, replace(each, test="energy"))])
    assert [record.task.test for record in kept.records][-2:] == ["energy", "energy"]
    assert alive[-1] <= 1


def test_the_same_variant_twice_is_two_series_on_two_workers() -> None:
    one = tasks(FAST)[0]
    asked = [replace(one, side="A"), replace(one, side="B")]
    assert asked[0].key != asked[1].key
    found = measured(FakeWorkers(FakeClock(), Cost(noise=(0.0,))), asked)
    assert len(found) == 2


def test_only_the_first_variant_is_held_against_and_only_at_base_points() -> None:
    asked = tasks("eager", "b", "c", sizes=(1, 2))
    assert [(each.first.runtime, each.other.runtime, each.other.batch_size) for each in against(asked)] == [
        ("eager", "b", 1),
        ("eager", "c", 1),
    ]
    fixed = replace(RULE, target_relative_halfwidth=None)
    assert against(tasks("eager", "b", rule=fixed)) == []


def paired_at(ratio: float, low_end: float, high: float, count: int = 8) -> Paired:
    interval = Interval(low=low_end, high=high, confidence=0.99)
    made = {"answer": "UNRESOLVED", "reason": "interval_too_wide", "round_count": count, "margin": 0.03}
    return Paired(**made, ratio=ratio, interval=interval)  # type: ignore[arg-type]


def test_rounds_until_an_answer_follow_from_the_interval() -> None:
    few = Paired(answer="UNRESOLVED", reason="too_few_rounds", round_count=2, margin=0.03)
    assert rounds_needed(few) == 4
    assert rounds_needed(paired_at(1.0, 1 / 1.03**2, 1.03**2)) == pytest.approx(8 * 3)  # twice as narrow
    assert rounds_needed(paired_at(1.1, 1.1 / 1.1**2, 1.1 * 1.1**2)) == pytest.approx(8 * 3)

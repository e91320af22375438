"""A against A on a fake worker: what is counted, what is lost, and when the time is up."""

from __future__ import annotations

import random

import pytest

from suite.errors import WorkerError
from suite.measure import selftest
from suite.measure.moment import Observe
from suite.measure.selftest import SelfTest
from suite.records import Interference, NotMeasured, QuietRule, Task
from tests.fakes import Asked, Beside, Cost, FakeClock, FakeWorkers, Fault, died

DRAWN = random.Random(5)
NOISE = tuple(DRAWN.gauss(0, 0.01) for _ in range(9973))
FEW_MS = Cost(fixed_s=0.003, per_item_s=0.001, noise=NOISE)
TASK = Task(
    test="latency",
    model="reader",
    axes=(("text_tokens", 10),),
    thread_count=2,
    repetition=selftest.WARM_UP,
    quiet=QuietRule(patience_s=30.0),
)


def itself(workers: FakeWorkers, duration_s: float = 60.0) -> SelfTest | NotMeasured:
    clock = workers.clock
    observe = Observe(clock=clock, utc_now=clock.utc, state=clock.state)
    return selftest.run(TASK, workers.open, observe, duration_s, tell=lambda _: None)


def measured(found: SelfTest | NotMeasured) -> SelfTest:
    assert isinstance(found, SelfTest)
    return found


def busy(*stretches: tuple[float, float]) -> Beside:
    """Others take both cores from one second to another; the clock of fakes begins at 1000 s."""

    def beside(start_s: float, end_s: float) -> Interference:
        taken_s = sum(max(0.0, min(end_s, 1000.0 + stop) - max(start_s, 1000.0 + begin)) for begin, stop in stretches)
        return Interference(wall_s=end_s - start_s, foreign_s=2 * taken_s, stolen_s=0.0)

    return beside


def test_a_minute_holds_pairs_of_six_rounds_of_two_blocks() -> None:
    workers = FakeWorkers(FakeClock(), FEW_MS)
    found = measured(itself(workers))
    assert found.call_s == pytest.approx(0.004, rel=0.01)
    assert found.pair_s == pytest.approx(12 * 0.08, rel=0.05)
    assert found.pair_count == pytest.approx(60 / found.pair_s, abs=2)
    assert found.block_count in range(12 * found.pair_count, 12 * (found.pair_count + 1) + 1)
    assert (found.disturbed_count, found.culprit) == (0, None)
    assert found.wall_s == pytest.approx(60.0, abs=0.3)
    assert workers.open_count == 0


def test_equal_series_are_seldom_seen_as_different_and_long_ones_tell_more() -> None:
    found = measured(itself(FakeWorkers(FakeClock(), FEW_MS), 300.0))
    assert found.apart_count <= 0.08 * found.pair_count
    assert found.different_count <= found.apart_count
    assert found.is_sound
    assert 0.001 < found.resolution < 0.02
    assert found.whole_resolution < found.resolution / 4


def test_disturbed_blocks_are_made_up_for_and_counted() -> None:
    quiet_one = measured(itself(FakeWorkers(FakeClock(), FEW_MS)))
    found = measured(itself(FakeWorkers(FakeClock(), FEW_MS, beside=busy((20.0, 30.0)))))
    assert found.disturbed_count == 1  # then it is waited for quiet
    assert found.block_count < quiet_one.block_count
    assert found.pair_count < quiet_one.pair_count


def test_where_the_machine_does_not_tell_no_share_is_claimed() -> None:
    blind = FakeWorkers(FakeClock(), FEW_MS, beside=lambda start_s, end_s: Interference(wall_s=end_s - start_s))
    assert measured(itself(blind)).disturbed_count is None


def test_where_quiet_never_comes_nothing_is_told_but_why() -> None:
    found = itself(FakeWorkers(FakeClock(), FEW_MS, beside=busy((0.0, 1000.0))))
    assert isinstance(found, NotMeasured)
    assert found.code == "DISTURBED"
    assert "other processes took" in found.reason


def test_too_short_a_time_is_told() -> None:
    found = itself(FakeWorkers(FakeClock(), FEW_MS), 0.5)
    assert isinstance(found, NotMeasured)
    assert (found.code, found.remedy) == ("TOO_SHORT", "give it longer with --seconds")


def test_a_worker_that_dies_ends_it_with_its_reason() -> None:
    asked = []

    def dies(each: Asked) -> Fault:
        asked.append(each.operation)
        return died() if asked.count("time") == 40 else None

    workers = FakeWorkers(FakeClock(), FEW_MS, script=dies)
    found = itself(workers)
    assert isinstance(found, NotMeasured)
    assert found.code == "WORKER_DIED"
    assert workers.open_count == 0


def test_a_model_that_cannot_be_loaded_is_no_trace() -> None:
    def refuses(each: Asked) -> Fault:
        return WorkerError("OUT_OF_MEMORY", "no memory", "close other programs") if each.operation == "load" else None

    found = itself(FakeWorkers(FakeClock(), FEW_MS, script=refuses))
    assert isinstance(found, NotMeasured)
    assert found.remedy == "close other programs"


def made(apart_count: int, pair_count: int) -> SelfTest:
    return SelfTest(
        model="reader",
        call_s=0.004,
        pair_count=pair_count,
        apart_count=apart_count,
        different_count=apart_count,
        resolution=0.02,
        whole_resolution=0.002,
        pair_s=1.0,
        block_count=12 * pair_count,
        disturbed_count=0,
        wall_s=60.0,
        culprit=None,
    )


def test_more_alarms_than_chance_explains_speak_against_the_instrument() -> None:
    assert made(0, 40).chance == 1.0
    assert made(2, 40).chance == pytest.approx(0.6009, abs=1e-4)  # P(X >= 2) of 40 at 5 %
    assert made(2, 40).is_sound
    assert not made(7, 40).is_sound
    with pytest.raises(ValueError, match="nest"):
        made(41, 40)

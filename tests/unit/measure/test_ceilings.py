"""The machine's own task among the others: first where the plan has it first, on a worker of its own, never fatal."""

from __future__ import annotations

import pytest

from suite.client.replies import WorkerLike
from suite.errors import UsageError, WorkerError
from suite.measure import ceilings
from suite.measure.groups import grouped
from suite.measure.moment import Observe
from suite.measure.runner import Runner
from suite.records import MACHINE, LatencySamples, NotMeasured, Repetition, Roofline, RunRecord, Task
from tests.fakes import NO_SENSOR, Asked, Cost, FakeClock, FakeWorkers, Fault, died
from tests.unit.samples import FACTS, STATE

ROOF = Task(test="roofline", model=MACHINE, thread_count=2)
LATENCY = Task(
    test="latency",
    model="reader",
    axes=(("text_tokens", 20), ("image_regions", 36)),
    thread_count=2,
    repetition=Repetition(target_relative_halfwidth=None, max_call_count=10, warmup_max_call_count=3),
)


def run(workers: FakeWorkers, *tasks: Task) -> list[RunRecord]:
    records: list[RunRecord] = []
    clock = workers.clock

    class Kept:
        def begin(self, text: str) -> None:
            pass

        def expect(self, task: Task, seconds: float) -> None:
            pass

        def store(self, record: RunRecord) -> None:
            records.append(record)

    observe = Observe(clock=clock, utc_now=clock.utc, state=clock.state)
    Runner(Kept(), workers.open, NO_SENSOR, observe, lambda _: FACTS).run(tasks)
    assert workers.open_count == 0
    return records


def workers(fault: BaseException | None = None) -> FakeWorkers:
    def script(asked: Asked) -> Fault:
        return fault if asked.operation == "roofline" else None

    return FakeWorkers(FakeClock(), Cost(noise=(0.0,)), script)


def test_the_machine_is_measured_on_a_worker_of_its_own() -> None:
    assert grouped([ROOF, LATENCY]) == [[ROOF], [LATENCY]]
    shop = workers()
    roof, latency = run(shop, ROOF, LATENCY)
    assert shop.started == [2, 2]
    assert isinstance(latency.latency, LatencySamples)
    assert isinstance(roof.roofline, Roofline)
    assert roof.wall_s == 10.0
    assert (roof.latency, roof.parameters, roof.provenance, latency.roofline) == (None, None, None, None)


def test_each_device_and_thread_count_has_a_group() -> None:
    others = [Task(test="roofline", model=MACHINE, thread_count=1), Task(test="roofline", model=MACHINE, device="mps")]
    assert grouped([ROOF, *others]) == [[ROOF], *([task] for task in others)]


@pytest.mark.parametrize("fault", [died(), WorkerError("OUT_OF_MEMORY", "too little", "make room", traceback="T")])
def test_a_fault_costs_the_roofline_alone(fault: WorkerError) -> None:
    roof, latency = run(workers(fault), ROOF, LATENCY)
    assert roof.roofline == NotMeasured(code=fault.code, reason=fault.reason, remedy=fault.remedy)
    assert roof.failure == fault.traceback
    assert roof.not_measured() == {"roofline": roof.roofline}
    assert isinstance(latency.latency, LatencySamples)


def test_a_fault_of_the_suite_itself_costs_no_more() -> None:
    roof, latency = run(workers(ZeroDivisionError("oops")), ROOF, LATENCY)
    assert isinstance(roof.roofline, NotMeasured)
    assert roof.roofline.code == "INTERNAL_ERROR"
    assert isinstance(latency.latency, LatencySamples)


@pytest.mark.parametrize("error", [died("CRASHED"), UsageError("no such interpreter")])
def test_a_worker_that_does_not_start(error: Exception) -> None:
    def refuse(_: int) -> WorkerLike:
        raise error

    if isinstance(error, UsageError):
        with pytest.raises(UsageError):
            ceilings.measure(refuse, ROOF, STATE)
    else:
        assert ceilings.measure(refuse, ROOF, STATE) == (error, ())


@pytest.mark.parametrize(
    ("available_bytes", "allowed_bytes"),
    [(None, 128 * 2**20), (4_000_000_000, 1_000_000_000), (400_000_000, 100_000_000), (1000, 8 * 2**20)],
)
def test_a_quarter_of_the_free_memory_is_taken_at_most(available_bytes: int | None, allowed_bytes: int) -> None:
    assert ceilings.allowed_bytes(available_bytes) == allowed_bytes

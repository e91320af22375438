"""Joules of an evaluation's own inputs, on fakes whose every joule is known: 2 W idle, 7 W under load."""

from __future__ import annotations

from dataclasses import replace

import pytest

from suite.errors import WorkerError
from suite.measure.estimate import allowed_s
from suite.power.meter import Meter
from suite.records import (
    Accuracy,
    EnergyReading,
    EnergyRule,
    EvaluationRule,
    Interference,
    NotMeasured,
    QuietRule,
    RealEnergy,
    RunRecord,
    Task,
)
from suite.report.real_energies import padding_share, per_example
from tests.fakes import NO_SENSOR, Asked, Cost, FakeClock, FakeWorkers, Fault, died, fake_meter
from tests.unit.measure.test_runner import run, task

RULE = EvaluationRule(name="jsonl", data="mine.jsonl", batch_size=8, alone_count=10, metered=True)
WINDOWS = EnergyRule(window_count=2, window_s=2.0, idle_s=3.0)


def workers() -> FakeWorkers:
    return FakeWorkers(FakeClock(), Cost(fixed_s=0.0625, per_item_s=0.0625, noise=(0.0,)), question_count=16)


def asked(**changes: object) -> Task:
    return task("accuracy", evaluation=RULE, energy=WINDOWS, **changes)


def measured(shop: FakeWorkers, meter: Meter | NotMeasured | None = None, **changes: object) -> RunRecord:
    (record,) = run(shop, [asked(**changes)], meter or fake_meter(shop.clock))
    assert isinstance(record.accuracy, Accuracy)
    return record


def energies(record: RunRecord) -> tuple[RealEnergy, ...]:
    assert isinstance(record.accuracy, Accuracy)
    return record.accuracy.energies


def test_whole_passes_are_metered_one_by_one_and_in_batches() -> None:
    """Two batches of 8 take 2 * 0.5625 s: two passes are 2.25 s, 7 W of which are 15.75 J for 32 inputs."""
    record = measured(workers())
    alone, batched = energies(record)
    assert (alone.batch_size, alone.example_count, batched.batch_size, batched.example_count) == (1, 16, 8, 16)
    assert isinstance(batched.energy, EnergyReading)
    assert [window.call_count for window in batched.energy.windows] == [2, 2]
    assert [window.energy_j for window in batched.energy.windows] == pytest.approx([15.75, 15.75])
    figure = per_example(batched)
    assert not isinstance(figure, NotMeasured)
    assert (figure.gross_j, figure.net_j) == pytest.approx((15.75 / 32, 5 * 2.25 / 32))
    assert (figure.load_w, figure.idle_w, figure.inference_count) == (pytest.approx(7.0), pytest.approx(2.0), 64)
    one = per_example(alone)
    assert not isinstance(one, NotMeasured)
    assert one.gross_j == pytest.approx(7 * (16 * 0.125 + 0.001 * (3 * 10 + 0)) / 16)
    assert isinstance(record.accuracy, Accuracy)
    assert padding_share(record.accuracy, alone) == 0.0
    assert padding_share(record.accuracy, batched) == pytest.approx(
        1 - sum(5 + row % 5 for row in range(16)) / (16 * 9)
    )


def test_without_a_source_the_scores_stand_and_no_pass_is_made() -> None:
    shop = workers()
    record = measured(shop, NO_SENSOR)
    assert [each.energy for each in energies(record)] == [NO_SENSOR, NO_SENSOR]
    assert record.not_measured() == {
        "energy_of_real_inputs_at_batch_1": NO_SENSOR,
        "energy_of_real_inputs_at_batch_8": NO_SENSOR,
    }
    assert not [each for each in shop.asked if each.operation == "replay"]


def test_energy_that_nobody_asked_for_is_not_measured() -> None:
    shop = workers()
    (record,) = run(shop, [replace(asked(), evaluation=replace(RULE, metered=False))], fake_meter(shop.clock))
    assert energies(record) == ()
    assert record.not_measured() == {}


def test_one_by_one_has_the_examples_that_the_batches_held() -> None:
    shop = workers()
    shop.held_count = 8
    assert [each.example_count for each in energies(measured(shop))] == [8, 8]


def test_a_batch_size_of_one_is_metered_once() -> None:
    shop = workers()
    one = replace(asked(), evaluation=replace(RULE, batch_size=1))
    (record,) = run(shop, [one], fake_meter(shop.clock))
    assert [each.batch_size for each in energies(record)] == [1]


def test_a_worker_that_dies_costs_that_figure_alone() -> None:
    shop, seen = workers(), []

    def dies(request: Asked) -> Fault:
        seen.append(request.operation)
        return died() if seen.count("replay") == 2 and request.operation == "replay" else None

    shop.script = dies
    record = measured(shop)
    alone, batched = energies(record)
    assert isinstance(alone.energy, EnergyReading)
    assert isinstance(batched.energy, NotMeasured)
    assert batched.energy.code == "WORKER_DIED"
    assert isinstance(record.accuracy, Accuracy)
    assert record.accuracy.item_count == 16


def test_examples_that_changed_meanwhile_are_refused() -> None:
    shop = workers()

    def turns(request: Asked) -> Fault:
        if request.operation == "replay":
            shop.first_length = 6
        return None

    shop.script = turns
    absent = [each.energy for each in energies(measured(shop))]
    assert [each.code for each in absent if isinstance(each, NotMeasured)] == ["EXAMPLES_DIFFER"] * 2


def test_windows_that_others_disturbed_are_upper_bounds() -> None:
    shop = workers()

    def busy(start_s: float, end_s: float) -> Interference:
        return Interference(wall_s=end_s - start_s, own_s=1.0, ours_s=0.0, foreign_s=end_s - start_s, stolen_s=0.0)

    shop.beside = busy
    record = measured(shop, quiet=QuietRule(max_foreign_share=0.05))
    assert [each.is_upper_bound for each in energies(record)] == [True, True]
    codes = [flag.code for flag in record.flags]
    assert codes.count("WINDOWS_DISTURBED") == 2
    assert "2 of 2 windows disturbed" in next(flag.text for flag in record.flags if flag.code == "WINDOWS_DISTURBED")


def test_keys_of_tasks_that_are_not_metered_stay() -> None:
    plain = Task(test="accuracy", model="m", evaluation=EvaluationRule(name="e"))
    assert plain.key == "c75c9c70dbffe6dd"
    assert replace(plain, evaluation=EvaluationRule(name="e", metered=True)).key != plain.key


def test_a_worker_error_says_why() -> None:
    shop = workers()
    shop.script = lambda request: (
        WorkerError("OUT_OF_MEMORY", "no memory is left", "use less") if request.operation == "replay" else None
    )
    absent = [each.energy for each in energies(measured(shop))]
    assert absent == [NotMeasured(code="OUT_OF_MEMORY", reason="no memory is left", remedy="use less")] * 2


def test_the_estimate_counts_both_sizes_where_there_is_a_source() -> None:
    """Twice two idle stretches of 3 s and two windows of 2 s."""
    assert allowed_s([asked()], metered=True) - allowed_s([asked()], metered=False) == 20.0
    assert allowed_s([replace(asked(), evaluation=replace(RULE, metered=False))], metered=True) == 30.0

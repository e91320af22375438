"""Outputs in a few numbers: the same everywhere, and as far apart as the outputs are."""

from __future__ import annotations

import math

import pytest

from suite.records import Fingerprint, Top
from suite.worker import fingerprint, weights

torch = pytest.importorskip("torch")
PINNED = (-27.917144775390625, 21.06531858444214)


def taken(*outputs: object) -> Fingerprint:
    fields = fingerprint.taken(list(outputs))
    top = tuple(Top(index=index, lead=lead) for index, lead in fields.pop("top"))
    return Fingerprint(**{**fields, "projection": tuple(fields["projection"])}, top=top)


def noise(name: str, count: int) -> object:
    return weights.Stream(0, name).uniform((count,))


def distance(one: Fingerprint, other: Fingerprint) -> float:
    return math.dist(one.projection, other.projection) * math.sqrt(3)


def test_each_value_counts_into_one_sum_by_the_weight_of_its_place() -> None:
    values = torch.zeros(130)
    values[1], values[65], values[129] = 1.0, 10.0, 100.0
    by_place = weights.Stream(0, "fingerprint").uniform((130,)).double()
    found = taken(values)
    assert found.projection[1] == float(by_place[1] + 10 * by_place[65] + 100 * by_place[129])
    assert [value for place, value in enumerate(found.projection) if place != 1] == [0.0] * 63
    assert found.norm == math.sqrt(1 + 100 + 10_000)
    assert (found.tensor_count, found.value_count, found.taken_count, found.not_finite_count) == (1, 130, 130, 0)


def test_the_numbers_are_the_same_on_every_platform() -> None:
    found = taken(torch.arange(100, dtype=torch.float32))
    assert found.projection[0] == pytest.approx(PINNED[0], rel=1e-12)
    assert found.projection[63] == pytest.approx(PINNED[1], rel=1e-12)


def test_cutting_the_outputs_into_tensors_changes_no_sum() -> None:
    values = noise("x", 1000)
    whole, parted = taken(values), taken(values[:333], values[333:])
    assert parted.projection == pytest.approx(whole.projection, rel=1e-12)
    assert parted.tensor_count == 2


def test_chunks_change_no_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    values = noise("x", 5000)
    whole = taken(values)
    monkeypatch.setattr(fingerprint, "CHUNK_VALUE_COUNT", 128)
    assert taken(values).projection == pytest.approx(whole.projection, rel=1e-12)


@pytest.mark.parametrize("error", [1e-6, 1e-3, 0.1])
def test_projections_are_as_far_apart_as_the_outputs(error: float) -> None:
    values = noise("x", 100_000)
    other = values + error * noise("y", 100_000)
    true = float((other.double() - values.double()).norm())
    assert distance(taken(values), taken(other)) == pytest.approx(true, rel=0.35)


def test_other_weights_give_outputs_about_as_far_apart_as_they_are_long() -> None:
    one, other = taken(noise("x", 10_000)), taken(noise("y", 10_000))
    assert distance(one, other) / one.norm == pytest.approx(math.sqrt(2), rel=0.35)


def test_what_is_not_finite_is_told_and_hides_nothing() -> None:
    values = torch.tensor([math.nan, -math.inf, 3.0, 1e30])
    found = taken(values)
    assert (found.not_finite_count, found.norm) == (3, 3.0)
    assert found.projection[2] == 3.0 * float(weights.Stream(0, "fingerprint").uniform((3,)).double()[2])
    assert found.top == ()


def test_very_many_values_are_taken_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "MAX_VALUE_COUNT", 128)
    found = taken(torch.ones(100), torch.ones(100), torch.ones(100))
    assert (found.value_count, found.taken_count, found.norm) == (300, 128, math.sqrt(128))


def test_the_first_rows_answers_and_their_lead_over_the_second() -> None:
    found = taken(torch.tensor([[0.0, 4.0, 1.0], [2.0, 0.0, 2.0]]))
    scale = math.sqrt(25 / 6)
    assert found.top[0] == Top(index=1, lead=3.0 / scale)
    assert found.top[1].lead == 0.0


def test_at_most_eight_rows_of_each_output_and_sixteen_in_all() -> None:
    assert len(taken(torch.rand(20, 5)).top) == 8
    assert len(taken(torch.rand(20, 5), torch.rand(20, 5), torch.rand(20, 5)).top) == 16


@pytest.mark.parametrize(
    "outputs",
    [
        (),
        (torch.empty(0),),
        (torch.tensor(2.0),),
        (torch.tensor([1, 2, 3]),),
        (torch.tensor([True, False]),),
        (torch.tensor([1.0 + 2.0j, 3.0]),),
        (torch.ones(3, dtype=torch.bfloat16),),
        (torch.zeros(4, 4).to_sparse(),),
    ],
    ids=["none", "empty", "scalar", "int", "bool", "complex", "bfloat16", "sparse"],
)
def test_outputs_of_any_kind(outputs: tuple[object, ...]) -> None:
    found = taken(*outputs)
    assert found.taken_count == found.value_count
    assert found.not_finite_count == 0

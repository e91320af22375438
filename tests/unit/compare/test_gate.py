"""Conditions of a gate: how they are written, what proves them, what rules them out, what leaves them open."""

from __future__ import annotations

import pytest

from suite.compare import gate, kinds, table
from suite.compare.table import Comparison
from suite.errors import UsageError
from suite.records import NotMeasured, RunRecord
from tests.unit.compare.made import PACE_S, record, sheet

WIDE = (-0.05, -0.03, -0.01, 0.02, 0.04, 0.06)


def compared(first: RunRecord, second: RunRecord) -> Comparison:
    return table.compare(kinds.kinds([sheet(first), sheet(second)], ["a", "b"]))


def answer(text: str, second: RunRecord) -> tuple[str, int]:
    gates = gate.judge(compared(record(0.1), second), [gate.condition(text)])
    return gates[0].answer, gate.status(gates)


@pytest.mark.parametrize(
    ("text", "quantity", "limit", "model"),
    [
        ("latency slower 5%", "latency", 1.05, None),
        ("latency slower 5 %", "latency", 1.05, None),
        ("latency slower by 0.05", "latency", 1.05, None),
        ("latency  slower .05 lxmert", "latency", 1.05, "lxmert"),
        ("latency faster 10%", "latency", 0.9, None),
        ("memory more 2.5 % my model", "memory", 1.025, "my model"),
        ("latency slower 0%", "latency", 1.0, None),
    ],
)
def test_a_condition_as_people_write_it(text: str, quantity: str, limit: float, model: str | None) -> None:
    found = gate.condition(text)
    assert (found.quantity, found.limit, found.model) == (quantity, pytest.approx(limit), model)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("latency slower 5", "without % may mean a share or per cent; write it as 5% or 0.05"),
        ("latency slower 5,5%", "is no share; write it as 5% or 0.05"),
        ("latency slower 5000%", "more than 1000 %"),
        ("latency faster 100%", "nothing is faster by 100 % or more"),
        ("latency worse 5%", "that is no condition; write it as"),
        ("latency", "that is no condition; write it as"),
        ("speed slower 5%", "there is no quantity 'speed': latency, memory"),
        ("memory slower 5%", "peak memory is not slower; write more or less"),
    ],
)
def test_what_is_no_condition_is_refused_with_the_way_to_write_it(text: str, told: str) -> None:
    with pytest.raises(UsageError) as refused:
        gate.condition(text)
    assert told in str(refused.value)


@pytest.mark.parametrize("text", ["0%", "100%", "1", "-3%", "three"])
def test_a_margin_is_a_share_above_nothing(text: str) -> None:
    with pytest.raises(UsageError, match="--margin"):
        gate.margin(text)
    assert gate.margin("3 %") == gate.margin("0.03") == 0.03


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (record(0.12), ("HOLDS", 4)),
        (record(0.1), ("RULED OUT", 0)),
        (record(0.09), ("RULED OUT", 0)),
        (record(0.105), ("OPEN", 5)),
        (record(0.104, WIDE), ("OPEN", 5)),
        (record(0.2, (0.0,)), ("OPEN", 5)),
        (record(0.2, samples={"stop": "disturbed"}), ("OPEN", 5)),
        (record(0.2, pace_s=1.3 * PACE_S), ("OPEN", 5)),
        (record(0.12, pace_s=1.06 * PACE_S), ("HOLDS", 4)),
        (record(0.11, pace_s=1.06 * PACE_S), ("OPEN", 5)),
        (record(latency=NotMeasured(code="X", reason="r", remedy="m")), ("OPEN", 5)),
        (record(0.1, task={"batch_size": 2}), ("OPEN", 5)),
    ],
)
def test_a_gate_proves_rules_out_or_says_that_it_is_open(second: RunRecord, expected: tuple[str, int]) -> None:
    assert answer("latency slower 5%", second) == expected


def test_faster_is_the_other_side() -> None:
    assert answer("latency faster 5%", record(0.08)) == ("HOLDS", 4)
    assert answer("latency faster 5%", record(0.1)) == ("RULED OUT", 0)


def test_a_quantity_that_no_run_has_leaves_the_gate_open() -> None:
    assert answer("energy more 5%", record(0.1)) == ("OPEN", 5)


def test_one_proved_condition_outweighs_an_open_one() -> None:
    found = compared(record(0.1), record(0.2))
    gates = gate.judge(found, [gate.condition("energy more 5%"), gate.condition("latency slower 5%")])
    assert [each.answer for each in gates] == ["OPEN", "HOLDS"]
    assert gate.status(gates) == 4
    assert gate.status(()) == 0


def test_a_model_that_no_run_has_is_refused() -> None:
    with pytest.raises(UsageError, match="no run has a model 'nll'; there is null"):
        gate.judge(compared(record(), record()), [gate.condition("latency slower 5% nll")])


def test_a_condition_over_many_places_is_corrected_for_them() -> None:
    """One place in forty that chance alone would make slower is not proved."""

    def run(slower: float) -> list[RunRecord]:
        sizes = [record(0.1 * size, WIDE, task={"batch_size": size}) for size in range(2, 41)]
        return [record(0.1 * slower, WIDE), *sizes]

    condition = [gate.condition("latency slower 2%")]
    alone = gate.judge(compared(run(1.0)[0], run(1.18)[0]), condition)
    beside = table.compare(kinds.kinds([sheet(*run(1.0)), sheet(*run(1.18))], ["a", "b"]))
    assert alone[0].answer == "HOLDS"
    assert gate.judge(beside, condition)[0].verdicts[0].answer == "OPEN"

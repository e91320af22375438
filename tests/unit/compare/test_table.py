"""Two runs side by side: what is told, what is named, what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from suite.compare import kinds, shown, table
from suite.compare.against import BY_CHANCE, OTHER_STATE, Merged
from suite.compare.sheet import Sheet
from suite.compare.table import Cell, Comparison
from suite.errors import UsageError
from suite.records import EvaluationRule, Flag, NotMeasured
from suite.units import Scale
from tests.unit.compare.made import HOST, ORIGIN, PACE_S, STATE, record, sheet
from tests.unit.report.evaluated import accuracy

WIDE = (-0.05, -0.03, -0.01, 0.02, 0.04, 0.06)


def compared(first: Sheet, second: Sheet, *more: Sheet, names: Sequence[str] = ("a", "b")) -> Comparison:
    return table.compare(kinds.kinds([first, second, *more], list(names)))


def cell(found: Comparison, name: str = "b", quantity: str = "latency") -> Cell:
    (line,) = found.lines[quantity]
    return line.cells[name]


def answer(found: Comparison) -> str:
    told = cell(found).told
    assert told is not None
    return told.answer


def notes(found: Comparison, name: str = "b") -> list[str]:
    (line,) = found.lines["latency"]
    return list(shown.texts(line.cells[name], name, line))


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (record(0.1), "SAME"),
        (record(0.101), "SAME"),
        (record(0.11), "MORE"),
        (record(0.09), "LESS"),
        (record(0.1, WIDE), "UNRESOLVED"),
        (record(0.2, (0.0, 0.0)), "UNRESOLVED"),
    ],
)
def test_a_verdict(second: Any, expected: str) -> None:
    found = compared(sheet(record(0.1)), sheet(second))
    assert answer(found) == expected
    assert cell(found, "a").told is None


def test_an_open_verdict_says_how_much_longer_both_would_take() -> None:
    told = cell(compared(sheet(record(0.1, WIDE)), sheet(record(0.1, WIDE)))).told
    assert told is not None
    assert told.needed_s is not None
    assert told.needed_s > 0


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"task": {"thread_count": 2}}, "threads: 1 against 2"),
        ({"task": {"precision": "bf16"}}, "precision: fp32 against bf16"),
        ({"task": {"runtime": "onnx"}}, "runtime: eager against onnx"),
        ({"task": {"device": "cuda"}}, "device: cpu against cuda"),
        (
            {"provenance": replace(ORIGIN, weights_sha256="99" * 32)},
            "weights: seeded, abababababab against seeded, 999999999999",
        ),
        (
            {"provenance": replace(ORIGIN, inputs_sha256="99" * 32)},
            "inputs: seeded, cdcdcdcdcdcd against seeded, 999999999999",
        ),
        ({"provenance": None}, "weights: seeded, abababababab against unknown"),
        ({"host": replace(HOST, versions=(("python", "3.6.15"), ("torch", "2.0.0")))}, "torch: 1.10.1 against 2.0.0"),
        ({"host": replace(HOST, versions=(("python", "3.6.15"),))}, "torch: 1.10.1 against unknown"),
        ({"before": replace(STATE, power_mode="5W")}, "power mode: MAXN against 5W, then MAXN"),
        (
            {"before": replace(STATE, on_battery=True), "after": replace(STATE, on_battery=True)},
            "power supply: mains against battery",
        ),
        ({"host": replace(HOST, cpu_quota=1.5)}, "CPU quota: none against 1.5 CPUs"),
        ({"samples": {"thread_counts": (2,)}}, "threads in force: 1 against 2"),
        ({"samples": {"thread_counts": ()}}, "threads in force: 1 against unknown"),
    ],
)
def test_a_difference_is_named_beside_the_ratio(change: dict[str, Any], text: str) -> None:
    found = compared(sheet(record(0.1)), sheet(record(0.12, **change)))
    assert answer(found) == "MORE"
    assert text in notes(found)


def test_another_network_of_the_same_name_is_refused() -> None:
    other = record(0.12, provenance=replace(ORIGIN, configuration=("two layers fewer",)))
    found = compared(sheet(record(0.1)), sheet(other))
    assert answer(found) == "NONE"
    assert cell(found).beside is not None
    assert "network: none against two layers fewer" in notes(found)


def test_an_upper_bound_is_no_value_to_compare() -> None:
    bound = record(0.2, samples={"stop": "disturbed"})
    found = compared(sheet(record(0.1)), sheet(bound))
    assert answer(found) == "NONE"
    assert notes(found)[0].startswith("an upper bound, as other processes took too much")
    told = cell(found).merged
    assert isinstance(told, Merged)
    assert shown.figure(found.quantities[0], Scale(1.0, "s"), told) == "≤ 0.2000"


def test_another_count_of_steps_is_another_thing() -> None:
    found = compared(sheet(record(0.1)), sheet(record(0.1, samples={"step_count": 5})))
    assert answer(found) == "NONE"
    assert "of another thing: one step a call against 5 steps a call" in notes(found)


def test_an_emulated_processor_is_refused_beside_a_real_one() -> None:
    found = compared(sheet(record(0.1)), sheet(record(0.2, flags=(Flag(code="EMULATED", text="by software"),))))
    assert answer(found) == "NONE"


def test_what_neither_run_tells_is_told_once() -> None:
    silent = replace(STATE, power_mode=None, on_battery=None)
    found = compared(*(sheet(record(0.1, before=silent, after=silent)) for _ in range(2)))
    assert found.unknown == ("power mode", "power supply")
    assert notes(found) == []


class TestStates:
    """The machine's own speed, told by a fixed piece of arithmetic: a host that slows by a quarter is no regression."""

    def test_a_slower_state_withholds_the_verdict(self) -> None:
        found = compared(sheet(record(0.1)), sheet(record(0.125, pace_s=1.25 * PACE_S)))
        told = cell(found).told
        assert told is not None
        assert (told.answer, told.reason) == ("UNRESOLVED", OTHER_STATE)
        assert "a fixed piece of arithmetic took 100 µs against 125 µs" in notes(found)

    def test_so_it_does_where_the_latency_is_the_same(self) -> None:
        assert answer(compared(sheet(record(0.1)), sheet(record(0.1, pace_s=1.25 * PACE_S)))) == "UNRESOLVED"

    def test_a_little_slower_it_stands_if_it_holds_without_that_too(self) -> None:
        slower = 1.06 * PACE_S
        assert answer(compared(sheet(record(0.1)), sheet(record(0.12, pace_s=slower)))) == "MORE"
        assert answer(compared(sheet(record(0.1)), sheet(record(0.106, pace_s=slower)))) == "UNRESOLVED"
        assert answer(compared(sheet(record(0.1)), sheet(record(0.1, pace_s=slower)))) == "UNRESOLVED"

    def test_paces_of_one_state_change_nothing(self) -> None:
        found = compared(sheet(record(0.1)), sheet(record(0.12, pace_s=1.02 * PACE_S)))
        assert (answer(found), notes(found)) == ("MORE", [])

    def test_without_a_pace_in_both_it_is_said_that_nobody_knows(self) -> None:
        found = compared(sheet(record(0.1)), sheet(record(0.12, pace_s=None)))
        assert answer(found) == "MORE"
        assert notes(found) == ["whether the machine was in one state can't be told: no clock and no pace for both"]

    def test_another_power_mode_is_the_difference_itself(self) -> None:
        slow = replace(STATE, power_mode="5W")
        found = compared(sheet(record(0.1)), sheet(record(0.2, pace_s=2 * PACE_S, before=slow, after=slow)))
        assert answer(found) == "MORE"
        assert notes(found) == ["power mode: MAXN against 5W"]


def test_a_size_that_one_run_lacks_has_no_ratio() -> None:
    found = compared(sheet(record(0.1)), sheet(record(0.1), record(0.2, task={"batch_size": 2})))
    first, second = found.lines["latency"]
    assert first.cells["b"].told is not None
    assert second.cells["a"].merged is None
    assert second.cells["b"].told is None


def test_an_absence_stays_one() -> None:
    absence = NotMeasured(code="OUT_OF_MEMORY", reason="it was killed", remedy="measure less")
    found = compared(sheet(record(0.1)), sheet(record(latency=absence)))
    assert cell(found).merged == absence


def test_variants_of_one_run_are_lines_of_their_own() -> None:
    both = [record(0.1), record(0.05, task={"precision": "bf16"})]
    found = compared(sheet(*both), sheet(record(0.06, task={"precision": "bf16"})))
    first, second = found.lines["latency"]
    assert first.place.variant == (("precision", "fp32"),)
    assert first.cells["b"].merged is None
    assert second.cells["b"].told is not None
    assert second.cells["b"].told.answer == "MORE"


def test_runs_of_one_name_are_one_kind_and_their_spread_counts() -> None:
    many = [sheet(record(value), folder=f"{at}") for at, value in enumerate((0.100, 0.104, 0.096, 0.106, 0.11, 0.102))]
    found = table.compare(kinds.kinds(many, ["a", "a", "a", "b", "b", "b"]))
    merged = cell(found).merged
    assert merged is not None
    assert not isinstance(merged, NotMeasured)
    assert merged.figure.level is not None
    assert merged.figure.level.run_count == 3
    assert merged.figure.value == pytest.approx((0.106 * 0.11 * 0.102) ** (1 / 3))
    assert answer(found) == "UNRESOLVED"  # each pair of runs alone would be told apart


def test_runs_of_one_name_that_differ_are_not_put_together_silently() -> None:
    many = [sheet(record(0.1, task={"thread_count": count}), folder=f"{count}") for count in (1, 2, 3)]
    found = table.compare(kinds.kinds(many, ["a", "b", "b"]))
    assert "the runs of b differ in threads: 2 against 3" in notes(found)


def test_the_best_and_its_ties_have_the_first_rank() -> None:
    many = [sheet(record(value), folder=str(value)) for value in (0.12, 0.1, 0.1001)]
    (line,) = table.compare(kinds.kinds(many, ["a", "b", "c"])).lines["latency"]
    assert {name: found.rank for name, found in line.cells.items()} == {"a": 2, "b": 1, "c": 1}


def test_chance_beside_many_comparisons_is_said() -> None:
    def run(slower: float) -> Sheet:
        sizes = [record(0.1 * size, WIDE, task={"batch_size": size}) for size in range(2, 40)]
        return sheet(record(0.1 * slower, WIDE), *sizes)

    found = compared(run(1.0), run(1.4))
    first = found.lines["latency"][0]
    assert first.cells["b"].told is not None
    assert first.cells["b"].told.reason == BY_CHANCE


class TestNames:
    def test_runs_are_named_by_what_tells_them_apart(self) -> None:
        def of(**host: Any) -> Sheet:
            return sheet(record(host=replace(HOST, **host)), folder=f"results/{len(host)}")

        assert list(kinds.kinds([of(cpu_model="A"), of(cpu_model="B")])) == ["A (cpu)", "B (cpu)"]
        images = [of(container_image_digest=f"sha256:{letter * 64}") for letter in "ab"]
        assert list(kinds.kinds(images)) == ["a" * 12, "b" * 12]
        commits = [of(git_commit="0123456789abcdef"), of(git_commit="0123456789abcdef-dirty")]
        assert list(kinds.kinds(commits)) == ["012345678", "012345678-dirty"]

    def test_what_is_alike_or_unknown_is_named_by_its_folder(self) -> None:
        assert list(kinds.kinds([sheet(record(), folder="x/one"), sheet(record(), folder="x/two")])) == ["one", "two"]
        alike = [sheet(record(), folder="x/run"), sheet(record(), folder="y/run")]
        assert list(kinds.kinds(alike)) == ["x/run", "y/run"]

    def test_names_are_one_for_each_run(self) -> None:
        with pytest.raises(UsageError, match="3 names for 2 runs"):
            kinds.kinds([sheet(record()), sheet(record())], ["a", "b", "c"])
        with pytest.raises(UsageError, match="give two names"):
            kinds.kinds([sheet(record()), sheet(record())], ["a", "a"])


def scored(wrong_count: int, examples: str = "ef" * 32) -> Any:
    made = accuracy(wrong=wrong_count)
    batches = tuple(replace(each, examples_sha256=examples) for each in made.batches)
    found = record(0.1)
    task = replace(found.task, test="accuracy", evaluation=EvaluationRule(name="digits-vqa"))
    return replace(found, task=task, latency=None, memory=None, accuracy=replace(made, batches=batches))


@pytest.mark.parametrize(
    ("wrong_count", "expected"), [(4, "UNRESOLVED"), (32, "LESS"), (38, "LESS")], ids=["as right", "worse", "far worse"]
)
def test_scores_are_compared_by_their_standard_errors(wrong_count: int, expected: str) -> None:
    found = cell(compared(sheet(scored(4)), sheet(scored(wrong_count))), quantity="accuracy")
    assert found.told is not None
    assert found.told.answer == expected
    assert found.beside is not None
    assert found.beside.ratio is not None
    assert found.beside.ratio.value == pytest.approx((40 - wrong_count) / 36)


def test_scores_of_other_examples_are_not_compared() -> None:
    found = cell(compared(sheet(scored(4)), sheet(scored(4, "ab" * 32))), quantity="accuracy")
    assert found.told is not None
    assert found.told.answer == "NONE"
    assert "of another thing: accuracy of 40 answers" in found.told.reason

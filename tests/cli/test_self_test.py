"""`suite doctor --self-test`: A against A in the table, in JSON, and in the exit status."""

from __future__ import annotations

import random

import pytest

from suite.errors import WorkerError
from tests.cli.conftest import CommandLine
from tests.fakes import Asked, Cost, FakeClock, FakeWorkers, Fault

DRAWN = random.Random(5)
FEW_MS = Cost(fixed_s=0.003, per_item_s=0.001, noise=tuple(DRAWN.gauss(0, 0.01) for _ in range(9973)))


def test_the_self_test_tells_alarms_resolution_and_disturbed_blocks(suite: CommandLine) -> None:
    suite.workers = FakeWorkers(FakeClock(), FEW_MS)
    result = suite("doctor", "--self-test", "--seconds", 30, "--json")
    assert result.status == 0
    assert result.err == "self-test of latency: A against A, 30.0 s\n"
    row = next(row for row in result.answer if row["what"] == "self-test latency")
    figures = row["figures"]
    assert row["ok"]
    assert figures["model"] == "reader"
    assert figures["pair_count"] >= 25
    assert figures["disturbed_count"] == 0
    assert row["found"].startswith("A against A, reader, 4.00 ms a call: ")
    assert "at most 5 % is expected by chance)" in row["found"]
    assert row["found"].endswith(f"; 0 of {figures['block_count']} blocks (0 %) were disturbed")
    assert all(task.task is None or dict(task.task.axes)["text_tokens"] == 10 for task in suite.workers.asked)


def test_a_self_test_that_cannot_be_made_is_told_with_status_1(suite: CommandLine) -> None:
    def refuses(each: Asked) -> Fault:
        return WorkerError("OUT_OF_MEMORY", "no memory", "close other programs") if each.operation == "load" else None

    suite.workers = FakeWorkers(FakeClock(), FEW_MS, script=refuses)
    result = suite("doctor", "--self-test")
    assert result.status == 1
    assert "self-test latency: close other programs" in result.out
    assert suite("doctor").status == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--seconds", "5"], "--seconds: it is of the self-test; add --self-test"),
        (["--self-test", "--seconds", "0"], "--seconds: 0 is not between 1 and 3,600"),
        (["--self-test", "--seconds", "nan"], "--seconds: nan is not between 1 and 3,600"),
    ],
)
def test_seconds_that_make_no_sense_are_wrong_use(suite: CommandLine, arguments: list[str], told: str) -> None:
    result = suite("doctor", *arguments)
    assert (result.status, result.error) == (2, told)

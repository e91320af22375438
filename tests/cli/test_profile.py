"""`suite profile`, and a plan that asks for it beside other tests."""

from __future__ import annotations

import pytest

from suite.errors import WorkerError
from suite.records import LatencySamples, Profile, store
from tests.cli.conftest import CommandLine
from tests.fakes import Asked, Fault

ALONE = ("profile", "--model", "reader", "--out", "run")


def test_operators_and_modules_are_told_beside_their_products(suite: CommandLine) -> None:
    result = suite(*ALONE)
    assert result.status == 0
    lines = [line.split() for line in result.out.splitlines()]
    # 62.5 ms under the profiler, three quarters of it in a product of 1 GMAC
    assert ["mm", "2", "46.9", "75.0", "1,000,000,000", "42.7"] in lines
    assert ["layers.0", "Linear", "1", "50.0", "80.0", "1,000,000,000", "40.0"] in lines
    assert [
        "between",
        "operators",
        "(Python,",
        "waiting)",
        "none",
        "3.13",
        "5.0",
        "0",
        "multiplies",
        "nothing",
    ] in lines
    assert "62.50 ms a call under the profiler" in result.out
    assert "50.00 ms without it (median): +25 %" in result.out


def test_the_calls_without_the_profiler_are_kept_with_it(suite: CommandLine) -> None:
    suite(*ALONE, "--batch-size", "1,2")
    first, second = store.load(suite.folder / "run").records
    assert (first.task.test, first.task.batch_size, second.task.batch_size) == ("profile", 1, 2)
    assert isinstance(first.profile, Profile)
    assert isinstance(first.latency, LatencySamples)
    assert len(first.latency.timed_blocks) == 2  # before and after


def test_nothing_is_timed_in_its_worker_afterwards(suite: CommandLine) -> None:
    suite("all", "--quick", "--model", "reader", "--test", "latency", "--test", "profile", "--out", "run")
    operations = [asked.operation for asked in suite.workers.asked]
    assert operations.count("profile") == 1
    after = operations[operations.index("profile") + 1 :]
    assert set(after) <= {"time", "watch"}  # its control
    assert operations[: operations.index("profile")].count("load") == 2
    assert suite.workers.open_count == 0
    report = (suite.folder / "run/report.md").read_text()
    assert "where the time goes" in report
    assert "+25 %" in report


def test_json_holds_every_part(suite: CommandLine) -> None:
    (found,) = suite(*ALONE, "--json").answer["results"]
    assert [each["operator"] for each in found["profile"]["operators"]] == ["mm", "add"]
    assert [each["path"] for each in found["profile"]["modules"]] == ["layers.0", "(model)"]


@pytest.mark.parametrize("code", ["NOTHING_SEEN", "NO_PROFILER"])
def test_what_can_t_be_profiled_says_why(suite: CommandLine, code: str) -> None:
    def script(asked: Asked) -> Fault:
        return WorkerError(code, "it lies outside of torch", "take eager") if asked.operation == "profile" else None

    suite.workers.script = script
    result = suite(*ALONE)
    assert result.status == 1
    assert f"{code}: it lies outside of torch; take eager" in result.out

"""`suite all` with a plan that asks for the roofline, on fake workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import STANDARD, CommandLine
from tests.fakes import Asked, FakeClock, FakeWorkers, Fault, died

ROOF = {"code": "WORKER_DIED", "reason": "the worker ended with signal 9", "remedy": "see the log"}


@pytest.fixture(autouse=True)
def _plan(suite: CommandLine) -> None:
    text = STANDARD.replace('"latency"]', '"latency", "roofline"]')
    (suite.folder / "plans/standard.toml").write_text(text)


def test_the_machine_is_measured_first_and_explains_the_latencies(suite: CommandLine) -> None:
    result = suite("all", "--out", "run", "--json")
    assert result.status == 0
    first, *others = result.answer["results"]
    assert (first["task"]["test"], first["task"]["device"], first["task"]["thread_count"]) == ("roofline", "cpu", 2)
    assert first["roofline"]["bandwidth_bytes_per_s"] == 20e9
    assert first["roofline"]["flop_per_s"] == {"fp32": 100e9}
    assert all("roofline" not in found for found in others)
    assert "roofline of cpu, 2 threads: 20.0 GB/s, 100 GFLOP/s fp32" in result.err
    report = Path("run/report.md").read_text()
    assert "Why: the roofline" in report
    assert "- reader: batch 1 reads 3.6 MB of weights: at 20.0 GB/s that is" in report
    assert Path("run/plots/roofline.png").is_file()


def test_a_model_filter_keeps_the_machine(suite: CommandLine) -> None:
    suite("all", "--model", "reader", "--out", "run")
    assert [line["task"]["model"] for line in suite.lines()][:2] == ["machine", "reader"]
    assert suite("all", "--model", "reader", "--out", "run", "--resume").status == 0


def test_latency_alone_does_not_measure_it(suite: CommandLine) -> None:
    suite("latency", "--out", "run")
    assert {line["task"]["test"] for line in suite.lines()} == {"latency"}
    suite("latency", "--plan", "standard", "--out", "other")
    assert {line["task"]["test"] for line in suite.lines("other")} == {"latency"}


def test_a_roofline_without_latencies_is_refused(suite: CommandLine) -> None:
    result = suite("all", "--test", "roofline", "--out", "run")
    assert result.status == 2
    assert result.error == ("--test: a roofline says what latencies are near to; ask for latency too, or leave it out")


def test_a_worker_that_dies_in_it_costs_nothing_else(suite: CommandLine) -> None:
    def script(asked: Asked) -> Fault:
        return died() if asked.operation == "roofline" else None

    suite.workers = FakeWorkers(FakeClock(), script=script)
    result = suite("all", "--out", "run", "--json")
    assert result.status == 1  # something asked for could not be measured
    first, *others = result.answer["results"]
    assert first["roofline"] == {"not_measured": ROOF}
    assert all("'not_measured'" not in str(found) for found in others)
    report = Path("run/report.md").read_text()
    assert "| roofline   | machine | cpu, 2 threads |" in report
    assert "Why: what the device allows" not in report


def test_a_run_cut_off_after_it_goes_on_and_does_not_measure_it_again(suite: CommandLine) -> None:
    def interrupt(asked: Asked) -> Fault:
        return KeyboardInterrupt() if asked.operation == "load" else None

    suite.workers = FakeWorkers(FakeClock(), script=interrupt)
    assert suite("all", "--out", "run").status == 130
    suite.workers = FakeWorkers(FakeClock())
    assert suite("all", "--out", "run", "--resume", "--model", "reader", "--model", "walker").status == 0
    assert "roofline" not in [asked.operation for asked in suite.workers.asked]
    assert [line["task"]["test"] for line in suite.lines()].count("roofline") == 1

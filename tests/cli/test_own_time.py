"""Latency on a device other than the CPU: its own time, transfers and memory beside it, in record and report."""

from __future__ import annotations

import dataclasses
import re

import pytest

from suite.errors import WorkerError
from suite.records import DeviceTimes, GpuState, HostState, LatencySamples, NotMeasured, store
from tests.cli.conftest import CommandLine
from tests.fakes import Asked, Fault, fake_tools
from tests.unit.samples import STATE

ON_GPU = ("all", "--quick", "--model", "reader", "--test", "latency", "--device", "cuda", "--out", "run")


@pytest.fixture
def gpu(suite: CommandLine) -> CommandLine:
    suite.workers.devices = ("cpu", "cuda:0")
    tools = fake_tools(suite.folder / "plans", suite.workers)
    seen = iter(range(10_000))

    def state() -> HostState:
        one = GpuState(name="NVIDIA X", clock_hz=1.7e9, temperature_c=40.0 + min(next(seen), 20), throttle=())
        return dataclasses.replace(STATE, gpus=(one,))

    around = dataclasses.replace(tools.surroundings(), devices=lambda: ("cpu", "cuda:0"))
    observe = dataclasses.replace(tools.observe, state=state)
    suite.tools = dataclasses.replace(tools, surroundings=lambda: around, observe=observe)
    return suite


def test_each_block_is_followed_by_calls_of_their_own(gpu: CommandLine) -> None:
    assert gpu(*ON_GPU).status == 0
    for record in store.load(gpu.folder / "run").records:
        assert isinstance(record.device_times, DeviceTimes)
        assert isinstance(record.latency, LatencySamples)
        assert len(record.device_times.blocks) == len(record.latency.timed_blocks)
        rounds = [block.round_index for block in record.latency.timed_blocks]
        assert [block.round_index for block in record.device_times.blocks] == rounds
    operations = [asked.operation for asked in gpu.workers.asked]
    assert all(operations[at - 1] in ("time", "watch") for at, name in enumerate(operations) if name == "device_times")


def test_the_report_tells_work_from_launching(gpu: CommandLine) -> None:
    gpu(*ON_GPU)
    report = (gpu.folder / "run/report.md").read_text()
    (row,) = [line for line in report.splitlines() if "1.00 in, 2.00 out" in line and "batch 1" in line]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[2:] == ["50.00", "37.50", "12.50", "37.50", "75", "1.000", "2.000", "1.00 in, 2.00 out"]
    assert re.search(r"temperature +\| 44\.0 °C +\| 55\.0 °C", report)
    assert "lowered by" in report


def test_the_cpu_is_not_asked(suite: CommandLine) -> None:
    suite("all", "--quick", "--model", "reader", "--test", "latency", "--device", "cpu", "--out", "run")
    assert {asked.operation for asked in suite.workers.asked}.isdisjoint({"device_times"})
    assert all(record.device_times is None for record in store.load(suite.folder / "run").records)
    assert "Its own time" not in (suite.folder / "run/report.md").read_text()


def test_a_device_without_a_clock_costs_no_latency_and_is_asked_once(gpu: CommandLine) -> None:
    def script(asked: Asked) -> Fault:
        return WorkerError("NO_DEVICE_CLOCK", "no events", "newer torch") if asked.operation == "device_times" else None

    gpu.workers.script = script
    assert gpu(*ON_GPU).status == 0
    records = store.load(gpu.folder / "run").records
    assert all(isinstance(record.latency, LatencySamples) for record in records)
    assert {type(record.device_times) for record in records} == {NotMeasured}
    asked = [each.task.batch_size for each in gpu.workers.asked if each.operation == "device_times" and each.task]
    assert sorted(asked) == [1, 2]
    assert "NO_DEVICE_CLOCK: no events; newer torch." in (gpu.folder / "run/report.md").read_text().replace("\\", "")

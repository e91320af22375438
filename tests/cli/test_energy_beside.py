"""Records of two sources in the same windows; and of a source that is lost midway."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from suite.errors import SensorError
from suite.power.base import Options
from suite.power.meter import Gauge, Meter, Refused
from suite.records import NotMeasured
from tests.cli.conftest import CommandLine
from tests.fakes import FakeSampler, fake_meter, fake_tools


@dataclass(slots=True)
class Lost(FakeSampler):
    """A service that was killed in a window."""

    def check(self) -> None:
        raise SensorError("JTOP_LOST", "the service jtop ended", "restart it, then run again")


def two_parts(suite: CommandLine, **lost: bool) -> Meter:
    """A package of 2 W idle and 7 W under load, and a board of ten times that; either may be lost in a window."""
    clock, meter = suite.workers.clock, fake_meter(suite.workers.clock)
    package = replace(meter.description, scope="CPU package only", part="cpu package")
    board = replace(meter.description, scope="GPU board", part="gpu board")

    def start(source: str, _options: Options) -> FakeSampler:
        kind = Lost if lost.get(source) else FakeSampler
        times = 10 if source == "board" else 1
        described = board if source == "board" else package
        return kind(clock, described, idle_w=2.0 * times, load_w=7.0 * times)

    return replace(meter, source="package", description=package, beside=(Gauge("board", {}, board),), start=start)


def energy_record(suite: CommandLine, meter: Meter, device: str = "cuda") -> tuple[int, dict]:
    suite.workers.devices = ("cpu", "cuda:0")
    suite.tools = fake_tools(suite.folder / "plans", suite.workers, lambda _: meter)
    result = suite("energy", "--model", "reader", "--device", device, "--out", "run")
    (record,) = suite.lines()
    return result.status, record


def joules(reading: dict) -> list[float]:
    return [window["energy_j"] for window in reading["windows"]]


def test_both_readings_are_stored_with_their_parts(suite: CommandLine) -> None:
    status, record = energy_record(suite, two_parts(suite))
    (beside,) = record["energy_beside"]
    assert status == 0
    assert (record["energy"]["part"], beside["part"]) == ("gpu board", "cpu package")  # what does the work first
    assert joules(record["energy"]) == pytest.approx([10 * value for value in joules(beside)])


def test_on_the_cpu_the_board_is_no_part_of_the_figure(suite: CommandLine) -> None:
    status, record = energy_record(suite, two_parts(suite), "cpu")
    assert status == 0
    assert record["energy"]["part"] == "cpu package"
    assert record["energy_beside"] == []


def test_where_only_the_idle_board_can_be_read_its_joules_are_none_of_the_model(suite: CommandLine) -> None:
    """A laptop whose processor's counter is root's, and whose GPU idles: the refusal and its remedy are the answer."""
    perm = NotMeasured(code="RAPL_PERM", reason="only root may read it", remedy="run as root")
    meter = two_parts(suite)
    (board,) = meter.beside
    alone = replace(
        meter,
        source=board.source,
        description=board.description,
        beside=(),
        refused=(Refused("rapl", "cpu package", perm, is_elsewhere=False),),
    )
    status, record = energy_record(suite, alone, "cpu")
    assert status == 1
    assert record["energy"] == {"code": "RAPL_PERM", "reason": "only root may read it", "remedy": "run as root"}
    assert record["latency"] is None
    report = suite("report", "run").out.strip()
    text = Path(report).read_text()
    assert "### RAPL_PERM" in text
    assert "Run as root" in text


@pytest.mark.parametrize(("lost", "kept"), [("package", "board"), ("board", "package")])
def test_a_source_lost_midway_costs_its_own_figure_and_no_latency(suite: CommandLine, lost: str, kept: str) -> None:
    status, record = energy_record(suite, two_parts(suite, **{lost: True}))
    found = dict(zip(("board", "package"), (record["energy"], *record["energy_beside"]), strict=True))
    assert status == 1
    assert found[lost]["code"] == "JTOP_LOST"
    assert found[kept]["source"] == kept
    assert len([block for block in record["latency"]["blocks"] if not block["warmup"]]) == 3


def test_with_every_source_lost_the_calls_until_then_are_kept(suite: CommandLine) -> None:
    status, record = energy_record(suite, two_parts(suite, package=True, board=True))
    assert status == 1
    assert record["energy"]["code"] == record["energy_beside"][0]["code"] == "JTOP_LOST"
    assert record["latency"]["blocks"]

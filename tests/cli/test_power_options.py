"""--power-csv, --rails and --sysfs-root through the whole command line, and a meter's log brought in after the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from suite.power import choice
from suite.power.base import Description, Options
from suite.power.meter import Meter, WindowRule
from suite.power.selftest import SelfTest
from suite.records import Accuracy, EnergyReading, NotMeasured, store
from tests.cli.conftest import CommandLine
from tests.fakes import NO_SENSOR, fake_tools

UNIX_S = 1_796_000_000.0
RULE = WindowRule(min_window_s=40.0, min_period_count=1, min_call_count=1, lead_s=3.0)


def metered_by(suite: CommandLine) -> list[str]:
    """Lets commands choose real sources on the fake clock; returns what --power said, as it is asked."""
    asked: list[str] = []

    def select(spec: str) -> Meter | NotMeasured:
        asked.append(spec)
        found = choice.select(spec, rule=RULE) if choice.imported(spec) else NO_SENSOR
        if isinstance(found, NotMeasured):
            return found
        clock = suite.workers.clock
        return replace(found, clock=clock, sleep=clock.sleep, unix_clock=lambda: clock() + UNIX_S)

    suite.tools = fake_tools(suite.folder / "plans", suite.workers, select)
    return asked


def write_log(run: str, path: str = "meter.csv") -> None:
    """What a meter of 2 W idle and 7 W under load logs of the run's windows, at 4 Hz."""
    records = store.load(Path(run)).records
    real = [
        each.schedule for found in records if isinstance(found.accuracy, Accuracy) for each in found.accuracy.energies
    ]
    schedules = [each for each in (*real, *(found.schedule for found in records)) if each is not None]
    first_s = min(each.idle_before.start_s for each in schedules) - 20
    last_s = max(each.idle_after.end_s for each in schedules) + 20
    lines = ["time,watts"]
    for number in range(int((last_s - first_s) * 4)):
        at_s = first_s + number / 4
        busy = any(each.load.start_s <= at_s < each.load.end_s for each in schedules)
        lines.append(f"{at_s + UNIX_S:.2f},{7.0 if busy else 2.0}")
    Path(path).write_text("\n".join(lines) + "\n")


def test_a_log_tells_the_energy_of_an_evaluations_inputs_too(suite: CommandLine) -> None:
    metered_by(suite)
    data = suite.folder / "mine.jsonl"
    data.write_text("{}\n")
    asked = (
        "all",
        "--model",
        "reader",
        "--test",
        "energy",
        "--test",
        "accuracy",
        "--eval",
        "jsonl",
        "--eval-data",
        data,
    )
    waiting = suite(*asked, "--batch-size", "1", "--power-csv", "meter.csv", "--out", "run")
    assert waiting.status == 1
    write_log("run")
    assert suite("power", "import", "run", "meter.csv").status == 0
    (found,) = (each.accuracy for each in store.load(Path("run")).records if each.task.test == "accuracy")
    assert isinstance(found, Accuracy)
    for each in found.energies:
        assert isinstance(each.energy, EnergyReading)
        watts = [window.energy_j / (window.end_s - window.start_s) for window in each.energy.windows]
        assert watts == pytest.approx([7.0] * 3)
    again = suite("power", "import", "run", "meter.csv", "--power", "csv:align=offset,offset_error_s=0.1")
    assert again.status == 0


def test_a_log_is_brought_into_a_run_that_is_over(suite: CommandLine) -> None:
    metered_by(suite)
    command = ("energy", "--model", "reader", "--batch-size", "1,2", "--power-csv", "meter.csv", "--out", "run")
    waiting = suite(*command)
    assert waiting.status == 1
    assert "METER_PENDING" in waiting.out
    assert "then: suite power import run meter.csv" in waiting.err
    write_log("run")
    done = suite("power", "import", "run", "meter.csv", "--json")
    assert done.status == 0
    gross_j = {entry["task"]["batch_size"]: entry["energy"]["gross_j"] for entry in done.answer["results"]}
    assert gross_j == pytest.approx({1: 7 * 0.050, 2: 7 * 0.070 / 2}, rel=0.01)
    assert Path("run/report.md").exists()
    again = suite("power", "import", "run", "meter.csv", "--power", "csv:align=offset,offset_error_s=0.1")
    assert again.status == 0
    assert "aligned by the stamps" in again.out


def test_a_log_that_is_there_when_the_run_ends_is_brought_in_at_once(suite: CommandLine) -> None:
    metered_by(suite)
    suite("energy", "--model", "reader", "--power-csv", "other.csv", "--out", "first")
    write_log("first")
    suite.workers.clock.now_s = 1000.0
    result = suite("energy", "--model", "reader", "--power-csv", "meter.csv", "--out", "second")
    assert result.status == 0
    (found,) = store.load(Path("second")).records
    assert isinstance(found.energy, EnergyReading)
    assert found.energy.source == "csv"


@pytest.mark.parametrize(
    ("text", "message"),
    [("hello\n", "no line names a column of time"), ("time,watts\n0,5\n1,5\n", "can't be laid over the run")],
)
def test_a_log_that_does_not_fit_changes_nothing(suite: CommandLine, text: str, message: str) -> None:
    metered_by(suite)
    suite("energy", "--model", "reader", "--power-csv", "meter.csv", "--out", "run")
    before = Path("run/records.jsonl").read_bytes()
    Path("meter.csv").write_text(text)
    refused = suite("power", "import", "run", "meter.csv")
    assert refused.status == 2
    assert message in refused.error
    assert Path("run/records.jsonl").read_bytes() == before


READ = {
    "current, with its voltage": ("Timestamp(ms),Current(uA)", lambda w: f"{w / 5e-6:.0f}", "csv:volts=5.0", 1e3),
    "on mains, with the power factor": (
        "time,Volts,Amps,PF",
        lambda w: f"230.0,{w / 126.5:.6f},0.55",
        "csv",
        1.0,
    ),
    "microwatts of either sign": ("Time (s),Power (\u03bcW)", lambda w: f"{w * 1e6:.0f}", "csv", 1.0),
    "a name with a comma": (
        'time,"Power, total (mW)",P2 (W)',
        lambda w: f"{w * 1e3},1",
        "csv:column=Power, total (mW)",
        1.0,
    ),
}


@pytest.mark.parametrize(("head", "cells", "power", "per_second"), READ.values(), ids=READ)
def test_the_joules_of_a_log_are_right_whatever_its_columns_hold(suite, head, cells, power, per_second) -> None:
    metered_by(suite)
    suite("energy", "--model", "reader", "--power-csv", "meter.csv", "--out", "run")
    write_log("run")
    _, *rows = Path("meter.csv").read_text().splitlines()
    lines = [(float(time_s), float(watts)) for time_s, watts in (row.split(",") for row in rows)]
    Path("meter.csv").write_text(
        "\n".join([head, *(f"{time_s * per_second:.3f},{cells(watts)}" for time_s, watts in lines)]) + "\n"
    )
    done = suite("power", "import", "run", "meter.csv", "--power", power, "--json")
    assert done.status == 0
    assert [entry["energy"]["gross_j"] for entry in done.answer["results"]] == pytest.approx([7 * 0.050], rel=0.01)


@pytest.mark.parametrize(
    "head", ["Time (s),Current (A)", "Time (s),Temp (C)", "Time (s),S (VA)", "Zeit (s),Leistung (mW)", "time,P (dBm)"]
)
def test_a_log_without_a_power_changes_nothing_and_names_its_column(suite: CommandLine, head: str) -> None:
    metered_by(suite)
    suite("energy", "--model", "reader", "--power-csv", "meter.csv", "--out", "run")
    before = Path("run/records.jsonl").read_bytes()
    write_log("run")
    Path("meter.csv").write_text(Path("meter.csv").read_text().replace("time,watts", head))
    refused = suite("power", "import", "run", "meter.csv")
    assert refused.status == 2
    assert head.partition(",")[2] in refused.error
    assert len(refused.error.strip().splitlines()) == 1
    assert Path("run/records.jsonl").read_bytes() == before


def test_a_run_that_waits_for_no_meter_is_refused(suite: CommandLine) -> None:
    suite("params", "--out", "run")
    assert "no energy task of it waits for a meter" in suite("power", "import", "run", "meter.csv").error


REFUSED = [
    (
        "energy --power simulated --power-csv m.csv",
        "--power-csv: it is the power source, but --power names 'simulated'",
    ),
    ("energy --power-csv a,b.csv", "--power-csv: 'a,b.csv' holds a comma, which parts options"),
    ("energy --sysfs-root nowhere", "--sysfs-root: nowhere is not a folder; give one that holds sys, proc and etc"),
    ("doctor --sysfs-root nowhere", "--sysfs-root: nowhere is not a folder"),
    ("energy --power csv:algin=marker", "--power csv: unknown option 'algin': did you mean 'align'?"),
]


@pytest.mark.parametrize(("command", "message"), REFUSED, ids=[command for command, _ in REFUSED])
def test_wrong_use_is_told_in_one_line(suite: CommandLine, command: str, message: str) -> None:
    metered_by(suite)
    result = suite(*command.split())
    assert result.status == 2
    assert result.error.startswith(message)


def test_rails_and_root_reach_the_source_and_the_manifest(suite: CommandLine) -> None:
    asked = metered_by(suite)
    Path("tree").mkdir()
    suite("energy", "--model", "reader", "--rails", "A+B", "--sysfs-root", "tree", "--out", "run")
    root = (suite.folder / "tree").resolve()
    assert asked == [f"auto:root={root},rails=A+B"]
    assert store.load(Path("run")).manifest.power == f"auto:root={root},rails=A+B"


def test_a_run_at_a_tree_has_the_host_facts_of_that_tree(suite: CommandLine) -> None:
    metered_by(suite)
    Path("tree/proc/device-tree").mkdir(parents=True)
    Path("tree/proc/device-tree/model").write_text("NVIDIA Jetson Nano Developer Kit\0")
    suite("params", "--model", "reader", "--out", "here")
    suite("all", "--test", "params", "--model", "reader", "--sysfs-root", "tree", "--out", "there")
    boards = [store.load(Path(run)).records[0].host.board for run in ("here", "there")]
    assert boards == [None, "NVIDIA Jetson Nano Developer Kit"]


def test_list_says_what_works_where_it_is_asked(suite: CommandLine) -> None:
    described = Description(
        scope="module",
        rails=("a",),
        quantity="power",
        period_s=1.0,
        minimum_window_s=1.0,
        resolution=0.0,
        gain_error=0.0,
    )
    survey = [choice.Surveyed("ina3221", "rails", {}, described), choice.Surveyed("csv", "a log", {}, NO_SENSOR)]
    suite.tools = fake_tools(suite.folder / "plans", suite.workers, survey=survey)
    rows = {row["name"]: row for row in suite("list", "power", "--power", "auto", "--json").answer["power"]}
    assert rows["ina3221"]["here"] == "measures module"
    assert rows["csv"]["here"] == "NO_POWER_SOURCE"
    assert rows["rapl"]["here"] == "not looked for"
    assert "here" not in suite("list", "power", "--json").answer["power"][0]


def test_doctor_examines_each_usable_source_where_it_is_asked(suite: CommandLine) -> None:
    described = Description(
        scope="module",
        rails=("a",),
        quantity="power",
        period_s=0.05,
        minimum_window_s=1.0,
        resolution=0.0,
        gain_error=0.0,
    )
    survey = [
        choice.Surveyed("ina3221", "rails", {"root": "/t"}, described),
        choice.Surveyed("csv", "a log", {}, described),
        choice.Surveyed("rapl", "counters", {}, NO_SENSOR),
    ]
    found = SelfTest(
        source="ina3221",
        scope="module",
        sample_count=200,
        asked_period_s=0.05,
        achieved_period_s=0.0501,
        longest_s=0.2,
        gap_count=1,
        cpu_share=0.004,
        latency_without_s=0.02,
        latency_with_s=0.0201,
        cost=0.005,
        cost_error=0.004,
        idle_w=2.0,
        load_w=7.0,
    )
    examined: list[tuple[str, dict[str, str]]] = []

    def self_test(source: str, options: Options) -> SelfTest:
        examined.append((source, dict(options)))
        return found

    suite.tools = replace(fake_tools(suite.folder / "plans", suite.workers, survey=survey), self_test=self_test)
    rows = {row["what"]: row for row in suite("doctor", "--self-test", "--json").answer}
    assert examined == [("ina3221", {"root": "/t"})]
    row = rows["self-test ina3221"]
    assert not row["ok"]
    assert row["found"] == (
        "idle 2.00 W, load 7.00 W, 200 samples, every 50.1 ms (asked 50.0 ms), longest 200 ms, 1 gaps, "
        "sampler 0.40 % of a core, latency 20.00 ms without and 20.10 ms with it, cost +0.50 ± 0.40 %"
    )
    assert row["remedy"].startswith("1 gap(s) of more than 3 periods: let nothing else run")
    assert "self-test ina3221" not in suite("doctor", "--json").out

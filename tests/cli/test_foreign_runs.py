"""A run's folder that comes from elsewhere: nothing of what it says is run, and nothing of its own choice is read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from suite.records import store
from tests.cli.conftest import CommandLine
from tests.cli.test_power_options import metered_by, write_log

ASKED = ("all", "--plan", "quick", "--model", "reader", "--power", "simulated", "--out", "run")


def rewritten(power: str, keep: int = 0) -> None:
    """The run as if it had been begun with that --power, and as many records as are kept."""
    path = Path("run/run.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "power": power}))
    records = Path("run/records.jsonl")
    records.write_bytes(b"".join(records.read_bytes().splitlines(keepends=True)[:keep]))


FOREIGN = [
    ("apple:backend=powermetrics,program=foreign/evil.sh", "program"),
    ("jtop:python=foreign/evil", "python"),
    ("auto:root=foreign", "root"),
    ("csv:file=foreign.csv,column=watts", "file"),
    ("csv:column=watts,file=foreign.csv", "file"),
    ("mac-helper:address=evil.example:1,token_file=/etc/shadow", "address and token_file"),
    ("rapl:path=foreign", "path"),
    ("simulated+apple:backend=macmon,program=evil.sh", "program"),
    ("some-plug-in:unheard_of=1", "unheard_of"),
]


@pytest.mark.parametrize(("power", "named"), FOREIGN)
def test_what_a_run_s_folder_names_is_neither_run_nor_read(suite: CommandLine, power: str, named: str) -> None:
    asked = metered_by(suite)
    suite(*ASKED)
    rewritten(power)
    asked.clear()
    result = suite("all", "--resume", "--out", "run")
    assert result.status == 2
    assert result.error == (
        f"run: it was begun with --power {power}; what a run's folder says of {named} is neither run nor read: "
        "give that option again"
    )
    assert asked == []
    assert suite.lines() == []


def test_given_again_it_is_used(suite: CommandLine) -> None:
    asked = metered_by(suite)
    suite(*ASKED)
    rewritten("csv:file=meter.csv")
    asked.clear()
    result = suite("all", "--resume", "--out", "run", "--power", "csv:file=meter.csv")
    assert result.status == 1  # there is no log yet
    assert set(asked) == {"csv:file=meter.csv"}
    other = suite("all", "--resume", "--out", "run", "--power", "csv:file=other.csv")
    assert other.error.startswith("run: the run has --power csv:file=meter.csv, not csv:file=other.csv; leave")


def test_harmless_options_need_not_be_given_again(suite: CommandLine) -> None:
    asked = metered_by(suite)
    suite(*ASKED)
    rewritten("simulated:idle_w=2,load_w=7,period_s=0.1")
    asked.clear()
    assert suite("all", "--resume", "--out", "run").status == 1  # the fakes have no sensor
    assert "simulated:idle_w=2,load_w=7,period_s=0.1" in asked


def test_a_finished_run_reads_no_file_that_its_folder_names(suite: CommandLine) -> None:
    metered_by(suite)
    suite("energy", "--model", "reader", "--power-csv", "meter.csv", "--out", "run")
    write_log("run")
    result = suite("all", "--resume", "--out", "run")
    assert result.status == 1
    assert "METER_PENDING" in Path("run/report.md").read_text()
    assert suite("all", "--resume", "--out", "run", "--power", "csv:file=meter.csv").status == 0


def test_a_bad_line_costs_no_other_and_is_told_in_report_and_json(suite: CommandLine) -> None:
    suite("params", "--out", "run")
    path = Path("run/records.jsonl")
    first, second = path.read_bytes().splitlines()
    path.write_bytes(first + b'\n{"schema_version":1,"failure":"<b>\\ud800"}\n' + second + b"\n")
    result = suite("report", "run")
    assert (result.status, result.out) == (1, "run/report.md\n")
    assert result.err.startswith("suite: error: run/records.jsonl:2: this is not JSON (")
    page = Path("run/report.md").read_text()
    assert "**A line of records.jsonl can't be read**" in page
    assert "- Line 2: this is not JSON" in page
    answer = suite("report", "run", "--json").answer
    assert [damage["line_number"] for damage in answer["damaged"]] == [2]
    assert len(answer["results"]) == 2
    assert suite("all", "--resume", "--out", "run").status == 2  # nothing is thrown away unasked
    assert len(path.read_bytes().splitlines()) == 3


@pytest.mark.parametrize("name", ["run.json", "records.jsonl", "report.md"])
def test_a_fifo_in_a_run_hangs_nothing(suite: CommandLine, name: str) -> None:
    suite("params", "--out", "run")
    Path("run", name).unlink(missing_ok=True)
    os.mkfifo(f"run/{name}")
    result = suite("report", "run")
    assert result.status == 2
    assert result.error.startswith(f"run/{name}: it is a FIFO")


def test_a_run_of_another_version_of_the_suite_says_so_when_it_goes_on(suite: CommandLine) -> None:
    suite("params", "--out", "run")
    path = Path("run/run.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "suite_version": "0.0.1"}))
    records = Path("run/records.jsonl")
    first = records.read_text().splitlines()[0]
    old = json.loads(first)
    old["host"]["suite_version"] = "0.0.1"
    records.write_text(json.dumps(old) + "\n")
    result = suite("all", "--resume", "--out", "run")
    assert result.status == 0
    assert "the run was begun by suite 0.0.1, and goes on with " in result.err
    page = Path("run/report.md").read_text()
    assert "more than one machine" not in page
    assert "**The records are not all alike in suite version**: see Environment." in page
    assert "| Suite " in page
    assert "0.0.1; then " in page
    assert store.load(Path("run")).missing() == ()


def test_a_device_that_differs_is_blamed_by_its_own_name(suite: CommandLine) -> None:
    suite("all", "--model", "reader", "--batch-size", "1,2", "--out", "run")
    error = suite("all", "--resume", "--out", "run", "--device", "cuda").error
    assert error.startswith("run: --device was cpu and is cuda now; leave the options out")
    assert suite("all", "--resume", "--out", "run", "--device", "cpu").status == 0


def test_a_meter_s_log_whose_path_is_no_text_is_refused_before_anything_is_measured(suite: CommandLine) -> None:
    metered_by(suite)
    result = suite("energy", "--model", "reader", "--power-csv", "m\udcff.csv", "--out", "run")
    assert result.status == 2
    assert "can't be written down as text" in result.error
    assert not Path("run").exists()

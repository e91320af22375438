"""verify, bundle, rerun and history as a person types them: what they print, how they end, and what they refuse."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from suite import battery
from suite.records import Fingerprint, HostState, Top
from tests.cli.conftest import CommandLine
from tests.fakes import Cost, FakeClock, FakeWorkers, fake_tools
from tests.unit.compare.runs import stored, whole
from tests.unit.samples import STATE

PRINT = Fingerprint(
    tensor_count=1,
    value_count=10,
    taken_count=10,
    not_finite_count=0,
    norm=3.0,
    projection=tuple(0.125 * place for place in range(64)),
    top=(Top(index=1, lead=0.5),),
)


@pytest.fixture
def measured(suite: CommandLine) -> CommandLine:
    """With a run of the quick plan's latencies and counts in ./run."""
    suite.workers = FakeWorkers(LiveClock(), fingerprint=PRINT)
    quick = suite.folder / "plans/quick.toml"
    quick.write_text(quick.read_text().replace(', "energy"', ""))
    tools = fake_tools(suite.folder / "plans", suite.workers)
    battery.measure(battery.Request(plan="quick", out=Path("run")), tools)
    return suite


class LiveClock(FakeClock):
    """One that the machine's state is told by, too."""

    def state(self) -> HostState:
        return replace(STATE, time_s=self.now_s)


def edit(run: Path, number: int, old: str, new: str) -> None:
    path = run / "records.jsonl"
    lines = path.read_text().splitlines()
    assert old in lines[number - 1]
    lines[number - 1] = lines[number - 1].replace(old, new, 1)
    path.write_text("\n".join(lines) + "\n")


def test_a_fresh_run_is_verified(measured: CommandLine) -> None:
    result = measured("verify", "run")
    assert (result.status, result.err) == (0, "")
    assert result.out.splitlines()[0] == "VERIFIED: run"
    assert measured("verify", "run", "--json").answer["verdict"] == "VERIFIED"


def test_a_run_is_verified_after_another_report(measured: CommandLine) -> None:
    assert measured("report", "run").status == 0
    assert measured("verify", "run").status == 0


def test_an_edit_ends_in_one_and_is_located(measured: CommandLine) -> None:
    edit(measured.folder / "run", 3, '"wall_s":', '"wall_s":1')
    result = measured("verify", "run")
    assert result.status == 1
    assert result.out.startswith("WRONG: run\n")
    assert "LINE_CHANGED" in result.out
    assert "records.jsonl:3 wall_s: it was changed after it was written" in result.out
    (first, *_) = measured("verify", "run", "--json").answer["findings"]
    assert (first["code"], first["line_number"]) == ("LINE_CHANGED", 3)


@pytest.mark.parametrize("command", ["verify", "bundle", "rerun", "history"])
def test_what_is_no_run_is_refused_in_one_line(suite: CommandLine, command: str) -> None:
    assert suite(command, "nowhere").status == 2
    (suite.folder / "empty").mkdir()
    result = suite(command, "empty")
    assert result.status == 2
    assert "no run" in result.error


def test_a_file_that_is_no_archive_is_refused_in_one_line(suite: CommandLine) -> None:
    (suite.folder / "a.zip").write_text("hello")
    for command in ("verify", "rerun", "report", "bundle"):
        result = suite(command, "a.zip")
        assert result.status == 2
        assert result.error.startswith("a.zip: ")
    assert sorted(path.name for path in suite.folder.iterdir()) == ["a.zip", "plans"]


def test_a_bundle_is_verified_reported_and_rerun(measured: CommandLine) -> None:
    result = measured("bundle", "run")
    assert (result.status, result.out) == (0, f"{measured.folder / 'run.zip'}\n")
    assert measured("verify", "run.zip").status == 0
    assert measured("bundle", "run", "--out", "other.zip", "--json").answer["verdict"] == "VERIFIED"
    assert measured("report", "other.zip").out == "other/report.md\n"
    assert "it is there already" in measured("report", "other.zip").error
    assert measured("rerun", "run.zip", "--out", "again").status == 0
    assert (measured.folder / "other.zip").read_bytes() == (measured.folder / "run.zip").read_bytes()


def test_a_run_that_is_not_verified_is_packed_and_said(measured: CommandLine) -> None:
    edit(measured.folder / "run", 2, '"wall_s":', '"wall_s":1')
    result = measured("bundle", "run")
    assert result.status == 1
    assert "the run is WRONG" in result.err
    assert measured("verify", "run.zip").status == 1


def test_a_bundle_s_name_is_checked_before_anything_is_written(measured: CommandLine) -> None:
    assert "ends in .zip" in measured("bundle", "run", "--out", "a.tar").error


def test_a_second_run_reproduces_the_first(measured: CommandLine) -> None:
    result = measured("rerun", "run", "--out", "again")
    assert result.status == 0, result.out
    assert result.out.startswith("REPRODUCED: run\n\nheld against again (the same board; latencies within 10 %)\n")
    assert re.search(r"REPRODUCED +outputs +4 of 4 +the same, exactly\n", result.out)
    tasks = [json.loads((measured.folder / name / "run.json").read_text())["tasks"] for name in ("run", "again")]
    assert tasks[0] == tasks[1]
    assert measured("verify", "again").status == 0


def test_a_slower_machine_does_not(measured: CommandLine) -> None:
    measured.workers = replace(measured.workers, cost=Cost(fixed_s=0.060, per_item_s=0.040))
    result = measured("rerun", "run", "--out", "again", "--json")
    assert (result.status, result.answer["verdict"]) == (1, "NOT REPRODUCED")
    verdicts = {(each["quantity"], each["verdict"]) for each in result.answer["quantities"]}
    assert ("latency", "NOT REPRODUCED") in verdicts
    assert ("parameters", "REPRODUCED") in verdicts


def test_threads_changed_on_purpose_are_the_first_cause(measured: CommandLine) -> None:
    edit_threads = measured("latency", "--model", "reader", "--threads", 2, "--out", "two")
    assert edit_threads.status == 0
    measured.workers = replace(measured.workers, cost=Cost(fixed_s=0.055, per_item_s=0.035))
    result = measured("rerun", "two", "--threads", 1, "--out", "one")
    assert result.status == 1
    assert result.out.startswith("NOT REPRODUCED: two\n")
    assert "\n1. threads: 2 and 1 (accounts for the latency)\n" in result.out


def test_a_seed_changed_on_purpose_is_the_first_cause(measured: CommandLine) -> None:
    result = measured("rerun", "run", "--seed", 7, "--out", "seven")
    assert "\n1. seed: 0 and 7\n" in result.out


def test_an_altered_sample_is_the_first_cause(measured: CommandLine) -> None:
    number = next(place for place, line in enumerate(measured.lines(), 1) if line["latency"])
    edit(measured.folder / "run", number, '"latency_s":[', '"latency_s":[0.7,')
    result = measured("rerun", "run", "--out", "again")
    assert result.status == 1
    assert result.out.startswith("INCOMPARABLE: run\n")
    assert f"\n1. records.jsonl:{number} latency.blocks.0: it was changed after it was" in result.out


def test_two_runs_that_are_there_are_judged_without_measuring(measured: CommandLine) -> None:
    assert measured("rerun", "run", "--out", "again").status == 0
    asked = len(measured.workers.asked)
    assert measured("rerun", "run", "--against", "again").status == 0
    assert len(measured.workers.asked) == asked


def test_a_part_of_a_run_is_measured_again(measured: CommandLine) -> None:
    assert measured("rerun", "run", "--model", "reader", "--test", "latency", "--out", "part").status == 0
    tasks = json.loads((measured.folder / "part/run.json").read_text())["tasks"]
    assert {(task["model"], task["test"]) for task in tasks} == {("reader", "latency")}
    assert measured("rerun", "run", "--quick", "--out", "quick").status == 0
    quick = json.loads((measured.folder / "quick/run.json").read_text())["tasks"]
    assert [(task["test"], task["batch_size"]) for task in quick if task["model"] == "reader"] == [
        ("params", 1),
        ("latency", 1),
    ]
    assert {task["repetition"]["time_limit_s"] for task in quick} == {2.0}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--model", "vilt"], "--model: the run has no vilt; it has reader, walker"),
        (["--test", "energy"], "--test: the run has no energy; it has latency, params"),
        (["--threads", "0"], "--threads: must be at least 1, got 0"),
        (["--threads", "many"], "--threads: many is no count; give a number or all"),
        (["--margin", "0"], "--margin: must be above 0, as 10% or 0.1, got 0"),
        (["--time-limit", "-1"], "--time-limit: must be above 0, got -1"),
        (["--seed", "-1"], "--seed: must be at least 0, got -1"),
        (["--against", "nowhere"], "nowhere: "),
    ],
)
def test_what_can_not_be_meant_is_refused_before_anything_is_measured(
    measured: CommandLine, arguments: list[str], told: str
) -> None:
    asked = len(measured.workers.asked)
    result = measured("rerun", "run", "--out", "again", *arguments)
    assert result.status == 2
    assert told in result.error
    assert not (measured.folder / "again").exists()
    assert len(measured.workers.asked) == asked


def test_what_a_run_s_folder_names_is_not_read(measured: CommandLine) -> None:
    (measured.folder / "et.pth").write_text("weights")
    assert measured("latency", "--model", "walker", "--checkpoint", "et.pth", "--out", "own").status == 0
    result = measured("rerun", "own", "--out", "again")
    assert result.status == 2
    assert "what a run's folder names is not read: give --checkpoint again" in result.error
    assert measured("rerun", "own", "--checkpoint", "et.pth", "--out", "again").status == 0


def test_a_file_in_power_is_not_read_either(measured: CommandLine) -> None:
    path = measured.folder / "run/run.json"
    path.write_text(path.read_text().replace('"power": "auto"', '"power": "none:root=/etc"'))
    result = measured("rerun", "run", "--out", "again")
    assert result.status == 2
    assert "neither run nor read: give that option again" in result.error


def test_a_model_that_is_not_here_is_named(measured: CommandLine) -> None:
    path = measured.folder / "run/run.json"
    path.write_text(path.read_text().replace('"model": "reader"', '"model": "theirs"'))
    assert "the run's theirs is not here; name its folder in SUITE_MODELS_PATH" in measured("rerun", "run").error


def histories(suite: CommandLine, levels: list[float]) -> Path:
    folder = suite.folder / "many"
    folder.mkdir()
    for number, level in enumerate(levels):
        day = f"2026-11-{number + 1:02d}T08:00:00Z"
        stored(folder / f"r{number:02d}", whole(level), started_utc=day)
    return folder


def test_a_history_has_its_step_as_table_csv_json_and_picture(suite: CommandLine) -> None:
    levels = [0.05 + 1e-4 * (7 * number % 5) for number in range(7)] + [0.06 + 1e-4 * (3 * n % 5) for n in range(7)]
    folder = histories(suite, levels)
    result = suite("history", folder, "--plot", "h.png")
    assert result.status == 0
    assert "step at r07: " in result.out
    assert (suite.folder / "h.png").read_bytes().startswith(b"\x89PNG")
    rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(suite("history", folder, "--csv").out)))
    assert [row["run"] for row in rows if row["step_before"] in ("1", "true", "True")] == ["r07"]
    assert len(rows) == 14
    (series,) = suite("history", folder, "--json").answer["series"]
    assert [step["index"] for step in series["steps"]] == [7]
    assert suite("history", folder, "--quantity", "memory").status == 0


def test_few_runs_show_no_step_and_say_so(suite: CommandLine) -> None:
    result = suite("history", histories(suite, [0.05, 0.06]))
    assert "no step can be seen: 2 figures, and it takes 10" in result.out


def test_a_run_that_can_not_be_read_costs_the_others_nothing(suite: CommandLine) -> None:
    folder = histories(suite, [0.05, 0.06])
    (folder / "broken.zip").write_text("x")
    result = suite("history", folder)
    assert result.status == 1
    assert "r01" in result.out
    assert "broken.zip" in result.error


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--quantity", "joy"], "--quantity: joy is none of latency, memory, energy"),
        (["--json", "--csv"], "give one of the two"),
        (["--on", "Mars"], "Mars names 0 of its devices"),
        (["--plot", "h.gif"], "end it in .png"),
    ],
)
def test_a_history_that_can_not_be_meant(suite: CommandLine, arguments: list[str], told: str) -> None:
    assert told in suite("history", histories(suite, [0.05]), *arguments).error


def test_a_copy_of_a_run_counts_once(suite: CommandLine) -> None:
    folder = histories(suite, [0.05, 0.06])
    assert suite("bundle", folder / "r00").status == 0
    (series,) = suite("history", folder, "--json").answer["series"]
    assert len(series["figures"]) == 2

"""`suite compare` as a person runs it: forms, files, exit statuses, and what is refused."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from suite.records import RunRecord
from suite.records.store import RunStore
from tests.cli.conftest import CommandLine
from tests.unit.compare.made import record, run


def stored(folder: Path, *records: RunRecord) -> Path:
    made = run(*records)
    with RunStore.create(folder, made.manifest) as run_store:
        for each in made.records:
            run_store.append(each)
    return folder


@pytest.fixture
def runs(suite: CommandLine) -> list[Path]:
    """One, one like it, and one that is a fifth slower."""
    return [stored(suite.folder / name, record(value)) for name, value in (("one", 0.1), ("like", 0.1), ("slow", 0.12))]


def test_it_prints_the_comparison_by_the_names_of_the_folders(suite: CommandLine, runs: list[Path]) -> None:
    result = suite("compare", *runs)
    assert result.status == 0
    assert result.err == ""
    (line,) = (line for line in result.out.splitlines() if "Latency (ms), batch 1" in line)
    assert line.split()[-8:] == ["1", "100.0", "100.0", "×1.00", "SAME", "120.0", "×1.20", "SLOWER"]
    assert "Ratios are to one" in result.out


def test_names_and_a_margin(suite: CommandLine, runs: list[Path]) -> None:
    result = suite("compare", *runs, "--names", "a,a,b", "--margin", "25 %", "--json")
    assert result.status == 0
    assert [found["name"] for found in result.answer["runs"]] == ["a", "a", "b"]
    assert result.answer["margin"] == 0.25


@pytest.mark.parametrize(
    ("condition", "status", "told"),
    [("latency slower 5%", 4, "holds for slow"), ("latency slower 30%", 0, ""), ("cold_start slower 5%", 5, "is open")],
)
def test_a_gate_has_exit_statuses_of_its_own(
    suite: CommandLine, runs: list[Path], condition: str, status: int, told: str
) -> None:
    result = suite("compare", runs[0], runs[2], "--fail-if", condition)
    assert result.status == status
    assert told in result.err


def test_two_conditions_and_one_proved(suite: CommandLine, runs: list[Path]) -> None:
    result = suite("compare", *runs, "--fail-if", "cold_start slower 5%", "--fail-if", "latency slower 5% null")
    assert result.status == 4
    assert "is open" in result.err
    assert "holds for slow" in result.err


def test_csv_has_a_row_a_cell(suite: CommandLine, runs: list[Path]) -> None:
    result = suite("compare", *runs, "--csv")
    assert result.out == suite("compare", *runs, "-o", "csv").out
    rows = list(csv.DictReader(io.StringIO(result.out)))
    assert [(row["run"], row["latency_verdict"]) for row in rows] == [("one", ""), ("like", "SAME"), ("slow", "SLOWER")]
    assert float(rows[2]["latency_median_s"]) == pytest.approx(0.12)


def test_a_folder_gets_three_files_and_the_answer_is_where(suite: CommandLine, runs: list[Path]) -> None:
    out = suite.folder / "compared"
    result = suite("compare", *runs, "--out", out)
    assert result.out == f"{out}/compare.md\n"
    assert sorted(path.name for path in out.iterdir()) == ["compare.csv", "compare.html", "compare.md"]
    assert (out / "compare.md").read_text().startswith("# Comparison: one, like, slow\n")
    assert (out / "compare.html").read_text().startswith("<!DOCTYPE html>")


def test_a_comparison_is_not_written_into_a_run(suite: CommandLine, runs: list[Path]) -> None:
    result = suite("compare", *runs, "--out", runs[0])
    assert result.status == 2
    assert result.error == f"{runs[0]}: holds a run, and a comparison is none of its files; choose another --out"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["{one}"], "compare: it takes two runs or more; name the folder of another one"),
        (["{one}", "{one}/"], "compare: {one} is named twice, and a run is always like itself; name another one"),
        (["{one}", "nowhere"], "nowhere: holds no run (no run.json); name the folder of a run"),
        (
            ["{one}", "{like}", "--names", "a"],
            "--names: 1 names for 2 runs; give one for each run, the same one to runs of a kind",
        ),
        (["{one}", "{like}", "--names", "a, "], "--names: it holds an empty name; write them as before,after"),
        (
            ["{one}", "{like}", "--margin", "3"],
            "--margin: '3' without % may mean a share or per cent; write it as 3% or 0.05",
        ),
        (
            ["{one}", "{like}", "--csv", "--json"],
            "--csv is the same as -o csv, but json is asked for too: give one of the two",
        ),
    ],
)
def test_wrong_use_is_one_line(suite: CommandLine, runs: list[Path], arguments: list[str], error: str) -> None:
    places = {path.name: str(path) for path in runs}
    result = suite("compare", *(argument.format(**places) for argument in arguments))
    assert (result.status, result.out) == (2, "")
    assert result.error == error.format(**places)


def test_lines_that_cannot_be_read_are_told(suite: CommandLine, runs: list[Path]) -> None:
    with (runs[1] / "records.jsonl").open("a") as file:
        file.write("{}\n")
    result = suite("compare", runs[0], runs[1])
    assert result.status == 0
    assert f"like: 1 line of {runs[1]}/records.jsonl can't be read, and what they held is not here." in result.out

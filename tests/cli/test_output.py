"""One answer in every form: what a person, a spreadsheet, a script and a closed pipe get of it."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from suite.cli import output
from suite.cli.answer import Answer
from suite.records import NotMeasured
from suite.report.content import Heading, bullets, content
from suite.report.table import table
from tests.cli.conftest import CommandLine

LATENCY = ("latency", "--model", "reader", "--batch-size", "1,4")
MEDIAN_S = {"1": 0.050, "4": 0.110}  # 30 ms + 20 ms an item


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_is_a_row_a_record_with_figures_in_si_units(suite: CommandLine) -> None:
    result = suite(*LATENCY, "-o", "csv", "--tag", "cooling=fan", "--out", "run")
    assert result.status == 0
    rows = rows_of(result.out)
    assert {row["batch_size"]: float(row["latency_median_s"]) for row in rows} == pytest.approx(MEDIAN_S, rel=1e-9)
    row = next(row for row in rows if row["batch_size"] == "4")
    assert (row["test"], row["model"], row["device"], row["axis_text_tokens"]) == ("latency", "reader", "cpu", "20")
    assert (row["is_upper_bound"], row["stop"], row["tag_cooling"], row["run"]) == ("false", "target", "fan", "run")
    assert float(row["inferences_per_s"]) == pytest.approx(4 / 0.110)


def test_jsonl_has_the_rows_and_names_of_csv(suite: CommandLine) -> None:
    suite(*LATENCY, "--out", "run")
    lines = [json.loads(line) for line in suite("report", "run", "-o", "jsonl").out.splitlines()]
    rows = rows_of(suite("report", "run", "-o", "csv").out)
    assert [list(line) for line in lines] == [list(row) for row in rows]
    assert [line["latency_median_s"] for line in lines] == [float(row["latency_median_s"]) for row in rows]


def test_an_absent_figure_is_an_empty_cell_and_its_code_stands_beside_it(suite: CommandLine) -> None:
    result = suite("energy", "--model", "reader", "-o", "csv")
    (row,) = rows_of(result.out)
    assert (result.status, row["energy_gross_j"], row["not_measured"]) == (1, "", "energy=NO_POWER_SOURCE")
    (line,) = suite("energy", "--model", "reader", "-o", "jsonl").out.splitlines()
    assert json.loads(line)["energy_gross_j"] is None


def test_json_is_the_same_by_either_name(suite: CommandLine) -> None:
    suite(*LATENCY, "--out", "run")
    assert suite("report", "run", "-o", "json").out == suite("report", "run", "--json").out
    assert suite("report", "run", "--json", "-o", "json").status == 0
    suite("params", "--out", "other")
    assert [each["run"] for each in suite("report", "run", "other", "--json").answer] == ["run", "other"]


def test_markdown_and_html_hold_the_table_that_a_person_reads(suite: CommandLine) -> None:
    suite("energy", "--model", "reader", "--out", "run")
    markdown = suite("energy", "--model", "reader", "-o", "md").out
    assert markdown.splitlines()[0].startswith("| Model")
    assert "n/a (NO\\_POWER\\_SOURCE)" in markdown or "n/a (NO_POWER_SOURCE)" in markdown
    page = suite("energy", "--model", "reader", "-o", "html").out
    assert page.startswith("<!DOCTYPE html>")
    assert re.search(r'<th scope="col"[^>]*>Model</th>', page)
    assert "there is no sensor; connect one" in page
    assert "://" not in page


@pytest.mark.parametrize("form", output.FORMS)
@pytest.mark.parametrize("command", ["list", "doctor", "report run", "models verify", "explain", "explain GAP"])
def test_every_command_with_a_table_has_every_form(suite: CommandLine, command: str, form: str) -> None:
    suite("params", "--model", "reader", "--out", "run")
    out = suite(*command.split(), "-o", form).out
    assert out.endswith("\n")
    assert not out.endswith("\n\n")
    match form:
        case "json":
            json.loads(out)
        case "jsonl":
            assert all(isinstance(json.loads(line), dict) for line in out.splitlines())
        case "csv":
            rows = list(csv.reader(io.StringIO(out)))
            assert len({len(row) for row in rows}) == 1
            assert len(rows) > 1
        case "html":
            assert out.startswith("<!DOCTYPE html>")


def test_several_tables_in_csv_say_which_is_which(suite: CommandLine) -> None:
    rows = rows_of(suite("list", "-o", "csv").out)
    assert {row["table"] for row in rows} == {"models", "runtimes", "power", "plans", "evaluations"}
    assert "table" not in rows_of(suite("list", "plans", "-o", "csv").out)[0]


ANSWER = Answer(
    shown=content(
        Heading("Of two"),
        table(
            ("Model", "Latency (ms)", "Why"),
            [
                ("a", "12.5", "a reason of several words"),
                ("b", NotMeasured(code="GAP", reason="r", remedy="x"), "<b>|x"),
            ],
            wordy=("Why",),
        ),
        bullets(["GAP: r; x"]),
    ),
    rows={"results": [{"model": "a", "latency_s": 0.0125, "ok": True}, {"model": "=1+1", "note": "two\nlines"}]},
    data={"a": 1},
    status=1,
)


def written(stream: io.StringIO, form: str | None = None, **options: Any) -> str:
    assert output.write(ANSWER, form, stream, **options) == 1
    return stream.getvalue()


def test_what_a_spreadsheet_would_compute_is_text_and_a_row_stays_on_its_line() -> None:
    assert written(io.StringIO(), "csv").splitlines() == [
        "model,latency_s,ok,note",
        "a,0.0125,true,",
        "'=1+1,,,two lines",
    ]


def test_words_from_outside_are_no_markup() -> None:
    assert "<b>" not in written(io.StringIO(), "html")
    assert "\\|x" in written(io.StringIO(), "md")


@pytest.mark.parametrize("width", [40, 80])
def test_a_terminal_gets_a_table_that_fits_it(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    text = written(Terminal(), no_color=True)
    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text


def test_colours_are_for_terminals_that_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[33mn/a (GAP)\x1b[0m" in written(Terminal())
    assert "\x1b" not in written(Terminal(), no_color=True)
    assert "\x1b" not in written(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in written(Terminal())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in written(Terminal())


def test_a_terminal_is_shown_the_summary_and_the_way_to_the_page_and_a_pipe_the_path(
    suite: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert suite("all", "--out", "run").out == "run/report.md\n"
    Path("run/report.html").write_text("<p>")
    monkeypatch.setattr("suite.cli.answers.shutil.which", lambda name: "/bin/open" if name == "open" else None)
    monkeypatch.setenv("COLUMNS", "200")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    suite("report", "run", "--no-color")
    lines = terminal.getvalue().splitlines()
    assert lines[0].startswith("Model")
    assert lines[2].startswith("reader")
    assert lines[-3:] == [
        "Report: run/report.html",
        "To read it: open run/report.html",
        "The same in Markdown: run/report.md",
    ]


def test_a_closed_pipe_ends_in_silence() -> None:
    command = [sys.executable, "-m", "suite", "explain", "-o", "csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 130


def test_the_shell_completes_commands() -> None:
    environment = {"_SUITE_COMPLETE": "complete_bash", "COMP_WORDS": "suite exp", "COMP_CWORD": "1"}
    done = subprocess.run([sys.executable, "-m", "suite"], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["explain"]

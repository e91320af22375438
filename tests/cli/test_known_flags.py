"""Flags that people know from elsewhere: what they change in what is asked, kept, shown and gone on with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from suite.cli import dry
from suite.records import Task, store
from tests.cli.conftest import CommandLine


def rules(run: str = "run") -> list[tuple[str, int, int, object]]:
    found = [task for task in store.load(Path(run)).manifest.tasks if task.test == "latency"]
    return [
        (
            task.scenario,
            task.repetition.warmup_min_call_count,
            task.repetition.warmup_max_call_count,
            None if task.repetition.target_relative_halfwidth else task.repetition.min_call_count,
        )
        for task in found
    ]


def test_warm_up_and_iterations_are_counts_of_passes_and_of_scenarios(suite: CommandLine) -> None:
    suite("all", "--test", "latency", "--warmup", "4", "--iterations", "12", "--out", "run")
    assert set(rules()) == {("forward", 4, 4, 12), ("episode", 4, 4, 12)}
    (line, *_) = suite.lines()
    blocks = line["latency"]["blocks"]
    assert sum(len(block["latency_s"]) for block in blocks if not block["warmup"]) == 12
    assert sum(len(block["latency_s"]) for block in blocks if block["warmup"]) >= 4
    assert line["latency"]["stop"] == "fixed"


def test_each_count_leaves_the_other_s_rule(suite: CommandLine) -> None:
    suite("latency", "--model", "reader", "--warmup", "2", "--out", "a")
    suite("latency", "--model", "reader", "--iterations", "11", "--out", "b")
    assert rules("a") == [("forward", 2, 2, None)]
    assert rules("b") == [("forward", 3, 5, 11)]


def test_duration_is_a_limit_of_time_and_of_sustained_calls_their_length(suite: CommandLine) -> None:
    suite("latency", "--model", "reader", "--duration", "1.5", "--out", "a")
    assert {task.repetition.time_limit_s for task in store.load(Path("a")).manifest.tasks} == {1.5}
    suite("sustained", "--model", "reader", "--duration", "90", "--out", "b")
    (task,) = store.load(Path("b")).manifest.tasks
    assert task.sustained is not None
    assert task.sustained.duration_s == 90.0


@pytest.mark.parametrize("option", ["--count-disturbed", "--no-quiet"])
def test_disturbed_calls_count_by_either_name(suite: CommandLine, option: str) -> None:
    suite("latency", "--model", "reader", option, "--out", "run")
    assert [task.quiet for task in store.load(Path("run")).manifest.tasks] == [None]
    assert "--no-quiet" not in suite("latency", "--help").out


def test_a_percentile_that_n_does_not_support_says_how_many_calls_it_needs(suite: CommandLine) -> None:
    given = ("latency", "--model", "reader", "--iterations", "70", "--percentile", "10,50,90,99")
    text = suite(*given).out
    head = text.splitlines()[0]
    assert [name in head for name in ("p10 (ms)", "p50 (ms)", "p90 (ms)", "p99 (ms)")] == [True] * 4
    assert "n/a (TOO_FEW_CALLS)" in text
    assert "TOO_FEW_CALLS: p99 needs 662 calls that count, and there are 70; measure with --iterations 662" in text
    found = suite(*given, "--json").answer["results"][0]["latency"]
    assert [percent for percent, _ in found["percentiles"]] == [10.0, 50.0, 90.0]
    assert [each["code"] for each in found["percentiles_not_measured"]] == ["TOO_FEW_CALLS"]


def test_tags_are_kept_and_shown_in_the_report(suite: CommandLine) -> None:
    suite("all", "--test", "params", "--tag", "cooling= a  big fan", "--tag", "room=1|2", "--out", "run")
    assert store.load(Path("run")).manifest.tags == (("cooling", "a big fan"), ("room", "1|2"))
    report = Path("run/report.md").read_text()
    assert "| cooling | a big fan |" in report
    assert "1\\|2" in report
    assert suite("report", "run", "--json").answer["tags"] == {"cooling": "a big fan", "room": "1|2"}


def test_a_dry_run_measures_and_writes_nothing(suite: CommandLine) -> None:
    result = suite("all", "--dry-run", "--out", "run")
    assert (result.status, result.err) == (0, "")
    assert not Path("run").exists()
    assert not Path("results").exists()
    assert suite.workers.open_count == 0
    assert "Nothing was measured." in result.out
    answer = suite("all", "--dry-run", "--json").answer
    suite("all", "--out", "run")
    asked = store.load(Path("run")).manifest.tasks
    assert [row["key"] for row in answer["tasks"]] == [task.key for task in asked]
    limits = {row["test"]: row["allowed_s"] for row in answer["tasks"]}
    assert limits["latency"] == 4.0
    assert all(row["weights_bytes"] is None for row in answer["tasks"])  # of models that models.lock doesn't have


def test_the_weights_that_are_locked_are_the_memory_that_is_known() -> None:
    task = Task(test="latency", model="lxmert")
    assert dry.weights_bytes(task) == 4 * 213_930_297
    assert dry.weights_bytes(replace(task, precision="fp16")) == 2 * 213_930_297
    assert dry.weights_bytes(replace(task, precision="int8")) is None  # some of them stay as they are
    assert dry.weights_bytes(replace(task, checkpoint="own.pth")) is None
    assert dry.weights_bytes(replace(task, model="of-mine")) is None


def test_a_fixed_count_has_no_limit_of_time(suite: CommandLine) -> None:
    answer = suite("latency", "--model", "reader", "--iterations", "20", "--dry-run", "--json").answer
    (row,) = answer["tasks"]
    assert (answer["allowed_s"], row["allowed_s"], row["fixed_call_count"]) == (None, None, 20)


def test_a_dry_run_of_a_run_that_was_cut_off_shows_what_is_left(suite: CommandLine) -> None:
    suite("all", "--test", "params", "--out", "run")
    lines = Path("run/records.jsonl").read_text().splitlines(keepends=True)
    Path("run/records.jsonl").write_text(lines[0])
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    answer = suite("all", "--resume", "--out", "run", "--dry-run", "--json").answer
    assert [row["model"] for row in answer["tasks"]] == ["walker"]
    assert {path: path.read_bytes() for path in before} == before


def test_quiet_tells_no_progress(suite: CommandLine) -> None:
    result = suite("params", "--model", "reader", "-q")
    assert (result.status, result.err) == (0, "")
    assert result.out != ""


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (("--warmup", "5"), "--warmup was 4 and is 5 now"),
        (("--iterations", "13"), "--iterations was 12 and is 13 now"),
        (("--tag", "cooling=none"), "--tag was cooling=fan and is cooling=none now; leave it out to go on"),
        (("--count-disturbed",), "--count-disturbed was not given and is given now"),
    ],
)
def test_a_run_goes_on_with_the_flags_that_it_was_begun_with(
    suite: CommandLine, now: tuple[str, ...], told: str
) -> None:
    begun = ("--test", "latency", "--model", "reader", "--warmup", "4", "--iterations", "12", "--tag", "cooling=fan")
    suite("all", *begun, "--out", "run")
    assert suite("all", *begun, "--resume", "--out", "run").status == 0
    result = suite("all", "--resume", "--out", "run", *now)
    assert result.status == 2
    assert told in result.error


def test_a_run_of_an_older_version_has_no_tags(suite: CommandLine) -> None:
    suite("params", "--model", "reader", "--out", "run")
    manifest = json.loads(Path("run/run.json").read_text())
    del manifest["tags"]
    Path("run/run.json").write_text(json.dumps(manifest))
    assert store.load(Path("run")).manifest.tags == ()

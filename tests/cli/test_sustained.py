"""`suite sustained` on fakes: what it prints, stores, and how it ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from suite.records import Sustained, store
from tests.cli.conftest import CommandLine
from tests.fakes import Asked, Fault, fake_meter, fake_tools


def test_it_answers_with_a_table_and_what_cannot_be_known(suite: CommandLine) -> None:
    result = suite("sustained", "--minutes", 2, "--out", "run")
    assert result.status == 0
    assert "reader" in result.out
    assert "walker" in result.out
    assert "2 min" in result.out
    assert "not seen" in result.out
    assert "NO_POWER_SOURCE: there is no sensor; connect one" in result.out
    assert "Throttled: from then on the clock stays more than 10 % below the start" in result.out
    assert "Too close to tell at one end or both: reader and walker." in result.out
    run = store.load(suite.folder / "run")
    assert [(record.task.test, record.task.batch_size) for record in run.records] == [("sustained", 1)] * 2
    assert all(isinstance(record.sustained, Sustained) for record in run.records)


def test_it_answers_in_json_without_the_slices(suite: CommandLine) -> None:
    result = suite("sustained", "--minutes", 2, "--model", "reader", "--batch-size", 4, "--json")
    assert result.status == 0
    (found,) = result.answer["results"]
    assert found["task"]["batch_size"] == 4
    assert found["task"]["sustained"] == {"duration_s": 120.0, "slice_s": 1.0}
    told = found["sustained"]
    assert told["duration_s"] == pytest.approx(120.0, abs=0.2)
    assert told["first"]["median_s"] == pytest.approx(0.11)
    assert (told["throttle"], told["power_source"], told["stop"]) == (None, None, "fixed")
    assert [each["code"] for each in told["absent"]] == ["NO_POWER_SOURCE"]
    assert "slices" not in told
    assert "latency" not in found


def test_a_power_source_is_read_beside_the_calls(suite: CommandLine) -> None:
    workers = suite.workers
    suite.tools = fake_tools(suite.folder / "plans", workers, lambda _: fake_meter(workers.clock))
    result = suite("sustained", "--minutes", 1, "--model", "reader", "--json")
    told = result.answer["results"][0]["sustained"]
    assert (told["power_source"], told["start_power_w"], told["end_power_w"]) == ("fake", 7.0, 7.0)


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "1e9"])
def test_nonsense_is_refused_in_one_line(suite: CommandLine, minutes: str) -> None:
    result = suite("sustained", f"--minutes={minutes}")
    assert result.status == 2
    assert result.error.startswith("--minutes: must be above 0 and at most 330, got ")


def test_a_model_that_fails_costs_itself_and_the_status(suite: CommandLine) -> None:
    def fails(asked: Asked) -> Fault:
        from suite.errors import WorkerError

        walker = asked.task is not None and asked.task.model == "walker"
        return WorkerError("NO_MEMORY", "too large", "take less") if walker and asked.operation == "prepare" else None

    suite.workers.script = fails
    result = suite("sustained", "--minutes", 1)
    assert result.status == 1
    assert "NO_MEMORY: too large; take less" in result.out


def test_ctrl_c_keeps_the_models_that_are_done_and_the_run_can_be_resumed(suite: CommandLine) -> None:
    def interrupts(asked: Asked) -> Fault:
        walker = asked.task is not None and asked.task.model == "walker"
        return KeyboardInterrupt() if walker and asked.operation == "time_for" else None

    suite.workers.script = interrupts
    result = suite("sustained", "--minutes", 1, "--out", "run")
    assert result.status == 130
    assert [line["task"]["model"] for line in suite.lines()] == ["reader"]
    suite.workers = replace(suite.workers, script=lambda _: None)
    resumed = suite("all", "--resume", "--out", "run", "--minutes", 1)
    assert resumed.status == 0
    assert [line["task"]["model"] for line in suite.lines()] == ["reader", "walker"]
    other = suite("all", "--resume", "--out", "run", "--minutes", 2)
    assert other.error.startswith("run: --minutes was 1.0 and is 2.0 now")


def test_a_plan_says_how_long_and_at_which_batch_sizes(suite: CommandLine) -> None:
    (suite.folder / "mine.toml").write_text(
        'name = "mine"\ndescription = "d"\nmodels = ["reader"]\ntests = ["sustained"]\n'
        "[sustained]\nduration_s = 30.0\nslice_s = 0.5\nbatch_size = [1, 2]\n"
    )
    assert suite("all", "--plan", "mine.toml", "--out", "run").status == 0
    assert [line["task"]["batch_size"] for line in suite.lines()] == [1, 2]
    slices = suite.lines()[0]["sustained"]["slices"]
    assert slices[-1]["end_s"] == pytest.approx(30.0, abs=0.1)
    assert all(0.49 < each["end_s"] - each["start_s"] < 0.56 for each in slices[:-1])
    report = (suite.folder / "run/report.md").read_text()
    assert "Sustained calls" in report
    assert "plots/sustained.png" in report


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ("[sustained]\nduration_s = 0.0", "mine.toml: sustained.duration_s: input should be greater than 0, got 0.0"),
        ("[sustained]\nduration = 3.0", "mine.toml: sustained: unknown key 'duration'"),
        ("[sustained]\nduration_s = 1e6", "mine.toml: sustained: duration_s must be at most 20000 times slice_s"),
        ("[heat]\nmax_warming_c = -1.0", "mine.toml: heat: max_warming_c must be 0 to 1000, got -1.0"),
        ("[heat]\ncooldown = 1.0", "mine.toml: heat: unknown key 'cooldown'"),
    ],
)
def test_a_plans_mistakes_are_told_by_key(suite: CommandLine, table: str, error: str) -> None:
    head = 'name = "mine"\ndescription = "d"\nmodels = ["reader"]\ntests = ["sustained"]\n'
    (suite.folder / "mine.toml").write_text(f"{head}{table}\n")
    result = suite("all", "--plan", "mine.toml")
    assert (result.status, result.error[: len(error)]) == (2, error)


def test_heat_none_switches_the_rule_off(suite: CommandLine) -> None:
    head = 'name = "mine"\ndescription = "d"\nmodels = ["reader"]\ntests = ["latency"]\n'
    for said, expected in (("", {"max_warming_c": 15.0, "cooldown_s": 60.0}), ('heat = "none"\n', None)):
        (suite.folder / "mine.toml").write_text(head + said)
        folder = f"run-{expected is None}"
        assert suite("all", "--plan", "mine.toml", "--out", folder).status == 0
        (line,) = suite.lines(folder)
        assert line["task"]["heat"] == expected
        assert line["cooling"] == (None if expected is None else {"pauses": []})

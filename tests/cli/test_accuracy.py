"""`suite accuracy` and `suite recommend` on fakes: what they print, store, refuse, and how they go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.errors import WorkerError
from suite.records import Accuracy, NotMeasured, store
from tests.cli.conftest import CommandLine
from tests.fakes import Asked, Fault


@pytest.fixture
def data(suite: CommandLine) -> Path:
    """A file that is there; the fake worker answers 100 questions without it, every tenth wrongly."""
    path = suite.folder / "mine.jsonl"
    path.write_text("{}\n")
    return path


def test_it_answers_with_a_score_and_its_interval(suite: CommandLine, data: Path) -> None:
    result = suite("accuracy", "--model", "reader", "--eval", "jsonl", "--eval-data", data, "--out", "run")
    assert result.status == 0, result.err
    assert "exact match" in result.out
    assert "90.00" in result.out
    assert "5 to 9" in result.out  # the inputs' own lengths
    (record,) = store.load(suite.folder / "run").records
    assert isinstance(record.accuracy, Accuracy)
    assert record.accuracy.item_count == 100
    assert record.accuracy.values().count(1.0) == 90
    assert [batch.row_count for batch in record.accuracy.batches] == [64, 36]
    assert record.provenance is not None
    assert record.provenance.inputs_source == "evaluation"
    assert [path.name for path in (suite.folder / "run").glob("evaluation-*")] == []


def test_it_answers_in_json_without_the_items(suite: CommandLine, data: Path) -> None:
    result = suite("accuracy", "--model", "reader", "--eval", "jsonl", "--eval-data", data, "--json")
    told = result.answer["results"][0]["accuracy"]
    assert told["metrics"]["exact match"]["value"] == 0.9
    assert told["metrics"]["exact match"]["group_count"] == 20
    assert told["alone"]["call_count"] == 100
    assert told["alone"]["line"]["per_unit_s"] == pytest.approx(0.001)
    assert "batches" not in told


def test_a_limit_is_kept_and_one_beyond_the_end_is_told(suite: CommandLine, data: Path) -> None:
    few = suite("accuracy", "--model", "reader", "--eval", "jsonl", "--eval-data", data, "--limit", 30, "--json")
    assert few.answer["results"][0]["accuracy"]["row_count"] == 30
    many = suite("accuracy", "--model", "reader", "--eval", "jsonl", "--eval-data", data, "--limit", 5000, "--json")
    assert many.answer["results"][0]["accuracy"]["row_count"] == 100
    flags = {flag["code"]: flag["text"] for flag in many.answer["results"][0]["flags"]}
    assert flags["LIMIT_BEYOND_END"] == "5,000 rows were asked for, and there are 100"


def test_cut_off_in_the_middle_it_loses_a_batch_at_most(suite: CommandLine, data: Path) -> None:
    asked = []

    def interrupts(request: Asked) -> Fault:
        asked.append(request.operation)
        return KeyboardInterrupt() if asked.count("evaluate") == 2 else None

    suite.workers.script = interrupts
    first = suite("accuracy", "--model", "reader", "--eval", "jsonl", "--eval-data", data, "--out", "run")
    assert first.status == 130
    assert len(list((suite.folder / "run").glob("evaluation-*.jsonl"))) == 1
    asked.clear()
    suite.workers.script = lambda request: asked.append(request.operation)
    second = suite("all", "--resume", "--out", "run")
    assert second.status == 0, second.err
    assert asked.count("evaluate") == 1  # the 64 rows before are there
    (record,) = store.load(suite.folder / "run").records
    assert isinstance(record.accuracy, Accuracy)
    assert [batch.row_count for batch in record.accuracy.batches] == [64, 36]


def test_an_evaluation_that_fails_costs_itself_and_the_status(suite: CommandLine, data: Path) -> None:
    def fails(request: Asked) -> Fault:
        if request.operation != "evaluate":
            return None
        return WorkerError("EVALUATION_DATA", "minival.json: it is no JSON", "give the file as it was published")

    suite.workers.script = fails
    plan = suite.folder / "mine.toml"
    plan.write_text(
        'name = "mine"\ndescription = "x"\nmodels = ["reader"]\ntests = ["params", "accuracy"]\n'
        f'[[evaluations]]\nname = "jsonl"\ndata = "{data}"\n'
    )
    result = suite("all", "--plan", plan, "--out", "run")
    assert result.status == 1
    records = {record.task.test: record for record in store.load(suite.folder / "run").records}
    assert isinstance(records["accuracy"].accuracy, NotMeasured)
    assert records["accuracy"].accuracy.code == "EVALUATION_DATA"
    assert records["params"].not_measured() == {}
    assert "minival.json: it is no JSON" in (suite.folder / "run" / "report.md").read_text()


def test_no_example_at_all_is_no_score(suite: CommandLine, data: Path) -> None:
    suite.workers.question_count = 0
    result = suite("accuracy", "--model", "reader", "--eval", "jsonl", "--eval-data", data, "--json")
    assert result.status == 1
    assert result.answer["results"][0]["accuracy"]["not_measured"]["code"] == "EVALUATION_EMPTY"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("--model", "reader"),
            "no evaluation is for reader; name one, there is alfred, digits-vqa, jsonl, ocr-lines, vqa",
        ),
        (("--model", "reader", "--eval", "jsom"), "--eval: unknown evaluation 'jsom': did you mean 'jsonl'?"),
        (("--model", "reader", "--eval", "jsonl"), "--eval: jsonl needs a file of lines like"),
        (("--model", "reader", "--eval", "digits-vqa"), "digits-vqa is not for reader; choose --model lxmert-digits"),
        (
            ("--model", "reader", "--eval", "jsonl", "--eval-data", "none"),
            "--eval-data: none is not there; give a file",
        ),
        (("--model", "reader", "--eval-data", "x"), "--eval-data: goes with one evaluation; name it with --eval"),
        (("--model", "reader", "--eval", "jsonl", "--limit", "0"), "--limit: must be at least 1, got 0"),
    ],
)
def test_wrong_use_is_one_line(suite: CommandLine, arguments: tuple[str, ...], told: str) -> None:
    result = suite("accuracy", *arguments)
    assert result.status == 2
    assert told in result.error
    assert "\n" not in result.error.strip()


# suite recommend


@pytest.fixture
def two(suite: CommandLine, data: Path) -> CommandLine:
    """A run of two models that answer alike."""
    result = suite(
        "accuracy", "--model", "reader", "--model", "walker", "--eval", "jsonl", "--eval-data", data, "--out", "run"
    )
    assert result.status == 0, result.err
    return suite


def test_the_first_that_certainly_satisfies_is_taken(two: CommandLine) -> None:
    result = two("recommend", "run", "--max-latency", "60ms", "--min-accuracy", "70%")
    assert result.status == 0
    assert result.out.startswith("Take reader: it certainly satisfies, with the best latency.")
    assert "No worse in latency, as far as can be told: walker" in result.out


def test_what_only_may_satisfy_is_said_so(two: CommandLine) -> None:
    result = two("recommend", "run", "--min-accuracy", "0.9")
    assert result.status == 1
    assert result.out.startswith("None certainly satisfies. reader may: accuracy is too close to tell.")


def test_the_nearest_miss_is_named_with_what_fails(two: CommandLine) -> None:
    result = two("recommend", "run", "--max-latency", "1ms")
    assert result.status == 1
    assert result.out.startswith("None satisfies. The nearest is reader, which fails latency.")


def test_energy_that_nobody_measured_is_told(two: CommandLine) -> None:
    result = two("recommend", "run", "--prefer", "energy")
    assert (result.status, "the runs tell nobody's energy" in result.error) == (2, True)


def test_it_answers_in_json(two: CommandLine) -> None:
    answer = two("recommend", "run", "--max-latency", "60ms", "--json").answer
    assert answer["best"]["candidate"]["label"] == "reader"
    assert [each["place"] for each in answer["front"]] == ["unsettled"] * 2  # 100 items tell nothing within a point
    assert answer["latency_of"] == "real inputs"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--max-latency", "50"), "--max-latency: '50': it has no unit; write it as 50ms"),
        (("--min-accuracy", "97"), "--min-accuracy: '97' is not between 0 and 1; write it as 97%"),
        (("--prefer", "latencey"), "--prefer: unknown quantity 'latencey': did you mean 'latency'?"),
        (("--eval", "vqa"), "--eval: unknown evaluation 'vqa'"),
    ],
)
def test_wrong_needs_are_one_line(two: CommandLine, arguments: tuple[str, ...], told: str) -> None:
    result = two("recommend", "run", *arguments)
    assert result.status == 2
    assert told in result.error


def test_a_run_without_accuracy_says_how_to_measure_one(suite: CommandLine) -> None:
    assert suite("params", "--out", "run").status == 0
    result = suite("recommend", "run")
    assert result.status == 2
    assert "nothing there has an accuracy to choose by" in result.error

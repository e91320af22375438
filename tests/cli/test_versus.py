"""`suite versus` on fakes: two variants in turns, a verdict, a run like any other."""

from __future__ import annotations

import pytest

from suite.errors import WorkerError
from suite.records import store
from tests.cli.conftest import CommandLine
from tests.fakes import Asked, Fault

PAIR = ("versus", "--model", "reader", "--out", "run")


def test_a_larger_batch_is_slower_and_its_ratio_is_told(suite: CommandLine) -> None:
    result = suite(*PAIR, "batch_size=1", "batch_size=4")
    assert result.status == 0
    assert "SLOWER. B takes 2.20 times as long as A" in result.out  # 0.03 + 0.02 n
    assert "Of one item of its batch: 0.550 times." in result.out
    assert result.out.rstrip().endswith("Report: run/report.md")
    report = (suite.folder / "run/report.md").read_text()
    assert "Variants against the first" in report
    assert report.count("SLOWER") >= 1


def test_the_same_variant_twice_is_the_same(suite: CommandLine) -> None:
    result = suite(*PAIR, "threads=1", "threads=1", "--json")
    assert result.status == 0
    versus = result.answer["versus"]
    assert (versus["verdict"], versus["round_count"], versus["margin"]) == ("SAME", 6, 0.03)
    assert versus["ratio"] == pytest.approx(1.0, abs=0.001)
    assert {found["task"]["side"] for found in result.answer["results"]} == {"A", "B"}


def test_a_run_of_two_lies_on_disk_with_what_links_them(suite: CommandLine) -> None:
    suite(*PAIR, "threads=1", "threads=2,text_tokens=8")
    run = store.load(suite.folder / "run")
    assert run.manifest.plan_description == "A: threads=1; B: threads=2,text_tokens=8"
    assert len({record.turns for record in run.records}) == 1
    assert {record.task.axes[0] for record in run.records} == {("text_tokens", 20), ("text_tokens", 8)}
    assert suite("report", "run").status == 0
    assert suite("all", "--resume", "--out", "run").status == 0


def test_common_options_hold_for_both(suite: CommandLine) -> None:
    suite(*PAIR, "threads=1", "threads=2", "--axis", "text_tokens=4", "--axis", "image_regions=9", "--batch-size", "2")
    run = store.load(suite.folder / "run")
    assert len(run.records) >= 2
    for record in run.records:
        assert (record.task.batch_size, dict(record.task.axes)) == (2, {"text_tokens": 4, "image_regions": 9})


def test_one_that_can_t_be_measured_is_told_with_status_1(suite: CommandLine) -> None:
    def script(asked: Asked) -> Fault:
        failing = asked.operation == "load" and asked.task is not None and asked.task.side == "B"
        return WorkerError("UNSUPPORTED_PRECISION", "it can't", "take fp32") if failing else None

    suite.workers.script = script
    result = suite(*PAIR, "threads=1", "threads=2")
    assert result.status == 1
    assert "UNSUPPORTED_PRECISION: it can't; take fp32" in result.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("threads=1",), "versus: it takes two variants, got 1"),
        (("threads=1", "threads=2", "threads=1"), "versus: it takes two variants, got 3"),
        (("threads=1", "thread=2"), "versus B ('thread=2'): unknown key 'thread': did you mean 'threads'?"),
        (("threads", "threads=2"), "versus A ('threads'): 'threads' is no key with a value"),
        (("threads=1,threads=2", "threads=2"), "versus A ('threads=1,threads=2'): threads is given twice"),
        (("threads=x", "threads=2"), "versus A ('threads=x'): threads: 'x' is not a list of whole numbers"),
        (("threads=1", "threads=900"), "versus B (threads=900): --threads: at most 64"),
        (("runtime=nothing", "threads=1"), "versus A (runtime=nothing): --runtime: "),
        (("precision=fp31", "threads=1"), "versus A (precision=fp31): --precision"),
        (("text_tokens=1", "threads=1"), "versus A (text_tokens=1): --axis: text_tokens: reader takes 2 to 512"),
        (("threads=1", "threads=2", "--batch-size", "1,2"), "versus A (threads=1): it is 2 points, not one"),
        (("threads=1", "threads=2", "--axis", "text_tokens=4,8"), "text_tokens has 2 sizes, not one"),
        (("threads=1", "device=cuda"), "--device: cuda can't be used here"),
    ],
)
def test_wrong_use_is_one_line(suite: CommandLine, arguments: tuple[str, ...], told: str) -> None:
    result = suite(*PAIR, *arguments)
    assert result.status == 2
    assert told in result.error
    assert not (suite.folder / "run").exists()


@pytest.mark.parametrize("models", [(), ("--model", "reader", "--model", "walker")])
def test_it_is_about_one_model(suite: CommandLine, models: tuple[str, ...]) -> None:
    result = suite("versus", *models, "threads=1", "threads=2")
    assert (result.status, result.error) == (2, "versus: it is about one model; name it with --model NAME")

"""The person's own hypotheses, answered in the discussion from a run's files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from suite.records import Hypothesis, Run
from suite.report import answers, own
from suite.report.sections import discussion
from suite.report.view import RunView
from suite.report.writers import markdown
from suite.stats.takes import Takes
from tests.unit.report import synthetic


def run_of(*hypotheses: Hypothesis, models: tuple[str, ...] = ("lxmert", "et-human")) -> Run:
    run = synthetic.make_run(synthetic.standard_tasks(models=models), noise=0.002, power="simulated")
    return replace(run, manifest=replace(run.manifest, hypotheses=hypotheses))


def told(*hypotheses: Hypothesis, models: tuple[str, ...] = ("lxmert", "et-human")) -> list[str]:
    return markdown.blocks(own.render(RunView(run_of(*hypotheses, models=models), synthetic.MODELS))).splitlines()


def test_a_plan_without_hypotheses_has_no_heading_of_them() -> None:
    assert told() == []
    assert "Your hypotheses" not in markdown.blocks(discussion.render(RunView(run_of(), synthetic.MODELS), None))  # type: ignore[arg-type]


def test_each_hypothesis_stands_as_it_was_stated_with_a_line_for_each_model() -> None:
    lines = told(
        Hypothesis(quantity="latency", against="batch_size", shape="linear", text="A batch costs what its items cost")
    )
    assert lines[0] == "### Your hypotheses"
    assert lines[2] == "1. “A batch costs what its items cost” (latency is linear in batch size)"
    assert lines[3].startswith("    - LXMERT: **SUPPORTED**: at 8 batch size a square term makes up ")
    assert lines[4].startswith("    - E.T. (human): **SUPPORTED**: ")
    assert lines[3].endswith("up to ±5 % counts as linear (4 sizes up to 8, 8 rounds).")


@pytest.mark.parametrize(
    ("shape", "exponent", "answer"),
    [
        ("proportional", None, "REJECTED"),  # 65 ms + 63 ms n
        ("constant", None, "REJECTED"),
        ("quadratic", None, "REJECTED"),
        ("power", None, "SUPPORTED"),
        ("power", (0.8, 1.2), "SUPPORTED"),
        ("power", (1.5, 2.0), "REJECTED"),
    ],
)
def test_shapes_are_decided_as_the_law_is(shape: str, exponent: tuple[float, float] | None, answer: str) -> None:
    stated = Hypothesis(quantity="latency", against="batch_size", shape=shape, exponent=exponent, models=("lxmert",))  # type: ignore[arg-type]
    lines = told(stated)
    assert len(lines) == 4
    assert f"LXMERT: **{answer}**: " in lines[3]


def test_flops_are_exact_and_memory_is_told_by_how_it_scatters() -> None:
    tokens = Hypothesis(quantity="flops", against="text_tokens", shape="linear", models=("lxmert",))
    memory = Hypothesis(quantity="memory", against="batch_size", shape="linear", models=("lxmert",))
    lines = told(tokens, memory)
    assert "LXMERT: **SUPPORTED**: at 60 text tokens a square term makes up" in lines[3]
    assert lines[4] == "2. peak memory is linear in batch size"
    assert "LXMERT: **SUPPORTED**: " in lines[5]
    assert lines[5].endswith("(4 sizes up to 8).")


def test_what_was_not_swept_is_undecided_and_says_so() -> None:
    lines = told(Hypothesis(quantity="energy", against="batch_size", shape="linear"))
    assert lines[3] == "    - **UNDECIDED**: the run has no sweep of it, so no figure at two sizes."


def test_models_are_compared_in_the_order_of_both_figures() -> None:
    stated = Hypothesis(quantity="latency", against="parameters", shape="tracks")
    lines = told(stated, replace(stated, models=("lxmert",)), models=tuple(synthetic.MODELS))
    assert lines[2] == "1. latency tracks parameters over the models"
    assert lines[3].startswith("    - **In the same order")
    assert "Of models at large: UNDECIDED (rank correlation 1.00 over 4 models, p = 0.083" in lines[3]
    assert lines[5].endswith("**UNDECIDED**: fewer than two models have both figures.")


def test_a_pair_without_latency_is_told_by_its_rank_correlation() -> None:
    lines = told(Hypothesis(quantity="memory", against="parameters", shape="tracks"), models=tuple(synthetic.MODELS))
    assert lines[3].startswith("    - **UNDECIDED**. Of models at large: UNDECIDED (rank correlation ")


def test_words_of_a_plan_change_nothing_on_the_page() -> None:
    text = told(Hypothesis(quantity="latency", against="batch_size", shape="linear", text="<b>*x*</b>"))[2]
    assert "<b>" not in text
    assert "*x*" not in text.replace("\\*x\\*", "")


def test_a_disturbed_block_counts_in_no_fit() -> None:
    run = run_of(Hypothesis(quantity="latency", against="batch_size", shape="linear", models=("lxmert",)))
    slowed = []
    for found in run.records:
        record = found
        if record.latency is not None and record.task.batch_size == 4 and record.task.model == "lxmert":
            blocks = tuple(
                block
                if block.warmup or place % 2
                else replace(block, latency_s=(9.0,), disturbed_by="other processes took 50 % of its core")
                for place, block in enumerate(record.latency.blocks)  # type: ignore[union-attr]
            )
            record = replace(record, latency=replace(record.latency, blocks=blocks))  # type: ignore[type-var]
        slowed.append(record)
    lines = markdown.blocks(own.render(RunView(replace(run, records=tuple(slowed)), synthetic.MODELS))).splitlines()
    assert "**SUPPORTED**" in lines[3]


@pytest.mark.parametrize(
    ("takes", "round_s", "text"),
    [
        (Takes(remedy="rounds", round_count=1.0), 3.0, "it would take about 1 minute more"),
        (Takes(remedy="rounds", round_count=20.0), 10.0, "it would take about 4 minutes more"),
        (Takes(remedy="rounds", round_count=361.0), 10.0, "more than an hour: not by time on this machine"),
        (Takes(remedy="rounds"), 1.0, "more than an hour: not by time on this machine"),
        (Takes(remedy="another_size"), 1.0, "it takes another size"),
    ],
)
def test_what_an_open_question_takes_is_told_in_minutes_or_not_at_all(takes: Takes, round_s: float, text: str) -> None:
    assert text in answers.needed(takes, round_s)

"""A run with disturbed blocks: what the page, the terminal and --json make of it, and what no figure uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from suite.cli import answers
from suite.cli.progress import outcome
from suite.records import EnergyReading, Flag, Interference, LatencySamples, QuietRule, Run, RunRecord, Summary
from suite.report import energies, quietness, scaling, text
from suite.report.page import compose
from suite.report.plots import Plots
from suite.report.points import BATCH_SIZE
from suite.report.view import RunView
from suite.report.writers import markdown
from suite.report.writers.text import blocks
from suite.stats.curves import Fits
from tests.golden.cases import disturbed
from tests.unit import samples
from tests.unit.report import synthetic

RUN = disturbed()


def view_of(run: Run = RUN) -> RunView:
    return RunView(run, synthetic.MODELS)


def record_of(model: str, batch_size: int) -> RunRecord:
    return next(
        record
        for record in RUN.records
        if (record.task.test, record.task.model, record.task.batch_size) == ("latency", model, batch_size)
    )


def edited(change: Callable[[RunRecord], RunRecord]) -> Run:
    records = tuple(change(record) if record.task.test == "latency" else record for record in RUN.records)
    return replace(RUN, records=records, manifest=replace(RUN.manifest, tasks=tuple(each.task for each in records)))


def json_of(model: str, batch_size: int) -> dict[str, Any]:
    key = record_of(model, batch_size).task.key
    results = answers.as_data(answers.Told(RUN, Path("out"), None))["results"]
    (found,) = (result["latency"] for result in results if result["key"] == key)
    return dict(found)


def test_json_has_the_figure_of_undisturbed_blocks_and_beside_it_that_of_all() -> None:
    found, made = json_of("visualbert", 1), record_of("visualbert", 1).latency
    assert isinstance(made, LatencySamples)
    assert (found["block_count"], found["disturbed_block_count"], found["is_upper_bound"]) == (8, 2, False)
    assert (found["count"], found["all_calls"]["count"]) == (30, 40)
    assert found["mean"] == pytest.approx(sum(made.latency_s) / 30)
    assert found["all_calls"]["mean_s"] == pytest.approx(sum(made.all_latency_s) / 40)
    assert set(found["all_calls"]) == {"count", "mean_s", "std_s", "median_s"}
    assert found["watched"] is True


def test_json_of_a_bound_says_that_it_is_one() -> None:
    found = json_of("lxmert", 1)
    median = found["all_calls"]["median_s"]
    assert (found["stop"], found["is_upper_bound"], found["median"]) == ("disturbed", True, median)


def test_json_of_a_series_without_a_counted_call_says_why_and_keeps_all() -> None:
    lost = edited(lambda record: samples.disturbed(record, range(100), stop="failed"))
    results = answers.as_data(answers.Told(lost, Path("out"), None))["results"]
    found = next(result["latency"] for result in results if "latency" in result)
    assert found["not_measured"]["code"] == "DISTURBED"
    assert (found["all_calls"]["count"], found["block_count"], found["disturbed_block_count"]) == (40, 8, 8)


def test_progress_tells_a_bound_from_a_value() -> None:
    assert outcome(record_of("lxmert", 1)) == "≤ 319 ms (median of 40, DISTURBED)"
    assert outcome(record_of("visualbert", 1)) == "86.1 ms (median of 30)"
    lost = samples.disturbed(record_of("lxmert", 1), range(100), stop="failed")
    assert outcome(lost).startswith("not measured: DISTURBED (The series broke off before a block")


def test_the_terminal_shows_bounds_blocks_and_the_cause() -> None:
    row = next(line for line in blocks(text.latency_table(RUN)).splitlines() if "≤ 318.7" in line)
    assert "8 (7)" in row
    assert row.endswith(
        "upper bound, DISTURBED: 7 of 8 blocks were disturbed, in the middle one other processes took 34 % of its 2 "
        "cores (python3 the most)"
    )


def test_fits_use_undisturbed_blocks_and_no_bound() -> None:
    view = view_of()
    sweeps = {sweep.subject.model: sweep for sweep in view.sweeps(BATCH_SIZE)}
    assert [scaling.bounded_sizes(view, sweeps[model]) for model in ("lxmert", "visualbert", "et-human")] == [
        (1,),
        (8,),
        (),
    ]
    assert scaling.disturbed_block_count(view, sweeps["visualbert"]) == 2
    found = scaling.fits(view, sweeps["visualbert"])
    assert isinstance(found, Fits)
    assert found.profile.sizes.tolist() == [1, 2, 4]
    clean = synthetic.make_run(RUN.manifest.tasks, call_count=40)
    level = scaling.fits(view_of(clean), sweeps["visualbert"])
    assert isinstance(level, Fits)
    assert found.profile.log_latency[0] == pytest.approx(level.profile.log_latency[0], abs=0.02)


def test_orders_of_models_leave_bounds_out() -> None:
    models = scaling.compared(view_of(), scaling.parameter_figure)
    assert [subject.model for subject in models.subjects] == ["visualbert", "et-human"]
    assert [subject.model for subject in models.bounded] == ["lxmert"]
    view = view_of()
    base = view.base(models.subjects[0])
    assert base is not None
    summary = view.summary(base)
    assert isinstance(summary, Summary)
    assert models.figures[0][1].value == summary.median
    assert models.figures[0][0].value == 113_856_825


def test_joules_of_disturbed_windows_are_a_bound_of_the_models_own() -> None:
    run = synthetic.make_run(synthetic.standard_tasks(models=("lxmert", "et-human")), call_count=12, power="simulated")
    flag = Flag(code="WINDOWS_DISTURBED", text="2 of 3 windows were disturbed")
    flagged = [
        replace(record, flags=(flag,))
        if isinstance(record.energy, EnergyReading) and record.task.model == "lxmert"
        else record
        for record in run.records
    ]
    models = scaling.compared(view_of(replace(run, records=tuple(flagged))), energies.gross_j)
    assert [subject.model for subject in models.bounded] == ["lxmert"]
    ((figure, _),) = models.figures
    assert (figure.low < figure.value < figure.high, figure.is_upper_bound) == (True, False)


def test_the_method_tells_the_rule_in_its_own_figures_and_what_was_lost() -> None:
    rule = QuietRule(max_foreign_share=0.07, max_stolen_share=0.02, max_clock_change=0.2, patience_s=30.0)
    other, outcome_line = quietness.lines(
        view_of(edited(lambda record: replace(record, task=replace(record.task, quiet=rule))))
    )
    for told in ("more than 7 % of the time", "more than 2 %,", "more than 20 % off", "at most 30.0 s"):
        assert told in other
    assert other.startswith("Blocks are selected by cause, never by outcome")
    assert outcome_line == (
        "Disturbed blocks: 19 of 128 timed blocks, in 4 series: 2 made up for, as their series have all the calls they "
        "were to have; 3 not all made up for, as their series ran into a limit or broke off; 14 in series that are "
        "upper bounds."
    )


def test_a_quiet_run_lost_nothing() -> None:
    clean = synthetic.make_run(RUN.manifest.tasks, call_count=10)
    watched = [samples.disturbed(record, ()) if record.task.test == "latency" else record for record in clean.records]
    assert list(quietness.lines(view_of(replace(clean, records=tuple(watched)))))[1:] == [
        "Disturbed blocks: none of 32 timed blocks."
    ]


def test_a_rule_that_was_switched_off_and_records_that_nobody_watched_are_told_apart() -> None:
    def free(record: RunRecord) -> RunRecord:
        return replace(record, task=replace(record.task, quiet=None))

    assert list(quietness.lines(view_of(edited(free)))) == [
        'The rule against disturbed blocks was switched off for 16 series (--count-disturbed, or quiet = "none" in '
        "the plan): every block counts, disturbed or not."
    ]
    old = synthetic.make_run(call_count=12)
    (line,) = quietness.lines(view_of(old))
    assert line.startswith("Nobody looked at what else the machine did in ")


def test_a_machine_that_tells_nothing_is_said_to_be_so() -> None:
    def dark(record: RunRecord) -> RunRecord:
        latency = record.latency
        assert isinstance(latency, LatencySamples)
        blocks = [replace(block, interference=Interference(wall_s=1.0), disturbed_by=None) for block in latency.blocks]
        return replace(record, latency=replace(latency, blocks=tuple(blocks), stop="target"))

    *_, line = quietness.lines(view_of(edited(dark)))
    assert line.startswith("In 16 series the machine told nothing of what else it did")


def test_the_page_names_bounds_among_what_was_not_measured() -> None:
    page = markdown.write(compose(view_of(), Plots()))
    assert "### DISTURBED" in page
    assert page.count("| latency of the undisturbed machine |") == 2
    assert "Size 1 is left out: DISTURBED, an upper bound alone." in page
    assert "2 disturbed blocks do not count." in page

"""The shared tables and figures, against the truth that the synthetic runs are made from."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from suite import units
from suite.records import EnergyReading, Flag, Run
from suite.report import energies, quantities, text
from suite.report.page import compose
from suite.report.plots import Plots
from suite.report.view import RunView
from suite.report.writers import markdown
from suite.report.writers.text import blocks
from tests.unit.report import synthetic
from tests.unit.report.test_precision import SUMMARY


@pytest.fixture(scope="module")
def run() -> Run:
    return synthetic.make_run(call_count=12, power="simulated")


def energy_of(run: Run) -> EnergyReading:
    reading = next(record.energy for record in run.records if record.energy is not None)
    assert isinstance(reading, EnergyReading)
    return reading


def test_gross_and_idle_net_joules_are_those_of_the_simulated_load(run: Run) -> None:
    figure = energies.inference_energy(energy_of(run), batch_size=1)
    assert figure.gross_j == pytest.approx(7.0 * 0.128)  # LXMERT: 65 + 63 ms at 7 W
    assert figure.net_j == pytest.approx((7.0 - 2.0) * 0.128)
    assert (figure.load_w, figure.idle_w) == (pytest.approx(7.0), 2.0)


def test_energy_is_per_item_of_the_batch_and_its_error_too(run: Run) -> None:
    one, eight = (energies.inference_energy(energy_of(run), size) for size in (1, 8))
    assert eight.gross_j == pytest.approx(one.gross_j / 8)
    assert eight.error_j == pytest.approx(one.error_j / 8)
    calls_per_window = energy_of(run).windows[0].call_count
    assert one.error_j == pytest.approx(energy_of(run).budget.total_j / calls_per_window)


@pytest.mark.parametrize(("value", "words"), [(0.99996, "R² > 0.9999"), (0.9994, "R² = 0.9994"), (0.5, "R² = 0.5000")])
def test_a_fit_is_never_rounded_to_a_perfect_one(value: float, words: str) -> None:
    assert quantities.r_squared(value) == words


def test_parameter_rows_tell_unique_from_registered(run: Run) -> None:
    made = quantities.parameter_table(RunView(run, synthetic.MODELS))
    assert made.rows[2][:4] == ("E.T. (human + synthetic)", "21,764,052", "28,857,300", "7,093,248")


def test_throughput_is_items_over_the_median(run: Run) -> None:
    point = RunView(run, synthetic.MODELS).points("latency")[0]
    assert quantities.throughput_per_s(replace(point, batch_size=8), replace(SUMMARY, median=0.5)) == 16.0


def test_terminal_tables_name_reason_and_remedy_below() -> None:
    tasks = tuple(task for task in synthetic.standard_tasks() if task.test == "energy")
    lines = blocks(text.energy_table(synthetic.make_run(tasks))).splitlines()
    assert sum("n/a (NO_POWER_SOURCE)" in line for line in lines) == 4
    assert lines[-1] == (
        "NO_POWER_SOURCE: No power sensor answered on this machine; "
        "Run on a board with a sensor, or connect a meter and name it with --power"
    )


@pytest.mark.parametrize("made", [text.params_table, text.flops_table, text.latency_table, text.energy_table])
def test_terminal_tables_have_a_line_for_every_model(made: object, run: Run) -> None:
    assert callable(made)
    lines = blocks(made(run)).split("\n\n")[0].splitlines()
    titles = [line.split("  ")[0] for line in lines[2:]]
    assert len(set(titles)) == len(synthetic.MODELS)


@pytest.mark.parametrize(
    ("value", "places", "shown"),
    [
        (0.0004, 3, "0.00040"),
        (0.0006, 3, "0.001"),
        (4e-9, 3, "0.0000000040"),
        (0.0, 3, "0.000"),
        (1234.5678, 2, "1,234.57"),
        (0.2, 0, "0.20"),
        (0.004, 2, "0.0040"),
    ],
)
def test_what_is_more_than_nothing_is_never_shown_as_nothing(value: float, places: int, shown: str) -> None:
    assert units.decimals(value, places) == shown


def test_what_an_emulated_processor_took_gets_no_verdict(run: Run) -> None:
    flag = Flag(code="EMULATED", text="the processor is emulated (Rosetta): such a figure means nothing")
    emulated = replace(run, records=tuple(replace(record, flags=(flag,)) for record in run.records))
    view = RunView(emulated)
    page = markdown.write(compose(view, Plots()))
    assert "%, goal" not in page
    assert not re.search(r"\| ±[\d.]+ % ", page)
    assert "none: emulated" in page
    assert page.count("**EMULATED: the processor is emulated (Rosetta): such a figure means nothing.**") == 1
    assert "EMULATED" not in markdown.write(compose(RunView(run), Plots()))
